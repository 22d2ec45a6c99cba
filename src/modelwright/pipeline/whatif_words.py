"""A plan's headline figures as a table for the terminal, in English and Simplified Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.base.console import amount

_MARKS = {"measured": "●", "estimated": "◐", "assumed": "○", "fallback": "△"}
HEADLINE: dict[str, tuple[str, str]] = {
    "gross-margin": ("gross margin", "毛利率"),
    "break-even-month": ("break-even month", "盈亏平衡月"),
    "runway": ("runway", "现金可用"),
    "ruin-probability": ("ruin probability", "破产概率"),
    "final-cash": ("cash at the end", "期末现金"),
    "lowest-cash": ("lowest cash", "最低现金"),
    "final-customers": ("customers at the end", "期末客户"),
    "final-revenue": ("revenue of the last month", "末月收入"),
    "contribution-per-customer": ("contribution per customer", "单客贡献"),
    "lifetime-value": ("lifetime value", "客户终身价值"),
    "lifetime-value-to-acquisition": ("lifetime value / acquisition", "终身价值/获客成本"),
    "payback": ("payback", "获客回收期"),
}
_SHARES = ("gross-margin", "ruin-probability")
_UNITS = {"month": ("months", "个月"), "customers": ("customers", "位客户")}


def lines(content: Mapping[str, Any], before: Mapping[str, Any] | None, run: str, language: str = "en") -> list[str]:
    """The headline figures for a terminal, of plan.json's content; with a plan `before`, both and the difference."""
    zh = language == "zh"
    said = [f"{'依据运行' if zh else 'measured by run'} {run}"]
    if content["missing"]:
        said.append(f"{'未计算；缺少：' if zh else 'not computed; missing: '}{', '.join(content['missing'])}")
    figures = {figure["name"]: figure for figure in content["figures"]}
    old = {figure["name"]: figure for figure in (before or {}).get("figures", [])}
    rows: list[tuple[str, ...]] = [("", *(("之前", "之后", "差异") if zh else ("before", "after", "difference")))] if old else []
    for name, names in HEADLINE.items():
        figure = figures.get(name)
        if figure is None and name not in old:
            continue
        if rows and rows[0][0] == "":
            rows.append((names[zh], _value(old.get(name), zh), _value(figure, zh), _difference(old.get(name), figure, zh)))
        else:
            rows.append((names[zh], _value(figure, zh, interval=True), _MARKS.get((figure or {}).get("basis", ""), "")))
    widths = [max((_width(row[column]) for row in rows), default=0) for column in range(len(rows[0]) if rows else 0)]
    said += ["  " + "  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return (
        [*said, "● 实测 ◐ 估计 ○ 假设 △ 默认值" if zh else "● measured ◐ estimated ○ assumed △ default"]
        if rows and not old
        else said
    )


def _value(figure: Mapping[str, Any] | None, zh: bool, interval: bool = False) -> str:
    if figure is None:
        return "—"
    share = figure["name"] in _SHARES
    unit = "" if share or figure["unit"] == "1" else f" {_UNITS.get(figure['unit'], (figure['unit'],) * 2)[zh]}"
    if not isinstance(figure["value"], int | float):
        return f"{figure['value']}{unit}"

    def plain(number: float) -> str:
        return f"{number:.1%}" if share else amount(number, 3)

    ends = [figure["low"], figure["high"]]
    between = f" [{plain(ends[0])}–{plain(ends[1])}]" if interval and None not in ends else ""
    return f"{plain(figure['value'])}{between}{unit}"


def _difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, zh: bool) -> str:
    one, two = (figure["value"] if figure else None for figure in (before, after))
    if not isinstance(one, int | float) or not isinstance(two, int | float):
        return "" if one != two else "="
    gap = two - one
    if after is not None and after["name"] in _SHARES:
        return f"{gap * 100:+.1f}{' 个百分点' if zh else ' points'}"
    return ("+" if gap > 0 else "−" if gap < 0 else "") + amount(abs(gap), 3)


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
