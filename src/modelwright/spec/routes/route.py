"""What a route is, and how the folder of routes is walked."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from modelwright.base.nouns import Sizes
from modelwright.spec.quantities import MoneyField
from modelwright.spec.section import Section


class Budget(Section):
    """What one route may spend on training. The first limit reached stops it; the best checkpoint so far is kept."""

    minutes: float | None = Field(None, gt=0, description="wall-clock minutes of training")
    steps: int | None = Field(None, gt=0, description="optimiser steps")
    money: MoneyField | None = Field(None, description="cost of the machine while training, like '2 USD'")


class Route(Section):
    """Base of all routes.

    Class attributes (of the route, not settings):
        name: as written in the project file. Routes of different tasks may share one (`finetune` of texts and of images).
        kind: "gradient" (models/ gives a torch module, train/loop trains it), "fit" (models/ gives `fit`) or "bought" (a service is
            asked; nothing is trained).
        reads: how a task turns rows into inputs for it ("ngrams", "words", "checkpoint" for text; "pixels"; "features").
        gives: what its outputs can answer ("classes", "number", …); it learns every task that reads and wants what it offers.
        architecture: the module in `models/`.
        baseline: whether it is only there to be beaten: it need not learn more than the best answer that ignores the input.
    """

    name: ClassVar[str]
    kind: ClassVar[Literal["gradient", "fit", "bought"]]
    reads: ClassVar[str]
    gives: ClassVar[tuple[str, ...]] = ("classes",)
    architecture: ClassVar[str]
    baseline: ClassVar[bool] = False

    budget: Budget | None = Field(None, description="this route's own budget; default: train.budget")
    seed: int | None = Field(None, ge=0, description="seed for weights, order and dropout; default: train.seed")

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """The route with some settings changed.

        Raises:
            ValidationError: a value that the setting does not take.
        """
        return type(self).model_validate({**self.model_dump(by_alias=True), **settings})

    @classmethod
    def key(cls) -> str:
        """The route among all routes: its module's name, with dashes."""
        return cls.__module__.rpartition(".")[2].replace("_", "-")


Optimizer = Literal["sgd", "adagrad", "rmsprop", "adam", "adamw", "muon"]
Schedule = Literal["constant", "linear", "cosine", "warmup-stable-decay", "step", "exponential", "inverse-sqrt", "one-cycle"]
Initialiser = Literal[
    "default",
    "random-uniform",
    "gaussian",
    "xavier-uniform",
    "xavier-normal",
    "he-uniform",
    "he-normal",
    "lecun-normal",
    "orthogonal",
]
Activation = Literal[
    "relu",
    "leaky-relu",
    "elu",
    "selu",
    "gelu",
    "gelu-tanh",
    "silu",
    "mish",
    "tanh",
    "sigmoid",
    "softplus",
    "softsign",
]
"""For routes whose architecture has a choice: `activation: Activation = Field("relu", description="…")`."""
LossName = Literal[
    "cross-entropy",
    "binary-cross-entropy",
    "focal",
    "mean-squared-error",
    "mean-absolute-error",
    "huber",
    "poisson",
    "pinball",
]
Beta = Annotated[float, Field(ge=0, lt=1)]


def _batch_size(value: Any) -> int | Literal["full"]:
    if value == "full" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError("a whole number of at least 1, or full")


BatchSize = Annotated[
    int | Literal["full"],
    PlainValidator(_batch_size, json_schema_input_type=Annotated[int, Field(ge=1)] | Literal["full"]),
]
"""Rows per optimiser step: 1 is stochastic gradient descent, "full" is full-batch gradient descent."""

FULL_PART = 256  # rows computed at a time where a step sees all rows

# which settings belong to one choice only; set elsewhere they would be ignored, so they are refused
BELONGS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "momentum": ("optimizer", ("sgd", "muon")),
    "nesterov": ("optimizer", ("sgd", "muon")),
    "betas": ("optimizer", ("adam", "adamw", "muon")),
    "epsilon": ("optimizer", ("adagrad", "rmsprop", "adam", "adamw", "muon")),
    "rms_decay": ("optimizer", ("rmsprop",)),
    "rate_floor": ("schedule", ("linear", "cosine", "warmup-stable-decay", "one-cycle")),
    "decay_share": ("schedule", ("warmup-stable-decay",)),
    "drop_every": ("schedule", ("step", "exponential")),
    "drop_factor": ("schedule", ("step", "exponential")),
    "initialiser_scale": ("initialiser", ("random-uniform", "gaussian")),
}


class GradientRoute(Route):
    """Settings that every route trained by gradient descent has. Formulas and sources: docs/training.md."""

    kind: ClassVar[Literal["gradient", "fit", "bought"]] = "gradient"

    epochs: int = Field(10, ge=1, description="passes over the training split at most")
    batch_size: BatchSize = Field(32, description="rows per optimiser step; 1: stochastic, full: all rows (gradient descent)")
    rows_at_once: int | None = Field(
        None,
        ge=1,
        description="rows computed at a time: a larger batch's gradient is summed in parts, which saves memory; "
        "default: the whole batch, 256 if batch_size is full",
    )
    optimizer: Optimizer = Field("adamw", description="how gradients become steps")
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")
    momentum: float = Field(0.9, ge=0, lt=1, description="for sgd and muon; 0: plain gradient descent")
    nesterov: bool = Field(True, description="for sgd and muon: look ahead along the momentum")
    betas: tuple[Beta, Beta] = Field(
        (0.9, 0.999), description="for adam, adamw, muon: how much of the gradient's mean and mean square is kept each step"
    )
    rms_decay: float = Field(0.9, ge=0, lt=1, description="for rmsprop: how much of the mean square is kept each step")
    epsilon: float = Field(1e-8, gt=0, description="keeps adaptive optimisers from dividing by zero")
    weight_decay: float = Field(
        0.01,
        ge=0,
        description="pulls weights towards zero: decoupled for adamw and muon, as an L2 penalty for the others; "
        "biases, norms and embedding tables are left out",
    )
    l1: float = Field(
        0.0, ge=0, description="L1 penalty on the same weights, by soft-thresholding: small ones become exactly zero"
    )
    warmup: float = Field(
        0.1, ge=0, lt=1, description="share of the steps in which the rate rises linearly (one-cycle: by a cosine)"
    )
    schedule: Schedule = Field("cosine", description="how the rate falls after warm-up")
    rate_floor: float = Field(1e-3, ge=0, le=1, description="least share of the peak rate, for schedules that fall to an end")
    decay_share: float = Field(0.2, gt=0, le=1, description="for warmup-stable-decay: share of the steps in which the rate falls")
    drop_every: float = Field(
        0.3, gt=0, le=1, description="for step and exponential: share of the steps after which the rate drops"
    )
    drop_factor: float = Field(0.1, gt=0, lt=1, description="for step and exponential: what the rate is multiplied with there")
    clip: float = Field(1.0, ge=0, description="largest norm of the gradient; 0 switches clipping off")
    loss: LossName | None = Field(None, description="another loss for the same outputs; default: the task's")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target spread over all classes, for cross-entropies"
    )
    focal_gamma: float = Field(2.0, ge=0, description="for the focal loss: how little rows count that are right already")
    huber_delta: float = Field(1.0, gt=0, description="for the Huber loss: distance from which it grows linearly")
    initialiser: Initialiser = Field("default", description="rule for random starting weights; default: the architecture's own")
    initialiser_scale: float = Field(
        0.05, gt=0, description="for random-uniform its half width, for gaussian its standard deviation"
    )
    patience: int = Field(
        3,
        ge=0,
        description="evaluations without a better validation score before stopping; 0: never. There is one after "
        "each epoch, but not more than a hundred in all",
    )
    stop_at_loss: float | None = Field(None, description="stop after an epoch whose mean training loss is at most this")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where the hardware has it")
    compile: Literal["auto", "never", "always"] = Field(
        "auto", description="torch.compile; auto: where it pays back in the budget"
    )

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        for setting, (choice, names) in BELONGS.items():
            chosen = getattr(self, choice)
            if chosen not in names and getattr(self, setting) != type(self).model_fields[setting].default:
                raise ValueError(f"{setting} only with {choice}: {' or '.join(names)}; here it is {chosen}")
        return self

    @property
    def trained(self) -> bool:
        """Whether there is anything to train; a checkpoint may be taken as it is."""
        return True

    def settled(self, sizes: Sizes, tokens: int) -> Self:
        """The route with everything decided that it leaves to the data; most leave nothing.

        Args:
            sizes: of the fitted task.
            tokens: in the training split, one pass over it.
        """
        return self

    def reasons(self, sizes: Sizes, tokens: int) -> Sequence[tuple[str, int | float | str, str]]:
        """What `settled` decides or was told, each as (setting, value, why), for people; most decide nothing."""
        return ()

    def rows_per_step(self, rows: int) -> int:
        """Rows of an optimiser step, out of a training split of `rows`."""
        return max(1, rows) if self.batch_size == "full" else self.batch_size

    def rows_per_part(self, rows: int) -> int:
        """Of these, rows that are computed at a time."""
        whole = self.rows_per_step(rows)
        return min(whole, self.rows_at_once or (FULL_PART if self.batch_size == "full" else whole))


_FRAMES = (Path(__file__).stem, "decoder_dial", "phases")  # what routes are built from


@cache
def all_routes() -> dict[str, type[Route]]:
    """Every route in the folder, by its `key`."""
    found: dict[str, type[Route]] = {}
    package = __name__.rpartition(".")[0]
    for module_info in sorted(pkgutil.iter_modules([str(Path(__file__).parent)]), key=lambda item: item.name):
        if module_info.name in _FRAMES:
            continue
        route = importlib.import_module(f"{package}.{module_info.name}").ROUTE
        found[route.key()] = route
    return found
