"""Who owns how much: priced rounds, option pools, SAFEs and convertible notes, in exact fractions.

Rules: price = pre-money / fully diluted shares before the money, where "fully diluted" holds everything that converts, all
options and the unissued pool, what anti-dilution hands out, and the pool's increase if it is agreed to lie inside. The post-money SAFE (Y Combinator's
standard form, 2018 †) buys I/cap of the company capitalisation, which includes every converting security and the existing
pool but not the round's increase. Shares are rounded once, at the end, by `whole`.
Numbers may be given as int, str or float; each becomes the fraction a person means by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Literal, NoReturn

from modelwright.base.errors import SpecError
from modelwright.venture.exact import exact
from modelwright.venture.protection import Protection

_MOST_CHOICES = 12  # 4,096 combinations; beyond that only the ones that people's interests lead to are tried


@dataclass(frozen=True)
class Convertible:
    """Money that becomes shares in the next priced round.

    Args:
        holder: who gave it.
        amount: the money; for a note principal and interest.
        cap: valuation cap; None: none.
        discount: share off the round's price, 0 ≤ d < 1.
        kind: "post": post-money SAFE, whose cap values the capitalisation with everything converted. "pre": pre-money SAFE
            or note, whose cap values it without what converts.

    Raises:
        SpecError: amounts or shares that make no sense.
    """

    holder: str
    amount: Fraction
    cap: Fraction | None = None
    discount: Fraction = Fraction(0)
    kind: Literal["post", "pre"] = "post"

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", exact(self.amount))
        object.__setattr__(self, "cap", None if self.cap is None else exact(self.cap))
        object.__setattr__(self, "discount", exact(self.discount))
        if self.amount <= 0 or (self.cap is not None and self.cap <= 0) or not 0 <= self.discount < 1:
            _refuse(
                f"{self.holder}: {float(self.amount):g} with cap {self.cap} and discount {float(self.discount):g}",
                "a positive amount and cap, and a discount from 0 up to but not including 1",
                self.holder,
            )


@dataclass(frozen=True)
class Round:
    """A priced round.

    Args:
        investors: name → money.
        pre_money: valuation before it.
        pool: share of everything after the round that is unissued options; the pool is increased to reach it, never cut.
        pool_inside: whether the increase is paid for by those before (counts in the price), as is usual.
    """

    investors: Mapping[str, Fraction]
    pre_money: Fraction
    pool: Fraction = Fraction(0)
    pool_inside: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "investors", {name: exact(money) for name, money in self.investors.items()})
        object.__setattr__(self, "pre_money", exact(self.pre_money))
        object.__setattr__(self, "pool", exact(self.pool))

    @property
    def money(self) -> Fraction:
        return sum(self.investors.values(), Fraction(0))


@dataclass(frozen=True)
class CapTable:
    """Fully diluted shares.

    Args:
        holders: name → shares, granted and promised options included.
        unissued: options of the pool that nobody has.
    """

    holders: Mapping[str, Fraction]
    unissued: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holders", {name: exact(shares) for name, shares in self.holders.items()})
        object.__setattr__(self, "unissued", exact(self.unissued))
        if self.unissued < 0 or any(shares < 0 for shares in self.holders.values()) or self.total == 0:
            _refuse(
                f"{float(self.total):g} shares, some of them negative or none at all", "shares that are not negative", "cap table"
            )

    @property
    def total(self) -> Fraction:
        return sum(self.holders.values(), Fraction(0)) + self.unissued

    def share(self, holder: str) -> Fraction:
        """Part of everything, fully diluted."""
        return Fraction(self.holders.get(holder, 0)) / self.total

    def whole(self) -> CapTable:
        """Shares rounded down to whole ones: the one rounding, at the end."""
        return CapTable({name: Fraction(int(shares)) for name, shares in self.holders.items()}, Fraction(int(self.unissued)))


@dataclass(frozen=True)
class Priced:
    """What a round made.

    Args:
        table: after it.
        price: of one new share.
        converted: holder → shares from each convertible, in order.
        new: investor → shares bought.
        pool_increase: new unissued options.
        protected: shares that each protection added, in order; none unless the round is cheaper.
    """

    table: CapTable
    price: Fraction
    converted: tuple[Fraction, ...]
    new: Mapping[str, Fraction] = field(default_factory=dict)
    pool_increase: Fraction = Fraction(0)
    protected: tuple[Fraction, ...] = ()


@dataclass(frozen=True)
class _Solved:
    inverse: Fraction
    increase: Fraction
    converted: list[Fraction]
    protected: list[Fraction]


def price_round(
    before: CapTable, terms: Round, convertibles: Sequence[Convertible] = (), protections: Sequence[Protection] = ()
) -> Priced:
    """Convert what converts, protect who is protected, increase the pool, sell the new shares.

    A convertible takes the better of its cap and its discount; a protection works only if the round is cheaper. Once it is
    fixed who takes which, the inverse of the price solves one linear equation; the choice that nobody would change at the
    price it leads to is the answer.

    Raises:
        SpecError: valuations that leave no positive price (caps, conversions or protections that use the company up), or a
            pool of 1.
    """
    if (
        terms.pre_money <= 0
        or any(money <= 0 for money in terms.investors.values())
        or not terms.money
        or not 0 <= terms.pool < 1
    ):
        _refuse(
            f"{float(terms.money):g} at {float(terms.pre_money):g} with a pool of {float(terms.pool):g}",
            "positive money and valuation, and a pool below 1",
            "round",
        )
    refusal: SpecError | None = None
    tried: set[tuple[bool, ...]] = set()
    able = [item.cap is not None for item in convertibles] + [True for _ in protections]
    for first in _choices(able, len(convertibles)):
        choice = first
        while choice not in tried:  # follow what everyone would rather do, until nobody would
            tried.add(choice)
            try:
                solved = _solve(before, terms, convertibles, protections, choice)
            except SpecError as error:
                refusal = refusal or error
                break
            better = _best_choice(before, convertibles, protections, solved)
            if better == choice:
                return _settle(before, terms, convertibles, protections, solved)
            choice = better
    raise refusal or SpecError(
        "no price satisfies every convertible at once",
        expected="terms that one price can meet",
        where="round",
        remedy="Check caps and discounts.",
    )


def _choices(able: Sequence[bool], convertibles: int) -> Iterable[tuple[bool, ...]]:
    """Where to begin: everyone by the cap and nobody protected; then every choice there is, as far as that is countable."""
    yield tuple(can and place < convertibles for place, can in enumerate(able))
    if sum(able) <= _MOST_CHOICES:
        yield from product(*((True, False) if can else (False,) for can in able))


def _solve(
    before: CapTable,
    terms: Round,
    convertibles: Sequence[Convertible],
    protections: Sequence[Protection],
    choice: Sequence[bool],
) -> _Solved:
    """The round when it is fixed who converts by the cap and who is protected."""
    base, of_all, fixed, per_inverse = before.total, Fraction(0), Fraction(0), Fraction(0)
    for item, capped in zip(convertibles, choice, strict=False):
        if not capped or item.cap is None:
            per_inverse += item.amount / (1 - item.discount)
        elif item.kind == "post":
            of_all += item.amount / item.cap
        else:
            fixed += item.amount * base / item.cap
    more = [
        item.more(base, terms.money) if active else (Fraction(0), Fraction(0))
        for item, active in zip(protections, choice[len(convertibles) :], strict=True)
    ]
    fixed += sum((constant for constant, _ in more), Fraction(0))
    per_inverse += sum((slope for _, slope in more), Fraction(0))
    if of_all >= 1:
        _refuse(f"post-money SAFEs own {float(of_all):.0%} of the company at their caps", "less than all of it", "convertibles")
    # With q = 1/price, the capitalisation is (base + fixed + per_inverse·q)/(1 − of_all) = constant + slope·q.
    constant, slope = (base + fixed) / (1 - of_all), per_inverse / (1 - of_all)
    inverse, increase = _with_pool(terms, before.unissued, constant, slope)
    capitalisation = constant + slope * inverse
    shares = []
    for item, capped in zip(convertibles, choice, strict=False):
        if capped and item.cap is not None:
            shares.append(item.amount / item.cap * (capitalisation if item.kind == "post" else base))
        else:
            shares.append(item.amount / (1 - item.discount) * inverse)
    return _Solved(inverse, increase, shares, [constant + slope * inverse for constant, slope in more])


def _with_pool(terms: Round, unissued: Fraction, constant: Fraction, slope: Fraction) -> tuple[Fraction, Fraction]:
    """(1/price, pool increase). Without an increase: constant + slope·q = pre·q. With one inside the pre-money it counts
    on the left: pool·(pre + money)·q − unissued."""
    after = terms.pre_money + terms.money
    inverse = _inverse(constant, terms.pre_money - slope)
    if terms.pool * after * inverse <= unissued:
        return inverse, Fraction(0)
    if not terms.pool_inside:
        return inverse, (terms.pool * after * inverse - unissued) / (1 - terms.pool)
    inverse = _inverse(constant - unissued, terms.pre_money - slope - terms.pool * after)
    return inverse, terms.pool * after * inverse - unissued


def _inverse(shares: Fraction, money: Fraction) -> Fraction:
    if shares <= 0 or money <= 0:
        _refuse(
            "what converts and the new pool use up the whole pre-money valuation",
            "a valuation that leaves something for the shares there are",
            "round",
        )
    return shares / money


def _best_choice(
    before: CapTable, convertibles: Sequence[Convertible], protections: Sequence[Protection], solved: _Solved
) -> tuple[bool, ...]:
    """What each would choose at this price and capitalisation; who gains nothing either way keeps the cap."""
    capitalisation = before.total + sum(solved.converted, Fraction(0)) + sum(solved.protected, Fraction(0))
    chosen = []
    for item in convertibles:
        if item.cap is None:
            chosen.append(False)
            continue
        discounted = item.amount / (1 - item.discount) * solved.inverse
        chosen.append(item.amount / item.cap * (capitalisation if item.kind == "post" else before.total) >= discounted)
    return (*chosen, *(item.price * solved.inverse > 1 for item in protections))


def _settle(
    before: CapTable,
    terms: Round,
    convertibles: Sequence[Convertible],
    protections: Sequence[Protection],
    solved: _Solved,
) -> Priced:
    holders = {name: Fraction(count) for name, count in before.holders.items()}

    def give(name: str, count: Fraction) -> None:
        holders[name] = holders.get(name, Fraction(0)) + count

    for item, count in zip(convertibles, solved.converted, strict=True):
        give(item.holder, count)
    for protection, count in zip(protections, solved.protected, strict=True):
        for name, shares in protection.shares.items():
            give(name, count * shares / protection.total)
    new = {name: money * solved.inverse for name, money in terms.investors.items()}
    for name, count in new.items():
        give(name, count)
    table = CapTable(holders, before.unissued + solved.increase)
    return Priced(table, 1 / solved.inverse, tuple(solved.converted), new, solved.increase, tuple(solved.protected))


def pro_rata(before: CapTable, holder: str, money: Fraction) -> Fraction:
    """The part of a round's money by which `holder` keeps the share they had of what was there: their fully diluted share
    times the money."""
    return before.share(holder) * money


def _refuse(came: str, expected: str, where: str) -> NoReturn:
    raise SpecError(came, expected=expected, where=where, remedy="Change the terms: cap, discount, valuation, money or pool.")
