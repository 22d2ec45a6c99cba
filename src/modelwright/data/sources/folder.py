"""A folder with one sub-folder of text files per class: the sub-folder's name is the label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from modelwright.base.errors import DataError
from modelwright.data.sources.encoding import LINE_LIMIT_BYTES, decode_all
from modelwright.data.sources.source import RawRow, Reading
from modelwright.spec.data import Data

SUFFIXES = (".txt", ".text", ".md")
COLUMNS = ("text", "label", "file")


def list_files(folder: Path) -> list[Path]:
    """The text files of all classes, in a stable order; hidden files and folders are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix.lower() in SUFFIXES
        and len(path.relative_to(folder).parts) >= 2
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def read(folder: Path, spec: Data) -> Reading:
    """Rows `text`, `label`, `file`, one per text file.

    Raises:
        DataError: no text file in any sub-folder.
    """
    files = list_files(folder)
    if not files:
        raise DataError(
            "there are no text files in sub-folders",
            expected=f"one sub-folder per class with files ({', '.join(SUFFIXES)}) in it, or a folder of one kind of table",
            where=str(folder),
            remedy="Give the folder whose sub-folders are the classes.",
        )
    items = []
    for path in files:
        relative = path.relative_to(folder)
        if path.stat().st_size > LINE_LIMIT_BYTES:
            raise DataError(
                f"the file has {path.stat().st_size:,} bytes",
                expected=f"at most {LINE_LIMIT_BYTES:,} bytes for one text",
                where=str(relative),
                remedy="Split it into texts, or take it out of the folder.",
            )
        items.append((relative.parts[0], relative.as_posix(), path.read_bytes()))
    rows, encoding = text_rows(items, spec.encoding, str(folder), title=False)
    return Reading(COLUMNS, rows, encoding)


def text_rows(items: Iterable[tuple[str, str, bytes]], encoding: str, where: str, title: bool) -> tuple[Iterator[RawRow], str]:
    """Rows of (label, file, content), and the encoding of most of them. `title` adds the first line that is not empty."""
    labels, names, contents = zip(*items, strict=True)
    texts, found = decode_all(list(contents), encoding, where)

    def rows() -> Iterator[RawRow]:
        for label, name, text in zip(labels, names, texts, strict=True):
            problem = f"bytes that are not {found}" if text is None else "NUL bytes: not a text file" if "\0" in text else ""
            values = {"text": text, "label": label, "file": name}
            if title:
                values["title"] = next((line.strip() for line in (text or "").splitlines() if line.strip()), None)
            yield RawRow(name, values, problem)

    return rows(), found
