"""Questions and answers in YAML: `conversations` is a list of exchanges, each a list of texts that alternate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from modelwright.base.errors import DataError
from modelwright.data.sources.source import RawRow, Reading

COLUMNS = ("question", "answer", "topic")


def read(contents: Mapping[str, bytes], where: str) -> Reading:
    """A row for each question and the answer after it, in order. What is no list is given with its `problem`.

    Args:
        contents: topic → the file's bytes.
        where: the dataset, for messages.

    Raises:
        DataError: a file is no such YAML.
    """
    parsed = {topic: _exchanges(content, f"{where}: {topic}") for topic, content in contents.items()}

    def rows() -> Iterator[RawRow]:
        for topic, exchanges in parsed.items():
            for number, turns in enumerate(exchanges, 1):
                if not isinstance(turns, list):
                    yield RawRow(f"{topic}:{number}", {}, f"a {type(turns).__name__}, not a list of texts")
                    continue
                for place in range(0, len(turns) - 1, 2):
                    values = {"question": str(turns[place]).strip(), "answer": str(turns[place + 1]).strip(), "topic": topic}
                    yield RawRow(f"{topic}:{number}.{place // 2 + 1}", values)

    return Reading(COLUMNS, rows(), "utf-8")


def _exchanges(content: bytes, where: str) -> list[Any]:
    try:
        found = yaml.safe_load(content.decode("utf-8"))["conversations"]
        if not isinstance(found, list):
            raise TypeError("conversations is no list")
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise DataError(
            f"the file can't be read: {str(error).splitlines()[0][:200]}",
            expected="YAML with `conversations`, a list of lists of texts",
            where=where,
            remedy="Give a file of that form.",
        ) from error
    return found
