"""A YAML file as a plain tree that remembers the line of every key. Nothing in it is ever executed."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

import yaml

from modelwright.base.errors import SpecError

Keys = tuple[str | int, ...]
"""The way to a value: ("routes", "bilstm", "width")."""

_LARGEST_FILE = 100_000


class Places:
    """Where a key stands: file:line, or the override that set it."""

    def __init__(self, file: Path, lines: dict[Keys, int]) -> None:
        self.file, self.lines = file, lines
        self.overridden: dict[Keys, str] = {}
        self.shown: dict[Keys, str] = {}  # values from the environment, as references: errors must not print secrets

    def of(self, path: Keys) -> str:
        for size in range(len(path), -1, -1):
            if path[:size] in self.overridden:
                return f"override {self.overridden[path[:size]]}"
            if path[:size] in self.lines:
                return f"{self.file.name}:{self.lines[path[:size]]}"
        return self.file.name


def parse(text: str, file: Path) -> tuple[dict[str, Any], dict[Keys, int]]:
    """The tree, and the line of each key and item.

    Raises:
        SpecError: no YAML, a key twice, no mapping; with file and line.
    """
    lines: dict[Keys, int] = {(): 1}

    def fail(message: str, line: int) -> typing.NoReturn:
        raise SpecError(message, expected="valid YAML with each key once", where=f"{file.name}:{line}", remedy="Mend the line.")

    def build(node: yaml.Node, path: Keys) -> Any:
        line = node.start_mark.line + 1
        if len(lines) > _LARGEST_FILE:  # a few lines of nested aliases can stand for more than any memory holds
            fail(f"the file holds more than {_LARGEST_FILE:,} settings", line)
        if isinstance(node, yaml.MappingNode):
            result: dict[str, Any] = {}
            for key_node, value_node in node.value:
                line = key_node.start_mark.line + 1
                if not isinstance(key_node, yaml.ScalarNode):
                    fail("a key is not a plain word", line)
                key = str(key_node.value)
                if key in result:
                    fail(f"the key {key!r} appears twice", line)
                lines[(*path, key)] = line
                result[key] = build(value_node, (*path, key))
            return result
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                lines[(*path, index)] = item.start_mark.line + 1
                items.append(build(item, (*path, index)))
            return items
        try:
            return loader.construct_object(node)
        except ValueError as error:  # looks like a date or a number and is none: 2026-13-45
            fail(f"{node.value!r} can't be read: {error}", line)

    try:
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            tree = build(root, ()) if root is not None else {}
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        fail(str(error.problem), (error.problem_mark.line if error.problem_mark else 0) + 1)
    except yaml.reader.ReaderError as error:  # unprintable characters
        fail(str(error).splitlines()[0], text.count("\n", 0, error.position) + 1)
    except RecursionError:
        fail("the file is nested too deeply, or an alias holds itself", 1)
    if not isinstance(tree, dict):
        fail(f"the file holds a {type(tree).__name__}", 1)
    return tree, lines
