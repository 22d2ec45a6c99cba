"""Whole corpora: what goes in comes out clean, in its split, whatever its shape; what is wrong is named; memory stays what it is."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError, MachineError
from modelwright.base.nouns import Column, Habits, Row
from modelwright.data.corpus.documents import Documents
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split, sample_split
from modelwright.spec.data import Data

COLUMNS = (Column("text", "text", True, required=False), Column("messages", "messages", True, required=False))
SPLITS = ("train", "validation", "test")


def text(number: int) -> str:
    return f"Document {number} says: " + " ".join(f"w{(number * 7919 + step * 104729) % 5003}" for step in range(40)) + "."


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def run(source: str = "corpus", **settings: Any) -> dict[str, Any]:
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        return prepare(
            Data(source=source, **settings), COLUMNS, tmp_path, out, Console(quiet=True), habits=Habits(corpus="always")
        )

    return run


def rows_of(tmp_path: Path) -> dict[str, list[Row]]:
    return {name: list(read_split(tmp_path / "out", name)) for name in SPLITS}


def quarantined(tmp_path: Path) -> list[dict[str, str]]:
    with (tmp_path / "out" / "quarantine.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def jsonl(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n", encoding="utf-8")


def test_a_folder_of_every_kind_of_file(tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    folder = tmp_path / "corpus"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "one.txt").write_text(text(1) + "\r\nsecond line \n", encoding="utf-8")
    (folder / "marked.txt").write_text("<|endoftext|>".join(text(number) for number in range(2, 5)), encoding="utf-8")
    jsonl(folder / "some.jsonl", [{"text": text(number), "url": "x"} for number in range(5, 30)])
    (folder / "packed.jsonl.gz").write_bytes(
        gzip.compress("\n".join(json.dumps({"text": text(n)}) for n in range(30, 40)).encode())
    )
    zstd = arrow.CompressedOutputStream(folder / "packed.txt.zst", "zstd")
    zstd.write(text(40).encode())
    zstd.close()
    parquet.write_table(arrow.table({"text": [text(n) for n in range(41, 60)], "big": ["x"] * 19}), folder / "t.parquet")
    (folder / ".hidden.txt").write_text("not this", encoding="utf-8")
    card = run()
    assert card["rows_read"] == card["rows_kept"] == 59 and card["encoding"] == "utf-8"
    found = rows_of(tmp_path)
    assert isinstance(read_split(tmp_path / "out", "train"), Documents)
    assert {name: len(rows) for name, rows in found.items()} == card["splits"]
    by_id = {row.id: row.values for rows in found.values() for row in rows}
    assert by_id["below/one.txt"] == {"text": text(1) + "\nsecond line"}
    assert by_id["marked.txt:2"] == {"text": text(3)} and by_id["packed.txt.zst"] == {"text": text(40)}
    assert by_id["t.parquet:row 1"] == {"text": text(41)} and by_id["packed.jsonl.gz:10"] == {"text": text(39)}
    assert card["corpus"]["characters"] == sum(len(values["text"]) for values in by_id.values())
    assert not (tmp_path / "out" / ".corpus").exists()


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize(("documents", "count"), [("line", 45), ("paragraph", 21), ("endoftext", 5), ("file", 1), (None, 5)])
def test_text_files_are_divided_as_asked(
    tmp_path: Path, run: Callable[..., dict[str, Any]], documents: str | None, count: int, ends: str
) -> None:
    (tmp_path / "corpus").mkdir()
    content = [f"{text(2 * n)}{ends}{text(2 * n + 1)}{ends}{'<|endoftext|>' if n % 4 == 3 else ''}{ends}" for n in range(20)]
    (tmp_path / "corpus" / "a.txt").write_bytes(
        "".join(content).replace(f"<|endoftext|>{ends}", f"{ends}<|endoftext|>{ends}").encode()
    )
    (tmp_path / "corpus" / "b.jsonl").write_text(
        "\n".join(json.dumps({"text": text(n)}) for n in range(100, 110)), encoding="utf-8"
    )
    card = run(documents=documents, clean={"duplicates": "keep"})
    assert card["rows_read"] - 10 == count  # a mark that is not asked for is a text like others


def test_a_text_stays_in_its_split_wherever_it_stands_and_whatever_comes(
    tmp_path: Path, run: Callable[..., dict[str, Any]]
) -> None:
    jsonl(tmp_path / "corpus" / "a.jsonl", [{"text": text(number)} for number in range(200)])
    run(split={"test": 0.2, "validation": 0.1})
    before = {row.values["text"]: name for name, rows in rows_of(tmp_path).items() for row in rows}
    jsonl(tmp_path / "corpus" / "a.jsonl", [{"text": text(number)} for number in reversed(range(400))])
    card = run(split={"test": 0.2, "validation": 0.1})
    after = {row.values["text"]: name for name, rows in rows_of(tmp_path).items() for row in rows}
    assert {key: after[key] for key in before} == before
    assert 50 <= card["splits"]["test"] <= 110 and 20 <= card["splits"]["validation"] <= 65
    assert run(split={"test": 0.2, "validation": 0.1, "seed": 8})["splits"] != card["splits"]
    few = run(split={"test": 0.2, "validation": 0.1, "train": 50})
    assert few["splits"] == {**card["splits"], "train": 50} and few["left_out"] == card["splits"]["train"] - 50
    assert few["quarantine"] == {} and {row.values["text"] for row in rows_of(tmp_path)["train"]} < {
        text for text, name in after.items() if name == "train"
    }


def test_without_stated_shares_little_is_held_out(tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    jsonl(tmp_path / "corpus" / "a.jsonl", [{"text": f"{number} " + "long text " * 1000} for number in range(2000)])
    card = run()
    assert 60 <= card["splits"]["test"] <= 140 and 60 <= card["splits"]["validation"] <= 140
    rows, total = sample_split(tmp_path / "out", "train", 3_000_000, 1)
    assert total == card["splits"]["train"] > len(rows) >= 300
    assert rows != sample_split(tmp_path / "out", "train", 3_000_000, 2)[0]


def test_copies_languages_and_examinations_go_with_reasons(tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    english = [
        "The old bridge over the river was closed to traffic last spring because nobody had paid for its repair, and so the "
        + text(n)
        for n in range(30)
    ]
    near = english[3].replace("nobody", "somebody")
    chinese = "市政府昨天宣布，将在明年春天开始修建一座横跨河流的新大桥，以改善两岸居民的出行条件。"
    exam = "Which of these rivers is the longest one that flows through the capital of a European country today?"
    jsonl(tmp_path / "exam.jsonl", [{"question": exam}])
    rows = [*english, english[5], near, chinese, f"In the quiz they asked us: {exam} Nobody knew the answer to it."]
    jsonl(tmp_path / "corpus" / "a.jsonl", [{"text": row} for row in rows])
    card = run(clean={"duplicates": "near", "languages": ["en"], "similarity": 0.8}, decontaminate=["exam.jsonl"])
    assert card["rows_kept"] == 30
    assert card["quarantine"] == {"language": 1, "contaminated": 1, "exact_duplicate": 1, "near_duplicate": 1}
    listed = {row["reason"]: row for row in quarantined(tmp_path)}
    assert listed["exact_duplicate"]["detail"] == "the same as a.jsonl:6" and listed["exact_duplicate"]["id"] == "a.jsonl:31"
    assert listed["near_duplicate"]["detail"].endswith("shared with a.jsonl:4")
    assert listed["language"]["text"] == chinese and "looks like zh" in listed["language"]["detail"]
    assert "from word 7 on" in listed["contaminated"]["detail"]
    assert card["corpus"]["examination"] == {"sources": ["exam.jsonl"], "texts": 1, "short": 0}
    kept = run(clean={"duplicates": "keep", "similarity": 0.8})
    assert kept["rows_kept"] == 34 and kept["duplicates"] == {
        "exact": 1,
        "near": 1,
        "contradictions": 0,
        "near_kept": kept["duplicates"]["near_kept"],
    }


def test_conversations_are_documents_too(tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    def talk(number: int) -> dict[str, Any]:
        return {"conversations": [{"from": "human", "value": text(number)}, {"from": "gpt", "value": f"answer\r\n {number} "}]}

    jsonl(
        tmp_path / "corpus" / "a.jsonl",
        [*(talk(number) for number in range(20)), {"conversations": [{"from": "cat", "value": "x"}]}],
    )
    card = run()
    assert card["quarantine"] == {"wrong_type": 1} and card["columns"] == {"messages": "messages"}
    (bad,) = quarantined(tmp_path)
    assert bad["place"] == "a.jsonl:21" and "the role 'cat' in message 1" in bad["detail"]
    rows = [row for found in rows_of(tmp_path).values() for row in found]
    assert len(rows) == 20 and all(set(row.values) == {"messages"} for row in rows)
    assert json.loads(rows[0].values["messages"])[1]["content"].startswith("answer\n ")


def test_group_and_given_splits_and_ids(tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    rows = [
        {"text": text(n), "book": f"book {n // 10}", "key": f"k{n}", "part": ("train", "train", "dev", "test")[n % 4]}
        for n in range(200)
    ]
    jsonl(tmp_path / "corpus" / "a.jsonl", rows)
    run(columns={"id": "key", "book": "book"}, split={"by": "group", "column": "book", "test": 0.3, "validation": 0.2})
    found = rows_of(tmp_path)
    groups = {name: {row.values["book"] for row in part} for name, part in found.items()}
    assert sum(map(len, groups.values())) == 20 and {row.id for part in found.values() for row in part} == {
        f"k{n}" for n in range(200)
    }
    card = run(split={"by": "given", "column": "part"})
    assert card["splits"] == {"train": 100, "validation": 50, "test": 50}
    with pytest.raises(DataError, match=r"by is time"):
        run(split={"by": "time", "column": "part"})
    jsonl(tmp_path / "corpus" / "a.jsonl", [{"text": text(n), "key": "same"} for n in range(9)])
    with pytest.raises(DataError, match="an id of their own"):
        run(columns={"id": "key"})


def test_bad_documents_are_named_and_the_rest_is_kept(tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    folder = tmp_path / "corpus"
    good = [{"text": text(number)} for number in range(30)]
    jsonl(
        folder / "a.jsonl",
        [*good, "{broken", "[1]", {"text": None}, {"text": 5}, {"text": " \u0000\u0001 "}, '{"text": "half \\ud800 pair"}'],
    )
    with (folder / "a.jsonl").open("ab") as file:
        file.write(b'{"text": "\xff"}\n')
    (folder / "b.txt").write_bytes(b"fine but for \xfe one byte")
    card = run()
    assert card["rows_kept"] == 30 and card["quarantine"] == {"unreadable": 5, "missing_text": 2, "wrong_type": 1}
    details = {row["place"]: row["detail"] for row in quarantined(tmp_path)}
    size = (folder / "a.jsonl").read_bytes().index(0xFF)
    assert details["a.jsonl:37"] == f"byte 0xff at {size:,} of the file is not utf-8"
    assert details["b.txt"] == "byte 0xfe at 13 of the file is not utf-8"
    assert "not JSON" in details["a.jsonl:31"] and "no characters" in details["a.jsonl:36"]
    with pytest.raises(DataError, match="is empty in 2 of 38"):
        run(clean={"missing_text": "error"})


def test_what_cannot_be_a_corpus_is_refused(tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    (tmp_path / "corpus").mkdir()
    with pytest.raises(DataError, match="no document in the folder"):
        run()
    (tmp_path / "corpus" / "a.txt").write_text(" \n", encoding="utf-8")
    with pytest.raises(DataError, match="there is no document"):
        run()
    jsonl(tmp_path / "corpus" / "a.jsonl", [{"body": "x"}])
    with pytest.raises(DataError, match="no column 'text'"):
        run(source="corpus/a.jsonl")
    jsonl(tmp_path / "corpus" / "a.jsonl", ["{"] * 20)
    with pytest.raises(DataError, match="none of the first 20 documents can be read"):
        run(source="corpus/a.jsonl")
    jsonl(tmp_path / "corpus" / "a.jsonl", [{"text": text(1)}] * 9)
    with pytest.raises(DataError, match="1 documents are left"):
        run(source="corpus/a.jsonl")
    (tmp_path / "corpus" / "b.jsonl.gz").write_bytes(b"\x1f\x8b\x08damaged")
    with pytest.raises(DataError, match="can't be read"):
        run(source="corpus/b.jsonl.gz")
    (tmp_path / "corpus" / "b.parquet").write_bytes(b"PAR1damaged")
    with pytest.raises(DataError, match="can't be read"):
        run(source="corpus/b.parquet")


def test_the_hub_is_read_as_far_as_it_is_needed(
    tmp_path: Path, run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    files = {
        f"en/part-{part}.jsonl": "".join(json.dumps({"text": text(part * 100 + n)}) + "\n" for n in range(100))
        for part in range(5)
    }
    files["README.md"] = "about"
    opened = []

    class System:
        def open(self, path: str, mode: str) -> io.BytesIO:
            opened.append(path)
            return io.BytesIO(files[path.removeprefix("datasets/org/name@abc/")].encode())

    info = SimpleNamespace(sha="abc", siblings=[SimpleNamespace(rfilename=name) for name in files])
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: SimpleNamespace(dataset_info=lambda repository, revision: info))
    monkeypatch.setattr(huggingface_hub, "HfFileSystem", System)
    card = run(source="hf://org/name/en", limit=150)
    assert card["rows_read"] == 150 and len(opened) == 2 and opened[0].startswith("datasets/org/name@abc/en/part-")
    assert card["provenance"][0]["version"] == "abc"
    assert run(source="hf://org/name")["rows_read"] == 500

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise RuntimeError("the connection was reset")

    monkeypatch.setattr(System, "open", lambda self, path, mode: Broken())
    with pytest.raises(MachineError, match="connection was reset"):
        run(source="hf://org/name")

    def closed(repository: str, revision: str | None) -> None:
        raise OSError("no network here")

    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: SimpleNamespace(dataset_info=closed))
    with pytest.raises(MachineError, match="no network here"):
        run(source="hf://org/name")


MEASURED = """
import resource, sys
from pathlib import Path
from modelwright.base.console import Console
from modelwright.base.nouns import Column, Habits
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split
from modelwright.spec.data import Data
folder = Path(sys.argv[1])
(folder / "out").mkdir()
columns = (Column("text", "text", True),)
prepare(Data(source="corpus.jsonl", clean={"duplicates": "near"}), columns, folder, folder / "out", Console(quiet=True), habits=Habits(corpus="always"))
print(sum(len(row.values["text"]) for row in read_split(folder / "out", "train")))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    """Six times the documents, the same memory but for what is known of each."""
    peaks, kept = [], []
    for size in (4, 24):
        folder = tmp_path / str(size)
        folder.mkdir()
        with (folder / "corpus.jsonl").open("w", encoding="utf-8") as file:
            for number in range(size * 200):
                words = " ".join(f"{number * 600 + step:x}" for step in range(600))
                file.write(json.dumps({"text": words}) + "\n")
        done = subprocess.run([sys.executable, "-c", MEASURED, str(folder)], capture_output=True, text=True, check=True)
        characters, peak = map(int, done.stdout.split())
        peaks.append(peak)
        kept.append(characters)
    assert kept[1] > max(5 * kept[0], 10_000_000)
    assert peaks[1] - peaks[0] < 0.5 * (kept[1] - kept[0]) / 1e6 + 60, peaks
