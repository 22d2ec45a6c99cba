"""torch.compile, and whether it pays.

Measured on a two-core processor in bfloat16: a compiled step of MiniLM (16 × 128 tokens) takes as long as a plain one, for the matrix
multiplications decide, and they are the same; compiling takes about a minute. A decoder of 6 million parameters (16 × 256 tokens) has
more between its multiplies: most of it is saved by gradients written by hand (models/by_hand.py, 8% of a step), and a compiled step takes
4.5% less than that. Because its layers are alike, one is compiled for all, in 15 to 25 seconds. So modules that name such layers
(`compiled_parts`) are compiled as soon as the time that is left says that it pays; others never are, unless the project asks. What it
gives on a GPU is for a measurement on one to say.
"""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import nn

from modelwright.base.errors import MachineError

Wanted = Literal["auto", "never", "always"]
GAIN = 0.045  # of a step's time
_COMPILING_S = 20.0
_MARGIN = 2.0  # what compiling must bring in, in units of what it takes


def choose(wanted: Wanted, module: nn.Module, device: torch.device) -> tuple[nn.Module, str]:
    """What to call in training, and a line for the report that says why.

    The returned module shares its weights with `module`, which stays what is saved.
    """
    if wanted == "always":
        if parts(module):
            compile_parts(module)
            return module, "always: the project asks for it; one layer is compiled for all"
        return torch.compile(module, dynamic=True), "always: the project asks for it"  # type: ignore[return-value]
    if wanted == "never":
        return module, "never: the project asks for that"
    if device.type != "cpu":
        return module, "never: its gain has not been measured on a GPU; set compile: always to try it"
    if parts(module):
        return module, f"never: too little time is left for its {GAIN:.1%} to make up for about {_COMPILING_S:.0f} s of compiling"
    return module, "never: on a processor a compiled step was measured to be no faster, and compiling takes about a minute"


def parts(module: nn.Module) -> list[nn.Module]:
    """The layers of which one is compiled for all: those of the list that the module's `compiled_parts` names."""
    path = getattr(module, "compiled_parts", None)
    return [] if path is None else list(module.get_submodule(path).children())


def compile_parts(module: nn.Module) -> None:
    """In place: names and weights stay. The compiler works on the first call."""
    for part in parts(module):
        part.compile(dynamic=False)


def pays(module: nn.Module, device: torch.device, left_s: float) -> bool:
    """Whether compiling now brings in more than it takes, by what was measured; never without a compiler.

    Args:
        left_s: seconds of training that are left.
    """
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    return device.type == "cpu" and bool(parts(module)) and bool(compiler) and left_s * GAIN > _MARGIN * _COMPILING_S


def steady(compiled: bool) -> AbstractContextManager[object]:
    """Batches of another size than the first (the last of an epoch, validation) run as they are: compiling for them would not pay."""
    return torch.compiler.set_stance("eager_on_recompile") if compiled else nullcontext()


def failed(error: Exception) -> MachineError:
    """The error for a compiler that did not get through: usually there is no C++ compiler on the machine."""
    return MachineError(
        f"torch.compile failed: {str(error).strip().splitlines()[0][:200]}",
        expected="a machine with a C++ compiler, and a module that can be traced",
        where="routes: compile",
        remedy="Set compile: never in the route, or install a C++ compiler (g++).",
    )
