from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.unit.serve.release import MARKET, SPORT

from modelwright.base.errors import ReleaseError, RequestError
from modelwright.base.journey import predict
from modelwright.base.nouns import Batch, Example, Row
from modelwright.serve import predictor as module
from modelwright.serve.ask import ask, ask_words
from modelwright.serve.predictor import LEAST_LANES, SAMPLE_CHARACTERS, Predictor


@pytest.fixture
def copy(release: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(release, tmp_path / "copy"))


def test_predictions_come_in_order_whatever_their_lengths(predictor: Predictor) -> None:
    texts = [SPORT * (1 + n % 7) if n % 2 else MARKET * (1 + n % 5) for n in range(60)]
    found = predictor.predict(texts)
    assert [one.label for one in found] == ["sport" if n % 2 else "market" for n in range(60)]
    assert [one.row_id for one in found] == [str(n) for n in range(60)]


def test_batched_answers_are_the_single_ones(predictor: Predictor) -> None:
    texts = [f"{SPORT} {MARKET[: n * 3]}" for n in range(20)]
    together = [one.scores["sport"] for one in predictor.predict(texts)]
    alone = [predictor.predict([text])[0].scores["sport"] for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_dicts_and_plain_values_are_the_same_request(predictor: Predictor) -> None:
    assert predictor.predict([SPORT]) == predictor.predict([{"text": SPORT}])


def test_lanes_answer_the_same_on_one_thread_each(release: Path) -> None:
    loaded = Predictor(release, threads=3)
    assert not loaded.has_lane_graph and loaded.lanes == LEAST_LANES
    loaded.open_lanes()
    assert loaded.has_lane_graph and loaded.lanes == 3
    rows = loaded.read([SPORT, MARKET])
    assert loaded.compute(rows, alone=False) == loaded.compute(rows, alone=True)


def test_one_thread_and_large_graphs_share_the_graph(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = Predictor(release, threads=1)
    loaded.open_lanes()
    assert not loaded.has_lane_graph and loaded.lanes == LEAST_LANES
    monkeypatch.setattr(module, "TWICE_BYTES", (release / "model.onnx").stat().st_size - 1)
    loaded = Predictor(release, threads=3)
    loaded.open_lanes()
    assert not loaded.has_lane_graph and loaded.lanes == LEAST_LANES


def test_no_requests_no_predictions(predictor: Predictor) -> None:
    assert predictor.predict([]) == []


@pytest.mark.parametrize("bad", [{"text": 7}, {"text": ""}, {}, {"text": "a", "more": 1}, 7, None, ["a"], {"text": None}, ""])
def test_a_bad_row_is_named_by_its_place(predictor: Predictor, bad: object) -> None:
    with pytest.raises(RequestError) as caught:
        predictor.predict([SPORT, SPORT, bad, SPORT])
    assert caught.value.where.startswith("inputs[2]")
    assert all((caught.value.came, caught.value.expected, caught.value.remedy))


def test_the_sample_is_answered(predictor: Predictor) -> None:
    assert predictor.predict([predictor.sample])[0].label in ("sport", "market")
    assert len(predictor.sample["text"]) == SAMPLE_CHARACTERS


def test_ask_gives_plain_dicts(release: Path) -> None:
    answer = ask(release, [SPORT, {"text": MARKET}])
    assert [one["label"] for one in json.loads(json.dumps(answer))] == ["sport", "market"]


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["model.onnx", "ngrams.txt", "task.json"])
@pytest.mark.parametrize("harm", ["flip", "truncate", "remove"])
def test_a_harmed_file_is_refused_by_name(copy: Path, name: str, harm: str) -> None:
    path = copy / name
    if harm == "flip":
        _flip(path)
    elif harm == "truncate":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    with pytest.raises(ReleaseError) as caught:
        Predictor(copy)
    assert caught.value.where.endswith(name)
    assert ("missing" in caught.value.came) == (harm == "remove")


def test_what_is_not_served_from_is_not_waited_for(copy: Path) -> None:
    _flip(copy / "checkpoint" / "model.safetensors")
    assert Predictor(copy).predict([SPORT])[0].label == "sport"


def test_without_verification_a_broken_graph_is_still_an_error(copy: Path) -> None:
    (copy / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(ReleaseError, match="graph can't be loaded"):
        Predictor(copy, verify=False)


@pytest.mark.parametrize("name", ["manifest.json", "release.json"])
def test_a_folder_that_is_no_release(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ReleaseError, match=f"there is no {name}"):
        Predictor(copy)


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="does not exist"):
        Predictor(tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["{", "[]", "\udcff", '{"files": 3, "digest": "x"}', '{"files": {}, "digest": "x"}'])
def test_a_manifest_that_is_none(copy: Path, content: str) -> None:
    (copy / "manifest.json").write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ReleaseError):
        Predictor(copy)


def test_a_release_of_another_format(copy: Path) -> None:
    card = json.loads((copy / "release.json").read_text())
    (copy / "release.json").write_text(json.dumps({**card, "format": 2}))
    with pytest.raises(ReleaseError, match="format 2"):
        Predictor(copy)


class _Lengths:
    """A reader of rows that are their own lengths, and a graph that notes the batches it is given."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def encode_many(self, rows: Sequence[Row]) -> list[Example]:
        return [Example(row.id, {"n": np.array([int(row.id)])}, int(row.id)) for row in rows]

    def collate(self, examples: Sequence[Example]) -> Batch:
        return Batch(tuple(one.row_id for one in examples), {"n": np.array([one.length for one in examples])})

    def run(self, batch: Batch) -> dict[str, np.ndarray]:
        self.batches.append(batch.inputs["n"].tolist())
        return {"n": batch.inputs["n"]}

    def decode(self, outputs: dict[str, np.ndarray], row_ids: Sequence[str]) -> list[int]:
        return outputs["n"].tolist()


@pytest.mark.parametrize("batch_rows", [1, 3, 32])
def test_batches_hold_every_row_once_and_little_padding(batch_rows: int) -> None:
    lengths = [int(n) for n in np.random.default_rng(0).integers(1, 500, 200)]
    both = _Lengths()
    assert predict(both, both, [Row(str(n), {}) for n in lengths], batch_rows=batch_rows, stretch=1.25) == lengths  # type: ignore[arg-type]
    assert sorted(n for batch in both.batches for n in batch) == sorted(lengths)
    for batch in both.batches:
        assert len(batch) <= batch_rows
        assert max(batch) <= min(batch) * 1.25 + 8


def test_serving_imports_nothing_heavy(release: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from modelwright.serve import app, command, rehearse, ask\n"
        "from modelwright.spec.serve import Serve\n"
        "from modelwright.serve.predictor import SAMPLE_CHARACTERS, Predictor\n"
        "made = app.create_app(Predictor(Path(sys.argv[1])), Serve())\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'transformers', 'onnx', 'pandas', 'pyarrow', 'modelwright.train', 'modelwright.models'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(release)], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_what_people_type_is_a_text_a_request_or_a_file(release, tmp_path):
    plain = ask(release, ["the team won the match"])[0]
    file = tmp_path / "requests.json"
    file.write_text('[{"text": "the team won the match"}, {"text": "shares fell"}]', encoding="utf-8")
    typed = ['{"text": "the team won the match"}', f"@{file}", '{"no": "request"}', "{ braces alone"]
    found = ask_words(release, typed)
    assert len(found) == 5
    assert found[0] == plain
    assert {**found[1], "row_id": "0"} == plain
    with pytest.raises(RequestError, match="can't be read"):
        ask_words(release, [f"@{tmp_path / 'none.json'}"])
