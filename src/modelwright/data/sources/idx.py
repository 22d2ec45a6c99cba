"""IDX files, the format of MNIST: images and labels in two files, gzipped or not (LeCun et al. 1998).

Two zero bytes, a type (8: unsigned bytes), the number of axes, each axis as four bytes (big end first), then the values.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modelwright.base.errors import DataError
from modelwright.data.sources.source import RawRow, Reading

COLUMNS = ("image", "label", "split")
_NAME = re.compile(r"(images?|labels?)[-._]idx[13]|idx[13][-._]ubyte")
_SPLITS = {"train": "train", "t10k": "test", "test": "test", "valid": "validation", "val": "validation"}


@dataclass(frozen=True)
class Part:
    """One pair of files.

    Args:
        split: "train", "test", "validation", or a name of their own.
        images, labels: contents of the files, gzipped or not.
        where: their place, for messages.
    """

    split: str
    images: bytes
    labels: bytes
    where: str


def is_idx(path: Path) -> bool:
    """Whether a file is named as IDX files are (`train-images-idx3-ubyte`, perhaps with .gz)."""
    return _NAME.search(path.name.lower()) is not None


def list_files(folder: Path) -> list[Path]:
    """The IDX files that lie directly in a folder."""
    return sorted(path for path in folder.iterdir() if path.is_file() and is_idx(path))


def read(paths: Sequence[Path]) -> Reading:
    """Rows `image` (pixels), `label` and `split` of all pairs among `paths`; a single file of images finds its labels beside it.

    Raises:
        DataError: a file without its partner, damaged, or of another type.
    """
    pictures = [path for path in paths if _is_images(path)]
    if not pictures:
        raise DataError(
            f"there are labels, but no images: {', '.join(path.name for path in paths)}",
            expected="pairs such as train-images-idx3-ubyte and train-labels-idx1-ubyte",
            where=str(paths[0].parent),
            remedy="Give the folder that holds both.",
        )
    parts = []
    for path in pictures:
        labels = path.with_name(path.name.replace("images", "labels").replace("image", "label").replace("idx3", "idx1"))
        found = next(
            (other for other in (labels, labels.with_name(labels.name + ".gz"), labels.with_suffix("")) if other.is_file()), None
        )
        if found is None or found == path:
            raise DataError(
                "there is no file of labels beside the images",
                expected=labels.name,
                where=str(path),
                remedy="Put both files into one folder.",
            )
        parts.append(Part(_split(path.name), path.read_bytes(), found.read_bytes(), str(path)))
    return Reading(COLUMNS, rows(parts, {}))


def rows(parts: Sequence[Part], names: Mapping[int, str]) -> Iterator[RawRow]:
    """Rows of all parts, one after another.

    Args:
        names: class number → label; others are their numbers.

    Raises:
        DataError: see `read`.
    """
    for part in parts:
        images, labels = _array(part.images, part.where), _array(part.labels, f"{part.where} (labels)")
        if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3) or labels.ndim != 1:
            raise _damaged(f"the images have {images.ndim} axes, the labels {labels.ndim}", part.where)
        if len(images) != len(labels):
            raise _damaged(f"there are {len(images):,} images and {len(labels):,} labels", part.where)
        for number, (pixels, label) in enumerate(zip(images, labels.tolist(), strict=True), 1):
            values = {"image": pixels, "label": names.get(label, str(label)), "split": part.split}
            yield RawRow(f"{part.split}:{number}", values)


def _array(content: bytes, where: str) -> np.ndarray:
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise _damaged(f"the gzip stream is damaged: {error}", where) from error
    if len(content) < 4 or content[:2] != b"\0\0":
        raise _damaged("the file does not begin as an IDX file", where)
    if content[2] != 8:
        raise _damaged(f"its values are of type {content[2]:#04x}, not unsigned bytes", where)
    axes = content[3]
    if len(content) < 4 + 4 * axes:
        raise _damaged("the file ends within its header", where)
    shape = struct.unpack(f">{axes}I", content[4 : 4 + 4 * axes])
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if len(values) != math.prod(shape):
        raise _damaged(f"the header promises {math.prod(shape):,} values, the file has {len(values):,}", where)
    return values.reshape(shape)


def _is_images(path: Path) -> bool:
    name = path.name.lower()
    return "image" in name or ("label" not in name and "idx3" in name)


def _split(name: str) -> str:
    lower = name.lower()
    return next((split for start, split in _SPLITS.items() if lower.startswith(start)), re.split(r"[-._]", lower)[0])


def _damaged(came: str, where: str) -> DataError:
    return DataError(
        came,
        expected="an IDX file of unsigned bytes: images [n, height, width], labels [n]",
        where=where,
        remedy="Fetch the file again.",
    )
