"""Training in phases: what a language model's route learns after its first rows, and how its time is shared.

No route of its own: routes that go on after their first training (`decoder`, `lm-finetune`) build on `Phased`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelwright.spec.routes.route import BELONGS, BatchSize, GradientRoute, Optimizer, Schedule
from modelwright.spec.section import Section

MAIN, DIALOGUES, PREFERENCES = "main", "dialogues", "preferences"
Rows = Literal["main", "dialogues", "preferences"]
Share = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True)
class Phase:
    """One training of several on the same module.

    Args:
        name: the name of its folder in the route's, and of its curve.
        route: the route's settings as they are in this phase.
        rows: what it learns from: the project's own rows, `learn.dialogues` or `learn.preferences`.
        share: of the route's budget, in (0, 1]; shares of the phases that take place are scaled to add up to one.
        preference: how preferences are learned, where this phase does that.
    """

    name: str
    route: GradientRoute
    rows: Rows
    share: float = 1.0
    preference: Preference | None = None


class Later(Section):
    """What a later phase sets for itself; everything else is as in the route."""

    share: Share = Field(0.2, description="of the route's time and steps; what an earlier phase leaves is shared among the later")
    epochs: int = Field(2, ge=1, description="passes over its rows at most")
    batch_size: BatchSize = Field(16, description="rows per optimiser step")
    rows_at_once: int | None = Field(None, ge=1, description="rows computed at a time; default: the whole batch")
    optimizer: Optimizer = Field("adamw", description="how gradients become steps")
    learning_rate: float = Field(3e-4, gt=0, description="peak learning rate")
    weight_decay: float = Field(0.0, ge=0, description="pulls weights towards zero")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the rate rises")
    schedule: Schedule = Field("cosine", description="how the rate falls after warm-up")
    rate_floor: float = Field(1e-3, ge=0, le=1, description="least share of the peak rate, for schedules that fall to an end")
    patience: int = Field(2, ge=0, description="evaluations without a better validation score before stopping; 0: never")

    def applied(self, route: GradientRoute) -> GradientRoute:
        """`route` with these settings. Settings of a choice that is not made here fall back to their defaults."""
        own = {name: getattr(self, name) for name in Later.model_fields if name != "share"}
        fields = type(route).model_fields
        for name, (choice, values) in BELONGS.items():
            if name not in own and own.get(choice, getattr(route, choice)) not in values:
                own[name] = fields[name].default
        if own["schedule"] not in BELONGS["rate_floor"][1]:
            own["rate_floor"] = fields["rate_floor"].default
        return route.model_copy(update=own)


class Dialogue(Later):
    """The phase that learns conversations (`learn.dialogues`): the loss counts the assistant's words only."""


class Preference(Later):
    """The phase that learns which of two answers is wanted (`learn.preferences`): direct preference optimisation (Rafailov et al. 2023,
    2305.18290)."""

    share: Share = Field(0.15, description="of the route's time and steps")
    epochs: int = Field(1, ge=1, description="passes over its rows at most")
    batch_size: BatchSize = Field(8, description="pairs per optimiser step")
    learning_rate: float = Field(2e-5, gt=0, description="peak learning rate")
    beta: float = Field(0.1, gt=0, description="β: how much a step away from the starting weights costs; small values allow more")
    label_smoothing: float = Field(
        0.0, ge=0, lt=0.5, description="share of pairs that are taken to be the wrong way round (conservative DPO)"
    )
    likelihood: float = Field(
        0.0,
        ge=0,
        description="weight of the chosen answer's own loss (nat per token) beside the preference, against forgetting it",
    )


class Phased(GradientRoute):
    """A gradient route with later phases. `first` names the phase that learns the project's own rows."""

    first: ClassVar[str] = "pretrain"

    dialogue: Dialogue = Field(Dialogue(), description="the phase on learn.dialogues, where there are any")
    preference: Preference = Field(Preference(), description="the phase on learn.preferences, where there are any")

    @model_validator(mode="after")
    def _time_is_left(self) -> Self:
        if self.dialogue.share + self.preference.share >= 1:
            raise ValueError(
                "shares of dialogue and preference that leave some of the time for the first phase: less than 1 together"
            )
        return self


def phases_of(route: GradientRoute) -> tuple[Phase, ...]:
    """The phases that a route has if all its rows are there: one, called "train", unless it is `Phased`."""
    if not isinstance(route, Phased):
        return (Phase("train", route, "main"),)
    dialogue, preference = route.dialogue, route.preference
    return (
        Phase(route.first, route, "main", 1.0 - dialogue.share - preference.share),
        Phase("dialogue", dialogue.applied(route), "dialogues", dialogue.share),
        Phase("preference", preference.applied(route), "preferences", preference.share, preference),
    )


def taking_place(phases: tuple[Phase, ...], found: Mapping[str, Any]) -> tuple[Phase, ...]:
    """The phases whose rows are there.

    Args:
        found: what there is beside the main rows, by name; empty ones count as missing.
    """
    return tuple(phase for phase in phases if phase.rows == MAIN or found.get(phase.rows))
