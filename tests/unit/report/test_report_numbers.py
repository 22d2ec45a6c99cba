"""Numbers as people read them, in both languages."""

from __future__ import annotations

import pytest

from modelwright.report.numbers import Numbers

EN, ZH = Numbers("en"), Numbers("zh")


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (2127.0, "rows", "2,127 rows", "2,127 行"),
        (0.97412, "1", "0.974", "0.974"),
        (0.0000021, "USD", "$0.0000021", "$0.0000021"),
        (0.0, "USD", "$0", "$0"),
        (19.0, "USD", "$19", "$19"),
        (20.4, "EUR", "€20.40", "€20.40"),
        (-211_000.0, "USD", "−\u2060$211,000", "−\u2060$211,000"),
        (1_250_000.0, "CNY", "¥1.25M", "¥125.0 万"),
        (0.12, "USD/h", "$0.12/h", "$0.12/小时"),
        (0.42, "s", "0.42 s", "0.42 秒"),
        (4.0, "s", "4 s", "4 秒"),
        (118.4, "s", "1 min 58 s", "1 分 58 秒"),
        (4200.0, "s", "1 h 10 min", "1 小时 10 分"),
        (0.42, "ms", "0.42 ms", "0.42 毫秒"),
        (402_000.0, "bytes", "402 kB", "402 kB"),
        (1.31, "MB", "1.31 MB", "1.31 MB"),
        (22.0, "month", "22 months", "22 个月"),
        (1.0, "month", "1 month", "1 个月"),
        (">36", "month", ">36 months", ">36 个月"),
        ("tfidf-linear", "route", "tfidf-linear", "tfidf-linear"),
        (2150.4, "requests/s", "2,150 requests/s", "2,150 次/秒"),
        (0.0000462, "kWh", "0.0462 Wh", "0.0462 Wh"),
        (3.25, "furlongs", "3.25 furlongs", "3.25 furlongs"),
        (5.0, "", "5", "5"),
    ],
)
def test_values(value, unit, english, chinese):
    assert EN.write(value, unit) == english
    assert ZH.write(value, unit) == chinese


@pytest.mark.parametrize(
    ("low", "high", "unit", "percent", "expected"),
    [
        (0.9601, 0.9862, "1", False, "0.960–0.986"),
        (0.88, 0.93, "1", True, "88–93%"),
        (17.0, 31.0, "month", False, "17–31 months"),
        (1.2, 3.4, "ms", False, "1.2–3.4 ms"),
        (288.0, 611.0, "USD", False, "$288–611"),
        (0.1, 0.2, "USD/h", False, "$0.10–0.20/h"),
        (520.0, 3_050_000.0, "USD", False, "$520–$3.05M"),
        (-264_000.0, 84_000.0, "USD", False, "−\u2060$264,000 … $84,000"),
        (94.0, 132.0, "s", False, "94 s–2 min 12 s"),
        (110.0, 170.0, "s", False, "1 min 50 s–2 min 50 s"),
        (3.3, 4.7, "s", False, "3.3–4.7 s"),
        (9.48, 616.2, "customers", False, "9–616 customers"),
        (0.9996, 0.9999, "1", True, "100%"),
        (0.3, 1.4, "MB", False, "300 kB–1.4 MB"),
        (-0.1, 0.2, "1", True, "−10% … 20%"),
    ],
)
def test_intervals(low, high, unit, percent, expected):
    assert EN.interval(low, high, unit, percent) == expected


def test_percentages():
    assert [EN.percent(value) for value in (0.914, 0.0704, 0.07, 1.0, 0.0)] == ["91%", "7.0%", "7%", "100%", "0%"]
    assert [EN.signed_percent(value) for value in (0.067, -0.5, 0.0)] == ["+6.7%", "−50%", "0%"]


def test_axis_words():
    assert [EN.short_money(value, "USD") for value in (-200_000, 0, 0.0001, 1.5, 2_500_000)] == [
        "−$200k",
        "$0",
        "$0.0001",
        "$1.5",
        "$2.5M",
    ]
    assert [ZH.short_money(value, "CNY") for value in (200_000, -1_500)] == ["¥20 万", "−¥1500"]
    assert [EN.clock(value) for value in (0.1, 30, 300, 7200)] == ["0.1 s", "30 s", "5 min", "2 h"]
    assert ZH.clock(60) == "1 分"


def test_small_ratios_keep_their_digits():
    assert [EN.ratio(value) for value in (0.41, 0.00032, 0.0)] == ["0.410", "0.00032", "0.000"]
