"""What a route is, and how the folder of routes is walked."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

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
        name: as written in the project file.
        tasks: the tasks it can learn.
        kind: "gradient" (models/ gives a torch module, train/loop trains it) or "fit" (models/ gives `fit`).
        reads: how a task turns rows into inputs for it ("ngrams", "words", "checkpoint" for text).
        architecture: the module in `models/`.
    """

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]
    kind: ClassVar[Literal["gradient", "fit"]]
    reads: ClassVar[str]
    architecture: ClassVar[str]

    budget: Budget | None = Field(None, description="this route's own budget; default: train.budget")
    seed: int | None = Field(None, ge=0, description="seed for weights, order and dropout; default: train.seed")


class GradientRoute(Route):
    """Settings that every route trained by gradient descent has."""

    kind: ClassVar[Literal["gradient", "fit"]] = "gradient"

    epochs: int = Field(10, ge=1, description="passes over the training split at most")
    batch_size: int = Field(32, ge=1, description="rows per optimiser step")
    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="adamw (Loshchilov & Hutter 2019) or sgd with momentum")
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")
    momentum: float = Field(0.9, ge=0, lt=1, description="for sgd")
    weight_decay: float = Field(0.01, ge=0, description="decoupled weight decay; biases, norms and embedding tables are left out")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the rate rises linearly")
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="how the rate falls after warm-up")
    clip: float = Field(1.0, ge=0, description="largest norm of the gradient; 0 switches clipping off")
    patience: int = Field(3, ge=0, description="evaluations without a better validation score before stopping; 0: never")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where the hardware has it")
    compile: Literal["auto", "never", "always"] = Field(
        "auto", description="torch.compile; auto: where it pays back in the budget"
    )


@cache
def all_routes() -> dict[str, type[Route]]:
    """Every route in the folder, by name."""
    found: dict[str, type[Route]] = {}
    package = __name__.rpartition(".")[0]
    for module_info in sorted(pkgutil.iter_modules([str(Path(__file__).parent)]), key=lambda item: item.name):
        if module_info.name == Path(__file__).stem:
            continue
        route = importlib.import_module(f"{package}.{module_info.name}").ROUTE
        found[route.name] = route
    return found


def routes_of(task: str) -> dict[str, type[Route]]:
    """The routes that can learn `task`, by name, in alphabetical order."""
    return {name: route for name, route in sorted(all_routes().items()) if task in route.tasks}
