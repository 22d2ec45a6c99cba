"""Images from folders, tables and IDX files; what can't be read goes to quarantine with its reason; published splits are kept."""

from __future__ import annotations

import csv
import gzip
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.base.images import frames_of, png
from modelwright.base.nouns import Column, Row
from modelwright.data.given import given
from modelwright.data.images import UnreadableError, image_cell
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split
from modelwright.data.sources import identity
from modelwright.spec.data import Data, Split

COLUMNS = (Column("image", "image", True), Column("label", "label", False))
GENERATOR = np.random.default_rng(0)
Run = Callable[..., dict[str, Any]]


def picture(shade: int = 0) -> bytes:
    return png(np.clip(GENERATOR.integers(0, 40, (6, 5)) + shade, 0, 255).astype(np.uint8))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(source: Any, **data: Any) -> dict[str, Any]:
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        return prepare(Data.model_validate({"source": str(source), **data}), COLUMNS, tmp_path, out, Console(quiet=True))

    return run


def all_rows(out: Path) -> list[Row]:
    return [row for split in ("train", "validation", "test") for row in read_split(out, split)]


def quarantined(out: Path) -> dict[str, tuple[str, str]]:
    with (out / "quarantine.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: (row["reason"], row["detail"]) for row in csv.DictReader(file)}


def fill(folder: Path, count: int = 20) -> None:
    for label, shade in (("cat", 0), ("dog", 200)):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            (folder / label / f"{number}.png").write_bytes(picture(shade))


def test_folders_are_classes_and_rows_keep_the_files(run: Run, tmp_path: Path) -> None:
    fill(tmp_path / "pets")
    (tmp_path / "pets" / "cat" / "notes.txt").write_text("not an image")
    (tmp_path / "pets" / "cat" / "sub").mkdir()
    (tmp_path / "pets" / "cat" / "sub" / "deep.JPG").write_bytes(picture())  # a PNG by another name: content counts
    card = run("pets")
    assert card["labels"] == {"cat": 21, "dog": 20}
    rows = all_rows(tmp_path / "out")
    for row in rows:
        assert row.values["image"] == (tmp_path / "pets" / row.values["file"]).read_bytes()
        assert row.values["label"] == row.values["file"].split("/")[0]


def test_folders_that_say_the_split(run: Run, tmp_path: Path) -> None:
    for part in ("train", "Val", "test"):
        fill(tmp_path / "pets" / part, 6)
    card = run("pets", split={"by": "given"})
    assert card["splits"] == {"train": 12, "validation": 12, "test": 12}
    assert all(row.values["file"].startswith("test/") for row in read_split(tmp_path / "out", "test"))
    assert card["labels"] == {"cat": 18, "dog": 18}


def test_damaged_huge_and_copied_files_are_told_apart(run: Run, tmp_path: Path) -> None:
    from modelwright.tasks.images.exam import bomb, saved

    folder = tmp_path / "pets"
    fill(folder)
    whole = (folder / "cat" / "1.png").read_bytes()
    (folder / "cat" / "broken.png").write_bytes(whole[: len(whole) // 2])
    (folder / "cat" / "bomb.png").write_bytes(bomb(10_000, 10_000))
    (folder / "cat" / "empty.png").write_bytes(b"")
    pixels = frames_of(whole)[0]
    pixels.save(folder / "cat" / "zcopy.bmp")  # the same picture in another format
    (folder / "dog" / "cmyk.jpg").write_bytes(saved("JPEG", "CMYK"))
    card = run("pets")
    found = quarantined(tmp_path / "out")
    assert {name: reason for name, (reason, _) in found.items()} == {
        "cat/bomb.png": "unreadable",
        "cat/broken.png": "unreadable",
        "cat/empty.png": "unreadable",
        "cat/zcopy.bmp": "exact_duplicate",
    }
    assert "pixels" in found["cat/bomb.png"][1]
    assert card["rows_kept"] == 41


def test_the_same_picture_under_two_labels_is_a_contradiction(run: Run, tmp_path: Path) -> None:
    fill(tmp_path / "pets")
    (tmp_path / "pets" / "dog" / "same.png").write_bytes((tmp_path / "pets" / "cat" / "3.png").read_bytes())
    run("pets")
    assert {reason for reason, _ in quarantined(tmp_path / "out").values()} == {"contradiction"}
    assert len(quarantined(tmp_path / "out")) == 2


def test_near_duplicates_are_of_texts_only(run: Run, tmp_path: Path) -> None:
    fill(tmp_path / "pets")
    with pytest.raises(DataError, match="not texts alone"):
        run("pets", clean={"duplicates": "near"})


def write_table(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def test_a_table_of_paths_starts_at_its_own_folder(run: Run, tmp_path: Path) -> None:
    fill(tmp_path / "in" / "files")
    rows = [["photo", "kind"]]
    rows += [[f"files/{kind}/{number}.png", kind] for kind in ("cat", "dog") for number in range(20)]
    rows += [["files/cat/99.png", "cat"], ["https://example.org/cat.png", "cat"], ["", "dog"]]
    write_table(tmp_path / "in" / "list.csv", rows)
    card = run("in/list.csv", columns={"image": "photo", "label": "kind"})
    assert card["rows_kept"] == 40
    found = quarantined(tmp_path / "out")
    assert found["list.csv:42"] == ("unreadable", found["list.csv:42"][1])
    assert "99.png" in found["list.csv:42"][1]
    assert "fetch" in found["list.csv:43"][1]
    assert found["list.csv:44"][0] == "missing_text"
    assert all(row.values["image"].startswith(b"\x89PNG") for row in all_rows(tmp_path / "out"))


def test_paths_that_all_lead_nowhere_are_one_error(run: Run, tmp_path: Path) -> None:
    write_table(tmp_path / "list.csv", [["image", "label"], *([f"{n}.png", "ab"[n % 2]] for n in range(30))])
    with pytest.raises(DataError, match=r"30 of 30 rows \(100.0%\) can't be read"):
        run("list.csv")


@pytest.mark.parametrize("struct_", [False, True], ids=["bytes", "hub's struct"])
def test_parquet_holds_bytes_or_the_hubs_struct(run: Run, tmp_path: Path, struct_: bool) -> None:
    files = [picture(200 * (number % 2)) for number in range(40)]
    cells: list[Any] = [{"bytes": file, "path": None} for file in files] if struct_ else list(files)
    cells[7] = {"bytes": b"no image", "path": "x.png"} if struct_ else b"no image"
    table = arrow.table({"image": cells, "label": ["ab"[number % 2] for number in range(40)], "mask": files})
    parquet.write_table(table, tmp_path / "set.parquet")
    card = run("set.parquet")
    assert card["rows_kept"] == 39
    assert {row.values["image"] for row in all_rows(tmp_path / "out")} == set(files) - {files[7]}
    assert isinstance(all_rows(tmp_path / "out")[0].values["mask"], bytes)
    text = (tmp_path / "out" / "quarantine.csv").read_text(encoding="utf-8")
    assert "bytes)" in text  # not the bytes themselves
    assert len(text) < 2_000


def test_several_frames_a_case(run: Run, tmp_path: Path) -> None:
    cells = [[picture(200 * (number % 2)) for _ in range(1 + number % 3)] for number in range(30)]
    parquet.write_table(arrow.table({"image": cells, "label": ["ab"[n % 2] for n in range(30)]}), tmp_path / "set.parquet")
    assert run("set.parquet")["rows_kept"] == 30
    found = {row.id: row.values["image"] for row in all_rows(tmp_path / "out")}
    assert found["set.parquet:row 3"] == tuple(cells[2])


def idx(shape: tuple[int, ...], values: np.ndarray) -> bytes:
    return b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values.astype(np.uint8).tobytes()


def write_idx(folder: Path, *, suffix: str = "", rows: int = 40) -> np.ndarray:
    folder.mkdir()
    pixels = GENERATOR.integers(0, 256, (2 * rows, 7, 6)).astype(np.uint8)
    for part, images in (("train", pixels[:rows]), ("t10k", pixels[rows:])):
        labels = np.arange(rows) % 2
        for name, content in (("images-idx3", idx(images.shape, images)), ("labels-idx1", idx(labels.shape, labels))):
            content = gzip.compress(content) if suffix else content
            (folder / f"{part}-{name}-ubyte{suffix}").write_bytes(content)
    return pixels


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_files_with_their_published_split(run: Run, tmp_path: Path, suffix: str) -> None:
    pixels = write_idx(tmp_path / "digits", suffix=suffix)
    card = run("digits", split={"by": "given", "validation": 0.1})
    assert card["splits"] == {"train": 36, "validation": 4, "test": 40}
    assert card["labels"] == {"0": 40, "1": 40}
    for row in all_rows(tmp_path / "out"):
        split, _, number = row.id.partition(":")
        at = int(number) - 1 + (0 if split == "train" else 40)
        assert np.array_equal(np.asarray(frames_of(row.values["image"])[0]), pixels[at])
    one = run(f"digits/train-images-idx3-ubyte{suffix}")
    assert one["rows_read"] == 40


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content[:-5], "promises"),
        (lambda content: b"\1" + content[1:], "does not begin"),
        (lambda content: content[:2] + b"\x0d" + content[3:], "0x0d"),
        (lambda content: content[:6], "within its header"),
        (lambda content: idx((3, 7, 6), np.zeros(126)), "3 images and 40 labels"),
        (lambda content: b"\x1f\x8b" + content[:40], "gzip"),
    ],
)
def test_damaged_idx_files(run: Run, tmp_path: Path, change: Callable[[bytes], bytes], words: str) -> None:
    write_idx(tmp_path / "digits")
    path = tmp_path / "digits" / "train-images-idx3-ubyte"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=words):
        run("digits")


def test_images_without_their_labels(run: Run, tmp_path: Path) -> None:
    write_idx(tmp_path / "digits")
    (tmp_path / "digits" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="no file of labels") as caught:
        run("digits")
    assert caught.value.expected == "t10k-labels-idx1-ubyte"


def test_a_new_image_changes_the_identity(tmp_path: Path) -> None:
    fill(tmp_path / "pets")
    spec = Data(source="pets")
    before = identity(spec, tmp_path)
    (tmp_path / "pets" / "cat" / "new.png").write_bytes(picture())
    assert identity(spec, tmp_path) != before


def test_given_splits_are_kept_or_refused() -> None:
    split = Split(by="given", column="part", validation=0.25)
    labels = [("ab"[number % 2],) for number in range(12)]
    values = ["train"] * 8 + ["TEST"] * 4
    found = given(values, labels, split)
    assert found[8:] == ["test"] * 4
    assert sorted(found[:8]) == ["train"] * 6 + ["validation"] * 2
    assert {label for label, name in zip(labels, found, strict=True) if name == "validation"} == {("a",), ("b",)}
    assert given(values, labels, split) == found
    assert given(["training", "val", "dev", "testing"], labels[:4], split) == ["train", "validation", "validation", "test"]
    for wrong, words in (
        (["train", "tset"], "'tset' names no split"),
        (["train"] * 3, "no row is for test"),
        (["test"], "train"),
    ):
        with pytest.raises(DataError, match=words):
            given(wrong, labels[: len(wrong)], split)


def test_cells_that_are_no_image(tmp_path: Path) -> None:
    for value in (3, True, {"bytes": None, "path": None}, {}, [b"x", 3]):
        found = image_cell(value, tmp_path)
        assert isinstance(found, TypeError)
    assert isinstance(image_cell("none.png", tmp_path), UnreadableError)
    assert isinstance(image_cell("none.png", None), UnreadableError)
    assert isinstance(image_cell("data:image/png;base64,%%%", None), UnreadableError)
    assert isinstance(image_cell(str(tmp_path), None), UnreadableError)  # a folder
