from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.unit.serve.chat.release import TEXTS, make_chat_release

from modelwright.base.console import Console
from modelwright.base.decoding import Decoding, Layout, Text
from modelwright.base.errors import ReleaseError, TrainError
from modelwright.base.graph import Graph
from modelwright.base.nouns import Row
from modelwright.compress.export import export
from modelwright.compress.language import export_language, is_language
from modelwright.compress.variants import compress
from modelwright.models import registry
from modelwright.spec.compress import Compress
from modelwright.spec.routes.decoder import Decoder
from modelwright.tasks.contract import load_task

ROWS = [Row(str(n), {"text": text}) for n, text in enumerate(TEXTS)]
CHAT = Row("chat", {"messages": json.dumps([{"role": "user", "content": "tide?"}, {"role": "assistant", "content": "潮水"}])})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a finished train folder: checkpoint and task, no graph yet."""
    folder = make_chat_release(tmp_path_factory.mktemp("trained") / "run")
    for name in ("model.onnx", "model.onnx.data", "genai_config.json", "manifest.json"):
        (folder / name).unlink()
    return folder


def test_an_export_is_quiet_and_agrees_with_the_module(trained: Path) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        path = export(trained, Decoder(), [*ROWS, CHAT])  # raises if graph and module disagree
    assert said.getvalue() == ""
    module, task = registry.load(trained / "checkpoint"), load_task(trained)
    batch = task.collate(task.encode_many([*ROWS, CHAT]))
    distance = np.abs(Graph(path).run(batch)["surprise"] - registry.outputs(module, batch.inputs)["surprise"]).max()
    assert distance < 1e-4


def test_onnxruntime_genai_loads_it_unchanged_and_says_the_same(trained: Path) -> None:
    import onnxruntime_genai

    export(trained, Decoder(), ROWS)
    model = onnxruntime_genai.Model(str(trained))
    prompt = onnxruntime_genai.Tokenizer(model).encode(TEXTS[0])
    assert prompt.tolist() == load_task(trained).words.encode(TEXTS[0])
    settings = onnxruntime_genai.GeneratorParams(model)
    settings.set_search_options(max_length=len(prompt) + 20, min_length=len(prompt) + 20, do_sample=False)
    generator = onnxruntime_genai.Generator(model, settings)
    generator.append_tokens(prompt)
    while not generator.is_done():
        generator.generate_next_token()
    layout = Layout.read(trained)
    decoding, text, ours = Decoding(Graph(trained / "model.onnx").session, layout), Text(), prompt.tolist()
    logits = decoding.read(text, ours)
    decoding.join(text)
    for _ in range(20):
        logits[list(layout.ends)] = -np.inf  # as min_length does it
        ours.append(int(logits.argmax()))
        logits = decoding.step(ours[-1:])[0]
    assert generator.get_sequence(0).tolist() == ours


def test_variants_are_measured_and_the_one_that_gains_most_is_taken(trained: Path, tmp_path: Path) -> None:
    export(trained, Decoder(), ROWS)
    found = compress(trained, Compress(max_loss=1.0), "bits-per-byte", [*ROWS, CHAT], tmp_path, Console(quiet=True), 0.3)
    sizes = {one["name"]: one["size_bytes"] for one in found["variants"]}
    bits = {one["name"]: one["validation"]["bits-per-byte"]["value"] for one in found["variants"]}
    assert list(sizes) == ["original", "int8", "int4"]
    assert sizes["int4"] < sizes["int8"] < sizes["original"]
    assert 0 < abs(bits["int8"] - bits["original"]) < abs(bits["int4"] - bits["original"]) < 1.0
    taken = next(one["name"] for one in found["variants"] if one["taken"])
    assert found["chosen"] == taken
    assert {"model.onnx", "model.onnx.data", "genai_config.json", "tokenizer.json"} <= {path.name for path in tmp_path.iterdir()}
    task = load_task(tmp_path)
    graph = Graph(tmp_path / "model.onnx")
    again = task.score(task.align(task.decode(graph.run(task.collate(task.encode_many(ROWS))), ["0", "1", "2"]), ROWS))
    assert again["bits-per-byte"] == pytest.approx(bits[taken], rel=0.2)


def test_a_variant_that_loses_too_much_is_left_and_none_can_be_asked_for(trained: Path, tmp_path: Path) -> None:
    export(trained, Decoder(), ROWS)
    strict = compress(trained, Compress(max_loss=0.0), "bits-per-byte", ROWS, tmp_path, Console(quiet=True), 0.3)
    lossless = [one["name"] for one in strict["variants"] if one["validation"]["bits-per-byte"]["value"] <= _bits(strict)]
    assert strict["chosen"] in lossless
    plain = compress(trained, Compress(methods=()), "bits-per-byte", ROWS, tmp_path, Console(quiet=True), 0.3)
    assert [one["name"] for one in plain["variants"]] == ["original"]


def _bits(found: dict) -> float:
    return found["variants"][0]["validation"]["bits-per-byte"]["value"]


def test_foreign_and_damaged_checkpoints_are_refused(trained: Path, tmp_path: Path) -> None:
    assert is_language(trained / "checkpoint")
    assert not is_language(tmp_path)
    odd = tmp_path / "odd"
    odd.mkdir()
    config = json.loads((trained / "checkpoint" / "config.json").read_text())
    for changes, error, words in [
        ({"head_dim": 8}, TrainError, "8 wide"),
        ({"architectures": ["OddForCausalLM"]}, TrainError, "not one that can be exported"),
        ({}, ReleaseError, "can't be read"),  # no weights
    ]:
        (odd / "config.json").write_text(json.dumps({**config, **changes}))
        with pytest.raises(error, match=words):
            export_language(odd, tmp_path / "out", "int4", trained)
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True
    with pytest.raises(ReleaseError, match="can't be read"):
        export_language(tmp_path, tmp_path / "out", "int4", trained)


def test_without_the_builder_the_extra_is_named(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelwright.base.errors import MissingExtraError

    class Refusing:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "onnxruntime_genai":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.partition(".")[0] == "onnxruntime_genai"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Refusing(), *sys.meta_path])
    with pytest.raises(MissingExtraError, match="onnxruntime_genai"):
        export_language(trained / "checkpoint", tmp_path, "int4", trained)
