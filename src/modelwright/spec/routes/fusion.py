"""`fusion`: several routes of the project answer together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelwright.base.errors import SpecError
from modelwright.spec.routes.route import GradientRoute, Route

MEMBERS = "members"  # what a fusion reads: not rows, but other routes

# which settings belong to one method only; set elsewhere they would be ignored, so they are refused
_BELONGS = {"of": "average", "shares": "average", "strength": "stack"}


class Fusion(Route):
    """Routes of the project combined: averaged answers, answers weighed by a small regression, or averaged weights.

    average: the weighted mean of the members' probabilities or logits (linear and logarithmic opinion pools, Genest & Zidek 1986), or
    of their numbers.
    stack: a logistic regression on the members' logits, or least squares on their numbers, fitted on the validation split
    (Wolpert 1992); shares are never negative, which is what makes stacking safe (Breiman 1996).
    weights: the mean of the members' weights, one model no larger than a member (model soups, Wortsman et al. 2022, 2203.05482):
    from the best member on, each is added that does not lower the validation score.
    """

    name: ClassVar[str] = "fusion"
    kind: ClassVar[Literal["gradient", "fit"]] = "fit"
    reads: ClassVar[str] = MEMBERS
    gives: ClassVar[tuple[str, ...]] = ("classes", "number")
    architecture: ClassVar[str] = "fusion"

    members: tuple[str, ...] = Field(
        (), description="names of the routes of this project that are combined; default: all that are no fusion"
    )
    method: Literal["average", "stack", "weights"] = Field(
        "average",
        description="average: of answers; stack: answers weighed by a regression on the validation split; "
        "weights: one model with averaged weights, for members of one route that differ in seed or training",
    )
    of: Literal["probabilities", "logits"] = Field("probabilities", description="for average of labels: what is averaged")
    shares: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(
        None, description="for average: how much each member counts, in their order; default: all alike"
    )
    strength: float = Field(1.0, gt=0, description="for stack: inverse of the penalty that holds the shares near equal (C)")

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if len(set(self.members)) != len(self.members):
            raise ValueError("each member once")
        for setting, method in _BELONGS.items():
            if self.method != method and getattr(self, setting) != type(self).model_fields[setting].default:
                raise ValueError(f"{setting} only with method: {method}; here it is {self.method}")
        if self.shares is not None and len(self.shares) != len(self.members):
            raise ValueError(f"members, and one of the shares for each of them ({len(self.shares)})")
        return self


def with_members(routes: Mapping[str, Route], tuned: Collection[str], where: Callable[[str], str]) -> dict[str, Route]:
    """The routes of a project, with every fusion's members named.

    Args:
        tuned: names of the routes whose settings are searched.
        where: the place of a fusion in the project file, by its name.

    Raises:
        SpecError: a member is no route of the project, is a fusion itself, or has weights that can't be averaged; there are fewer
            than two; or the fusion's own settings are to be searched.
    """
    possible = tuple(name for name, route in routes.items() if not isinstance(route, Fusion) and route.kind != "bought")
    found = dict(routes)
    for name, route in routes.items():
        if isinstance(route, Fusion):
            chosen = route.members or possible
            _check(name, chosen, routes, possible, where(name))
            if name in tuned:
                raise SpecError(
                    f"tune names {name!r}, which is a fusion: it has nothing to train",
                    expected=f"a search over its members: {', '.join(chosen)}",
                    where=where(name),
                    remedy=f"Tune a member, and take {name} out of tune.",
                )
            if route.method == "weights":
                _check_weights(name, [routes[member] for member in chosen], where(name))
            found[name] = route.with_settings({"members": chosen})
    return found


def _check(name: str, members: Sequence[str], routes: Mapping[str, Route], possible: Sequence[str], where: str) -> None:
    known = ", ".join(possible) or "the other routes, of which there are none"
    for member in members:
        if member not in possible:
            kind = "no route" if member not in routes else "bought" if routes[member].kind == "bought" else "a fusion"
            raise SpecError(
                f"routes.{name} combines {member!r}, which is {kind} of this project",
                expected=f"names among: {known}",
                where=where,
                remedy="Add the route under routes, or mend the name.",
            )
    if len(members) < 2:
        raise SpecError(
            f"routes.{name} combines {len(members)} of this project's routes",
            expected=f"at least two members, among: {known}",
            where=where,
            remedy="Add another route under routes, and name it in members.",
        )


def _check_weights(name: str, members: list[Route], where: str) -> None:
    kinds = {member.key() for member in members}
    if len(kinds) != 1 or not isinstance(members[0], GradientRoute):
        raise SpecError(
            f"routes.{name} averages the weights of {', '.join(sorted(kinds))}",
            expected="members of one route that is trained by gradient descent, with different seeds or training settings",
            where=where,
            remedy="Name two or more entries with the same `route:`, or set method: average.",
        )


ROUTE = Fusion
