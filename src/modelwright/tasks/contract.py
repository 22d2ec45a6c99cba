"""The task contract: what is learned, how rows become numbers, how numbers become answers, how answers are scored.

One file in this folder is one task; the folder is walked, there is no list to edit. A task knows no torch and no model:
the same `encode`, `collate` and `decode` run in training and in production.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel

from modelwright.base.errors import ReleaseError, SpecError
from modelwright.base.nouns import Batch, Column, Example, Habits, Outputs, Prediction, Row, Sizes
from modelwright.base.store import read_json
from modelwright.spec.data import Data
from modelwright.spec.routes.fusion import MEMBERS
from modelwright.spec.routes.phases import Phase, phases_of
from modelwright.spec.routes.route import GradientRoute, Route, all_routes
from modelwright.spec.section import Section

TASK_FILE = "task.json"


@dataclass(frozen=True, slots=True)
class Metric:
    """How a figure of `score` is read. `unit` "1" is a ratio between 0 and 1."""

    name: str
    better: Literal["higher", "lower"]
    unit: str = "1"


@dataclass(frozen=True, slots=True)
class More:
    """Rows beside the project's own: prepared as those are, into `data/<name>/`.

    Args:
        spec: their source and how they are cleaned and split.
        columns: the roles that one of these rows must have.
        habits: how they are cleaned and split where `spec` leaves it open.
    """

    spec: Data
    columns: tuple[Column, ...]
    habits: Habits = field(default_factory=Habits)


class NoSettings(Section):
    """The task has no settings of its own."""


class Task(ABC):
    """A task, fitted on training rows for one route.

    Class attributes:
        name: as the Hugging Face hub names it.
        about: what it learns, in a line.
        columns: the roles a row must have; inputs first.
        habits: how its rows are cleaned and split where the project leaves it open.
        settings: its part of the project file (`learn:`), defined in the task's own file.
        reads: the ways in which it can turn rows into inputs; a route names one of them.
        wants: what it needs of a model's outputs; a route gives it.
        metrics: every figure that `score` gives; the first is the headline, which decides unless the project says otherwise.
        request: one row of a request, as served.
        prediction: the Prediction subclass that `decode` gives, as served.
        reference: where an arranged row holds the truth, if that is not the first column which is no input.
        slices: values of its own rows by which its figures are always broken down.
        exam_kinds: the kinds of rows it is examined on, the plainest first.

    Attributes:
        loss: by name ("cross-entropy", "binary-cross-entropy"), for `train/losses.py`.
        sizes: what a model must know to be built ("vocabulary", "classes", "padding", …), by name.
        axes: for each graph input the names of its axes, batch first; they may vary in the exported graph, save those whose name
            is a number: they always have that size.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    habits: ClassVar[Habits] = Habits()
    settings: ClassVar[type[Section]] = NoSettings
    reads: ClassVar[tuple[str, ...]]
    wants: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    request: ClassVar[type[BaseModel]]
    prediction: ClassVar[type[Prediction]]
    reference: ClassVar[str | None] = None
    slices: ClassVar[tuple[str, ...]] = ()
    exam_kinds: ClassVar[tuple[str, ...]]

    loss: str
    sizes: Sizes
    axes: Mapping[str, tuple[str, ...]]

    @classmethod
    def more(cls, learn: Section) -> dict[str, More]:
        """Further sources that this task learns from, by name (a language model's dialogues and preferences).

        Args:
            learn: an instance of `settings`.
        """
        return {}

    @classmethod
    def unusable(cls, rows: Sequence[Row], learn: Section) -> dict[int, str]:
        """Records that only all records together show to be of no use (a second value at one time, a user seen once): their places
        in `rows`, with the reason. They go to quarantine before the split."""
        return {}

    @classmethod
    def described(cls, splits: Mapping[str, Sequence[Row]], learn: Section) -> dict[str, Any]:
        """What the data card tells of the records beside what it tells of any: numbers and texts, by name."""
        return {}

    @classmethod
    def arrange(cls, splits: Mapping[str, Sequence[Row]], learn: Section) -> dict[str, list[Row]]:
        """From the records of each split ("train", "validation", "test") to the rows that are learned from and asked.

        They are the same unless one question spans several records: a forecast is asked of a window of a series, a recommendation
        of a user's history. A row of a later split may look back into earlier ones, never forward.

        Args:
            learn: an instance of `settings`.
        """
        return {name: list(rows) for name, rows in splits.items()}

    @classmethod
    @abstractmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        """Learn vocabulary, labels and statistics from training rows only.

        Args:
            rows: the training split.
            route: its `reads` decides how rows become inputs.
            checkpoint: folder of the checkpoint the route starts from, for its tokenizer; None from scratch.
            learn: an instance of `settings`; None for its defaults.

        Raises:
            DataError: the rows can't teach this task (one class only, no text).
        """

    @abstractmethod
    def encode(self, row: Row) -> Example:
        """One row as unpadded arrays. `target` is None if the row has no label.

        Raises:
            DataError: a label that training did not see.
            RequestError: an input of the wrong type.
        """

    def encode_many(self, rows: Sequence[Row]) -> list[Example]:
        """As `encode` for each row, in order; override where many at once are faster."""
        return [self.encode(row) for row in rows]

    def lessons(self, rows: Sequence[Row]) -> list[Example]:
        """What a model learns from training rows: one example each, unless a row teaches several things (a user's history teaches
        every one of its steps)."""
        return self.encode_many(rows)

    @classmethod
    def phases(cls, route: GradientRoute) -> tuple[Phase, ...]:
        """The trainings that a route goes through, in order, if all their rows are there: one, unless the route says otherwise."""
        return phases_of(route)

    def counted(self, batch: Batch) -> float:
        """What a batch's loss is a mean over: its rows, by weight. A step that is computed in parts weighs each part by it, so that
        it learns the same as in one piece; override where the loss is a mean over something else (tokens)."""
        return float(len(batch.row_ids) if batch.weights is None else batch.weights.sum())

    @abstractmethod
    def collate(self, examples: Sequence[Example]) -> Batch:
        """Stack examples, padding each input to the longest of them."""

    def collection(self) -> Sequence[Example]:
        """What the task wants a model's outputs of, beside rows: the passages of a collection that is searched. Most want nothing."""
        return ()

    def keep(self, outputs: Outputs) -> None:  # noqa: B027  (most tasks keep nothing)
        """Take the outputs of the `collection`, in its order, before anything is decoded with them: of the model as it stands at each
        evaluation, and once more of the finished one, before the task is saved for good."""

    @abstractmethod
    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        """What the graph's outputs say of each row."""

    @abstractmethod
    def align(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """Predictions beside truths, as arrays whose first axis is the row: what `score` needs, ready for resampling."""

    @abstractmethod
    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Every metric that is defined on these rows (ROC-AUC of one class only is not: it is left out)."""

    @abstractmethod
    def chance(self, rows: Sequence[Row]) -> float:
        """The headline metric of the best answer that ignores the input (the most frequent label of `rows`)."""

    @abstractmethod
    def read_request(self, request: Any, row_id: str) -> Row:
        """A validated `request` (or the plain value it wraps, such as a text) as a row.

        Raises:
            RequestError: wrong type, empty, or too large to be meant.
        """

    @classmethod
    def typed(cls, word: str) -> Any:
        """What somebody typed at a command line as a request: the text itself, or the file of that path. Only for people at this
        machine: a server never reads paths."""
        return word

    @classmethod
    def request_of(cls, row: Row) -> dict[str, Any]:
        """A row as the request that asks for it, in JSON: what `read_request` turns back into the row's inputs."""
        return {name: row.values[name] for name in cls.request.model_fields if name in row.values}

    @classmethod
    def shown(cls, row: Row) -> dict[str, str]:
        """A row's inputs for people, in lists of mistakes: "text", and "image" (a data URI) where there is one to see."""
        given = [row.values.get(column.role) for column in cls.columns if column.input]
        return {"text": " ".join(str(value) for value in given if value is not None)}

    def watch(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> None:  # noqa: B027  (most tasks learn nothing)
        """See the trained model's answers on the validation split, once, before the task is saved for good: a task that states
        probabilities may calibrate them here. By default nothing is learned from them."""

    def for_fusion(self) -> Self:
        """As it was before `watch`, and without what only one model can tell (reasons): to decode what several models say together,
        and to watch that. A task that learns from answers offers fusions only if it has this."""
        return self

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write `task.json` (with "task": name) and what else `load` needs, in open formats."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: files are missing or damaged.
        """

    @classmethod
    @abstractmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        """Small made rows that can be learned in seconds, for the examiner. `kind` is one of `exam_kinds`; default: the first."""

    @classmethod
    @abstractmethod
    def exam_strange(cls) -> list[Row]:
        """Rows whose inputs are of a wrong type: `encode` refuses each by RequestError, naming the row."""

    @classmethod
    def exam_unteachable(cls) -> list[list[Row]]:
        """Training splits that `fit` refuses by DataError: no rows; all of one answer; none with an answer."""
        rows, targets = cls.exam_rows(0), [column.role for column in cls.columns if not column.input and column.required]
        if not targets:
            return [[]]
        same = [Row(row.id, {**row.values, **{role: rows[0].values[role] for role in targets}}) for row in rows]
        bare = [Row(row.id, {name: value for name, value in row.values.items() if name not in targets}) for row in rows]
        return [[], same, bare]

    @classmethod
    @abstractmethod
    def exam_requests(cls) -> list[Any]:
        """Hostile requests (empty, huge, wrong types, broken characters): each is answered, or refused by RequestError."""


@cache
def task_names() -> tuple[str, ...]:
    """Every task of the folder, in alphabetical order: a task's file has its name, with underscores. Nothing is imported."""
    stems = (info.name for info in pkgutil.iter_modules([str(Path(__file__).parent)]) if not info.ispkg)
    return tuple(sorted(stem.replace("_", "-") for stem in stems if stem != Path(__file__).stem))


def all_tasks() -> dict[str, type[Task]]:
    """Every task in the folder, by name."""
    return {name: get_task(name) for name in task_names()}


@cache
def get_task(name: str) -> type[Task]:
    """The task called `name`; only its own file is imported, for a project needs one. A task module has one class `TASK`.

    Raises:
        SpecError: there is none; the message lists the folder.
    """
    if name not in task_names():
        raise SpecError(
            f"task {name!r} does not exist",
            expected=f"one of: {', '.join(task_names())}",
            where="task",
            remedy="See: modelwright tasks",
        )
    task: type[Task] = importlib.import_module(f"{__name__.rpartition('.')[0]}.{name.replace('-', '_')}").TASK
    if task.name != name:
        raise ValueError(f"the file of {name} holds the task {task.name}")
    return task


class _TaskFolder:
    """What `spec` must know of tasks (`spec.known.Tasks`)."""

    def names(self) -> list[str]:
        return list(task_names())

    def settings(self, task: str) -> type[Section]:
        return get_task(task).settings

    def routes(self, task: str) -> dict[str, type[Route]]:
        kind = get_task(task)
        return dict(sorted({**routes_of(kind), **fusions_of(kind)}.items()))


TASKS = _TaskFolder()


def routes_of(task: type[Task]) -> dict[str, type[Route]]:
    """The routes that can learn `task`, by name, in alphabetical order: those that read what it offers and give what it wants."""
    found = [route for route in all_routes().values() if route.reads in task.reads and task.wants in route.gives]
    return {route.name: route for route in sorted(found, key=lambda route: route.name)}


def fusions_of(task: type[Task]) -> dict[str, type[Route]]:
    """The routes that combine a task's other routes, by name: they read no rows of their own. A task that learns from a model's
    answers (`watch`) must be able to forget them (`for_fusion`): what the first member's taught would be wrong for those of all."""
    if task.watch is not Task.watch and task.for_fusion is Task.for_fusion:
        return {}
    return {route.name: route for route in all_routes().values() if route.reads == MEMBERS and task.wants in route.gives}


def load_task(folder: Path) -> Task:
    """The fitted task that was saved in `folder`.

    Raises:
        ReleaseError: there is no readable task in it.
    """
    try:
        content = read_json(folder / TASK_FILE)
        name = content["task"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(
            f"no readable {TASK_FILE}: {error}",
            expected="a folder written by Modelwright",
            where=str(folder),
            remedy="Give the folder of a run's release, or make it again: modelwright run --from release",
        ) from error
    if "fused" in content:
        from modelwright.tasks.fused.task import load_fused

        return load_fused(folder, content)
    return get_task(name).load(folder)


def damaged(path: Path, error: Exception) -> ReleaseError:
    """The error for a task's file that is missing or does not parse."""
    return ReleaseError(
        f"can't be read: {str(error).splitlines()[0][:200] if str(error) else type(error).__name__}",
        expected="the file as Modelwright wrote it",
        where=str(path),
        remedy="Make the folder again: modelwright run --from train",
    )
