"""A folder of files as a list of rows: the same rows, whatever way they are asked for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from modelwright.base.errors import DataError
from modelwright.base.nouns import Row
from modelwright.data.corpus.documents import Documents, Writer
from modelwright.data.rows import read_split


def written(folder: Path, count: int) -> list[Row]:
    rows = [
        Row(f"r{number}", {"text": f"text {number} " + "x" * (number % 50), "row_id": str(number)}) for number in range(count)
    ]
    writer = Writer(folder / "train", ["text", "row_id"], characters=300, of_a_file=1000)
    for row in rows:
        writer.add(row.id, row.values)
    writer.close()
    assert writer.rows == count and writer.files == len(list((folder / "train").iterdir())) > 1
    return [Row(row.id, {"text": row.values["text"], "column row_id": row.values["row_id"]}) for row in rows]


def test_it_is_a_sequence_of_rows(tmp_path: Path) -> None:
    rows = written(tmp_path, 203)
    found = read_split(tmp_path, "train")
    assert isinstance(found, Documents) and len(found) == 203
    assert list(found) == rows
    places = random.Random(1).choices(range(-203, 203), k=50)
    assert [found[place] for place in places] == [rows[place] for place in places]
    assert list(found[20:180:7]) == rows[20:180:7] and list(found[::-1][:3]) == rows[::-1][:3]
    assert rows[100] in found and next(reversed(found)) == rows[-1]
    with pytest.raises(IndexError):
        found[203]


def test_no_rows_and_damage_are_told(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="holds no rows"):
        read_split(tmp_path, "train")
    written(tmp_path, 50)
    (tmp_path / "train" / "00001.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(DataError, match="can't be read"):
        read_split(tmp_path, "train")
