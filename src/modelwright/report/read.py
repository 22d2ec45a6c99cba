"""Reads a run folder: what its stages wrote, and the ledger. What is not there is None, or absent from its mapping; nothing
is filled in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.base.errors import DataError
from modelwright.base.evidence import Evidence, Ledger
from modelwright.base.store import file_hash

LEDGER = "evidence.jsonl"


@dataclass(frozen=True)
class Artefact:
    """One file that the report drew from. `sha256` is of its bytes."""

    path: str
    stage: str
    sha256: str

    @property
    def id(self) -> str:
        """The anchor by which blocks of the page link to this file."""
        return "a-" + self.path.replace("/", "-").replace(" ", "-")


@dataclass(frozen=True)
class Run:
    """A run folder, read.

    Args:
        folder: where it lies.
        info: `run.json`; project: the resolved settings.
        records: every record of the ledger, in order; evidence: the newest of each name.
        card, decision, variants, load, plan: each stage's artefact, or None.
        risks, compliance, capacity, ways, learning, financing: what the plan stage wrote beside it (`plan/*.json`), or None; ways
            is `plan/route.json`: build, fine-tune or buy.
        forecasts, results, curves, searches (for settings), evaluations, attributions (what spoke for answers), languages (what language
            models can do): by route, in the project's order; a route that has none is absent.
        release: `release.json` of the shipped folder; model_card: its README.md is there.
        artefacts: each file read, by its path inside the folder.
    """

    folder: Path
    info: Mapping[str, Any]
    project: Mapping[str, Any]
    records: tuple[Evidence, ...]
    evidence: Mapping[str, Evidence]
    card: Mapping[str, Any] | None
    forecasts: Mapping[str, Mapping[str, Any]]
    results: Mapping[str, Mapping[str, Any]]
    curves: Mapping[str, tuple[Mapping[str, Any], ...]]
    searches: Mapping[str, Mapping[str, Any]]
    evaluations: Mapping[str, Mapping[str, Any]]
    attributions: Mapping[str, Mapping[str, Any]]
    languages: Mapping[str, Mapping[str, Any]]
    decision: Mapping[str, Any] | None
    variants: Mapping[str, Any] | None
    load: Mapping[str, Any] | None
    plan: Mapping[str, Any] | None
    risks: Mapping[str, Any] | None
    compliance: Mapping[str, Any] | None
    capacity: Mapping[str, Any] | None
    ways: Mapping[str, Any] | None
    learning: Mapping[str, Any] | None
    financing: Mapping[str, Any] | None
    release: Mapping[str, Any] | None
    model_card: bool
    artefacts: Mapping[str, Artefact]

    @property
    def routes(self) -> tuple[str, ...]:
        """The project's routes in its order, then any other that left artefacts."""
        named = [*self.project.get("routes", {}), *self.forecasts, *self.results, *self.evaluations]
        return tuple(dict.fromkeys(named))

    @property
    def chosen(self) -> str | None:
        return self.decision.get("route") if self.decision else None

    @property
    def metric(self) -> str | None:
        """The metric that decides: the decision's, else the first evaluation's headline."""
        if self.decision and self.decision.get("metric"):
            return self.decision["metric"]
        return next((item["headline"] for item in self.evaluations.values() if item.get("headline")), None)


def read_run(folder: Path) -> Run:
    """Read what is there.

    Raises:
        DataError: no run folder, or a file in it is damaged.
    """
    if not folder.is_dir():
        raise DataError(
            "there is no such run folder",
            expected="a folder runs/<id> written by modelwright run",
            where=str(folder),
            remedy="List the project's runs, or make one: modelwright run",
        )
    reader = _Reader(folder)
    project = reader.json("project.json") or {}
    ledger = Ledger(folder / LEDGER)
    records = reader.parse(LEDGER, lambda: tuple(ledger)) if ledger.path.exists() else ()
    return Run(
        folder=folder,
        info=reader.json("run.json") or {},
        project=project,
        records=records,
        evidence={record.name: record for record in records},
        card=reader.json("data/card.json"),
        forecasts=reader.by_route("forecast", "forecast.json", project),
        results=reader.by_route("train", "result.json", project),
        curves=reader.by_route("train", "curve.jsonl", project),
        searches=reader.by_route("train", "tuning.json", project),
        evaluations=reader.by_route("evaluate", "evaluation.json", project),
        attributions=reader.by_route("evaluate", "attributions.json", project),
        languages=reader.by_route("evaluate", "language.json", project),
        decision=reader.json("choose/decision.json"),
        variants=reader.json("compress/variants.json"),
        load=reader.json("rehearse/load.json"),
        plan=reader.json("plan/plan.json"),
        risks=reader.json("plan/risks.json"),
        compliance=reader.json("plan/compliance.json"),
        capacity=reader.json("plan/capacity.json"),
        ways=reader.json("plan/route.json"),
        learning=reader.json("plan/learning.json"),
        financing=reader.json("plan/financing.json"),
        release=reader.json("release/release.json"),
        model_card=(folder / "release" / "README.md").is_file(),
        artefacts=reader.artefacts,
    )


class _Reader:
    """Reads files and remembers which."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artefacts: dict[str, Artefact] = {}

    def json(self, path: str) -> Any:
        file = self.folder / path
        if not file.is_file():
            return None
        content = self.parse(path, lambda: json.loads(file.read_text(encoding="utf-8")))
        if not isinstance(content, dict):
            raise _damaged(path, f"holds a {type(content).__name__}, not an object")
        self._remember(path)
        return content

    def lines(self, path: str) -> tuple[Any, ...] | None:
        file = self.folder / path
        if not file.is_file():
            return None
        content = self.parse(
            path, lambda: tuple(map(json.loads, filter(str.strip, file.read_text(encoding="utf-8").split("\n"))))
        )
        self._remember(path)
        return content

    def by_route(self, stage: str, name: str, project: Mapping[str, Any]) -> dict[str, Any]:
        """The file `name` of each route that has one: the project's order first, others by name."""
        here = self.folder / stage
        folders = {path.name for path in here.iterdir() if path.is_dir()} if here.is_dir() else set()
        ordered = [route for route in project.get("routes", {}) if route in folders]
        ordered += sorted(route for route in folders - set(ordered) if not route.endswith(".partial"))
        read = self.lines if name.endswith(".jsonl") else self.json
        found = {route: read(f"{stage}/{route}/{name}") for route in ordered}
        return {route: content for route, content in found.items() if content is not None}

    def parse(self, path: str, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(path, f"can't be read: {error}") from error

    def _remember(self, path: str) -> None:
        self.artefacts[path] = Artefact(path, path.partition("/")[0], file_hash(self.folder / path))


def _damaged(path: str, what: str) -> DataError:
    stage = path.partition("/")[0]
    again = f"modelwright run --from {stage}" if "/" in path else "modelwright run"
    return DataError(what, expected="the JSON that its stage wrote", where=path, remedy=f"Make it again: {again}")
