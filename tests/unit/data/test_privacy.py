"""Personal data by its form: what has it is found, what only looks like it is not."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from modelwright.base.nouns import Row
from modelwright.data.privacy import KINDS, find, is_card_number, is_identity_number, scan


def kinds(text: str) -> list[str]:
    return [kind for kind, _, _ in find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ann.lee+news@mail.example.co.uk, please", ["email"]),
        ("身份证号11010519491231002X，请核对", ["identity-number"]),
        ("身份证 440524188001010014", ["identity-number"]),
        ("call +44 20 7946 0958 today", ["telephone"]),
        ("电话：13812345678。", ["telephone"]),
        ("138-1234-5678 或 010-62345678", ["telephone", "telephone"]),
        ("(212) 555-0187", ["telephone"]),
        ("card 4111 1111 1111 1111 exp 12/29", ["card-number"]),
        ("卡号6222021234567890127", []),  # wrong check digit
        ("amex 378282246310005", ["card-number"]),
        ("GB82 WEST 1234 5698 7654 32", ["account-number"]),
        ("a@b", []),
        ("version 1.2.3, 2026-11-22, 10:30", []),
        ("2,225 rows and 1234567890123456 atoms", []),
        ("110105194912310021", []),  # wrong check character
        ("11010519491331002X", []),  # no thirteenth month
        ("GB82 WEST 1234 5698 7654 33", []),
        ("order 4111111111111112", []),  # wrong check digit
        ("0000000000000000", []),
        ("", []),
    ],
)
def test_forms(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected


def test_a_stretch_counts_once() -> None:
    text = "11010519491231002X"
    assert list(find(text)) == [("identity-number", 0, 18)]


@given(some.integers(0, 2**32))
def test_one_wrong_digit_breaks_a_card_number(seed: int) -> None:
    draw = random.Random(seed)
    digits = [4, *(draw.randrange(10) for _ in range(14))]
    doubled = [digit * 2 if place % 2 == 0 else digit for place, digit in enumerate(reversed(digits))]
    check = -sum(value - 9 if value > 9 else value for value in doubled) % 10
    number = "".join(map(str, [*digits, check]))
    if len(set(number)) < 2:
        return
    assert is_card_number(number)
    place = draw.randrange(1, 16)
    wrong = number[:place] + str((int(number[place]) + draw.randrange(1, 10)) % 10) + number[place + 1 :]
    assert not is_card_number(wrong)


@given(some.text(max_size=300))
def test_any_text_is_read_and_what_is_found_lies_inside(text: str) -> None:
    spans = sorted((start, end) for _, start, end in find(text))
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))


def test_identity_number_of_the_standard() -> None:
    assert is_identity_number("11010519491231002X")
    assert is_identity_number("440524188001010014")  # both examples of GB 11643-1999


def test_rows_are_scanned_with_their_columns() -> None:
    rows = [
        Row("a", {"text": "ann@example.org and bob@example.org", "label": "x", "number": 3.0, "image": b"\x00@"}),
        Row("b", {"text": "nothing", "tags": ("x", "call +44 20 7946 0958")}),
        Row("c", {"text": None}),
    ]
    found = scan(rows, 0)
    assert (found["rows"], found["scanned"], found["found"]) == (3, 3, 2)
    assert found["kinds"]["email"] == {"count": 2, "rows": 1, "columns": {"text": 2}, "row_ids": ["a"]}
    assert found["kinds"]["telephone"]["columns"] == {"tags": 1}
    assert set(found["kinds"]) == set(KINDS)
    assert found["unread"] == ["image"]
    assert "example.org" not in str(found)  # what was found is not written down again


def test_too_much_text_is_sampled_by_the_seed() -> None:
    rows = [Row(str(number), {"text": "x" * 10}) for number in range(100)]
    assert scan(rows, 0, most=55)["scanned"] == 5
    assert scan(rows, 0, most=5)["scanned"] == 1
    assert scan(rows, 0, most=1000)["scanned"] == 100


def test_a_hostile_text_takes_no_time() -> None:
    import time

    began = time.perf_counter()
    for text in ("1 " * 20_000, "1-" * 20_000, "a." * 20_000 + "@", "+1" + "(1" * 20_000, "A" * 40_000, "@" * 40_000):
        list(find(text))
    assert time.perf_counter() - began < 2
