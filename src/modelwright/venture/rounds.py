"""The cap table through time: who owns how much after each round, which classes of stock there are, who paid what when.

Exact fractions throughout. Instruments convert in the first priced round that closes when their money is there; they become
classes of their own (shadow series), whose preference is the money that was paid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from modelwright.base.errors import SpecError
from modelwright.spec.financing import Financing, Instrument, PricedRound
from modelwright.venture.captable import CapTable, Convertible, Priced, Round, price_round, pro_rata
from modelwright.venture.exact import exact
from modelwright.venture.protection import Protection


@dataclass(frozen=True)
class StockClass:
    """Preferred stock of one round and one price.

    Args:
        holders: name → shares as converted into common now.
        price: conversion price now: invested / shares.
        paid: price of one share when it was issued.
    """

    name: str
    terms: PricedRound
    holders: Mapping[str, Fraction]
    invested: Fraction
    paid: Fraction
    rank: int

    @property
    def shares(self) -> Fraction:
        return sum(self.holders.values(), Fraction(0))

    @property
    def price(self) -> Fraction:
        return self.invested / self.shares


@dataclass(frozen=True)
class Step:
    """One point of the history: the start, or a round.

    Args:
        converted: (holder, money with interest, shares) of each instrument.
        money: investor → new money.
        protected: class → shares that anti-dilution added.
        added: the same by holder.
    """

    name: str
    month: int
    table: CapTable
    price: Fraction | None = None
    pre_money: Fraction | None = None
    converted: tuple[tuple[str, Fraction, Fraction], ...] = ()
    money: Mapping[str, Fraction] | None = None
    pool_increase: Fraction = Fraction(0)
    protected: Mapping[str, Fraction] | None = None
    added: Mapping[str, Fraction] | None = None

    @property
    def raised(self) -> Fraction:
        return sum((self.money or {}).values(), Fraction(0))


@dataclass(frozen=True)
class History:
    """Everything up to a month.

    Args:
        common: name → common shares and granted options.
        waiting: instruments whose money is there and which no round has converted.
        paid: (holder, month, money) in order.
    """

    steps: tuple[Step, ...]
    classes: tuple[StockClass, ...]
    common: Mapping[str, Fraction]
    waiting: tuple[Instrument, ...]
    paid: tuple[tuple[str, int, Fraction], ...]

    @property
    def table(self) -> CapTable:
        return self.steps[-1].table


def month_of(item: PricedRound, rounds: Sequence[PricedRound]) -> int:
    """When a round closes: its own month, or that of the one it follows and `months_after`."""
    months, here = 0, item
    known = {other.name: other for other in rounds}
    while here.month is None:
        months += here.months_after
        here = known[str(here.after)]
    return months + here.month


def owed(item: Instrument, month: int) -> Fraction:
    """What an instrument converts: its amount, and a note's simple interest until `month`."""
    principal = exact(item.amount.value)
    if item.interest is None:
        return principal
    yearly = exact(item.interest.value) * (12 if item.interest.period == "month" else 1)
    return principal * (1 + yearly * max(0, month - item.month) / 12)


def history(settings: Financing, until: int | None = None) -> History:
    """Play everything that happens up to and including month `until` (None: all of it).

    Raises:
        SpecError: terms that leave no positive price; a pro rata right of somebody who owns nothing.
    """
    common = {name: Fraction(count) for name, count in settings.founders.items()}
    for name, count in settings.pool.granted.items():
        common[name] = common.get(name, Fraction(0)) + count
    unissued = Fraction(settings.pool.size - sum(settings.pool.granted.values()))
    steps = [Step("start", 0, CapTable(common, unissued))]
    classes: list[StockClass] = []
    waiting = [item for item in settings.instruments if until is None or item.month <= until]
    paid = [(item.holder, item.month, exact(item.amount.value)) for item in waiting]
    dated = sorted(((month_of(item, settings.rounds), place) for place, item in enumerate(settings.rounds)))
    for rank, (month, place) in enumerate(dated, 1):
        if until is not None and month > until:
            break
        item = settings.rounds[place]
        converting = [instrument for instrument in waiting if instrument.month <= month]
        waiting = [instrument for instrument in waiting if instrument.month > month]
        step, classes = _close(item, month, rank if item.rank is None else item.rank, steps[-1].table, converting, classes)
        steps.append(step)
        paid += [(name, month, money) for name, money in (step.money or {}).items()]
    return History(tuple(steps), tuple(classes), common, tuple(waiting), tuple(paid))


def _close(
    item: PricedRound, month: int, rank: int, before: CapTable, converting: Sequence[Instrument], classes: Sequence[StockClass]
) -> tuple[Step, list[StockClass]]:
    """One round: the step, and all classes after it."""
    money = _money(item, before)
    convertibles = [_convertible(instrument, month) for instrument in converting]
    guarded = [one for one in classes if one.terms.anti_dilution != "none"]
    protections = [Protection(one.holders, one.price, _kind(one.terms)) for one in guarded]
    terms = Round(money, exact(item.pre_money.value), exact(item.pool), item.pool_inside)
    try:
        found = price_round(before, terms, convertibles, protections)
    except SpecError as error:
        where = f"financing.rounds ({item.name}): {error.where}"
        raise SpecError(error.came, expected=error.expected, where=where, remedy=error.remedy) from error
    added = {one.name: count for one, count in zip(guarded, found.protected, strict=True)}
    grown = [
        replace(one, holders={name: count + added.get(one.name, 0) * count / one.shares for name, count in one.holders.items()})
        for one in classes
    ]
    step = Step(
        name=item.name,
        month=month,
        table=found.table,
        price=found.price,
        pre_money=terms.pre_money,
        converted=tuple((one.holder, one.amount, shares) for one, shares in zip(convertibles, found.converted, strict=True)),
        money=money,
        pool_increase=found.pool_increase,
        protected={name: count for name, count in added.items() if count},
        added=_by_holder(guarded, added),
    )
    return step, [*grown, *_new_classes(item, rank, found, convertibles, terms.money)]


def _by_holder(classes: Sequence[StockClass], added: Mapping[str, Fraction]) -> dict[str, Fraction]:
    made: dict[str, Fraction] = {}
    for one in classes:
        for name, count in one.holders.items():
            made[name] = made.get(name, Fraction(0)) + added[one.name] * count / one.shares
    return {name: count for name, count in made.items() if count}


def _kind(terms: PricedRound) -> Literal["broad", "ratchet"]:
    return "ratchet" if terms.anti_dilution == "ratchet" else "broad"


def _money(item: PricedRound, before: CapTable) -> dict[str, Fraction]:
    """Who puts in how much: pro rata holders their share of the round, the investors the rest in their proportions."""
    investors = {name: exact(money.value) for name, money in item.investors.items()}
    whole = sum(investors.values(), Fraction(0))
    rights: dict[str, Fraction] = {}
    for name in item.pro_rata:
        if name not in before.holders:
            raise SpecError(
                f"{name} has a pro rata right in the round {item.name}, but owns no shares before it",
                expected=f"one of: {', '.join(before.holders)}",
                where="financing.rounds.pro_rata",
                remedy="A SAFE or note has shares only after the round that converts it.",
            )
        rights[name] = pro_rata(before, name, whole)
    left = whole - sum(rights.values(), Fraction(0))
    money = {name: part * left / whole for name, part in investors.items()}
    for name, part in rights.items():
        money[name] = money.get(name, Fraction(0)) + part
    return {name: part for name, part in money.items() if part}


def _convertible(item: Instrument, month: int) -> Convertible:
    return Convertible(
        item.holder,
        owed(item, month),
        None if item.cap is None else exact(item.cap.value),
        exact(item.discount),
        "post" if item.kind == "post-money-safe" else "pre",
    )


def _new_classes(
    item: PricedRound, rank: int, found: Priced, convertibles: Sequence[Convertible], money: Fraction
) -> list[StockClass]:
    """The new money's class, and one for each price at which something converted."""
    made = [StockClass(item.name, item, dict(found.new), money, found.price, rank)]
    by_price: dict[Fraction, list[tuple[Convertible, Fraction]]] = {}
    for one, shares in zip(convertibles, found.converted, strict=True):
        by_price.setdefault(one.amount / shares, []).append((one, shares))
    for number, (price, group) in enumerate(sorted(by_price.items()), 1):
        holders: dict[str, Fraction] = {}
        for one, shares in group:
            holders[one.holder] = holders.get(one.holder, Fraction(0)) + shares
        invested = sum((one.amount for one, _ in group), Fraction(0))
        made.append(StockClass(f"{item.name}-{number}", item, holders, invested, price, rank))
    return made
