"""Which encoding a text file has, found in one bounded pass that also refuses what is no text file.

The order of trust: what the project sets; a byte-order mark; UTF-8, which other encodings hardly ever imitate; then detection.
A file that is UTF-8 but for a few bytes stays UTF-8, and its broken rows go to quarantine.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelwright.base.errors import DataError
from modelwright.base.optional import require

LINE_LIMIT_BYTES = 10_000_000
"""A longer line is no row of text but a mistake; the limit bounds memory."""
_CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 18
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it starts with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_HIGH_RUNS = re.compile(rb"[\x80-\xff]+")
_ESCAPED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class TextFile:
    """A checked text file: open it with `encoding` and `errors="surrogateescape"`; `damaged` says that some rows then hold
    bytes that are not of that encoding (`is_damaged` finds them)."""

    path: Path
    encoding: str
    damaged: bool


def is_damaged(text: str) -> bool:
    """Whether a decoded text holds bytes that its encoding could not read."""
    return not text.isascii() and _ESCAPED.search(text) is not None


def inspect(path: Path, wanted: str) -> TextFile:
    """Read the file once: refuse an empty, binary or one-line giant file, and find the encoding.

    Args:
        wanted: "auto" or a codec name.

    Raises:
        DataError: empty, NUL bytes, a line above LINE_LIMIT_BYTES, an unknown codec, or no encoding that fits.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
    if not head.strip():
        raise DataError(
            "the file is empty", expected="a header and rows", where=path.name, remedy="Give the file that holds the data."
        )
    encoding = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    if wanted != "auto":
        encoding = _known(wanted, path)
        if encoding == "utf-8" and head.startswith(codecs.BOM_UTF8):
            encoding = "utf-8-sig"
    wide = (encoding or "").startswith(("utf-16", "utf-32"))
    failure = _scan(path, encoding or "utf-8", check_nul=not wide)
    if failure is None:
        return TextFile(path, encoding or "utf-8", damaged=False)
    with path.open("rb") as file:
        file.seek(max(0, failure - _SAMPLE_BYTES // 2))
        sample = head + b"\n" + file.read(_SAMPLE_BYTES)
    if not wide and _mostly(sample, encoding or "utf-8"):
        return TextFile(path, encoding or "utf-8", damaged=True)
    found = detect(sample)
    if encoding is not None or found is None:
        raise DataError(
            f"the bytes are not {encoding or 'utf-8'} (first at byte {failure:,})",
            expected=f"the encoding {found}, by the look of it"
            if found
            else "utf-8, or the file's true encoding in data.encoding",
            where=path.name,
            remedy=f"Set data.encoding: {found}"
            if found
            else "Set data.encoding to the encoding it was written in, such as gb18030.",
        )
    return TextFile(path, found, damaged=_scan(path, found, check_nul=False) is not None)


def decode_all(contents: list[bytes], wanted: str, where: str) -> tuple[list[str | None], str]:
    """Decode many small texts that share an encoding, up to strays.

    UTF-8 first; the texts that are not UTF-8 are judged together, since one alone is too short to tell.

    Returns:
        the texts in order, None where one can't be decoded; and the encoding of most of them.
    """
    first = "utf-8-sig" if wanted == "auto" else _known(wanted, Path(where))
    texts = [_decoded(content, first) for content in contents]
    failed = [index for index, text in enumerate(texts) if text is None]
    if not failed or wanted != "auto":
        return texts, first.removesuffix("-sig")
    second = detect(b"\n".join(contents[index] for index in failed)[: 4 * _SAMPLE_BYTES])
    if second is not None:
        for index in failed:
            texts[index] = _decoded(contents[index], second)
    return texts, second if second is not None and len(failed) > len(contents) / 2 else "utf-8"


def detect(sample: bytes) -> str | None:
    """The encoding of bytes that are not UTF-8, as a Python codec name, or None if nothing fits well."""
    sample = b"\n".join(line for line in sample.split(b"\n") if not line.isascii())  # plain lines would only dilute the rest
    runs = _HIGH_RUNS.findall(sample)
    lengths = [len(run) for run in runs]
    if runs and sum(lengths) / len(lengths) < 1.5 and sum(lengths) < len(sample) / 4 and _decoded(sample, "cp1252") is not None:
        return "cp1252"  # lone high bytes in plain text: Western European; too few for statistics to tell
    best = require("charset_normalizer", "data").from_bytes(sample).best()
    if best is None:
        return None
    found = codecs.lookup(best.encoding).name
    return "gb18030" if found in ("gb2312", "gbk") else found  # its supersets read them, and what later rows may hold


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _known(name: str, path: Path) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise DataError(
            f"{name!r} is not an encoding",
            expected="a Python codec name, such as utf-8, gb18030, big5, cp1252",
            where=f"data.encoding ({path.name})",
            remedy="Mend data.encoding, or set it to auto.",
        ) from None


def _mostly(sample: bytes, encoding: str) -> bool:
    """Whether the sample reads as `encoding` but for strays: at least ten good non-ASCII characters for each bad byte."""
    text = sample.decode(encoding, "surrogateescape")
    bad = len(_ESCAPED.findall(text))
    good = sum(1 for character in text if character > "\x7f") - bad
    return good >= 10 * bad


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _scan(path: Path, encoding: str, check_nul: bool) -> int | None:
    """One pass in bounded memory. Returns the byte near which decoding first failed, or None if all of it decodes."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    failure, position, line, pending = None, 0, 1, 0
    for chunk in _chunks(path):
        if check_nul and b"\0" in chunk:
            raise _binary(path, line + chunk.count(b"\n", 0, chunk.index(b"\0")))
        first = _first_break(chunk)
        if pending + (len(chunk) if first < 0 else first) > LINE_LIMIT_BYTES:
            raise _too_long(path, line)
        pending = pending + len(chunk) if first < 0 else len(chunk) - 1 - max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        line += chunk.count(b"\n")
        if failure is None:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                failure = position + error.start
        position += len(chunk)
    if failure is None:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            failure = position - 1
    return failure


def _first_break(chunk: bytes) -> int:
    """Where the first line ends, with either line break; -1 if it does not."""
    found = [at for at in (chunk.find(b"\n"), chunk.find(b"\r")) if at >= 0]
    return min(found, default=-1)


def _binary(path: Path, line: int) -> DataError:
    return DataError(
        f"there is a NUL byte in line {line}: this is a binary file, or a damaged one",
        expected="a text file",
        where=f"{path.name}:{line}",
        remedy="Export the data again as text; if it is UTF-16 without a mark, set data.encoding: utf-16-le.",
    )


def _too_long(path: Path, line: int) -> DataError:
    return DataError(
        f"line {line} is longer than {LINE_LIMIT_BYTES:,} bytes",
        expected="one row a line, of at most 10 MB",
        where=f"{path.name}:{line}",
        remedy="Split the file into rows; a giant text is a document, not a row.",
    )
