"""The built-in suite of language models, on a decoder that has learned a few texts by heart."""

from __future__ import annotations

import json
import random
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from modelwright.base.console import Console
from modelwright.base.errors import MissingExtraError
from modelwright.base.graph import Graph
from modelwright.base.nouns import Batch, Row
from modelwright.compress.export import export
from modelwright.evaluate.language import items
from modelwright.evaluate.language.examine import LANGUAGE, NO_CHAT, examine
from modelwright.evaluate.language.harness import HarnessModel, harness_model
from modelwright.evaluate.language.items import Choice
from modelwright.evaluate.language.likelihood import Likelihood
from modelwright.evaluate.language.memory import memorised, pieces_of
from modelwright.evaluate.language.rules import RULES, kept
from modelwright.evaluate.language.shares import share
from modelwright.evaluate.language.speech import Speech
from modelwright.models import registry
from modelwright.spec.routes.decoder import Decoder
from modelwright.tasks.contract import load_task
from modelwright.tasks.text_generation import GenerationSettings, TextGeneration

WORDS = [
    "tide",
    "harbour",
    "boat",
    "crane",
    "quay",
    "anchor",
    "cargo",
    "pilot",
    "dock",
    "vessel",
    "bread",
    "oven",
    "flour",
    "butter",
    "pan",
    "spice",
    "dough",
    "plate",
    "apple",
    "pear",
]


def documents(count: int, seed: int) -> list[Row]:
    """Texts whose words follow no rule: who continues one has seen it."""
    draw = random.Random(seed)
    return [Row(f"{seed}-{number}", {"text": " ".join(draw.choices(WORDS, k=30))}) for number in range(count)]


TRAINING, HELD_OUT = documents(5, 0), documents(5, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A train folder whose decoder knows the training texts by heart."""
    found = tmp_path_factory.mktemp("language")
    route = Decoder(width=64, layers=2, heads=2, key_heads=1)
    task = TextGeneration.fit(TRAINING, route, learn=GenerationSettings(vocabulary=300, context=96))
    task.save(found)
    batch = task.collate(task.encode_many(TRAINING))
    inputs = {name: torch.from_numpy(array) for name, array in {**batch.inputs, "labels": batch.targets}.items()}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = registry.build(route, task.sizes, None)
        optimiser = torch.optim.AdamW(module.parameters(), lr=4e-3)
        for _ in range(400):
            optimiser.zero_grad()
            loss = module(**inputs)["values"].mean()
            loss.backward()
            optimiser.step()
            if loss < 0.03:
                break
    registry.save(module.eval(), route, task.sizes, found / "checkpoint")
    export(found, route, TRAINING[:2])
    return found


@pytest.fixture(scope="module")
def task(folder: Path) -> TextGeneration:
    found = load_task(folder)
    assert isinstance(found, TextGeneration)
    return found


@pytest.fixture(scope="module")
def speech(folder: Path) -> Speech:
    return Speech(folder)


def test_the_suite_is_whole() -> None:
    for language in items.LANGUAGES:
        for part in ("cloze", "choice"):
            found = items.choices(part, language)
            assert len(found) >= 24
            for item in found:
                assert len(item.options) == len(set(item.options)) == 4, item
                assert all(isinstance(option, str) and option.strip() for option in item.options), item
            assert len({item.context for item in found}) == len(found)
        asked = items.instructions(language)
        assert len(asked) >= 24 and {one.rule for one in asked} <= set(RULES)
    used = {one.rule for language in items.LANGUAGES for one in items.instructions(language)}
    assert used == set(RULES)


@pytest.mark.parametrize(
    ("rule", "value", "good", "bad"),
    [
        ("one-word", None, " White. ", "It is white"),
        ("exactly", "harbour", "'Harbour'.", "the harbour"),
        ("exactly-case", "THANKS", "THANKS", "Thanks"),
        ("one-of", ["yes", "no"], "Yes.", "yes and no"),
        ("number", None, "7", "seven"),
        ("at-most-words", 3, "bread is good", "bread is very good"),
        ("characters", 2, "白色。", "是白色"),
        ("at-most-characters", 4, "面包好吃", "面包很好吃"),
        ("ends-with", "?", "How are you?", "I am well."),
        ("ends-with", ".", "Waves.", "."),
        ("begins-with", "Perhaps", "Perhaps it will.", "It will, perhaps"),
        ("contains", "灯塔", "海边有灯塔。", "灯塔"),
        ("without", "z", "bread", "pizza"),
        ("commas", 2, "red, green, blue", "red, green"),
        ("pauses", 2, "红、绿、蓝", "红，绿，蓝"),
        ("lower", None, "summer", "Summer"),
        ("upper", None, "WATER!", "Water"),
        ("lines", 2, "one\n\ntwo", "one"),
    ],
)
def test_rules_are_kept_or_broken(rule: str, value: Any, good: str, bad: str) -> None:
    assert kept(rule, value, good)
    assert not kept(rule, value, bad)
    assert not kept(rule, value, "  ")


def test_a_share_has_wilsons_interval() -> None:
    found = share(8, 10)
    assert (found["value"], found["low"], found["high"]) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert share(0, 10)["low"] == 0.0 and 0.2 < (share(0, 10)["high"] or 0) < 0.3
    assert share(0, 0) == {"value": None, "low": None, "high": None}


def test_likelihood_is_the_graphs_and_does_not_hang_on_company(folder: Path, task: TextGeneration) -> None:
    likelihood = Likelihood(task, Graph(folder / "model.onnx"))
    pairs = [("tide boat", " crane"), ("apple pear oven flour butter", " pan spice"), ("", "dough")]
    together = likelihood.nats(pairs)
    assert together == pytest.approx([likelihood.nats([pair])[0] for pair in pairs], abs=1e-3)
    (first, second), whole = (
        together[:1] + likelihood.nats([("tide boat crane", " quay")]),
        likelihood.nats([("tide boat", " crane quay")]),
    )
    assert whole[0] == pytest.approx(first + second, abs=1e-3)  # chain rule: these texts part at the same tokens
    with pytest.raises(ValueError, match="must have tokens"):
        likelihood.nats([("tide", "")])
    long = likelihood.nats([(" ".join(WORDS * 20), " pan")])
    assert np.isfinite(long[0]) and long[0] > 0


def test_what_was_learned_is_likelier_than_what_was_not(folder: Path, task: TextGeneration) -> None:
    asked = []
    for row in TRAINING:
        words = row.values["text"].split(" ")
        others = [word for word in WORDS if word != words[10]][:3]
        asked.append(Choice(" ".join(words[:10]), tuple(f" {word}" for word in (words[10], *others))))
    right = Likelihood(task, Graph(folder / "model.onnx")).right(asked)
    assert sum(right) >= 4


def test_speech_is_greedy_whoever_speaks_beside(speech: Speech, task: TextGeneration) -> None:
    prompts = [
        [task.words.begin, *task.words.encode(row.values["text"])[:length]]
        for row, length in zip(TRAINING, range(1, 6), strict=True)
    ]
    alone = [speech.say([prompt], 12)[0] for prompt in prompts]
    assert speech.say(prompts * 4, 12) == alone * 4  # more than are computed at a time
    assert all(len(said) == 12 for said in alone)
    end = alone[0][4]
    assert speech.say(prompts[:1], 12, {end}) == [alone[0][: alone[0].index(end)]]
    drawn = [speech.say(prompts[:1], 12, draw=np.random.default_rng(seed)) for seed in (3, 3)]
    assert drawn[0] == drawn[1]


def test_texts_learned_by_heart_are_found_and_others_are_not(speech: Speech, task: TextGeneration) -> None:
    found = memorised(task, speech, TRAINING, HELD_OUT, seed=0)
    assert found is not None
    assert found["tokens"] == 32
    assert found["training"]["documents"] == found["held_out"]["documents"] == 5
    assert found["training"]["value"] >= 0.75
    assert found["held_out"]["repeated"] == 0
    assert found["difference"] == found["training"]["value"]
    assert found["held_out"]["agreeing"] < 0.3 < found["training"]["agreeing"]
    example = found["examples"][0]
    text = next(row.values["text"] for row in TRAINING if row.id == example["row_id"])
    assert example["prompt"] + example["repeated"] in text
    assert memorised(task, speech, [Row("short", {"text": "tide"})], HELD_OUT, seed=0) is None
    assert [piece.row_id for piece in pieces_of(task, TRAINING, 32, 5, 3)] == [
        piece.row_id for piece in pieces_of(task, TRAINING, 32, 5, 3)
    ]


def test_the_whole_suite_is_written(folder: Path, tmp_path: Path) -> None:
    chat = Row("chat", {"messages": json.dumps([{"role": "user", "content": "tide?"}, {"role": "assistant", "content": "boat"}])})
    found = examine(folder, TRAINING, [*HELD_OUT, chat], tmp_path, Console(quiet=True), 0, chats=True)
    assert json.loads((tmp_path / LANGUAGE).read_text()) == found
    for part in ("cloze", "choice"):
        for language in items.LANGUAGES:
            figures = found[part][language]
            assert figures["items"] + figures["left_out"] == len(items.choices(part, language))
            assert figures["low"] <= figures["value"] <= figures["high"]
            assert figures["chance"] == 0.25
    for figures in found["instructions"].values():
        assert len(figures["answers"]) == figures["items"] == 24
    assert found["samples"][0]["prompt"] == "tide?"
    assert all(sample["likeliest"] for sample in found["samples"][1:])
    assert found["missing"] == {}
    without = examine(folder, TRAINING, HELD_OUT, tmp_path, Console(quiet=True), 0, chats=False)
    assert without["instructions"] is None and without["missing"] == {"instructions": NO_CHAT}


class Request(NamedTuple):
    args: tuple[Any, ...]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    """The part of the harness that a model is made of."""

    class LM:
        def __init__(self) -> None:
            self.made = True

        def loglikelihood(self, requests: Any) -> Any:
            raise NotImplementedError

    model = types.ModuleType("lm_eval.api.model")
    model.LM = LM  # type: ignore[attr-defined]
    for name, module in {"lm_eval": types.ModuleType("lm_eval"), "lm_eval.api": types.ModuleType("lm_eval.api")}.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "lm_eval.api.model", model)
    yield LM


def test_the_harness_gets_what_it_asks_for(folder: Path, task: TextGeneration, stand_in: type) -> None:
    model = harness_model(folder)
    assert isinstance(model, stand_in) and isinstance(model, HarnessModel) and model.made
    words = TRAINING[0].values["text"].split(" ")
    context, known = " ".join(words[:12]), " " + " ".join(words[12:14])
    other = " " + next(word for word in WORDS if word != words[12])
    (right, greedy), (wrong, not_greedy) = model.loglikelihood([Request((context, known)), Request((context, other))])
    assert greedy and not not_greedy
    assert right > wrong
    whole = TRAINING[0].values["text"]
    (rolled,) = model.loglikelihood_rolling([Request((whole,))])
    graph = Graph(folder / "model.onnx")
    example = task.encode(TRAINING[0])
    assert rolled == pytest.approx(-float(graph.run(task.collate([example]))["surprise"].sum()), rel=1e-3)
    (long,) = model.loglikelihood_rolling([Request((whole + " " + whole,))])
    ids = [task.words.begin, *task.words.encode(whole + " " + whole)]
    assert task.context < len(ids) < 2 * task.context
    parts = [ids[: task.context], ids[-task.context :]]
    scored = [
        graph.run(Batch(("0",), {"input_ids": np.array([part]), "attention_mask": np.ones((1, len(part)), np.int64)}))
        for part in parts
    ]
    expected = scored[0]["surprise"].sum() + scored[1]["surprise"][0, 2 * task.context - len(ids) :].sum()
    assert long == pytest.approx(-float(expected), rel=1e-3)  # the second window brings a full context and counts what is new
    stop = next(word for word in words[14:] if word not in words[12:14])
    (said,) = model.generate_until([Request((context, {"until": [stop], "max_gen_toks": 24}))])
    assert said.startswith(known) and stop not in said
    with pytest.raises(ValueError, match="greedy"):
        model.generate_until([Request((context, {"temperature": 0.7}))])


def test_without_the_harness_its_extra_is_named(folder: Path) -> None:
    with pytest.raises(MissingExtraError, match="lm_eval"):
        harness_model(folder)
