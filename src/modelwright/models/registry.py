"""Architectures by name: built, written, read. A route names its file in this folder; there is no list to edit.

A gradient architecture's file has `build(settings, sizes, checkpoint) -> nn.Module`, and `write(module, folder) -> config` with
`read(settings, sizes, folder) -> nn.Module` if its files are not simply its own state dict. A fit architecture's file has
`fit(settings, sizes, examples, seed) -> Fitted` and the class `Fitted`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, Self

from modelwright.base.errors import ReleaseError, SpecError
from modelwright.base.nouns import Example, Outputs, Sizes
from modelwright.base.store import write_json, writing
from modelwright.spec.routes.route import GradientRoute, Route, all_routes

if TYPE_CHECKING:
    import onnx
    from torch import nn

OURS = "modelwright"  # the key of our own settings in config.json; other libraries ignore it


class Fitted(Protocol):
    """A model that was fitted, not trained by gradient. `parameters` counts its learned numbers; `outputs` answers a batch's
    inputs as the graph does."""

    @property
    def parameters(self) -> int: ...
    def outputs(self, inputs: Mapping[str, Any]) -> Outputs: ...
    def save(self, folder: Path) -> None: ...
    @classmethod
    def load(cls, folder: Path) -> Self: ...
    def graph(self) -> onnx.ModelProto: ...


def architecture(route: Route) -> ModuleType:
    """The module that holds the route's architecture."""
    return importlib.import_module(f"modelwright.models.{route.architecture}")


def build(route: Route, sizes: Sizes, checkpoint: Path | None) -> nn.Module:
    """The route's module with its starting weights, in float32, on the CPU. Random weights come from torch's generator; the route's
    `initialiser` shapes them (from a checkpoint: those of the new output layer only, which must then be called `head`).

    Raises:
        ReleaseError: the checkpoint is damaged.
        SpecError: an initialiser is named where all weights come from a checkpoint.
    """
    module = architecture(route).build(route, sizes, checkpoint)
    if isinstance(route, GradientRoute) and route.initialiser != "default":
        from modelwright.models.initialise import initialise

        fresh = module if checkpoint is None else getattr(module, "head", None)
        if fresh is None:
            raise SpecError(
                f"initialiser is {route.initialiser}, but every weight of {route.name} comes from its checkpoint",
                expected="initialiser: default",
                where=f"routes: {route.name}.initialiser",
                remedy="Leave initialiser out.",
            )
        initialise(fresh, route.initialiser, route.initialiser_scale)
    return module


def fit(route: Route, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Fit a model of kind "fit"."""
    return architecture(route).fit(route, sizes, examples, seed)


def save(module: nn.Module, route: Route, sizes: Sizes, folder: Path) -> None:
    """Write `model.safetensors` and `config.json` (transformers' own where it knows the architecture). Adapters are merged
    into `module` itself."""
    from modelwright.models import names

    kind = architecture(route)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if hasattr(kind, "write"):
        config = kind.write(module, folder)
    else:
        names.write_weights(module.state_dict(), folder / names.WEIGHTS)
        config = {"model_type": f"modelwright-{route.architecture}", "architectures": [type(module).__name__]}
    settings = route.model_dump(mode="json", by_alias=True)
    write_json(folder / names.CONFIG, {**config, OURS: {"route": route.key(), "settings": settings, "sizes": dict(sizes)}})


def load(folder: Path) -> nn.Module:
    """What `save` wrote, ready to answer (eval mode).

    Raises:
        ReleaseError: files are missing, damaged, or not ours.
    """
    from modelwright.models import names

    route, sizes = describe(folder)
    kind = architecture(route)
    if hasattr(kind, "read"):
        return kind.read(route, sizes, folder).eval()
    module = kind.build(route, sizes, None)
    try:
        module.load_state_dict(names.read_weights(folder / names.WEIGHTS))
    except RuntimeError as error:
        raise names.damaged(folder / names.WEIGHTS, error) from error
    return module.eval()


def describe(folder: Path) -> tuple[Route, Sizes]:
    """Route and sizes of a saved module.

    Raises:
        ReleaseError: config.json is missing, damaged or not ours.
    """
    from modelwright.models import names

    config: dict[str, Any] = names.read_config(folder)
    try:
        ours = config[OURS]
        return all_routes()[ours["route"]].model_validate(ours["settings"]), ours["sizes"]
    except (KeyError, TypeError, ValueError) as error:
        raise ReleaseError(
            f"config.json holds no settings of a known route: {error}",
            expected=f"the key {OURS!r} with route, settings and sizes",
            where=str(folder / names.CONFIG),
            remedy="Give the checkpoint folder of a Modelwright run.",
        ) from error


def load_fitted(route: Route, folder: Path) -> Fitted:
    """The fitted model that its `save` wrote."""
    return architecture(route).Fitted.load(folder)


def outputs(module: nn.Module, inputs: Mapping[str, Any]) -> Outputs:
    """Numpy in, numpy out, in float32 and without gradients."""
    import torch

    with torch.inference_mode():
        found = module(**{name: torch.from_numpy(array) for name, array in inputs.items()})
    return {name: tensor.float().numpy() for name, tensor in found.items()}
