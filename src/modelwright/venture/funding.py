"""The stated financing month by month, as the three statements need it: what comes in, what is owed, what becomes equity.

SAFEs and shares are equity when their money comes. A note is a debt that bears simple interest, not paid but added, until the
first priced round turns principal and interest into shares; a note that no round converts stays a debt. Money of month 0 is in
the cash that the plan starts with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelwright.base.errors import SpecError
from modelwright.spec.financing import Financing, Instrument
from modelwright.venture.rounds import month_of, owed


@dataclass(frozen=True)
class Funding:
    """Arrays of one number a month, in the plan's currency.

    Args:
        issued: money that came for shares and SAFEs.
        borrowed: money that came for notes.
        interest: added to notes.
        converted: principal and interest of notes that became shares.
        opening_notes: owed before the first month.
    """

    issued: np.ndarray
    borrowed: np.ndarray
    interest: np.ndarray
    converted: np.ndarray
    opening_notes: float

    @property
    def notes(self) -> np.ndarray:
        """Owed at each month's end."""
        return self.opening_notes + np.cumsum(self.borrowed + self.interest - self.converted)

    @property
    def money(self) -> np.ndarray:
        """That came in."""
        return self.issued + self.borrowed


def one_currency(settings: Financing | None, currency: str) -> None:
    """Check that `financing:` counts in the plan's currency.

    Raises:
        SpecError: it does not.
    """
    if settings is not None and settings.currency != currency:
        raise SpecError(
            f"financing counts in {settings.currency}, the plan in {currency}",
            expected="one currency",
            where="financing.currency",
            remedy=f"financing: {{currency: {currency}}}, with amounts in it.",
        )


def funding(settings: Financing | None, months: int) -> Funding:
    """What the terms in `financing:` bring in each of the plan's months; nothing where there are none."""
    found = Funding(np.zeros(months), np.zeros(months), np.zeros(months), np.zeros(months), opening_notes=0.0)
    if settings is None:
        return found
    closings = sorted(month_of(item, settings.rounds) for item in settings.rounds)
    for item in settings.rounds:
        _add(found.issued, month_of(item, settings.rounds), sum(money.value for money in item.investors.values()))
    opening = 0.0
    for instrument in settings.instruments:
        if instrument.kind == "note":
            opening += _borrow(found, instrument, next((month for month in closings if month >= instrument.month), None), months)
        else:
            _add(found.issued, instrument.month, instrument.amount.value)
    return Funding(found.issued, found.borrowed, found.interest, found.converted, opening)


def _borrow(found: Funding, note: Instrument, closes: int | None, months: int) -> float:
    """Write a note's life into `found`; returns what is owed of it before the first month. One that came and was converted by
    then is equity already."""
    if closes == 0:
        return 0.0
    _add(found.borrowed, note.month, note.amount.value)
    for month in range(note.month + 1, min(months, months if closes is None else closes) + 1):
        _add(found.interest, month, float(owed(note, month) - owed(note, month - 1)))
    if closes is not None:
        _add(found.converted, closes, float(owed(note, closes)))
    return note.amount.value if note.month == 0 else 0.0


def _add(line: np.ndarray, month: int, amount: float) -> None:
    if 1 <= month <= len(line):
        line[month - 1] += amount
