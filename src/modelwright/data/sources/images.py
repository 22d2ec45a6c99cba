"""A folder with one sub-folder of image files per class: the sub-folder's name is the label.

Folders `train`, `test` and `validation` above the classes are kept as the column `split` (see `data.split.by: given`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modelwright.base.images import SUFFIXES
from modelwright.data.given import split_named
from modelwright.data.sources.source import RawRow, Reading

COLUMNS = ("image", "label", "file")


def list_files(folder: Path) -> list[Path]:
    """The image files of all classes, in a stable order; hidden files and folders are left out."""
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if len(parts) >= 2 and path.suffix.lower() in SUFFIXES and path.is_file() and not any(part[0] == "." for part in parts):
            found.append(path)
    return found


def read(folder: Path, files: list[Path]) -> Reading:
    """Rows `image` (path), `label`, `file`, and `split` where the folders say it.

    Args:
        files: of `list_files`, at least one.
    """
    tops = {path.relative_to(folder).parts[0] for path in files}
    depth = min(len(path.relative_to(folder).parts) for path in files)
    divided = depth >= 3 and all(split_named(top) is not None for top in tops)

    def rows() -> Iterator[RawRow]:
        for path in files:
            relative = path.relative_to(folder)
            name = relative.as_posix()
            values = {"image": name, "label": relative.parts[1 if divided else 0], "file": name}
            yield RawRow(name, {**values, "split": relative.parts[0]} if divided else values)

    return Reading((*COLUMNS, "split") if divided else COLUMNS, rows())
