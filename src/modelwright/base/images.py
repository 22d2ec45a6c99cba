"""Image files as pixels: one rule for the data room, for training and for the server.

which files      PNG, JPEG, GIF, BMP, TIFF, WebP, PPM; told by their content, never by their name
how large        at most 64 megapixels, checked in the header before anything is decoded (a few bytes can claim gigabytes)
which frame      the first of an animation or of several pages, unless frames are asked for
which way up     as the camera noted it (EXIF orientation is applied, then forgotten)
transparency     laid over white
palettes, CMYK, YCbCr, Lab   to RGB
16 bits          to 8 by dividing by 257, so that white stays white
32-bit floats    refused: nobody can say where their black and white are
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from modelwright.base.optional import require

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
MAX_PIXELS = 64_000_000
MAX_FRAMES = 256
"""Frames that are looked at in one file; of longer ones, this many spread evenly."""

Fit = Literal["crop", "pad", "stretch"]


class ImageError(ValueError):
    """Bytes that are no image which is read here. The text says why, as a clause: 'the file is truncated'."""


def frames_of(content: bytes, most: int = 1) -> list[Any]:
    """The pictures in a file, upright, in mode "L" (grey) or "RGB".

    Args:
        content: the file.
        most: frames given at most; of more, these spread evenly from the first to the last.

    Raises:
        ImageError: no image, damaged, too large, or of a kind that is not read.
    """
    library = require("PIL.Image", "image")
    try:
        with library.open(io.BytesIO(content), formats=FORMATS) as file:
            _check_size(file.width, file.height)
            count = getattr(file, "n_frames", 1) if most > 1 else 1
            chosen = _spread(count, most)
            _check_size(file.width * len(chosen), file.height)
            return [_frame(file, number, count) for number in chosen]
    except ImageError:
        raise
    except (library.DecompressionBombError, library.DecompressionBombWarning) as error:
        raise ImageError(f"it claims more than {MAX_PIXELS:,} pixels") from error
    except library.UnidentifiedImageError as error:
        raise ImageError(f"its content is none of {', '.join(FORMATS)}") from error
    except Exception as error:  # the library's readers raise many unrelated classes on damaged files
        said = str(error).partition("\n")[0][:150] or type(error).__name__
        raise ImageError(f"it can't be decoded: {said}") from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(f"it has {width:,} × {height:,} pixels, more than {MAX_PIXELS:,}")
    if width < 1 or height < 1:
        raise ImageError("it has no pixels")


def _spread(count: int, most: int) -> list[int]:
    if count <= most:
        return list(range(count))
    return [int(at) for at in np.linspace(0, count - 1, most)]


def _frame(file: Any, number: int, count: int) -> Any:
    if count > 1:
        file.seek(number)
    image = require("PIL.ImageOps", "image").exif_transpose(file)
    return _plain(image.copy() if image is file else image)


def _plain(image: Any) -> Any:
    """8-bit grey or RGB, without transparency."""
    mode = image.mode
    if mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        library = require("PIL.Image", "image")
        image = image.convert("RGBA")
        white = library.new("RGBA", image.size, "white")
        return library.alpha_composite(white, image).convert("L" if mode in ("LA", "La", "L", "1") else "RGB")
    if mode in ("L", "RGB"):
        return image
    if mode == "1":
        return image.convert("L")
    if mode.startswith("I"):  # I;16 and its byte orders; I holds what a 16-bit file said in 32 bits
        values = np.asarray(image).astype(np.int64).clip(0, 65535)
        return require("PIL.Image", "image").fromarray(((values + 128) // 257).astype(np.uint8))
    if mode == "F":
        raise ImageError("its pixels are 32-bit floating-point numbers")
    return image.convert("RGB")


def is_colour(image: Any) -> bool:
    """Whether a picture of `frames_of` needs three channels: an RGB picture whose channels are equal is grey."""
    if image.mode == "L":
        return False
    pixels = np.asarray(image)
    return bool((pixels[..., 0] != pixels[..., 1]).any() or (pixels[..., 1] != pixels[..., 2]).any())


def pixels_of(image: Any, channels: int, height: int, width: int, fit: Fit) -> np.ndarray:
    """A picture of `frames_of` as uint8 [channels, height, width].

    Args:
        channels: 1 (grey: 0.299 R + 0.587 G + 0.114 B) or 3.
        fit: crop: scaled so that it covers, what juts out is cut off on both sides; pad: scaled so that all of it fits, on black;
            stretch: both sides scaled on their own. Always by triangle filter over all pixels it shrinks (Pillow's BILINEAR).
    """
    wanted = "L" if channels == 1 else "RGB"
    if image.mode != wanted:
        image = image.convert(wanted)
    if image.size != (width, height):
        image = _resized(image, height, width, fit)
    array = np.asarray(image)
    return array[None].copy() if channels == 1 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _resized(image: Any, height: int, width: int, fit: Fit) -> Any:
    library = require("PIL.Image", "image")
    filter_ = library.Resampling.BILINEAR
    if fit == "stretch":
        return image.resize((width, height), filter_)
    if fit == "crop":
        scale = max(width / image.width, height / image.height)
        cut_x, cut_y = (image.width - width / scale) / 2, (image.height - height / scale) / 2
        box = (max(0.0, cut_x), max(0.0, cut_y), min(image.width, image.width - cut_x), min(image.height, image.height - cut_y))
        return image.resize((width, height), filter_, box=box)
    scale = min(width / image.width, height / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    page = library.new(image.mode, (width, height))
    page.paste(image.resize(inner, filter_), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return page


def fingerprint(content: bytes) -> str:
    """A hash of what is seen: files that show the same pixels in all their frames have the same one, whatever their format.

    Raises:
        ImageError: see `frames_of`.
    """
    digest = hashlib.sha256()
    for image in frames_of(content, MAX_FRAMES):
        digest.update(f"{image.mode}{image.size}".encode())
        digest.update(image.tobytes())
    return digest.hexdigest()


def png(pixels: np.ndarray) -> bytes:
    """uint8 [height, width] or [height, width, 3] as a PNG file: small pictures six times faster than the library's writer.

    The rows are stored unfiltered and deflated lightly (the format: ISO/IEC 15948).
    """
    import struct
    import zlib

    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + pixels[0].size), np.uint8)  # each row starts with its filter: 0, none
    rows[:, 1:] = pixels.reshape(height, -1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + chunk(b"IEND", b"")


def thumbnail(content: bytes, side: int = 96) -> str:
    """A picture of at most `side` pixels a side, enlarged where it is tiny, as a data URI for pages.

    Raises:
        ImageError: see `frames_of`.
    """
    import base64

    image = frames_of(content)[0]
    scale = min(side / image.width, side / image.height)
    if scale >= 2 or scale < 1:
        library = require("PIL.Image", "image")
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, library.Resampling.NEAREST if scale >= 2 else library.Resampling.BILINEAR)
    held = io.BytesIO()
    kind = "PNG" if image.mode == "L" else "JPEG"
    image.save(held, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(held.getvalue()).decode()}"


def same_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """The one size that all have; None if they differ or there are none."""
    return sizes[0] if sizes and all(size == sizes[0] for size in sizes) else None
