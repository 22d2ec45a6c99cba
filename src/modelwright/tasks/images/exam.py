"""Made images for the examiner: stripes and discs that a tiny network learns in seconds, and files that are hard to read."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np

from modelwright.base.images import png
from modelwright.base.nouns import Row
from modelwright.base.optional import require

KINDS = ("grey", "colour", "frames")
SIDE = 16
_ROWS = 96


def rows(seed: int, kind: str) -> list[Row]:
    """Rows to learn from.

    "grey": horizontal stripes, vertical stripes, a disc. "colour": red or blue, bright or dark: two labels a row. "frames": one to
    four frames of a stripe pattern.
    """
    generator = np.random.default_rng([seed, KINDS.index(kind)])
    return [_MAKERS[kind](f"{kind}-{number}", generator) for number in range(_ROWS)]


def _noisy(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return np.clip(pixels + generator.normal(0, 25, pixels.shape), 0, 255).astype(np.uint8)


def _pattern(label: str, generator: np.random.Generator) -> np.ndarray:
    down, across = np.mgrid[:SIDE, :SIDE]
    if label == "disc":
        middle = generator.integers(6, 10, 2)
        return np.where((down - middle[0]) ** 2 + (across - middle[1]) ** 2 < 20, 220.0, 30.0)
    lines = down if label == "horizontal" else across
    return np.where((lines + generator.integers(4)) // 2 % 2 == 0, 220.0, 30.0)


def _grey(row_id: str, generator: np.random.Generator) -> Row:
    label = str(generator.choice(["disc", "horizontal", "vertical"]))
    return Row(row_id, {"image": png(_noisy(_pattern(label, generator), generator)), "label": label})


def _colour(row_id: str, generator: np.random.Generator) -> Row:
    hue, light = generator.choice(["blue", "red"]), generator.choice(["bright", "dark"])
    pixels = np.full((SIDE, SIDE, 3), 30.0)
    pixels[..., 0 if hue == "red" else 2] = 220 if light == "bright" else 110
    return Row(row_id, {"image": png(_noisy(pixels, generator)), "label": (str(hue), str(light))})


def _frames(row_id: str, generator: np.random.Generator) -> Row:
    label = str(generator.choice(["horizontal", "vertical"]))
    count = int(generator.integers(1, 5))
    frames = tuple(png(_noisy(_pattern(label, generator), generator)) for _ in range(count))
    return Row(row_id, {"image": frames, "label": label})


_MAKERS = {"grey": _grey, "colour": _colour, "frames": _frames}


def bomb(width: int = 12_000, height: int = 12_000) -> bytes:
    """A PNG of a few bytes whose header claims many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def saved(kind: str, mode: str, **options: Any) -> bytes:
    """A small picture as a file of another format or mode."""
    import io

    library = require("PIL.Image", "image")
    held = io.BytesIO()
    library.new("RGB", (20, 12), (200, 30, 30)).convert(mode).save(held, kind, **options)
    return held.getvalue()


def requests() -> list[Any]:
    good = png(np.full((SIDE, SIDE), 200, np.uint8))

    def asked(content: bytes) -> dict[str, str]:
        return {"image": base64.b64encode(content).decode()}

    return [
        asked(good),
        good,
        {"image": "data:image/png;base64," + base64.b64encode(good).decode()},
        {"image": [base64.b64encode(good).decode()] * 3},
        asked(png(np.zeros((1, 1), np.uint8))),
        asked(png(np.zeros((3, 900, 3), np.uint8))),
        asked(saved("JPEG", "CMYK")),
        asked(saved("PNG", "RGBA")),
        asked(saved("GIF", "P")),
        asked(saved("TIFF", "1")),
        asked(good[: len(good) // 2]),
        asked(bomb()),
        asked(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n"),
        asked(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        asked(b"no image at all"),
        {"image": ""},
        {"image": []},
        {"image": "not base64!"},
        {"image": "/etc/passwd"},
        {"image": None},
        {"image": 5},
        {"image": ["", 5]},
        {"text": "a"},
        {},
        [],
        None,
        7,
        "picture.png",
        b"",
    ]
