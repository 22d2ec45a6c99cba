"""A release folder, loaded to answer: request → Row → Example → graph → Prediction. Knows no network and no torch.

Training, evaluation and this file share the task's `encode`, `collate` and `decode`; nothing here changes an answer. Rows
of similar length are computed together, so that little of a batch is padding.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from modelwright.base.decoding import SETTINGS
from modelwright.base.errors import ReleaseError, RequestError
from modelwright.base.graph import ASKER, GRAPH, SERVED_SPIN_US, Graph, open_graph
from modelwright.base.journey import BATCH_ROWS, predict
from modelwright.base.nouns import Prediction, Row
from modelwright.base.store import MANIFEST, file_hash, read_json
from modelwright.tasks.contract import load_task

CARD = "release.json"
FORMAT = 1
SAMPLE_CHARACTERS = 1000
LEAST_LANES = 2
"""While one is in the graph, outside Python's lock, the other reads texts."""
STRETCH = 1.25
"""The longest row of a batch is at most this many times the shortest: padding is computed like text."""
TWICE_BYTES = 200_000_000
"""A graph larger than this is not loaded a second time for the lanes: memory would double for it."""
_REMEDY = "Make the release again: modelwright run --from release"


class Predictor:
    """A release that answers requests.

    Args:
        release: the folder that the release stage wrote.
        threads: of the graph; 0 takes all cores.
        verify: compare each file that answers depend on with the manifest's hash before it is read. The folder
            `checkpoint/` is for other programs: nothing is served from it, so that its hash does not delay the start.

    Attributes:
        card: what `release.json` says (name, task, route, variant, created, metrics).
        hash: of everything in the release; logged and returned with each answer.
        graph: on all threads, for a row that has the machine to itself.
        lane_graph: for rows that are computed side by side; the same one until `open_lanes`.
        lanes: how many batches are worth computing at a time.
        speaks: whether its graph can be continued token by token, so that it can be chatted with.
        bought: whether a service is asked instead of a graph.

    Raises:
        ReleaseError: the folder is missing, foreign, from a newer version, truncated or changed.
    """

    def __init__(self, release: Path, threads: int = 0, verify: bool = True) -> None:
        self.release = Path(release)
        manifest = _read(self.release, MANIFEST)
        self.card: dict[str, Any] = _read(self.release, CARD)
        self.hash = _check(self.release, manifest, self.card, verify)
        self.task = load_task(self.release)
        self.threads = threads or _cores()
        self.lanes = LEAST_LANES
        self.lane_graph = self.graph = open_graph(self.release, self.threads, SERVED_SPIN_US)
        self.bought = not isinstance(self.graph, Graph)
        if not isinstance(self.graph, Graph):  # lanes wait there, they do not compute
            self.lanes = max(LEAST_LANES, self.graph.service.parallel)

    def open_lanes(self) -> None:
        """Load the graph once more, on one thread: a core for each lane, so that batches which are computed at the same time
        neither share threads nor wait for each other within operators (two cores, busy: 6 to 10 % less processor time a row). Not
        for a release that chats: its rows are scored now and then, and its memory belongs to conversations."""
        if not self.bought and not self.speaks and self.threads > 1 and (self.release / GRAPH).stat().st_size <= TWICE_BYTES:
            self.lane_graph = Graph(self.release / GRAPH, threads=1)
            self.lanes = max(LEAST_LANES, self.threads)

    @property
    def speaks(self) -> bool:
        return (self.release / SETTINGS).is_file()

    @property
    def has_lane_graph(self) -> bool:
        """Whether rows in company are computed by another graph than a row alone."""
        return self.lane_graph is not self.graph

    @property
    def name(self) -> str:
        """Of the project that made the release."""
        return str(self.card.get("name", self.release.name))

    @property
    def sample(self) -> Any | None:
        """A request of the right shape: the example in the task's request type, its texts repeated to the length of a short
        article, for what is learnt from it (buffers, times) shall hold for real requests. None if the type gives none, or the model is a bought one."""
        examples = self.task.request.model_json_schema().get("examples") or [None]
        if self.bought:  # nothing warms up, and each would be paid for
            return None
        if not isinstance(examples[0], dict) or self.speaks:  # longer than a small model's context it would be refused
            return examples[0]
        longer = {key: _lengthen(value) if isinstance(value, str) else value for key, value in examples[0].items()}
        try:
            self.task.encode(self.task.read_request(longer, "sample"))
        except RequestError:  # a text with gaps to fill: those beyond what the model reads would be refused
            return examples[0]
        return longer

    def read(self, requests: Sequence[Any]) -> list[Row]:
        """Requests as rows, whose ids are their places in `requests`.

        Args:
            requests: dicts shaped as the task's `request`, or the plain values they wrap (a text).

        Raises:
            RequestError: the first row that can't be read, by its place: `inputs[3].text`.
        """
        return [self._read_one(request, place) for place, request in enumerate(requests)]

    def _read_one(self, request: Any, place: int) -> Row:
        row_id = str(place)
        try:
            if isinstance(request, dict):
                request = self.task.request.model_validate(request, strict=True)
            return self.task.read_request(request, row_id)
        except ValidationError as error:
            raise _from_validation(error, place) from None
        except RequestError as error:
            where = f"inputs[{place}]" if error.where in ("", row_id) else f"inputs[{place}] {error.where}"
            raise RequestError(error.came, expected=error.expected, where=where, remedy=error.remedy) from None

    def compute(self, rows: Sequence[Row], max_batch: int = BATCH_ROWS, alone: bool = True) -> list[Prediction]:
        """Predictions in the order of `rows`, computed in groups of similar length of at most `max_batch` rows.

        Args:
            alone: take all threads; otherwise one, for others compute at the same time.
        """
        graph = self.graph if alone else self.lane_graph
        return predict(self.task, graph, rows, batch_rows=max_batch, stretch=STRETCH)

    def predict(self, requests: Sequence[Any]) -> list[Prediction]:
        """Read, then compute: predictions in the order of `requests`.

        Raises:
            RequestError: see `read`; nothing is computed then.
        """
        return self.compute(self.read(requests))


def _cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _lengthen(text: str) -> str:
    if " " not in text:  # no words: a file in base64
        return text
    return " ".join([text] * (1 + SAMPLE_CHARACTERS // (len(text) + 1)))[:SAMPLE_CHARACTERS]


def _read(release: Path, name: str) -> dict[str, Any]:
    try:
        content = read_json(release / name)
    except FileNotFoundError:
        what = f"there is no {name} in it" if release.is_dir() else "the folder does not exist"
        raise _foreign(what, release) from None
    except (OSError, ValueError) as error:
        raise ReleaseError(
            f"can't be read: {error}", expected="JSON written by Modelwright", where=str(release / name), remedy=_REMEDY
        ) from error
    if not isinstance(content, dict):
        raise _foreign(f"{name} holds no object", release)
    return content


def _foreign(came: str, release: Path) -> ReleaseError:
    return ReleaseError(
        came,
        expected=f"a release folder written by Modelwright, with {GRAPH} (or {ASKER}), {CARD} and {MANIFEST}",
        where=str(release),
        remedy="Give a run's folder or its release; to make one: modelwright run",
    )


def _check(release: Path, manifest: dict[str, Any], card: dict[str, Any], verify: bool) -> str:
    """The release's hash, once format and files are what they should be."""
    if card.get("format") != FORMAT:
        raise ReleaseError(
            f"the release has format {card.get('format')!r}",
            expected=f"format {FORMAT}, which this version reads",
            where=str(release / CARD),
            remedy="Serve it with the version that made it (release.json names it), or make it again: modelwright run",
        )
    files, digest = manifest.get("files"), manifest.get("digest")
    if not isinstance(files, dict) or not isinstance(digest, str):
        raise _foreign(f"{MANIFEST} lists no files", release)
    for name in (ASKER if ASKER in files else GRAPH, CARD, "task.json"):
        if name not in files:
            raise _foreign(f"{MANIFEST} does not list {name}", release)
    for name, expected in files.items():
        if verify and not name.startswith("checkpoint/"):
            _compare(release / name, expected)
    return digest


def _compare(path: Path, expected: str) -> None:
    came = file_hash(path) if path.is_file() else None
    if came != expected:
        raise ReleaseError(
            "the file is missing" if came is None else f"the file's hash is {came[:12]}…",
            expected=f"hash {expected[:12]}…, as written in {MANIFEST}: the release was changed or copied in part",
            where=str(path),
            remedy=f"Copy the release again from where it was made, or {_REMEDY[0].lower()}{_REMEDY[1:]}",
        )


def _from_validation(error: ValidationError, place: int) -> RequestError:
    """pydantic's complaint about one row, in our four parts (only the first: the next is often its echo)."""
    first = error.errors(include_url=False, include_context=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    found = "" if first["type"] == "missing" else f" (came: {repr(first['input'])[:80]})"
    return RequestError(
        f"the row is not shaped as the model's request: {first['msg']}{found}",
        expected="a row as /openapi.json describes it under components.schemas",
        where=f"inputs[{place}]" + (f".{path}" if path else ""),
        remedy="Correct this row and send the request again; the example there is of the right shape.",
    )
