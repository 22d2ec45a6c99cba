"""Text and JSON lines as streams of bounded pieces, decoded one by one: a broken or giant piece is named and passed over, and what
follows it is read all the same.
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from modelwright.base.errors import DataError
from modelwright.data.sources.encoding import detect

MOST_BYTES = 10_000_000
"""Of one document: a longer one is a mistake, or a file that should be divided."""
_CHUNK = 1 << 18
_SAMPLE = 1 << 18
_STRAYS = 3
"""Bad bytes that don't make a file one of another encoding."""
_ESCAPED = re.compile("[\udc80-\udcff]")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file.

    Args:
        number: the how-manyeth piece, from 1.
        start: its first byte's place in the file (unpacked, where it is compressed).
        text: decoded; None if it can't be used.
        problem: why not.
    """

    number: int
    start: int
    text: str | None
    problem: str = ""


def pieces(
    file: BinaryIO,
    name: str,
    separator: bytes,
    encoding: str,
    told: Callable[[str], None] = lambda codec: None,
    most: int = MOST_BYTES,
) -> Iterator[Piece]:
    """What lies between separators, in order; the file is read once, and no more than a piece of it is held.

    Args:
        file: opened for reading bytes.
        name: for messages.
        separator: between pieces; empty: the whole file is one.
        encoding: "auto" (a mark, UTF-8, else told from the first bytes), or a codec's name.
        told: is given the codec that the file turns out to have.

    Raises:
        DataError: the file is binary, or of an encoding that can't be divided by bytes.
    """
    head = file.read(_SAMPLE)
    codec = _codec(head, name, encoding)
    told(codec)
    if head.startswith(codecs.BOM_UTF8):
        head = head[3:]
        place = 3
    else:
        place = 0
    for number, (start, raw) in enumerate(_divided(file, head, place, separator, most), 1):
        yield _piece(number, start, raw, codec, most)


def _piece(number: int, start: int, raw: bytes | int, codec: str, most: int) -> Piece:
    if isinstance(raw, int):
        return Piece(number, start, None, f"{raw:,} bytes from byte {start:,} on, more than the {most:,} of a document")
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        at = start + error.start
        return Piece(number, start, None, f"byte {raw[error.start]:#04x} at {at:,} of the file is not {codec}")
    if "\0" in text:
        return Piece(number, start, None, f"a NUL byte at {start + raw.index(0):,} of the file: no text")
    return Piece(number, start, text)


def _divided(file: BinaryIO, head: bytes, place: int, separator: bytes, most: int) -> Iterator[tuple[int, bytes | int]]:
    """(start, bytes) of each piece, or (start, how many bytes) of one that is too long. Empty pieces are left out.

    Chunks without a separator are laid aside and joined once; of a piece that is too long only its length is kept, and what may
    begin a separator.
    """
    keep = max(0, len(separator) - 1)
    aside, size, start, dropped = [b""], 0, place, 0
    for chunk in itertools.chain([head], iter(lambda: file.read(_CHUNK), b"")):
        edge = aside[-1][len(aside[-1]) - keep :] if len(aside[-1]) >= keep else b"".join(aside)[-keep:]
        aside.append(chunk)
        size += len(chunk)
        if separator and (separator in edge + chunk[:keep] or separator in chunk):
            *parts, rest = b"".join(aside).split(separator)
            for part in parts:
                if dropped + len(part) > most:
                    yield start, dropped + len(part)
                elif part.strip():
                    yield start, part
                start, dropped = start + dropped + len(part) + len(separator), 0
            aside, size = [rest], len(rest)
        if size > most:
            rest = b"".join(aside)[size - keep :]
            dropped, aside, size = dropped + size - len(rest), [rest], len(rest)
    last = b"".join(aside)
    if dropped + len(last) > most:
        yield start, dropped + len(last)
    elif last.strip():
        yield start, last


def _codec(head: bytes, name: str, wanted: str) -> str:
    if wanted != "auto":
        try:
            codec = codecs.lookup(wanted).name
        except LookupError:
            raise DataError(
                f"{wanted!r} is not an encoding",
                expected="a Python codec name, such as utf-8, gb18030, big5, cp1252",
                where=f"data.encoding ({name})",
                remedy="Mend data.encoding, or set it to auto.",
            ) from None
        if codec.startswith(("utf-16", "utf-32")):
            raise _wide(name)
        return codec
    if head.startswith(_WIDE):
        raise _wide(name)
    if b"\0" in head:
        raise DataError(
            f"there is a NUL byte at {head.index(0):,}: this is a binary file, or a damaged one",
            expected="a text file",
            where=name,
            remedy="Take it out of the folder, or export it again as text.",
        )
    if _reads_as_utf8(head):
        return "utf-8"
    return detect(head) or "utf-8"


def _reads_as_utf8(head: bytes) -> bool:
    """Whether it is UTF-8 but for strays: a few bad bytes, or at least ten good non-ASCII characters for each. The last character
    may be cut."""
    text = head.decode("utf-8", "surrogateescape")
    bad = len(_ESCAPED.findall(text[:-3] if len(head) == _SAMPLE else text))
    good = sum(1 for character in text if character > "\x7f") - bad
    return bad <= _STRAYS or good >= 10 * bad


def _wide(name: str) -> DataError:
    return DataError(
        "the file is UTF-16 or UTF-32",
        expected="UTF-8, or another encoding whose lines end with one byte",
        where=name,
        remedy=f"Convert it: iconv -f UTF-16 -t UTF-8 {name} > utf8-{name}",
    )
