"""A killed training goes on bit for bit; a damaged checkpoint is an error that loses nothing else."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from tests.unit.train.conftest import TASK, small
from tests.unit.train.test_route import curve, losses

from modelwright.base.console import Console
from modelwright.base.errors import TrainError
from modelwright.spec.routes.route import Optimizer
from modelwright.tasks.contract import get_task
from modelwright.train.loop import Loop
from modelwright.train.plan import Limits
from modelwright.train.resume import Resume, State
from modelwright.train.route import prepare

ROOT = Path(__file__).parents[3]
CHILD = """
import sys, time
from pathlib import Path
from modelwright.base.console import Console
from modelwright.tasks.contract import get_task
from modelwright.train.route import Limits, train_route
from tests.unit.train.conftest import TASK, small

class Slow(Console):  # slow enough to be killed on the way
    def progress(self, title, total=None):
        from contextlib import contextmanager
        class Bar:
            def update(self, *arguments):
                time.sleep(0.02)
        @contextmanager
        def bar():
            yield Bar()
        return bar()

rows = get_task(TASK).exam_rows(0)
train_route(get_task(TASK), small(epochs=15, patience=0), rows[:96], rows[96:], checkpoint=None, limits=Limits(), seed=0,
    folder=Path(sys.argv[1]), console=Slow(quiet=True), title="small", checkpoint_seconds=0.05)
"""


def test_killed_and_continued_it_has_the_same_losses_and_weights(train, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads()), "PYTHONPATH": str(ROOT)}
    killed = tmp_path / "killed"
    killed.mkdir()
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(killed)], env=environment, cwd=ROOT)
    try:
        deadline = time.monotonic() + 120
        while not any(int(path.stem[6:]) >= 20 for path in (killed / "resume").glob("state-*.safetensors")):
            assert child.poll() is None and time.monotonic() < deadline, "the child ended, or never came to step 20"
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert not (killed / "result.json").exists()
    stood = max(int(path.stem[6:]) for path in (killed / "resume").glob("state-*.safetensors"))
    assert 20 <= stood < 180
    train(small(epochs=15, patience=0), folder=killed)
    whole = tmp_path / "whole"
    train(small(epochs=15, patience=0), folder=whole)
    assert losses(killed) == losses(whole) and len(losses(whole)) == 180
    assert [record["step"] for record in curve(killed)] == [record["step"] for record in curve(whole)]
    weights = [(folder / "checkpoint" / "model.safetensors").read_bytes() for folder in (killed, whole)]
    assert weights[0] == weights[1]
    results = [json.loads((folder / "result.json").read_text()) for folder in (killed, whole)]
    assert all(results[0][key] == results[1][key] for key in ("steps", "rows", "best_step", "best_score", "stopped_by"))


class Killed(BaseException):
    pass


class Jumpy:
    """A clock that runs at a different pace in every run."""

    def __init__(self, seed: int) -> None:
        self.random, self.now = random.Random(seed), 0.0

    def __call__(self) -> float:
        self.now += self.random.uniform(0.01, 0.05)
        return self.now


class Stopping(Console):
    """Kills training from its own progress bar after `step`."""

    def __init__(self, step: int) -> None:
        super().__init__(quiet=True)
        self.step = step

    def progress(self, title, total=None):
        from contextlib import contextmanager

        class Bar:
            def update(bar, done, total=None, note=""):  # noqa: N805
                if done == self.step:
                    raise Killed

        @contextmanager
        def bar():
            yield Bar()

        return bar()


def loop_once(folder: Path, rows, clock: Jumpy, stop: int, seconds: float | None, **settings: Any) -> Loop:
    folder.mkdir(exist_ok=True)
    route = small(**{"epochs": 6, "patience": 0, **settings})
    with torch.random.fork_rng():
        task = get_task(TASK).fit(rows[0], route)
        ready = prepare(task, route, *rows, None, 0)
        loop = Loop(
            ready.stepper,
            route,
            ready.examples,
            (rows[1], ready.held),
            limits=Limits(seconds),
            seed=0,
            folder=folder,
            console=Stopping(stop),
            title="small",
            checkpoint_seconds=0.5,
            started=0.0,
            clock=clock,
        )
        try:
            loop.run()
        except Killed:
            assert stop
    return loop


def test_a_plan_made_from_the_clock_is_kept_across_kills(rows, tmp_path):
    """Killed after its schedule was bent to the time: the continued run has another clock and still bends the same way."""
    loop_once(tmp_path / "one", rows, Jumpy(1), 30, seconds=12.0)
    decided = (tmp_path / "one" / "resume" / "plan.jsonl").read_text()
    before = losses(tmp_path / "one")
    saved = max((tmp_path / "one" / "resume").glob("state-*"))
    assert 0 < int(saved.stem[6:]) < 30
    again = loop_once(tmp_path / "one", rows, Jumpy(2), 0, seconds=12.0)
    assert (tmp_path / "one" / "resume" / "plan.jsonl").read_text().startswith(decided.rstrip("\n"))
    rates = [(record["step"], record["loss"]) for record in curve(tmp_path / "one") if "loss" in record]
    assert [step for step, _ in rates] == list(range(1, again.state.step + 1))
    assert [loss for _, loss in rates][: len(before)] == before
    assert again.state.step < 72, "the budget did cut the plan"


def test_killed_at_any_step_the_losses_are_the_same(rows, tmp_path):
    loop_once(tmp_path / "whole", rows, Jumpy(0), 0, seconds=None)
    expected = losses(tmp_path / "whole")
    for stop in (1, 13, 50):
        loop_once(tmp_path / str(stop), rows, Jumpy(stop), stop, seconds=None)
        loop_once(tmp_path / str(stop), rows, Jumpy(9), 0, seconds=None)
        assert losses(tmp_path / str(stop)) == expected, stop


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", get_args(Optimizer))
def test_every_optimiser_goes_on_bit_for_bit(name, precision, rows, tmp_path):
    settings = {"optimizer": name, "precision": precision, "epochs": 3, "l1": 1e-4}
    loop_once(tmp_path / "whole", rows, Jumpy(0), 0, None, **settings)
    loop_once(tmp_path / "killed", rows, Jumpy(1), 21, None, **settings)
    assert 0 < int(max((tmp_path / "killed" / "resume").glob("state-*")).stem[6:]) < 21
    loop_once(tmp_path / "killed", rows, Jumpy(2), 0, None, **settings)
    found = losses(tmp_path / "killed")
    assert found == losses(tmp_path / "whole") and len(found) == 36
    assert found[-1] < found[0]


def test_the_mean_loss_of_an_epoch_survives_a_kill_within_it(rows, tmp_path):
    """Both stop after the same epoch, though one of them had to remember half of its losses."""
    settings = {"epochs": 50, "stop_at_loss": 0.5, "dropout": 0.0}
    whole = loop_once(tmp_path / "whole", rows, Jumpy(0), 0, None, **settings)
    stop = whole.state.step - 5
    loop_once(tmp_path / "killed", rows, Jumpy(1), stop, None, **settings)
    again = loop_once(tmp_path / "killed", rows, Jumpy(2), 0, None, **settings)
    timed = ("seconds", "step_seconds", "peak_memory_bytes", "curve_lines")
    assert again.state == dataclasses.replace(whole.state, **{name: getattr(again.state, name) for name in timed})
    assert whole.state.step < 50 * 12


def saved(folder: Path) -> Path:
    state = State(step=7, best_step=5, best_score=0.5)
    Resume(folder).save(state, {"weight.a": torch.arange(1000.0)}, {"a": torch.ones(1000)})
    return folder / "state-000000007.safetensors"


def test_a_state_comes_back_whole(tmp_path):
    saved(tmp_path)
    generator = torch.get_rng_state()
    torch.rand(3)
    found = Resume(tmp_path).load()
    assert found is not None and torch.equal(torch.get_rng_state(), generator)
    assert found[0] == State(step=7, best_step=5, best_score=0.5)
    assert torch.equal(found[1]["weight.a"], torch.arange(1000.0)) and torch.equal(found[2]["a"], torch.ones(1000))


def test_older_states_go_once_the_newer_is_safe(tmp_path):
    saved(tmp_path)
    Resume(tmp_path).save(State(step=9, best_step=9), {"weight.a": torch.zeros(3)}, {"a": torch.zeros(3)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best-000000009.safetensors", "state-000000009.safetensors"]
    Resume(tmp_path).save(State(step=10, best_step=9), {"weight.a": torch.zeros(3)}, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best-000000009.safetensors", "state-000000010.safetensors"]


def test_nothing_to_continue(tmp_path):
    assert Resume(tmp_path / "none").load() is None


@pytest.mark.parametrize("harm", ["truncated", "one bit", "empty", "best missing", "other module"])
def test_a_damaged_checkpoint_says_how_to_go_on(harm, tmp_path, train):
    folder = tmp_path / "out" / "resume"
    path = saved(folder)
    content = path.read_bytes()
    if harm == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "one bit":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "best missing":
        path = folder / "best-000000005.safetensors"
        path.unlink()
    with pytest.raises(TrainError) as caught:
        train()
    error = caught.value
    assert error.where == str(path)
    assert f"Delete the folder {folder}" in error.remedy and "--force" in error.remedy
    assert folder.exists(), "nothing is deleted behind the user's back"
