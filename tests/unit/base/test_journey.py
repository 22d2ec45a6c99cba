"""Rows through a graph, with a reader and a graph that only note what they are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from modelwright.base import journey
from modelwright.base.nouns import Batch, Example, Prediction, Row


class Noting:
    """Reader and graph in one: each row is a list of its number, the answer its length."""

    def __init__(self):
        self.batches = []

    def encode(self, row):
        length = row.values["length"]
        return Example(row.id, {"x": np.full(length, length)}, length)

    def encode_many(self, rows):
        return [self.encode(row) for row in rows]

    def collate(self, examples):
        self.batches.append([example.length for example in examples])
        return Batch(tuple(example.row_id for example in examples), {"lengths": np.array([one.length for one in examples])})

    def run(self, batch):
        return batch.inputs

    def decode(self, outputs, row_ids):
        return [Prediction(f"{row_id}:{length}") for row_id, length in zip(row_ids, outputs["lengths"], strict=True)]

    def save(self, folder: Path):
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_bytes(b"12345")


def make(lengths):
    return [Row(f"r{number}", {"length": length}) for number, length in enumerate(lengths)]


def test_answers_come_in_the_order_of_the_rows_and_batches_hold_similar_lengths():
    lengths = np.random.default_rng(0).permutation(np.arange(1, 101)).tolist()
    noting, told = Noting(), []
    found = journey.predict(noting, noting, make(lengths), told.append)
    assert [one.row_id for one in found] == [f"r{number}:{length}" for number, length in enumerate(lengths)]
    assert [len(batch) for batch in noting.batches] == [32, 32, 32, 4] and told == [32, 64, 96, 100]
    assert [length for batch in noting.batches for length in batch] == sorted(lengths)


def test_long_rows_make_small_batches_but_never_empty_ones():
    noting = Noting()
    journey.predict(noting, noting, make([journey.BATCH_LENGTH // 2] * 3 + [journey.BATCH_LENGTH * 2]))
    assert [len(batch) for batch in noting.batches] == [2, 1, 1]


def test_no_rows_no_work():
    noting = Noting()
    assert journey.predict(noting, noting, []) == [] and noting.batches == []


def test_one_row_as_one_request():
    noting = Noting()
    (found,) = journey.single(noting, noting)(make([7])[0])
    assert found.row_id == "r0:7"


def test_served_bytes_are_the_graph_and_the_readers_files(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"1234567")
    assert journey.served_bytes(Noting(), tmp_path / "model.onnx") == 12
