"""What a step is, and what it is given: settings, the folders it reads, the folder it writes, a ledger, a console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.base.console import Console
from modelwright.base.evidence import Ledger
from modelwright.spec.load import Loaded
from modelwright.spec.project import Project

EVIDENCE = "evidence.jsonl"


@dataclass(frozen=True)
class Context:
    """Given to a step's work.

    Args:
        loaded: the project.
        run: the run's folder.
        out: the partial folder to write into; it becomes the step's artefact when the work returns.
        inputs: finished steps' folders, by step name.
        ledger: the step's own evidence; it lies beside its artefacts and is copied into the run's ledger.
        console: where people read.
    """

    loaded: Loaded
    run: Path
    out: Path
    inputs: Mapping[str, Path]
    ledger: Ledger
    console: Console

    @property
    def project(self) -> Project:
        return self.loaded.project

    def input(self, stage: str) -> Path:
        """The folder of the one input step of `stage`."""
        (folder,) = (path for name, path in self.inputs.items() if name.partition("/")[0] == stage)
        return folder


@dataclass(frozen=True)
class Step:
    """A unit of work with an artefact of its own: a stage, or a stage for one route.

    Args:
        name: "data", or "train/bilstm".
        needs: steps whose folders it reads.
        settings: the part of the spec (and of the outside world) that shapes its result; its fingerprint is made of it.
        rooms: folders of the package whose code shapes its result.
        work: does it; returns its line for the console.
        apart: run in a worker process of its own: clean memory figures, and a crash is a message.
    """

    name: str
    needs: tuple[str, ...]
    settings: Any
    rooms: tuple[str, ...]
    work: Callable[[Context], str]
    apart: bool = True

    @property
    def stage(self) -> str:
        return self.name.partition("/")[0]

    @property
    def route(self) -> str:
        return self.name.partition("/")[2]
