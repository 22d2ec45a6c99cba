"""train_route from rows to folder, and what stops it."""

from __future__ import annotations

import json

import pytest
import torch
from tests.unit.train.conftest import small

from modelwright.base.errors import TrainError
from modelwright.compress.export import export
from modelwright.models import registry
from modelwright.tasks.contract import load_task
from modelwright.train.route import Limits


def curve(folder):
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]


def losses(folder):
    return [record["loss"] for record in curve(folder) if "loss" in record]


@pytest.mark.parametrize("name", ["encoder", "tfidf-linear"])
def test_both_kinds_end_in_the_same_place(name, train, tmp_path, rows):
    state = torch.get_rng_state()
    result = train(small(name))
    assert torch.equal(torch.get_rng_state(), state), "torch's own generator is left as it was"
    folder = tmp_path / "out"
    assert json.loads((folder / "result.json").read_text()) == result
    assert result["best_score"] > 0.8 and result["metric"] == "macro-f1"
    assert {"seconds", "steps", "epochs", "rows", "samples_per_second", "tokens_per_second", "stopped_by", "best_step"} <= set(
        result
    )
    assert {"peak_memory_bytes", "precision", "precision_reason", "compile", "parameters"} <= set(result)
    assert result["stopped_by"] == ("fitted" if name == "tfidf-linear" else "epochs")
    assert not (folder / "resume").exists()
    assert load_task(folder).name == "text-classification"
    export(folder, small(name), rows[0])


def test_the_curve_is_told_and_the_best_weights_are_kept(train, tmp_path, rows):
    result = train(small(epochs=4))
    told = curve(tmp_path / "out")
    steps = [record for record in told if "loss" in record]
    assert [record["step"] for record in steps] == list(range(1, 49))
    assert steps[-1]["loss"] < steps[0]["loss"] / 2
    assert steps[4]["learning_rate"] == pytest.approx(5e-3)
    scores = {record["step"]: record["validation"]["macro-f1"] for record in told if "validation" in record}
    assert list(scores) == [12, 24, 36, 48]
    assert scores[result["best_step"]] == max(scores.values()) == result["best_score"]
    assert list((tmp_path / "out" / "tensorboard").glob("events*"))


def test_the_same_seed_gives_the_same_losses_and_another_seed_others(train, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(folder=tmp_path / name, seed=seed)
    assert losses(tmp_path / "a") == losses(tmp_path / "b") != losses(tmp_path / "c")


def test_steps_limit_and_schedule(train, tmp_path):
    result = train(limits=Limits(steps=10))
    assert (result["steps"], result["stopped_by"]) == (10, "steps")
    rates = [record["learning_rate"] for record in curve(tmp_path / "out") if "loss" in record]
    assert rates[-1] < 0.1 * max(rates), "the rate falls to its end inside the budget"


def test_seconds_limit(train):
    result = train(small(epochs=100_000, patience=0), limits=Limits(seconds=6.0))
    assert result["stopped_by"] == "seconds"
    assert result["seconds"] < 9.0


def test_patience(train):
    result = train(small(epochs=100, patience=2, learning_rate=0.02))
    assert result["stopped_by"] == "patience"
    assert result["best_step"] <= result["steps"] < 100 * 12, "of equally good weights the later are kept"


def test_without_a_validation_split_the_last_weights_are_kept(train, rows, tmp_path):
    rows[1].clear()
    result = train(small(epochs=2))
    assert result["best_score"] is None and result["best_step"] == result["steps"] == 24
    assert registry.load(tmp_path / "out" / "checkpoint").head.weight.isfinite().all()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_both_precisions_learn_and_ship_float32(precision, train, tmp_path):
    result = train(small(precision=precision))
    assert result["precision"] == precision and result["precision_reason"] == f"the project asks for {precision}"
    assert result["best_score"] > 0.8
    weights = registry.load(tmp_path / "out" / "checkpoint").state_dict()
    assert all(weight.dtype == torch.float32 for weight in weights.values())
    if precision == "bfloat16":
        head = weights["head.weight"]
        assert not torch.equal(head, head.to(torch.bfloat16).float()), "masters are shipped, not their rounded copies"


def test_several_labels_a_row(train, tmp_path, rows):
    from modelwright.tasks.contract import get_task

    found = get_task("text-classification").exam_rows(0, "several-labels")
    rows[0][:], rows[1][:] = found[:96], found[96:]
    assert train(small(epochs=6))["best_score"] > 0.7


def test_divergence_is_an_error_that_keeps_the_last_checkpoint(train, tmp_path, monkeypatch):
    from modelwright.train import losses as module

    calls = []

    def exploding(outputs, targets, weights):
        calls.append(1)
        loss = whole(outputs, targets, weights)
        return loss * (float("nan") if len(calls) == 15 else 1.0)

    whole = module.cross_entropy
    monkeypatch.setattr(module, "choose", lambda *given: exploding)
    with pytest.raises(TrainError) as caught:
        train(checkpoint_seconds=1e-9)
    assert "step 15" in caught.value.came and caught.value.where == "routes.small"
    assert "learning_rate" in caught.value.remedy
    assert "loss before" in caught.value.came and "step 14" in caught.value.remedy
    kept = tmp_path / "out" / "last-good"
    assert str(kept) in caught.value.remedy
    weights = registry.load(kept).state_dict()
    assert all(bool(tensor.isfinite().all()) for tensor in weights.values())
    assert (kept / "task.json").exists(), "it loads with its tokenizer, as any checkpoint does"
    assert not (tmp_path / "out" / "result.json").exists()
