"""What people read: durations and amounts as they say them, progress that suits terminals and logs."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.base.console import Console, _Lines, amount, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (99.4, "99.4 s"),
        (99.5, "1 min 40 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (4200, "1 h 10 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 2, "0"),
        (0.0000021, 2, "0.0000021"),
        (1234.5, 3, "1,234"),
        (0.5, 2, "0.50"),
        (-3.14159, 3, "-3.14"),
        (1e6, 2, "1,000,000"),
    ],
)
def test_amounts(value: float, digits: int, text: str) -> None:
    assert amount(value, digits) == text


@given(st.floats(min_value=1e-12, max_value=1e12), st.integers(min_value=1, max_value=6))
def test_amounts_keep_the_digits_and_never_use_exponents(value: float, digits: int) -> None:
    text = amount(value, digits)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(value, rel=10 ** (1 - digits))


def test_a_quiet_console_prints_nothing() -> None:
    stream = io.StringIO()
    console = Console(stream, quiet=True)
    console.line("x")
    console.warn("y")
    with console.progress("train", 10) as bar:
        bar.update(5, 20, "note")
    assert stream.getvalue() == ""


def test_lines_and_warnings() -> None:
    stream = io.StringIO()
    console = Console(stream)
    console.line("数据")
    console.warn("careful")
    assert stream.getvalue() == "数据\n! careful\n"


def test_logs_get_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    clock = iter([0.0, 5.0, 10.0, 12.0, 40.0])
    monkeypatch.setattr("modelwright.base.console.time.monotonic", lambda: next(clock))
    with Console(stream).progress("bilstm", 100) as bar:
        bar.update(10)
        bar.update(50, note="loss 0.1")
        bar.update(60)
        bar.update(150)
    assert stream.getvalue().splitlines() == ["   bilstm   50%  loss 0.1  10.0 s left", "   bilstm  100%    0.0 s left"]


def test_logs_without_a_known_total(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    clock = iter([0.0, 11.0])
    monkeypatch.setattr("modelwright.base.console.time.monotonic", lambda: next(clock))
    _Lines(Console(stream), "read", None).update(3, note="3 files")
    assert stream.getvalue() == "   read    0%  3 files\n"


def test_terminals_get_a_bar_and_brackets_stay_brackets() -> None:
    stream = Terminal()
    with Console(stream).progress("train [bold]bilstm", 10) as bar:
        bar.update(5, note="loss [0.1]")
    shown = stream.getvalue()
    assert "train [bold]bilstm" in shown
    assert "[0.1]" in shown
