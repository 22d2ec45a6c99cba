"""CSV and TSV: what was written comes back, with true line numbers; what is broken says where."""

from __future__ import annotations

import csv
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.base.errors import DataError
from modelwright.data.sources import delimited
from modelwright.spec.data import Data

cells = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=30)


def read(path: Path, **settings_: str) -> list:
    return list(delimited.read(path, Data(source="x", **settings_)).rows)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=15))
def test_csv_round_trip(rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
    came = read(path)
    assert [(row.values["text"], row.values["label"]) for row in came] == rows
    assert not any(row.problem for row in came)


def test_lines_are_counted_through_quoted_breaks(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text('text,label\n"two\nlines",a\n\nplain,b\n"three\n\nlines",c\nlast,d\n')
    assert [row.place for row in read(path)] == ["news.csv:2", "news.csv:5", "news.csv:6", "news.csv:9"]


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ";"), ("a.csv", "\t"), ("a.csv", "|"), ("a.tsv", "\t")])
def test_other_delimiters(tmp_path: Path, name: str, separator: str) -> None:
    path = tmp_path / name
    path.write_text(f"text{separator}label\nhello, world{separator}a\n")
    assert dict(read(path)[0].values) == {"text": "hello, world", "label": "a"}


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("text,label\nnaïve,a\n".encode("utf-8-sig"))
    reading = delimited.read(path, Data(source="x"))
    assert reading.columns == ("text", "label")
    assert reading.encoding == "utf-8"


def test_a_row_with_other_fields_than_the_header_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text,label\nfine,a\nno label\none,two,three\n"stray" quote,b\nfine too,c\n')
    came = read(path)
    assert [bool(row.problem) for row in came] == [False, True, True, True, False]
    assert came[1].problem == "1 fields where the header has 2"
    assert came[2].place == "a.csv:4"
    assert "quote" in came[3].problem


def test_long_fields_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"text,label\n{'word ' * 100_000},a\n")
    assert len(read(path)[0].values["text"]) == 500_000


@pytest.mark.parametrize(
    ("content", "came", "where"),
    [
        (b"", "empty", "a.csv"),
        (b" \n\n ", "empty", "a.csv"),
        (b"text,label\nok,a\n\x89PNG\x00\x01,b\n", "NUL byte in line 3", "a.csv:3"),
        (b'text,label\nok,a\n"never closed,b\nmore,c\n', "never closed", "a.csv:3"),
        (b"text,text\n1,2\n", "appears 2 times", "a.csv:1"),
    ],
)
def test_broken_files_say_where(tmp_path: Path, content: bytes, came: str, where: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path)
    assert came in caught.value.came
    assert caught.value.where == where
    assert caught.value.expected
    assert caught.value.remedy


def test_a_giant_line_fails_fast_in_bounded_memory(tmp_path: Path) -> None:
    """200 MB here; the check stops after 10 MB, so that a gigabyte costs no more. Measured in a process of its own, because peak memory never falls."""
    path = tmp_path / "giant.csv"
    with path.open("wb") as file:
        file.write(b"text,label\nok,a\n")
        for _ in range(200):
            file.write(b"x" * (1 << 20))
    program = """
        import resource, sys, time
        from pathlib import Path
        from modelwright.base.errors import DataError
        from modelwright.data.sources import delimited
        from modelwright.spec.data import Data
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        try:
            delimited.read(Path(sys.argv[1]), Data(source="x"))
        except DataError as error:
            print(error.where, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, time.monotonic() - start)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    path.unlink()
    where, grown_kib, seconds = done.stdout.split()
    assert where == "giant.csv:3"
    assert int(grown_kib) < 60_000
    assert float(seconds) < 5
