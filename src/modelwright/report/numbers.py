"""Numbers as the page writes them, in English and Chinese: `$0.00021`, `1 min 58 s`, `1 分 58 秒`, `91%`, `2,127 rows`.

Units are those of the ledger. An unknown unit is written after its number, never dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelwright.base.console import amount

SYMBOLS = {"USD": "$", "CNY": "¥", "EUR": "€"}
_UNITS_ZH = {
    "ms": "毫秒", "rows": "行", "labels": "个标签", "steps": "步", "month": "个月", "months": "个月", "requests/s": "次/秒",
    "1/s": "/秒", "customers": "位客户", "requests": "次请求", "people": "人", "skills": "项技能", "machines": "台", "rows/s": "行/秒", "USD/h": "/小时", "h": "小时", "characters": "字符",
}  # fmt: skip
_UNITS_EN = {"month": "months", "1/s": "/s"}
_PER_ZH = {"month": "月", "h": "小时", "request": "次请求", "year": "年", "customer": "客户", "kWh": "kWh"}
_WHOLE = {"rows", "labels", "steps", "customers", "machines", "requests", "people", "skills"}
_TIGHT = {"/s", "%"}
_NUMBER = re.compile(r"(?P<before>\D*)(?P<number>[\d.,]+)(?P<after>\D*)$")
"""One number with what stands around it; a text with two numbers (1 min 50 s) does not match."""


@dataclass(frozen=True)
class Numbers:
    """Formats for one language ("en" or "zh")."""

    language: str

    def write(self, value: float | str, unit: str, percent: bool = False) -> str:
        """A value with its unit.

        Args:
            unit: as in the ledger; "1" is a pure ratio.
            percent: write a ratio as a percentage (shares and margins), else with three decimals (metrics).
        """
        if isinstance(value, str):
            return self._joined(value, self.unit(unit)) if unit in ("month", "months") else value
        if unit == "1":
            return self.percent(value) if percent else self.ratio(value)
        if unit == "s":
            return self.duration(value)
        if unit == "bytes":
            return self.size(value)
        if unit == "MB":
            return self.size(value * 1e6)
        if unit == "kWh" and abs(value) < 0.1:
            return self._joined(self.plain(value * 1000), "Wh")
        currency, _, per = unit.partition("/")
        if currency in SYMBOLS:
            return self.money(value, currency) + self._per(per)
        return self._joined(self.plain(round(value) if unit in _WHOLE else value), self.unit(unit, value))

    def interval(self, low: float, high: float, unit: str, percent: bool = False) -> str:
        """Both ends, the unit once where both have the same: 0.960–0.986, $17–31, 88–93%, 94 s–2 min 12 s."""
        first, second = self.write(low, unit, percent), self.write(high, unit, percent)
        if first == second:
            return first
        if low < 0:
            return f"{first} … {second}"
        one, other = _NUMBER.match(first), _NUMBER.match(second)
        if one and other and one["before"] == other["before"] and one["after"] == other["after"]:
            return f"{one['before']}{one['number']}–{other['number']}{one['after']}"
        return f"{first}–{second}"

    def ratio(self, value: float) -> str:
        """Metrics: three decimals; very small ones by their significant digits (p-values)."""
        return f"{value:.3f}" if abs(value) >= 0.001 or value == 0 else amount(value)

    def percent(self, value: float) -> str:
        """Whole per cent, one decimal below 10%."""
        points = round(value * 100, 6)
        return _minus(f"{points:.0f}%" if abs(points) >= 9.95 or points == round(points) else f"{points:.1f}%")

    def signed_percent(self, value: float) -> str:
        return ("+" if value > 0 else "−" if value < 0 else "") + self.percent(abs(value))

    def plain(self, value: float) -> str:
        """A count or measure: whole numbers with thousands, others with three significant digits."""
        if value == round(value) or abs(value) >= 100:
            return _minus(f"{value:,.0f}")
        return _minus(_trim(amount(value, 3)))

    def money(self, value: float, currency: str) -> str:
        """$19.00, $250,000, $1.25M, and as many digits as a price of a thousandth needs."""
        symbol, size = SYMBOLS.get(currency, currency + " "), abs(value)
        if size >= 1e9:
            text = f"{size / 1e9:.2f}B" if self.language == "en" else f"{size / 1e8:,.1f} 亿"
        elif size >= 1e6:
            text = f"{size / 1e6:.2f}M" if self.language == "en" else f"{size / 1e4:,.1f} 万"
        elif size >= 1000:
            text = f"{size:,.0f}"
        elif size >= 0.995 or size == 0:
            text = f"{size:.2f}".removesuffix(".00")
        else:
            text = amount(size)
        return ("−\u2060" if value < 0 else "") + symbol + text

    def short_money(self, value: float, currency: str) -> str:
        """For axes: $200k, −$1.5M; in Chinese by ten thousands."""
        size = abs(value)
        steps = ((1e8, " 亿"), (1e4, " 万")) if self.language == "zh" else ((1e9, "B"), (1e6, "M"), (1e3, "k"))
        factor, mark = next((step for step in steps if size >= step[0]), (1.0, ""))
        number = f"{size / factor:.4g}" if size >= 1e-3 else _trim(amount(size))
        return ("−" if value < 0 else "") + SYMBOLS.get(currency, currency + " ") + number + mark

    def duration(self, seconds: float) -> str:
        """0.42 s, 118 s as 1 min 58 s, hours beyond."""
        if seconds < 99.5:
            text = f"{seconds:.0f}" if seconds >= 30 else _trim(amount(seconds, 3 if seconds >= 10 else 2))
            return f"{text} 秒" if self.language == "zh" else f"{text} s"
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        if self.language == "zh":
            return f"{hours} 小时 {minutes:02d} 分" if hours else f"{minutes} 分 {rest:02d} 秒"
        return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"

    def clock(self, seconds: float) -> str:
        """For axes: 30 s, 5 min, 4 h."""
        unit, factor = ("h", 3600) if seconds >= 3600 else ("min", 60) if seconds >= 60 else ("s", 1)
        named = {"h": "小时", "min": "分", "s": "秒"}[unit] if self.language == "zh" else unit
        return f"{seconds / factor:g} {named}"

    def size(self, value: float) -> str:
        """Bytes in decimal units: 402 kB, 1.31 MB, 310 MB."""
        for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if abs(value) >= factor:
                return f"{_trim(amount(value / factor, 3))} {unit}"
        return f"{value:.0f} B"

    def unit(self, unit: str, value: float = 2) -> str:
        if self.language == "zh":
            return _UNITS_ZH.get(unit, unit)
        if value == 1 and unit in ("month", "months"):
            return "month"
        return _UNITS_EN.get(unit, unit)

    def _joined(self, number: str, unit: str) -> str:
        if not unit:
            return number
        return number + unit if unit in _TIGHT or unit.startswith("/") else f"{number} {unit}"

    def _per(self, per: str) -> str:
        if not per:
            return ""
        return f"/{_PER_ZH.get(per, per)}" if self.language == "zh" else f"/{per}"


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
