"""Files in bounded pieces: nothing lost, nothing held, what is broken named by its byte."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.base.errors import DataError
from modelwright.data.corpus import lines
from modelwright.data.corpus.lines import pieces
from modelwright.data.corpus.normal import normalised


class Slow(io.BytesIO):
    """Gives a few bytes at a time, so that pieces and separators are cut everywhere."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 7))


@settings(max_examples=80, deadline=None)
@given(st.text("ab\n<新|>", max_size=80), st.sampled_from([b"\n", b"\n\n", b"<|", b""]))
def test_pieces_are_those_of_the_whole(text: str, separator: bytes) -> None:
    content = text.encode()
    found = list(pieces(Slow(content), "x", separator, "utf-8", most=20))
    parts = [part for part in (content.split(separator) if separator else [content]) if part.strip() or len(part) > 20]
    assert [piece.text for piece in found] == [part.decode() if len(part) <= 20 else None for part in parts]
    for piece, part in zip(found, parts, strict=True):
        assert content[piece.start :].startswith(part)
        if len(part) > 20:
            assert f"{len(part)} bytes from byte {piece.start}" in piece.problem


def test_a_broken_byte_is_named_and_the_rest_is_read() -> None:
    content = b"first line\nsecond \xff line\nthird\n"
    found = list(pieces(io.BytesIO(content), "x.jsonl", b"\n", "utf-8"))
    assert [piece.text for piece in found] == ["first line", None, "third"]
    assert found[1].problem == f"byte 0xff at {content.index(0xFF)} of the file is not utf-8"


class Endless(io.RawIOBase):
    """One line of many bytes, made while it is read."""

    def __init__(self, size: int) -> None:
        self.left, self.most, self.tail = size, 0, b"\nthe next line\n"

    def read(self, size: int = -1) -> bytes:
        self.most = max(self.most, size)
        if self.left:
            given = min(size, self.left)
            self.left -= given
            return b"x" * given
        tail, self.tail = self.tail, b""
        return tail


def test_a_line_of_a_gigabyte_is_passed_over_without_being_held() -> None:
    stream = Endless(1 << 30)
    found = list(pieces(stream, "x", b"\n", "utf-8"))  # type: ignore[arg-type]
    assert [piece.text for piece in found] == [None, "the next line"]
    assert "1,073,741,824 bytes from byte 0" in found[0].problem
    assert 0 < stream.most <= 1 << 18


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        ("\ufeff新闻".encode(), "auto", "新闻"),
        (("经济增长的新闻报道，今天的天气很好，我们去公园。" * 20).encode("gb18030"), "auto", "经济增长"),
        ("naïve café".encode("cp1252"), "cp1252", "naïve café"),
    ],
)
def test_encodings(content: bytes, encoding: str, text: str) -> None:
    (found,) = pieces(io.BytesIO(content), "x", b"", encoding)
    assert found.text is not None and found.text.startswith(text)


@pytest.mark.parametrize(
    ("content", "encoding", "told"),
    [("ab".encode("utf-16"), "auto", "UTF-16"), (b"ab\0cd", "auto", "NUL"), (b"ab", "utf-99", "not an encoding")],
)
def test_what_is_no_text_is_refused(content: bytes, encoding: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        list(pieces(io.BytesIO(content), "x", b"", encoding))


def test_an_odd_byte_does_not_change_the_encoding() -> None:
    codecs: list[str] = []
    found = list(pieces(io.BytesIO(b"plain \xff text"), "x", b"", "auto", codecs.append))
    assert codecs == ["utf-8"] and "0xff at 6" in found[0].problem
    assert lines.MOST_BYTES == 10_000_000


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",)) | st.sampled_from(" \t\r\n\u00a0\u3000\u0301e\u200b"), max_size=40))
def test_writing_one_way_is_done_once(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once
    assert "\r" not in once and "\x00" not in once and "\n\n\n" not in once and once == once.strip()


def test_what_means_something_stays() -> None:
    assert normalised("def f():\r\n\treturn 1  \n\n\n\nx\u00a0y") == "def f():\n\treturn 1\n\nx y"
    assert normalised("e\u0301\x00 \ufeff\u3000新\n\u3000\u3000闻") == "é \u3000新\n\u3000\u3000闻"
