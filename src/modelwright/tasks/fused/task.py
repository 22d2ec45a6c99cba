"""The task of a fusion: every row is read once by each member, and one graph answers from all of it.

What an answer is, how it is scored and how a request is read is the first member's affair, for all members learn the same
task. Inputs are told apart by their member's name: `textcnn.token_ids`. In the folder, `task.json` names the task and its
members; each member's own files lie in `members/<name>/`, and in `answer/` what the task learned from the answers of all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.errors import ReleaseError
from modelwright.base.nouns import Batch, Example, Row, stack_targets
from modelwright.base.store import write_json, writing
from modelwright.tasks.contract import TASK_FILE, Task, damaged, load_task

FUSED, MEMBERS, ANSWER = "fused", "members", "answer"
_NAME = re.compile(r"[\w][\w.-]*")  # as a project's routes are named; a damaged file never leads out of the folder


def fuse_tasks(members: Mapping[str, Task], answer: Task | None = None) -> Task:
    """One task that reads rows for every member.

    Args:
        members: fitted tasks of the same kind, by the names of their routes.
        answer: decodes; None: the first member, without what it learned from its own model's answers.

    Raises:
        ValueError: there are fewer than two, or they are of different kinds.
    """
    kinds = {type(member) for member in members.values()}
    if len(members) < 2 or len(kinds) != 1:
        raise ValueError(f"{len(members)} members of {len(kinds)} kinds")
    (kind,) = kinds
    return type(f"Fused{kind.__name__}", (_Fused, kind), {})(members, answer)


def load_fused(folder: Path, content: Mapping[str, Any]) -> Task:
    """What a fused task's `save` wrote.

    Args:
        content: of its task.json.

    Raises:
        ReleaseError: files are missing or damaged.
    """
    path, names = folder / TASK_FILE, content[FUSED]
    if not isinstance(names, list) or not all(isinstance(name, str) and _NAME.fullmatch(name) for name in names):
        raise damaged(path, ValueError(f"{FUSED!r} lists no names of routes"))
    try:
        answer = load_task(folder / ANSWER) if (folder / ANSWER).is_dir() else None
        return fuse_tasks({name: load_task(folder / MEMBERS / name) for name in names}, answer)
    except ValueError as error:
        raise damaged(path, error) from error


def input_name(member: str, name: str) -> str:
    """A member's input (or axis) among those of all members."""
    return f"{member}.{name}"


class _Fused(Task):
    """Mixed into the members' own kind: reading is theirs, the rest is as the first of them has it."""

    def __init__(self, members: Mapping[str, Task], answer: Task | None) -> None:
        self.__dict__.update((answer or next(iter(members.values())).for_fusion()).__dict__)
        self.members = dict(members)
        self.axes = {
            input_name(name, array): (axes[0], *(input_name(name, axis) for axis in axes[1:]))
            for name, member in members.items()
            for array, axes in member.axes.items()
        }

    def encode(self, row: Row) -> Example:
        return self._join([member.encode(row) for member in self.members.values()])

    def encode_many(self, rows: Sequence[Row]) -> list[Example]:
        columns = [member.encode_many(rows) for member in self.members.values()]
        return [self._join(examples) for examples in zip(*columns, strict=True)]

    def _join(self, examples: Sequence[Example]) -> Example:
        """One row as all members read it; its length is what the longest reading costs."""
        first = examples[0]
        inputs = {
            input_name(name, key): array
            for name, example in zip(self.members, examples, strict=True)
            for key, array in example.inputs.items()
        }
        return Example(first.row_id, inputs, max(example.length for example in examples), first.target, first.weight)

    def collate(self, examples: Sequence[Example]) -> Batch:
        inputs: dict[str, np.ndarray] = {}
        for name, member in self.members.items():
            own = member.collate([self._part(name, example) for example in examples]).inputs
            inputs.update({input_name(name, key): array for key, array in own.items()})
        return Batch(tuple(example.row_id for example in examples), inputs, *stack_targets(examples))

    def _part(self, name: str, example: Example) -> Example:
        """One member's reading of a row."""
        prefix = input_name(name, "")
        own = {key.removeprefix(prefix): array for key, array in example.inputs.items() if key in self._inputs_of(name)}
        return Example(example.row_id, own, example.length, example.target, example.weight)

    def _inputs_of(self, name: str) -> set[str]:
        return {input_name(name, key) for key in self.members[name].axes}

    def save(self, folder: Path) -> None:
        for name, member in self.members.items():
            own = folder / MEMBERS / name
            with writing(own):
                own.mkdir(parents=True, exist_ok=True)
            member.save(own)
        if type(self).watch is not Task.watch:
            with writing(folder):
                (folder / ANSWER).mkdir(exist_ok=True)
            super().save(folder / ANSWER)  # type: ignore[safe-super]  # the members' kind comes after this class
        write_json(folder / TASK_FILE, {"task": self.name, "format": 1, FUSED: list(self.members)})

    @classmethod
    def load(cls, folder: Path) -> Any:
        """Members have the folders; a fused task is read by `load_task`."""
        return load_task(folder)


def members_of(task: Task) -> Mapping[str, Task]:
    """A fused task's members by name.

    Raises:
        ReleaseError: the task is not fused.
    """
    if not isinstance(task, _Fused):
        raise ReleaseError(
            f"the task {task.name} has no members",
            expected="a fusion's folder",
            where=TASK_FILE,
            remedy="Make it again: modelwright run --from train",
        )
    return task.members
