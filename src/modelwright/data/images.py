"""Image cells: whatever a source holds of an image becomes an image file's bytes, seen once to know that it can be read.

Rows keep the file as it came (PNG, JPEG, …): a picture is decoded when it is looked at, and nothing is lost on the way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.images import ImageError, fingerprint, png

MAX_FILE_BYTES = 256_000_000


class UnreadableError(TypeError):
    """A cell that names an image which is not there, or is damaged: the row is unreadable, its type is right."""


class ImageFile(bytes):
    """The bytes of an image file that has been read once.

    Attributes:
        fingerprint: of its pixels: two files that show the same have the same one.
    """

    fingerprint: str

    @classmethod
    def of(cls, content: bytes, seen: str) -> ImageFile:
        made = cls(content)
        made.fingerprint = seen
        return made


def image_cell(value: Any, folder: Path | None) -> ImageFile | tuple[ImageFile, ...] | TypeError:
    """A cell as an image file, or several (frames of a case); a TypeError that says what it is instead.

    Args:
        value: a file's bytes; a path; a data address; {"bytes": …, "path": …} as hub datasets have it; pixels, uint8
            [height, width] or [height, width, 3]; or a list of these.
        folder: where relative paths start; None where a source has no folder.
    """
    if isinstance(value, list | tuple):
        cells = [image_cell(one, folder) for one in value]
        wrong = next((cell for cell in cells if isinstance(cell, TypeError)), None)
        return wrong or tuple(cell for cell in cells if isinstance(cell, ImageFile))
    try:
        if isinstance(value, np.ndarray):
            return _of_pixels(value)
        content = _content(value, folder)
        return ImageFile.of(content, fingerprint(content))
    except ImageError as error:
        return UnreadableError(f"an image that can't be read: {error}")
    except TypeError as error:
        return error


def key(value: Any) -> str:
    """What two equal images have in common."""
    if isinstance(value, tuple):
        return " ".join(map(key, value))
    return value.fingerprint if isinstance(value, ImageFile) else hashlib.sha256(value).hexdigest()


def described(value: Any) -> Any:
    """A cell as a table for people can show it: bytes by their number, pixels by their shape."""
    if isinstance(value, bytes | bytearray):
        return f"({len(value):,} bytes)"
    if isinstance(value, np.ndarray):
        return f"({' × '.join(map(str, value.shape))} pixels)"
    if isinstance(value, Mapping):
        return {name: described(one) for name, one in value.items()}
    return [described(one) for one in value] if isinstance(value, list | tuple) else value


def _of_pixels(pixels: np.ndarray) -> ImageFile:
    """Grey or colour pixels as a PNG; its fingerprint is that of the file, without reading it again."""
    digest = hashlib.sha256(f"{'L' if pixels.ndim == 2 else 'RGB'}{(pixels.shape[1], pixels.shape[0])}".encode())
    digest.update(pixels.tobytes())
    return ImageFile.of(png(pixels), digest.hexdigest())


def _content(value: Any, folder: Path | None) -> bytes:
    """
    Raises:
        TypeError: the value is no image, path or struct of them.
        UnreadableError: the path leads nowhere.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Mapping) and (value.get("bytes") is not None or value.get("path") is not None):
        return _content(value["bytes"] if value.get("bytes") is not None else value["path"], folder)
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__}, not an image file's bytes or path")
    if value.startswith("data:"):
        try:
            return base64.b64decode(value.partition(",")[2], validate=True)
        except binascii.Error as error:
            raise UnreadableError(f"a data address that is no base64: {error}") from error
    return _file(value.strip(), folder)


def _file(name: str, folder: Path | None) -> bytes:
    if "://" in name:
        raise UnreadableError(f"the address {name[:80]!r}: fetch the images first, and name their files")
    path = Path(name).expanduser()
    if folder is None and not path.is_absolute():
        raise UnreadableError(f"the path {name[:80]!r}, but the source has no folder that it could start from")
    path = path if folder is None else folder / path
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnreadableError(f"the file {name[:80]!r} of {path.stat().st_size:,} bytes, more than {MAX_FILE_BYTES:,}")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise UnreadableError(f"the path {name[:80]!r}: {getattr(error, 'strerror', None) or error}") from error
