"""Schedule, buckets, losses, precision, plan: the arithmetic around the loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from modelwright.base.errors import TrainError
from modelwright.train import precision
from modelwright.train.buckets import epoch_batches, sorted_batches
from modelwright.train.plan import Limits, Plan


def test_an_epoch_has_every_row_once_in_batches_of_like_length():
    lengths = np.random.default_rng(0).integers(1, 500, 1003).tolist()
    batches = epoch_batches(lengths, 16, seed=3, epoch=0)
    assert sorted(row for batch in batches for row in batch) == list(range(1003))
    assert [len(batch) for batch in batches].count(16) == 1003 // 16
    padded = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    assert padded < 1.05 * sum(lengths)
    assert batches == epoch_batches(lengths, 16, seed=3, epoch=0)
    assert batches != epoch_batches(lengths, 16, seed=3, epoch=1)
    assert batches != epoch_batches(lengths, 16, seed=4, epoch=0)
    longest = [max(lengths[row] for row in batch) for batch in batches]
    assert longest != sorted(longest), "batches come in no order of length"


def test_sorted_batches_have_every_row_once():
    batches = sorted_batches([5, 1, 3, 2], 3)
    assert batches == [[1, 3, 2], [0]]


@pytest.mark.parametrize(
    ("features", "wanted", "name", "reason"),
    [
        (("avx2", "avx512_bf16"), "auto", "bfloat16", "the processor has avx512_bf16"),
        (("avx2",), "auto", "float32", "the processor has none of amx_bf16, avx512_bf16, bf16"),
        (("avx2",), "bfloat16", "bfloat16", "the project asks for bfloat16"),
        (("amx_bf16",), "float32", "float32", "the project asks for float32"),
    ],
)
def test_precision_follows_the_processor_and_says_why(monkeypatch, features, wanted, name, reason):
    machine = type("Machine", (), {"features": features})()
    monkeypatch.setattr(precision, "describe", lambda: machine)
    found = precision.choose(wanted, nn.Linear(1, 1), torch.device("cpu"))
    assert (found.name, found.reason) == (name, reason)


def test_a_module_may_say_that_bfloat16_does_not_help_it():
    module = nn.Linear(1, 1)
    module.float32_because = "it is small"
    assert precision.choose("auto", module, torch.device("cpu")) == precision.Precision("float32", "it is small")
    assert precision.choose("bfloat16", module, torch.device("cpu")).name == "bfloat16"


def plan_of(folder, seconds=None, steps=None, epochs=10):
    return Plan(100, epochs, Limits(seconds, steps), folder)


def run_plan(plan, step_s, start=0, spent=0.0):
    """Walk the plan with a step time per step; gives (steps, seconds)."""
    step, paces = start, []
    while step < plan.total and not plan.overdue(spent):
        step += 1
        spent += step_s(step)
        paces = [*paces[-31:], step_s(step)]
        plan.reconsider(step, spent, sum(paces) / len(paces), 0.0, 0.0)
    return step, spent


def test_without_pressure_the_plan_is_epochs_or_steps(tmp_path):
    plan = plan_of(tmp_path, seconds=10_000)
    assert run_plan(plan, lambda step: 0.1)[0] == 1000
    assert plan.stopped_by == "epochs" and not plan.recorded
    plan = plan_of(tmp_path, steps=70)
    assert run_plan(plan, lambda step: 0.1)[0] == 70
    assert plan.stopped_by == "steps"


def test_the_plan_is_fitted_to_the_seconds_early(tmp_path):
    plan = plan_of(tmp_path, seconds=50)
    steps, spent = run_plan(plan, lambda step: 0.1)
    assert 450 < steps < 500 and 45 < spent < 50
    assert plan.stopped_by == "seconds"
    assert min(plan.recorded) == 8


def test_a_machine_that_slows_down_still_ends_in_time(tmp_path):
    plan = plan_of(tmp_path, seconds=50)
    steps, spent = run_plan(plan, lambda step: 0.05 if step < 200 else 0.3)
    assert steps == plan.total, "the schedule came to its end"
    assert spent <= 50


def test_a_continued_plan_repeats_decisions_and_not_the_clock(tmp_path):
    first = plan_of(tmp_path, seconds=50)
    run_plan(first, lambda step: 0.05 if step < 200 else 0.3)
    again = plan_of(tmp_path, seconds=50)
    again.follow(100)
    assert again.total == first.recorded[max(step for step in first.recorded if step <= 100)]
    totals = []
    for step in range(101, max(first.recorded) + 1):
        again.reconsider(step, 999.0, 99.0, 0.0, 0.0)
        totals.append(again.total)
    assert totals[-1] == first.total
    assert set(totals) <= set(first.recorded.values())


def test_a_damaged_plan_is_a_train_error(tmp_path):
    (tmp_path / "plan.jsonl").write_text('{"step": 8, "total_st')
    with pytest.raises(TrainError) as caught:
        plan_of(tmp_path, seconds=50)
    assert caught.value.where.endswith("plan.jsonl") and "Delete" in caught.value.remedy
