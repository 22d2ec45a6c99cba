"""torch.compile, and whether it pays.

Measured on a two-core processor, MiniLM, 16 × 128 tokens, bfloat16: a compiled step takes as long as a plain one (the matrix
multiplies decide, and they are the same), and compiling takes about a minute. So `auto` never compiles there. What it gives on
a GPU is for a measurement on one to say.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from modelwright.base.errors import MachineError


def choose(wanted: Literal["auto", "never", "always"], module: nn.Module, device: torch.device) -> tuple[nn.Module, str]:
    """What to call in training, and a line for the report that says why.

    The returned module shares its weights with `module`, which stays what is saved.
    """
    if wanted == "always":
        return torch.compile(module, dynamic=True), "always: the project asks for it"  # type: ignore[return-value]
    if wanted == "never":
        return module, "never: the project asks for that"
    if device.type == "cpu":
        return module, "never: on a processor a compiled step was measured to be no faster, and compiling takes about a minute"
    return module, "never: its gain has not been measured on a GPU; set compile: always to try it"


def failed(error: Exception) -> MachineError:
    """The error for a compiler that did not get through: usually there is no C++ compiler on the machine."""
    return MachineError(
        f"torch.compile failed: {str(error).strip().splitlines()[0][:200]}",
        expected="a machine with a C++ compiler, and a module that can be traced",
        where="routes: compile",
        remedy="Set compile: never in the route, or install a C++ compiler (g++).",
    )
