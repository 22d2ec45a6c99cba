"""Who gets what at a sale: liquidation preferences, participation, seniority and the choice to convert, in exact fractions.

Each class of preferred stock takes its preference or converts to common; the answer is a profile in which no class would
rather have chosen otherwise. Preferences are paid by seniority, equal ranks in proportion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from modelwright.base.errors import SpecError
from modelwright.venture.exact import Number, exact

_MOST_CLASSES = 12


@dataclass(frozen=True)
class Preferred:
    """A class of preferred stock.

    Args:
        name: of the class, other than "common".
        shares: as converted; 0: a claim on money that never becomes shares.
        invested: the money that was paid for it.
        multiple: preference as a multiple of that.
        participating: shares in the rest with common after its preference.
        most: cap on what a participating class takes in all, as a multiple of `invested`; None: none.
        rank: paid from the highest down; equal ranks together.
    """

    name: str
    shares: Fraction
    invested: Fraction
    multiple: Fraction = Fraction(1)
    participating: bool = False
    most: Fraction | None = None
    rank: int = 0

    def __post_init__(self) -> None:
        for name in ("shares", "invested", "multiple"):
            object.__setattr__(self, name, exact(getattr(self, name)))
        object.__setattr__(self, "most", None if self.most is None else exact(self.most))

    @property
    def preference(self) -> Fraction:
        return self.invested * self.multiple

    @property
    def may_convert(self) -> bool:
        """An uncapped participating class never gains by converting."""
        return self.shares > 0 and (not self.participating or self.most is not None)


def distribute(proceeds: Number, common: Number, classes: Sequence[Preferred]) -> dict[str, Fraction]:
    """What common and each class get of `proceeds`; they add up to it exactly.

    Args:
        proceeds: what is left for shareholders, ≥ 0.
        common: common shares, options that are exercised included.

    Raises:
        SpecError: negative proceeds or shares, two classes of one name, or no shares at all.
    """
    proceeds, common = exact(proceeds), exact(common)
    names = [item.name for item in classes]
    wrong = proceeds < 0 or common < 0 or any(item.shares < 0 or item.invested < 0 for item in classes)
    if (
        wrong
        or len({*names, "common"}) != len(names) + 1
        or not (common or any(item.shares for item in classes))
        or len(classes) > _MOST_CLASSES
    ):
        raise SpecError(
            f"{float(proceeds):g} over {float(common):g} common shares and classes {', '.join(names) or '(none)'}",
            expected=f"nothing negative, some shares, and at most {_MOST_CLASSES} classes with names of their own",
            where="waterfall",
            remedy="Mend the classes.",
        )
    stable: dict[str, Fraction] | None = None
    for converts in _profiles(classes):
        paid = _pay(proceeds, common, classes, converts)
        if all(paid[item.name] >= _switched(proceeds, common, classes, converts, place) for place, item in enumerate(classes)):
            stable = paid
            break
    if stable is None:
        raise SpecError(
            "the classes' choices chase each other in a circle",
            expected="terms under which everyone can settle",
            where="waterfall",
            remedy="Check ranks, multiples and caps.",
        )
    return stable


def _profiles(classes: Sequence[Preferred]) -> Sequence[tuple[bool, ...]]:
    """Every choice of who converts, the likely ones first: those who give up least per share convert first."""

    def given_up(place: int) -> Fraction:
        item = classes[place]
        most = item.most * item.invested if item.most is not None else item.preference
        return max(most, item.preference) / item.shares

    able = sorted((place for place, item in enumerate(classes) if item.may_convert), key=given_up)
    likely = [tuple(place in able[:count] for place in range(len(classes))) for count in range(len(able) + 1)]
    every = product(*((False, True) if item.may_convert else (False,) for item in classes))
    return list(dict.fromkeys([*likely, *every]))


def _switched(
    proceeds: Fraction, common: Fraction, classes: Sequence[Preferred], converts: tuple[bool, ...], place: int
) -> Fraction:
    """What the class at `place` would get if it alone changed its mind; never better than now if it can't."""
    item = classes[place]
    if not item.may_convert:
        return Fraction(0)
    other = tuple(not choice if index == place else choice for index, choice in enumerate(converts))
    return _pay(proceeds, common, classes, other)[item.name]


def _pay(proceeds: Fraction, common: Fraction, classes: Sequence[Preferred], converts: Sequence[bool]) -> dict[str, Fraction]:
    paid = {"common": Fraction(0), **{item.name: Fraction(0) for item in classes}}
    left = Fraction(proceeds)
    waiting = [item for item, converted in zip(classes, converts, strict=True) if not converted]
    for rank in sorted({item.rank for item in waiting}, reverse=True):
        tier = [item for item in waiting if item.rank == rank]
        owed = sum((item.preference for item in tier), Fraction(0))
        part = min(Fraction(1), left / owed) if owed else Fraction(1)
        for item in tier:
            paid[item.name] = item.preference * part
        left -= owed * part
    shares = {"common": Fraction(common)}
    rooms: dict[str, Fraction] = {}
    for item, converted in zip(classes, converts, strict=True):
        if converted or item.participating:
            shares[item.name] = Fraction(item.shares)
        if not converted and item.participating and item.most is not None:
            rooms[item.name] = max(item.most * item.invested, item.preference) - paid[item.name]
    for name, amount in _share_out(left, {name: count for name, count in shares.items() if count}, rooms).items():
        paid[name] += amount
    if not any(shares.values()) and left:  # nobody is common: what is left goes to the classes by their shares
        for item in classes:
            paid[item.name] += left * item.shares / sum(other.shares for other in classes)
    return paid


def _share_out(left: Fraction, shares: Mapping[str, Fraction], rooms: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Divide by shares; who reaches their cap steps out and the rest goes on. What nobody may take goes to the capped."""
    got = dict.fromkeys(shares, Fraction(0))
    active = dict(shares)
    while left > 0 and active:
        total = sum(active.values())
        full = {name: (rooms[name] - got[name]) / count for name, count in active.items() if name in rooms}
        step = min([left / total, *full.values()])
        for name, count in active.items():
            got[name] += step * count
        left -= step * total
        active = {name: count for name, count in active.items() if name not in full or full[name] > step}
    if left > 0:
        total = sum(shares.values())
        for name, count in shares.items():
            got[name] += left * count / total
    return got
