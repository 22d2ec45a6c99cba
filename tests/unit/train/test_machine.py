"""What training asks of the machine: memory that stays, a compiler only where wanted, a disk that may be full."""

from __future__ import annotations

import resource
import sys

import pytest
import torch
from torch import nn

from modelwright.base.errors import MachineError
from modelwright.base.machine import resident_bytes
from modelwright.models import names
from modelwright.train import compilation
from modelwright.train.memory import freed_memory_kept
from modelwright.train.resume import Resume, State


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's thresholds")
def test_freed_memory_is_reused_without_new_pages():
    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            torch.ones(8 << 20)  # 32 MiB each
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with freed_memory_kept() as kept:
        if not kept:
            pytest.skip("no glibc")
        inside = min(faults() for _ in range(6))  # it takes a few rounds until a hole of the right size is there
        held = resident_bytes()
    assert inside < 500, "five blocks of 8,192 pages each came from what was freed before"
    assert resident_bytes() < held - (24 << 20), "afterwards it is given back"


@pytest.mark.parametrize(
    ("wanted", "said"), [("auto", "never: on a processor"), ("never", "never: the project"), ("always", "always: the project")]
)
def test_compiling_is_decided_with_its_reason(wanted, said, monkeypatch):
    module = nn.Linear(2, 2)
    asked = []
    monkeypatch.setattr(torch, "compile", lambda given, dynamic: asked.append((given, dynamic)) or nn.Identity())
    called, reason = compilation.choose(wanted, module, torch.device("cpu"))
    assert reason.startswith(said)
    assert (called is module) is (wanted != "always")
    assert asked == ([(module, True)] if wanted == "always" else [])


def test_a_compiler_that_fails_is_a_machine_error(train, monkeypatch):
    from tests.unit.train.conftest import small

    class Broken(nn.Module):
        def forward(self, **inputs):
            raise RuntimeError("No working C++ compiler found\nlong trace")

    monkeypatch.setattr(torch, "compile", lambda given, dynamic: Broken())
    with pytest.raises(MachineError) as caught:
        train(small(compile="always"))
    assert "No working C++ compiler" in caught.value.came and "compile: never" in caught.value.remedy


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch traces with its own deprecated parts
def test_a_compiled_module_learns_as_a_plain_one(train, tmp_path):
    from tests.unit.train.conftest import small

    plain = train(small(epochs=1), folder=tmp_path / "plain")
    compiled = train(small(epochs=1, compile="always"), folder=tmp_path / "compiled")
    assert compiled["compile"].startswith("always") and compiled["parameters"] == plain["parameters"]
    assert compiled["best_score"] == pytest.approx(plain["best_score"], abs=0.2)


def test_a_full_disk_is_a_machine_error_and_the_last_checkpoint_stays(tmp_path, monkeypatch):
    resume = Resume(tmp_path)
    resume.save(State(step=1), {"weight.a": torch.ones(3)}, None)

    def full(*given):
        raise names.SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(names, "save_file", full)
    with pytest.raises(MachineError) as caught:
        resume.save(State(step=2), {"weight.a": torch.zeros(3)}, None)
    assert "No space left" in caught.value.came
    assert [path.name for path in tmp_path.iterdir()] == ["state-000000001.safetensors"]
    found = resume.load()
    assert found is not None and found[0].step == 1
