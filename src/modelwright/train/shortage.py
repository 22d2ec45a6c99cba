"""Out of memory: which errors mean it, and what to say when nothing can be made smaller any more.

A processor's memory is promised before it is given: where the system overcommits, a process that takes too much is killed instead of
told. What is caught here is what allocators do say.
"""

from __future__ import annotations

import torch

from modelwright.base.errors import MachineError

_SAID = (
    "can't allocate memory",
    "bad_alloc",
    "out of memory",
    "cublas_status_alloc_failed",
    "not enough memory",
    "unable to allocate",
)


def is_one(error: BaseException) -> bool:
    """Whether an error means that memory ran out: torch's own class, the CPU allocator's words, CUDA libraries' words, numpy's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _SAID)


def told(said: str, where: str, length: int) -> MachineError:
    """The error when not even one row at a time fits.

    Args:
        said: by the allocator.
        where: the route's settings.
        length: of the longest row of the step.
    """
    first = said.strip().splitlines()[0][:200] if said.strip() else "no memory left"
    return MachineError(
        f"training runs out of memory with one row at a time ({length:,} long): {first}",
        expected="memory for the model, its gradients, the optimiser's memory and one row",
        where=where,
        remedy="Shorten the rows (context or max_tokens), make the model smaller, learn adapters only (method: lora or qlora), or take "
        "a machine with more memory. Give the same command again after other programs have ended: it goes on from its last checkpoint.",
    )
