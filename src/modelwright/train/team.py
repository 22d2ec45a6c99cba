"""Several processes that train one model: who they are, and the few things they must agree on.

Each takes its part of every batch, and gradients are averaged: by copies of the module (DDP; Li et al. 2020, 2006.15704) or with weights
and the optimiser's memory shared out (FSDP2, after ZeRO; Rajbhandari et al. 2020, 1910.02054). All walk the same path through the
loop, because everything that decides on it is the same for all: the clock is the first one's, and losses and scores are everybody's.

Alone, everything here is the identity.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Team:
    """The processes of this training.

    Args:
        rank: of this one, from 0; the first one writes files and talks.
        size: how many there are.
        sharded: whether weights are shared out (FSDP2) instead of copied (DDP).
    """

    rank: int = 0
    size: int = 1
    sharded: bool = False

    @property
    def leads(self) -> bool:
        return self.rank == 0

    @property
    def on_gpus(self) -> bool:
        """Whether each process has a GPU of its own; otherwise they share the processor."""
        return torch.cuda.is_available()

    def mine(self, rows: Sequence[int]) -> Sequence[int]:
        """This process's part of a batch; may be empty."""
        return rows[self.rank :: self.size]

    def most(self, rows: int) -> int:
        """The largest part that a process has of so many rows."""
        return -(-rows // self.size)

    def sum(self, value: float) -> float:
        """Over all processes."""
        if self.size == 1:
            return value
        total = torch.tensor([value], dtype=torch.float64, device=_place())
        distributed.all_reduce(total)
        return float(total)

    def all(self, found: Any) -> list[Any]:
        """What every process found, in their order."""
        if self.size == 1:
            return [found]
        gathered: list[Any] = [None] * self.size
        distributed.all_gather_object(gathered, found)
        return gathered

    def clock(self) -> float:
        """Seconds by the first process's clock. Everybody must ask at the same places."""
        now = time.perf_counter()
        if self.size == 1:
            return now
        told = torch.tensor([now], dtype=torch.float64, device=_place())
        distributed.broadcast(told, 0)
        return float(told)

    def together(self, module: nn.Module, place: torch.device) -> nn.Module:
        """The module as it is called in training: its gradients are everybody's mean."""
        if self.size == 1 or self.sharded:
            return module
        return nn.parallel.DistributedDataParallel(module, device_ids=[place] if place.type == "cuda" else None)

    def share_out(self, module: nn.Module, dtype: torch.dtype) -> None:
        """Shard the weights in place, layer by layer; they stay in float32 and compute in `dtype`."""
        from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

        policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
        for child in module.modules():
            if isinstance(child, nn.ModuleList):
                for layer in child:
                    fully_shard(layer, mp_policy=policy)
        fully_shard(module, mp_policy=policy)


ALONE = Team()
_team = ALONE


def team() -> Team:
    """This process's team."""
    return _team


def clock() -> float:
    """Seconds that only grow, the same for all of a team."""
    return _team.clock()


def form(sharded: bool) -> Team:
    """Meet the other processes that torchrun started; from then on `team` tells of them."""
    global _team
    if torch.cuda.is_available():
        import os

        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    _team = Team(distributed.get_rank(), distributed.get_world_size(), sharded)
    return _team


def part_ways() -> None:
    """Leave the team."""
    global _team
    if _team.size > 1 or distributed.is_initialized():
        distributed.destroy_process_group()
    _team = ALONE


def _place() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def local(tensor: Tensor) -> Tensor:
    """This process's shard of a tensor that is shared out; others as they are. It shares their memory."""
    to_local: Callable[[], Tensor] | None = getattr(tensor.detach(), "to_local", None)
    return tensor if to_local is None else to_local()


def whole(shard: Tensor, parameter: Tensor) -> Tensor:
    """The full tensor of everybody's shards that lie as `parameter`'s do. Everybody must ask."""
    if not hasattr(parameter, "to_local"):
        return shard
    from torch.distributed.tensor import DTensor

    spread: Any = parameter
    found = DTensor.from_local(
        shard, spread.device_mesh, spread.placements, run_check=False, shape=parameter.shape, stride=parameter.stride()
    )
    return found.full_tensor()


def part(full: Tensor, parameter: Tensor) -> Tensor:
    """This process's shard of a full tensor that everybody has."""
    if not hasattr(parameter, "to_local"):
        return full
    from torch.distributed.tensor import distribute_tensor

    spread: Any = parameter
    return distribute_tensor(full.to(_place()), spread.device_mesh, spread.placements, src_data_rank=None).to_local()


def norm(gradients: Sequence[Tensor], sharded: bool) -> float:
    """Of all gradients together, those in other processes' shards included."""
    here = torch.stack(torch._foreach_norm(list(gradients))).norm()
    return float(here) if not sharded else team().sum(float(here) ** 2) ** 0.5


def in_turn(parts: Sequence[Any], answer: Callable[[Any], Any]) -> Iterable[tuple[Any, Any]]:
    """Each part with its answer, the parts shared out among the processes. Shares are equal (the last part is answered again where there
    are too few): layers that are shared out need everybody in every call."""
    us = team()
    if us.size == 1:
        yield from ((one, answer(one)) for one in parts)
        return
    own = [parts[min(at + us.rank, len(parts) - 1)] for at in range(0, len(parts), us.size)]
    gathered: list[Mapping[int, Any]] = us.all([answer(one) for one in own])
    for number, one in enumerate(parts):
        yield one, gathered[number % us.size][number // us.size]
