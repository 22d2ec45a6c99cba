"""Encodings: found where they can be, refused with a suggestion where the project says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelwright.base.errors import DataError
from modelwright.data.sources import delimited
from modelwright.data.sources.encoding import decode_all, inspect
from modelwright.spec.data import Data

CHINESE = "".join(
    f"这是第{number}条新闻，记者从会议上了解到，今年的经济增长超过预期，许多公司的收入都有明显提高。,财经\n"
    for number in range(60)
)
JAPANESE = "".join(
    f"これは{number}番目の記事です。新しい電話が発売されました。とても便利だと思います。,技術\n" for number in range(60)
)
RUSSIAN = "".join(
    f"Это новость номер {number}. Компания объявила о росте прибыли в этом году.,экономика\n" for number in range(60)
)


def read(path: Path, encoding: str = "auto") -> tuple[list, str | None]:
    reading = delimited.read(path, Data(source="x", encoding=encoding))
    return list(reading.rows), reading.encoding


@pytest.mark.parametrize(
    ("content", "encoding", "found"),
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "gbk", "gb18030"),
        (CHINESE, "utf-16", "utf-16"),
        (CHINESE.replace("这", "這"), "utf-8-sig", "utf-8"),
        (JAPANESE, "shift_jis", None),
        (RUSSIAN, "cp1251", None),
        ("The café costs £5 – naïve,a\nPlain words without any accent at all here,b\n", "cp1252", "cp1252"),
    ],
)
def test_detection_reads_every_character(tmp_path: Path, content: str, encoding: str, found: str | None) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(("text,label\n" + content).encode(encoding))
    rows, came = read(path)
    assert [f"{row.values['text']},{row.values['label']}\n" for row in rows] == content.splitlines(keepends=True)
    assert found is None or came == found


def test_an_encoding_that_is_set_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("text,label\nąę,a\n".encode("iso8859-2"))
    assert read(path, "iso8859-2")[0][0].values["text"] == "ąę"


def test_a_wrong_encoding_is_refused_and_the_right_one_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(("text,label\n" + CHINESE).encode("gb18030"))
    with pytest.raises(DataError) as caught:
        read(path, "utf-8")
    assert "not utf-8" in caught.value.came
    assert caught.value.remedy == "Set data.encoding: gb18030"


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\nx,a\n")
    with pytest.raises(DataError, match="is not an encoding"):
        read(path, "utf-ate")


def test_stray_bytes_in_utf8_mark_their_row_only(tmp_path: Path) -> None:
    lines = ("text,label\n" + CHINESE).encode().splitlines(keepends=True)
    lines[10] = b"broken \xff\xfe bytes,a\n"
    path = tmp_path / "a.csv"
    path.write_bytes(b"".join(lines))
    rows, came = read(path)
    assert came == "utf-8"
    assert [row.place for row in rows if row.problem] == ["a.csv:11"]
    assert rows[9].problem == "bytes that are not utf-8"


def test_an_error_far_into_the_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b"text,label\n" + b"plain words,a\n" * 200_000 + "后面才是中文，而且有很多很多的字,b\n".encode("gb18030") * 200
    )
    checked = inspect(path, "auto")
    assert checked.encoding == "gb18030"
    assert not checked.damaged


def test_small_texts_are_judged_together() -> None:
    texts, encoding = decode_all([b"price \xa35m", "naïve café".encode(), b"plain"], "auto", "folder")
    assert texts == ["price £5m", "naïve café", "plain"]
    assert encoding == "utf-8"
