"""Phases: one module, one training after another; a kill in any of them, too little memory and a loss that is no number."""

from __future__ import annotations

import json
import random
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from modelwright.base.console import Console
from modelwright.base.errors import MachineError, TrainError
from modelwright.base.nouns import Row
from modelwright.models import registry
from modelwright.models.decoder import Decoder as Module
from modelwright.spec.routes.decoder import Decoder
from modelwright.spec.routes.lm_finetune import LmFinetune
from modelwright.spec.routes.phases import Dialogue, phases_of, taking_place
from modelwright.spec.routes.rnn_lm import RecurrentLanguage
from modelwright.tasks.contract import get_task
from modelwright.train import step
from modelwright.train.forecast import forecast_route
from modelwright.train.phases import Phases, Setting
from modelwright.train.plan import Limits
from modelwright.train.route import prepare, train_route

TASK = get_task("text-generation")
LEARN = TASK.settings(vocabulary=300, context=32)
COLOURS = ("red", "blue", "green", "black", "white")
SMALL: dict[str, Any] = {
    "width": 32,
    "layers": 1,
    "heads": 2,
    "epochs": 2,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "precision": "float32",
    "dialogue": {"epochs": 2, "learning_rate": 2e-3, "batch_size": 8},
    "preference": {"epochs": 2, "learning_rate": 1e-3},
}


def documents(count: int, seed: int) -> list[Row]:
    draw = random.Random(seed)
    return [Row(f"d{seed}-{n}", {"text": " ".join(draw.choice(COLOURS) + " is it." for _ in range(5))}) for n in range(count)]


def dialogues(count: int, seed: int) -> list[Row]:
    draw = random.Random(seed)
    said = [draw.choice(COLOURS) for _ in range(count)]
    turns = [[{"role": "user", "content": f"say {word}"}, {"role": "assistant", "content": word}] for word in said]
    return [Row(f"c{seed}-{n}", {"messages": json.dumps(messages)}) for n, messages in enumerate(turns)]


def preferences(count: int, seed: int) -> list[Row]:
    draw = random.Random(seed)
    pairs = [draw.sample(COLOURS, 2) for _ in range(count)]
    return [
        Row(
            f"p{seed}-{n}",
            {"messages": json.dumps([{"role": "user", "content": f"say {a}"}]), "chosen": a, "rejected": b},
        )
        for n, (a, b) in enumerate(pairs)
    ]


MORE = {"dialogues": (dialogues(48, 1), dialogues(8, 2)), "preferences": (preferences(32, 3), preferences(8, 4))}


class Killed(BaseException):
    pass


class Stopping(Console):
    """Kills a training from its own progress bar: after `step` of the training called `title`."""

    def __init__(self, title: str, step: int) -> None:
        super().__init__(quiet=True)
        self.title, self.step, self.lines = title, step, list[str]()

    def line(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, title, total=None):
        class Bar:
            def update(bar, done, total=None, note=""):  # noqa: N805
                if (title, done) == (self.title, self.step):
                    raise Killed

        @contextmanager
        def bar():
            yield Bar()

        return bar()


def train(folder: Path, console: Console | None = None, limits: Limits = Limits(), more: Any = MORE, **settings: Any):  # noqa: B008
    folder.mkdir(exist_ok=True)
    route = Decoder.model_validate({**SMALL, **settings})
    return train_route(
        TASK,
        route,
        documents(24, 0),
        documents(6, 9),
        checkpoint=None,
        limits=limits,
        seed=0,
        folder=folder,
        console=console or Console(quiet=True),
        title="chat",
        checkpoint_seconds=1e-9,
        learn=LEARN,
        more=more,
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def losses(path: Path) -> list[float]:
    return [line["loss"] for line in lines(path) if "loss" in line]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, train(folder)


def test_a_phase_sets_what_is_its_own_and_keeps_the_rest():
    route = Decoder(schedule="warmup-stable-decay", decay_share=0.3, optimizer="muon", clip=0.7, dialogue={"epochs": 5})
    main, dialogue, preference = phases_of(route)
    assert (main.name, dialogue.name, preference.name) == ("pretrain", "dialogue", "preference")
    assert main.route is route and main.share == pytest.approx(1 - dialogue.share - preference.share)
    assert dialogue.route.epochs == 5 and dialogue.route.clip == 0.7 and dialogue.route.schedule == "cosine"
    assert dialogue.route.decay_share == Decoder.model_fields["decay_share"].default, "a schedule's setting went with it"
    dialogue.route.with_settings({})  # nothing in it contradicts itself
    assert [phase.name for phase in taking_place(phases_of(route), {"preferences": [1], "dialogues": []})] == [
        "pretrain",
        "preference",
    ]
    with pytest.raises(ValueError, match="less than 1 together"):
        Decoder(dialogue={"share": 0.6}, preference={"share": 0.4})


def test_what_a_phase_leaves_of_the_budget_goes_to_the_later_ones(tmp_path):
    route = Decoder.model_validate({**SMALL, "dialogue": {"share": 0.3}, "preference": {"share": 0.2}})
    setting = Setting(Limits(100.0, 1000), 0, tmp_path, Console(quiet=True), "chat", 20.0, 0.0)
    phases = Phases(None, phases_of(route), {"main": ([1], []), **MORE}, setting)
    found = phases._limits(0)
    assert (found.seconds, found.steps) == (pytest.approx(50.0), 500)
    phases.done = [{"seconds": 25.0, "steps": 100}]
    found = phases._limits(1)
    assert (found.seconds, found.steps) == (pytest.approx(45.0), 540)
    phases.done = [*phases.done, {"seconds": 75.0, "steps": 900}]
    assert phases._limits(2) == Limits(0.0, 1), "a phase that finds nothing left still makes one step"


def test_each_phase_has_its_own_rate_curve_and_figures(whole):
    folder, result = whole
    assert [(one["name"], one["learns_from"], one["learning_rate"]) for one in result["phases"]] == [
        ("pretrain", "main", 3e-3),
        ("dialogue", "dialogues", 2e-3),
        ("preference", "preferences", 1e-3),
    ]
    assert result["steps"] == sum(one["steps"] for one in result["phases"]) and result["tokens_per_second"] > 0
    assert all(one["seconds"] > 0 and one["tokens"] > 0 and one["best_score"] is not None for one in result["phases"])
    for one in result["phases"]:
        rates = [line["learning_rate"] for line in lines(folder / one["name"] / "curve.jsonl") if "loss" in line]
        assert len(rates) == one["steps"] and max(rates) <= one["learning_rate"]
        assert not (folder / one["name"] / "resume").exists() and not (folder / one["name"] / "weights.safetensors").exists()
    joined = lines(folder / "curve.jsonl")
    assert {line["phase"] for line in joined} == {"pretrain", "dialogue"}
    steps = [line["step"] for line in joined if "loss" in line]
    assert steps == list(range(1, len(steps) + 1)) and sorted(line["seconds"] for line in joined) == [
        line["seconds"] for line in joined
    ]
    assert json.loads((folder / "result.json").read_text())["phases"] == result["phases"]


def test_what_ships_is_scored_on_the_main_rows(whole):
    folder, result = whole
    fitted, module = TASK.load(folder), registry.load(folder / "checkpoint")
    rows = documents(6, 9)
    outputs = registry.outputs(module, fitted.collate(fitted.encode_many(rows)).inputs)
    score = fitted.score(fitted.align(fitted.decode(outputs, [row.id for row in rows]), rows))
    assert result["metric"] == "bits-per-byte" and result["best_score"] == pytest.approx(score["bits-per-byte"], rel=1e-5)


@pytest.mark.parametrize("at", [("chat", 3), ("chat.dialogue", 4), ("chat.preference", 1), ("chat.preference", 6)])
def test_killed_in_any_phase_it_goes_on_bit_for_bit(at, whole, tmp_path):
    with pytest.raises(Killed):
        train(tmp_path / "killed", Stopping(*at))
    console = Stopping("", 0)
    result = train(tmp_path / "killed", console)
    assert any(line.startswith(f"   {at[0]}: going on from step") for line in console.lines) or at[1] == 1
    for name in ("pretrain", "dialogue", "preference"):
        assert losses(tmp_path / "killed" / name / "curve.jsonl") == losses(whole[0] / name / "curve.jsonl")
    weights = [(folder / "checkpoint" / "model.safetensors").read_bytes() for folder in (tmp_path / "killed", whole[0])]
    assert weights[0] == weights[1]
    assert result["best_score"] == whole[1]["best_score"]


@pytest.mark.parametrize("at", [("tuned", 4), ("tuned.preference", 3)])
def test_adapters_over_four_bits_in_half_precision_go_on_bit_for_bit(at, whole, tmp_path):
    """Frozen weights come from the checkpoint again, adapters from the file."""
    route = LmFinetune(method="qlora", lora_rank=4, epochs=2, batch_size=8, precision="bfloat16")

    def run(folder: Path, console: Console) -> None:
        folder.mkdir(exist_ok=True)
        given = {"limits": Limits(), "seed": 0, "folder": folder, "console": console, "title": "tuned", "learn": LEARN}
        more = {"preferences": MORE["preferences"]}
        train_route(
            TASK, route, *MORE["dialogues"], checkpoint=whole[0] / "checkpoint", checkpoint_seconds=1e-9, more=more, **given
        )

    run(tmp_path / "whole", Console(quiet=True))
    with pytest.raises(Killed):
        run(tmp_path / "killed", Stopping(*at))
    run(tmp_path / "killed", Console(quiet=True))
    weights = [(tmp_path / way / "checkpoint" / "model.safetensors").read_bytes() for way in ("whole", "killed")]
    assert weights[0] == weights[1]
    assert losses(tmp_path / "killed" / "adapt" / "curve.jsonl")[-1] < losses(tmp_path / "killed" / "adapt" / "curve.jsonl")[0]


def test_long_rows_are_scored_a_few_at_a_time(tmp_path, monkeypatch):
    rows = [Row(f"long{n}", {"text": "red blue " * (12 if n < 9 else 40)}) for n in range(12)]
    fitted = TASK.fit(rows, Decoder.model_validate(SMALL), None, LEARN)
    made = prepare(fitted, Decoder.model_validate(SMALL), rows, rows, None, 0)
    expected = made.stepper.score(made.held, rows)
    monkeypatch.setattr(step, "_VALIDATION_TOKENS", 200)
    sizes = [(len(part), max(made.held[number].length for number in part)) for part, _ in made.stepper.answers(made.held)]
    assert sum(count for count, _ in sizes) == 12 and all(count == 1 or count * longest <= 200 for count, longest in sizes)
    assert len(sizes) > 2 and made.stepper.score(made.held, rows) == pytest.approx(expected, rel=1e-5)


def test_another_librarys_model_goes_on_too(whole, tmp_path):
    """Its weights have names of their own, which must survive being asked for pairs."""
    transformers = pytest.importorskip("transformers")
    start = tmp_path / "start"
    fitted = TASK.load(whole[0])
    settings = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 2}
    config = transformers.GPT2Config(vocab_size=fitted.sizes["vocabulary"], **settings)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(start)
    fitted.save(start)

    def run(folder: Path, console: Console) -> None:
        folder.mkdir(exist_ok=True)
        route = LmFinetune(method="lora", lora_rank=4, epochs=1, batch_size=8)
        given = {"limits": Limits(), "seed": 0, "folder": folder, "console": console, "title": "tuned", "learn": LEARN}
        more = {"preferences": MORE["preferences"]}
        train_route(TASK, route, *MORE["dialogues"], checkpoint=start, checkpoint_seconds=1e-9, more=more, **given)

    run(tmp_path / "whole", Console(quiet=True))
    for stop in (1, 3):
        with pytest.raises(Killed):
            run(tmp_path / "killed", Stopping("tuned.preference", stop))
    run(tmp_path / "killed", Console(quiet=True))
    weights = [(tmp_path / way / "checkpoint" / "model.safetensors").read_bytes() for way in ("whole", "killed")]
    assert weights[0] == weights[1]


def forecast(limits: Limits = Limits(), **settings: Any) -> dict[str, Any]:  # noqa: B008
    route = Decoder.model_validate({**SMALL, **settings})
    given = {"checkpoint": None, "seed": 0, "console": Console(quiet=True), "learn": LEARN, "more": MORE, "limits": limits}
    return forecast_route(TASK, route, documents(24, 0), documents(6, 9), **given)


def test_every_phase_is_forecast(whole):
    found = forecast()
    assert [(one["name"], one["steps"]) for one in found["phases"]] == [(one["name"], one["steps"]) for one in whole[1]["phases"]]
    assert found["seconds"] == pytest.approx(sum(one["seconds"] for one in found["phases"]))
    assert found["steps"] == whole[1]["steps"] and found["seconds_low"] < found["seconds"] < found["seconds_high"]
    assert [one["steps"] for one in forecast(Limits(steps=10), dialogue={"share": 0.3}, preference={"share": 0.2})["phases"]] == [
        5,
        3,
        2,
    ]


def test_a_forecast_halves_what_does_not_fit_as_training_will(monkeypatch):
    whole = Module.forward

    def limited(self, input_ids, attention_mask, labels=None):
        if labels is not None and len(input_ids) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(self, input_ids, attention_mask, labels)

    monkeypatch.setattr(Module, "forward", limited)
    notes = forecast()["notes"]
    assert any(note.startswith("pretrain: memory is too small for 8 rows at a time; with 4") for note in notes)
    assert any(note.startswith("preference: memory is too small for 8 rows at a time; with 2") for note in notes), (
        "two answers a pair"
    )


def test_steps_are_shared(tmp_path):
    result = train(tmp_path / "out", limits=Limits(steps=10), dialogue={"share": 0.3}, preference={"share": 0.2})
    assert [one["steps"] for one in result["phases"]] == [5, 3, 2]
    assert {one["stopped_by"] for one in result["phases"]} == {"steps"}


def test_one_phase_lies_in_the_folder_itself(tmp_path):
    result = train(tmp_path / "out", more=None)
    assert [one["name"] for one in result["phases"]] == ["pretrain"] and (tmp_path / "out" / "curve.jsonl").exists()
    assert not (tmp_path / "out" / "pretrain").exists() and result["left_out"] == []


def test_rows_that_a_route_has_no_phase_for_are_named(tmp_path):
    """A recurrent language model has one phase: what it does not learn from is said, not dropped silently."""
    console, route = Stopping("", 0), RecurrentLanguage(width=16, epochs=1, batch_size=8)
    given = {"limits": Limits(steps=2), "seed": 0, "folder": tmp_path, "console": console, "title": "lstm"}
    result = train_route(
        TASK, route, documents(8, 0), documents(2, 9), checkpoint=None, checkpoint_seconds=9.0, learn=LEARN, more=MORE, **given
    )
    assert result["left_out"] == ["dialogues", "preferences"] and [one["name"] for one in result["phases"]] == ["train"]
    assert any("no phase that learns preferences" in line for line in console.lines)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
        ),
    ],
)
def test_out_of_memory_halves_what_is_computed_at_once_and_keeps_the_batch(error, tmp_path, monkeypatch):
    dialogue = {"epochs": 2, "learning_rate": 2e-3, "batch_size": 8}
    more = {"dialogues": MORE["dialogues"]}
    expected = train(tmp_path / "asked", more=more, rows_at_once=3, dialogue={**dialogue, "rows_at_once": 3})
    assert expected["phases"][0]["rows_at_once"] == 3 and expected["phases"][0]["out_of_memory"] == []
    whole = Module.forward

    def limited(self, input_ids, attention_mask, labels=None):
        if labels is not None and len(input_ids) > 3:
            raise error
        return whole(self, input_ids, attention_mask, labels)

    monkeypatch.setattr(Module, "forward", limited)
    console = Stopping("", 0)
    found = train(tmp_path / "halved", console, more=more, rows_at_once=6, dialogue={**dialogue, "rows_at_once": 6})
    assert [one["out_of_memory"] for one in found["phases"]] == [[{"step": 1, "rows": 6, "now": 3}]] * 2
    assert [one["rows_at_once"] for one in found["phases"]] == [3, 3] and [one["rows_per_step"] for one in found["phases"]] == [
        8,
        8,
    ]
    assert any("out of memory at step 1 with 6 rows at a time; going on with 3" in line for line in console.lines)
    for name in ("pretrain", "dialogue"):
        assert losses(tmp_path / "halved" / name / "curve.jsonl") == losses(tmp_path / "asked" / name / "curve.jsonl")
    monkeypatch.setattr(Module, "forward", whole)
    undivided = train(tmp_path / "undivided", more=more)
    for name in ("pretrain", "dialogue"):  # the same steps, up to the order of sums
        found_losses, whole_losses = (losses(tmp_path / way / name / "curve.jsonl") for way in ("halved", "undivided"))
        assert found_losses == pytest.approx(whole_losses, rel=1e-3)
    assert undivided["phases"][1]["out_of_memory"] == []


def test_a_row_that_does_not_fit_alone_ends_training(tmp_path, monkeypatch):
    def full(self, input_ids, attention_mask, labels=None):
        raise MemoryError("Unable to allocate 9.00 TiB")

    monkeypatch.setattr(Module, "forward", full)
    with pytest.raises(MachineError) as caught:
        train(tmp_path / "out")
    assert "one row at a time (32 long)" in caught.value.came and "9.00 TiB" in caught.value.came
    assert caught.value.where == "routes.chat" and "qlora" in caught.value.remedy


def test_validation_too_is_answered_in_smaller_parts(tmp_path, monkeypatch):
    whole, seen = Module.forward, []

    def limited(self, input_ids, attention_mask, labels=None):
        if labels is None:
            if len(input_ids) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            seen.append(len(input_ids))
        return whole(self, input_ids, attention_mask, labels)

    monkeypatch.setattr(Module, "forward", limited)
    halved = train(tmp_path / "halved", more=None)
    assert seen and max(seen) <= 2
    monkeypatch.setattr(Module, "forward", whole)
    assert halved["best_score"] == pytest.approx(train(tmp_path / "whole", more=None)["best_score"], rel=1e-5)


def test_a_loss_that_is_no_number_leaves_the_last_good_checkpoint(tmp_path, monkeypatch):
    whole, calls = Module.forward, []

    def exploding(self, input_ids, attention_mask, labels=None):
        found = whole(self, input_ids, attention_mask, labels)
        calls.extend([1] * (labels is not None))
        return {"values": found["values"] * float("nan")} if labels is not None and len(calls) == 10 else found

    monkeypatch.setattr(Module, "forward", exploding)
    with pytest.raises(TrainError) as caught:
        train(tmp_path / "out")
    error = caught.value
    done = json.loads((tmp_path / "out" / "pretrain" / "phase.json").read_text())["steps"]
    assert error.where == "routes.chat.dialogue" and f"at step {10 - done}" in error.came and "loss" in error.came
    assert "learning_rate" in error.remedy and "warmup" in error.remedy and f"(step {9 - done})" in error.remedy
    kept = tmp_path / "out" / "last-good"
    assert str(kept) in error.remedy and not (tmp_path / "out" / "result.json").exists()
    assert all(bool(tensor.isfinite().all()) for tensor in registry.load(kept).state_dict().values())
    assert TASK.load(kept).words.size > 0


def test_a_phase_that_is_done_says_so(tmp_path):
    console = Stopping("", 0)
    train(tmp_path / "out", console)
    said = [line for line in console.lines if "is done" in line]
    assert [line.split()[1] for line in said] == ["pretrain", "dialogue", "preference"] and "preferred" in said[2]


def test_a_first_step_that_is_no_number_does_not_blame_the_rate(tmp_path, monkeypatch):
    whole = Module.forward

    def broken(self, input_ids, attention_mask, labels=None):
        return {name: value * float("nan") for name, value in whole(self, input_ids, attention_mask, labels).items()}

    monkeypatch.setattr(Module, "forward", broken)
    with pytest.raises(TrainError) as caught:
        train(tmp_path / "out", more=None)
    assert "not to blame" in caught.value.remedy and "lower learning_rate" not in caught.value.remedy.lower()


def test_a_later_phase_refuses_weights_of_another_module(whole, tmp_path):
    with pytest.raises(Killed):
        train(tmp_path / "out", Stopping("chat.dialogue", 2))
    path = tmp_path / "out" / "pretrain" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainError, match="damaged") as caught:
        train(tmp_path / "out")
    assert caught.value.where == str(path)


def test_settings_of_a_phase_are_checked():
    with pytest.raises(ValueError, match="greater than 0"):
        Dialogue(learning_rate=0)
