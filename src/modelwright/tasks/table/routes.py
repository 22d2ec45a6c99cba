"""What routes must be able to do for a table: give reasons, keep a direction."""

from __future__ import annotations

from collections.abc import Mapping

from modelwright.base.errors import SpecError
from modelwright.spec.routes.route import Route


def explains(route: Route) -> bool:
    """Whether the route's graph gives contributions when asked (`TableRoute.explains`)."""
    return bool(getattr(route, "explains", False))


def axes(explained: bool) -> Mapping[str, tuple[str, ...]]:
    """Of the graph's inputs."""
    found: dict[str, tuple[str, ...]] = {"numbers": ("batch", "number"), "categories": ("batch", "category")}
    return {**found, "explain": ("batch",)} if explained else found


def keep_monotone(route: Route, two_labels: bool = True) -> None:
    """Refuse a route that can't keep a direction, or an answer that has none.

    Raises:
        SpecError: there are more than two labels, or the route can't.
    """
    if not two_labels:
        raise SpecError(
            "learn.monotone is set, and there are more than two labels",
            expected="two labels, or a number to predict: of several labels' probabilities not all can rise",
            where="learn.monotone",
            remedy="Leave learn.monotone out.",
        )
    if not getattr(route, "keeps_direction", False):
        raise SpecError(
            f"route {route.name} can't promise that its answer only rises or falls with a column",
            expected="boosting or forest, which can",
            where="learn.monotone",
            remedy=f"Leave learn.monotone out, or route {route.name}.",
        )
