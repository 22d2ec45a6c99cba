"""Which numbers a route computes in, and why.

bfloat16 means: weights and activations in bfloat16, float32 master copies in the optimiser (Micikevicius et al. 2018). On a
processor this beats autocast, which converts at every operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from modelwright.base.machine import describe

_FAST = ("amx_bf16", "avx512_bf16", "bf16")  # bf16 is ARM's name


@dataclass(frozen=True)
class Precision:
    """What the module computes in. `reason` is shown in the report."""

    name: Literal["float32", "bfloat16"]
    reason: str

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.name == "bfloat16" else torch.float32


def choose(wanted: Literal["auto", "float32", "bfloat16"], module: nn.Module, device: torch.device) -> Precision:
    """The precision for `module` on `device`.

    Args:
        wanted: the route's setting; anything but "auto" is obeyed.
        module: its attribute `float32_because`, if it has one, says why bfloat16 would not help it on a processor;
            `bfloat16_needs`, which instruction sets it must have to be faster there.
    """
    if wanted != "auto":
        return Precision(wanted, f"the project asks for {wanted}")
    because = getattr(module, "float32_because", None)
    if because is not None and device.type == "cpu":
        return Precision("float32", because)
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision("bfloat16", "the GPU has bfloat16")
        return Precision("float32", "the GPU has no bfloat16")
    needed = getattr(module, "bfloat16_needs", _FAST)
    found = [name for name in needed if name in describe().features]
    if found:
        return Precision("bfloat16", f"the processor has {found[0]}")
    return Precision("float32", f"the processor has none of {', '.join(needed)}")


def device() -> torch.device:
    """Where to train: the first GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
