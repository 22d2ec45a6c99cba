"""What a killed training needs to go on, bit for bit: `resume/` in the train folder.

One safetensors file holds weights, the optimiser's memory and the generator's state; its header holds where in the data the
run stood. It is written beside the old one, flushed, renamed; only then the old one goes. Best weights have a file of their
own, written when they change and named by the state that counts on them. Checksums tell a damaged file from a good one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from modelwright.base.errors import TrainError
from modelwright.base.store import writing
from modelwright.models.names import save_tensors

_GENERATOR = "generator"


@dataclass
class State:
    """Where a training stands. All counts are since its very beginning, continued runs included.

    Args:
        step: optimiser steps done.
        epoch, place: the next batch: number of the epoch, number in it.
        seconds: spent.
        step_seconds: of these, spent in optimiser steps (validation, saving and set-up left out).
        rows, tokens: learned from, with repetition.
        best_step: of the best validation score; 0 before the first.
        best_score: None before the first, or if there is no validation split.
        stale: evaluations since the score last rose.
        epoch_loss: sum of this epoch's losses so far, each times its rows.
        curve_lines: lines of curve.jsonl that belong to this state.
        peak_memory_bytes: seen so far.
        rows_at_once: rows computed at a time since memory ran out; 0: as the route says.
        halved: each time that happened: the step, the rows that were too many, those of the next try.
        compiled: whether layers are compiled since it was known whether that pays; None before.
    """

    step: int = 0
    epoch: int = 0
    place: int = 0
    seconds: float = 0.0
    step_seconds: float = 0.0
    rows: int = 0
    tokens: int = 0
    best_step: int = 0
    best_score: float | None = None
    stale: int = 0
    epoch_loss: float = 0.0
    curve_lines: int = 0
    peak_memory_bytes: int = 0
    rows_at_once: int = 0
    halved: list[list[int]] = field(default_factory=list)
    compiled: bool | None = None


class Resume:
    """The folder `resume/`.

    Args:
        folder: made on the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, state: State, tensors: Mapping[str, Tensor], best: Mapping[str, Tensor] | None) -> None:
        """Write the state; `best` only if it changed since the last call (None otherwise)."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        if best is not None:
            _write(self._best(state), best, {})
        path = self.folder / f"state-{state.step:09d}.safetensors"
        _write(path, {**tensors, _GENERATOR: torch.get_rng_state()}, asdict(state))
        keep = {path, self._best(state)}
        for other in self.folder.glob("*.safetensors*"):
            if other not in keep:
                other.unlink()

    def load(self) -> tuple[State, dict[str, Tensor], dict[str, Tensor] | None] | None:
        """State, tensors and best weights of the newest checkpoint, and sets the generator; None if there is no checkpoint.

        Raises:
            TrainError: it is damaged.
        """
        newest = self.newest()
        if newest is None:
            return None
        tensors, held = _read(newest)
        try:
            state = State(**held)
            torch.set_rng_state(tensors.pop(_GENERATOR))
        except (TypeError, KeyError, RuntimeError) as error:
            raise damaged(newest, error) from error
        best = _read(self._best(state))[0] if state.best_step else None
        return state, tensors, best

    def newest(self) -> Path | None:
        """The file that a continued run would start from."""
        return max(self.folder.glob("state-*.safetensors"), default=None)

    def clear(self) -> None:
        """Training is over: nothing is left to continue."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _best(self, state: State) -> Path:
        return self.folder / f"best-{state.best_step:09d}.safetensors"


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    total = 0
    for name in sorted(tensors):
        flat = tensors[name].detach().cpu().contiguous().reshape(-1)
        total = crc32(flat.view(torch.uint8).numpy().data, crc32(name.encode(), total))
    return f"{total:08x}"


def _write(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """One file, whole or not at all."""
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    sibling = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with writing(path):
        try:
            save_tensors(held, sibling, {"state": json.dumps(state), "crc32": _checksum(held)})
            with sibling.open("rb+") as file:
                os.fsync(file.fileno())
            sibling.replace(path)
        finally:
            sibling.unlink(missing_ok=True)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, "pt") as file:
            held = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if _checksum(tensors) != held["crc32"]:
            raise ValueError("its content does not have the checksum that was written with it")
        return tensors, json.loads(held["state"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> TrainError:
    """The error for a checkpoint that can't be continued from."""
    return TrainError(
        f"the training checkpoint is damaged: {str(error).strip().splitlines()[0][:200] if str(error) else type(error).__name__}",
        expected="the file as training wrote it",
        where=str(path),
        remedy=f"Delete the folder {path.parent} and give the same command again: this route then trains from its beginning, "
        "and finished steps are kept. (--force does the same.)",
    )
