"""Personal data that can be told by its form: e-mail addresses, telephone numbers, Chinese identity numbers, payment cards, IBANs.

Numbers with a check digit are counted only if it holds: identity numbers by ISO 7064 MOD 11-2 (GB 11643-1999), cards by Luhn
(ISO/IEC 7812-1), accounts by MOD 97-10 (ISO 13616). Names, addresses and pictures have no such form: nothing here finds them, and
none found does not mean that there are none.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from modelwright.base.nouns import Row

MOST_CHARACTERS = 100_000_000
"""Read at most; beyond it a seeded sample of the rows. About 10 s on one core."""
MOST_ROW_IDS = 100
"""Rows named for each kind, so that people can look at them. What was found is not written down again."""

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![\w-])")
_IDENTITY = re.compile(r"(?<![0-9A-Za-z])[1-9]\d{5}(?:18|19|20)\d{9}[\dXx](?![0-9A-Za-z])")
_CARD = re.compile(r"(?<![0-9A-Za-z.,-])(?:\d{4}[ -]){3}\d{1,7}(?![0-9A-Za-z])|(?<![0-9A-Za-z.,-])\d{13,19}(?![0-9A-Za-z])")
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![0-9A-Za-z])")
_TELEPHONE = re.compile(
    r"(?<![\w.+-])(?:"
    r"\+[1-9]\d{0,2}(?:[ .-]?\(?\d{1,4}\)?){2,5}"  # international
    r"|(?:86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}"  # China, mobile
    r"|\(?0\d{2,3}\)?[ -]\d{7,8}"  # China, fixed
    r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4}"  # North America
    r")(?![\w-])"
)
_DIGITS = re.compile(r"\d(?:[ ().-]{0,2}\d){6}|[A-Z]{2}\d{2} ?[A-Z0-9]{4}")
"""What every number that is looked for has."""
_PREFIXES = (  # of the card schemes: first digits, lengths
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"62|81"), (16, 17, 18, 19)),
    (re.compile(r"6011|64[4-9]|65"), (16, 19)),
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 19)),
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"


def is_identity_number(text: str) -> bool:
    """A Chinese resident's identity number: a real birthday and the right check character."""
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False))
    return born.year >= 1880 and _CHECK[total % 11] == text[17].upper()


def is_card_number(text: str) -> bool:
    """A payment card's number: a scheme's first digits and length, and the right check digit."""
    digits = re.sub(r"[ -]", "", text)
    if not any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in _PREFIXES) or len(set(digits)) < 2:
        return False
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """An international account number: the right check digits."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def is_telephone_number(text: str) -> bool:
    """7 to 15 digits (ITU-T E.164)."""
    return 7 <= sum(map(str.isdigit, text)) <= 15


_KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("identity-number", _IDENTITY, is_identity_number),
    ("account-number", _IBAN, is_iban),
    ("card-number", _CARD, is_card_number),
    ("email", _EMAIL, lambda text: True),
    ("telephone", _TELEPHONE, is_telephone_number),
)
KINDS = tuple(name for name, _, _ in _KINDS)


def find(text: str) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of what has the form of personal data; a stretch counts once, as the kind with the strictest form."""
    taken: list[tuple[int, int]] = []
    numbers = _DIGITS.search(text) is not None
    for kind, pattern, holds in _KINDS:
        if not ("@" in text if kind == "email" else numbers):
            continue  # most texts have neither: they cost a single look
        for match in pattern.finditer(text):
            start, end = match.span()
            if holds(match[0]) and all(end <= first or start >= last for first, last in taken):
                taken.append((start, end))
                yield kind, start, end


def scan(rows: Sequence[Row], seed: int, most: int = MOST_CHARACTERS) -> dict[str, Any]:
    """Search the texts of rows, all of them or a seeded sample.

    Args:
        most: characters read at most.

    Returns:
        {"rows": all of them, "scanned": rows that were read, "unread": columns of pictures and the like, "found": rows with something,
        "kinds": {kind: {"count", "rows", "columns": {column: count}, "row_ids": the first ones}}}.
    """
    sizes = [sum(len(text) for _, text in _texts(row.values)) for row in rows]
    order = list(range(len(rows)))
    if sum(sizes) > most:
        random.Random(seed).shuffle(order)
        read, kept = 0, list[int]()
        for position in order:
            if read + sizes[position] > most and kept:
                break
            read += sizes[position]
            kept.append(position)
        order = sorted(kept)
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    ids: dict[str, dict[str, None]] = {kind: {} for kind in KINDS}
    found = set()
    for position in order:
        for column, text in _texts(rows[position].values):
            for kind, _, _ in find(text):
                counts[kind][column] += 1
                ids[kind][rows[position].id] = None
                found.add(position)
    return {
        "rows": len(rows),
        "scanned": len(order),
        "unread": sorted({name for row in rows for name, value in row.values.items() if isinstance(value, bytes)}),
        "found": len(found),
        "kinds": {
            kind: {
                "count": sum(counts[kind].values()),
                "rows": len(ids[kind]),
                "columns": dict(counts[kind]),
                "row_ids": list(ids[kind])[:MOST_ROW_IDS],
            }
            for kind in KINDS
        },
    }


def _texts(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        for item in value if isinstance(value, tuple | list) else (value,):
            if isinstance(item, str):
                yield name, item
