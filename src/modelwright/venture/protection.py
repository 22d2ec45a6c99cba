"""Anti-dilution: what earlier money gets when a later round is cheaper, in exact fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from modelwright.base.errors import SpecError
from modelwright.venture.exact import exact


@dataclass(frozen=True)
class Protection:
    """An earlier round's protection against a cheaper one: more shares on conversion.

    Args:
        shares: holder → shares the protected class converts into now.
        price: its conversion price now.
        kind: "broad": broad-based weighted average, CP2 = CP1·(A + B)/(A + C), with A everything there was before the round,
            fully diluted; "ratchet": the new price.
    """

    shares: Mapping[str, Fraction]
    price: Fraction
    kind: Literal["broad", "ratchet"] = "broad"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", {name: exact(count) for name, count in self.shares.items()})
        object.__setattr__(self, "price", exact(self.price))
        if self.price <= 0:
            raise SpecError(
                f"a conversion price of {float(self.price):g}",
                expected="a positive one",
                where="anti-dilution",
                remedy="Give the price that the protected class paid.",
            )

    @property
    def total(self) -> Fraction:
        return sum(self.shares.values(), Fraction(0))

    def more(self, before: Fraction, money: Fraction) -> tuple[Fraction, Fraction]:
        """(constant, slope) of the shares that come on top, constant + slope · q with q = 1 / the round's price. Both rules
        are linear in q: CP1/CP2 is (A + money·q)/(A + money/CP1), or CP1·q for a ratchet."""
        if self.kind == "ratchet":
            return -self.total, self.total * self.price
        room = before + money / self.price
        return self.total * (before / room - 1), self.total * money / room


def conversion_price(old_price: Fraction, outstanding: Fraction, new_shares: Fraction, new_price: Fraction) -> Fraction:
    """Broad-based weighted average after a cheaper round: CP2 = CP1·(A + B)/(A + C), with A the shares outstanding, B those
    the new money would have bought at CP1, C those it bought. A dearer round changes nothing."""
    if new_price >= old_price:
        return old_price
    return old_price * (outstanding + new_shares * new_price / old_price) / (outstanding + new_shares)


def ratchet_price(old_price: Fraction, new_price: Fraction) -> Fraction:
    """Full ratchet: the new price, if it is lower."""
    return min(old_price, new_price)
