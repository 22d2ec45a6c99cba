"""Compiling pays where enough time is left, a compiler is there, and layers are alike; and it changes nothing but time."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from modelwright.spec.routes.route import all_routes
from modelwright.tasks.contract import get_task
from modelwright.train import compilation, loop
from modelwright.train.route import train_route

CPU = torch.device("cpu")


class Layered(nn.Module):
    compiled_parts = "layers"

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))


@pytest.mark.parametrize(
    ("module", "compiler", "device", "left_s", "expected"),
    [
        (Layered(), "g++", CPU, 1000.0, True),
        (Layered(), "g++", CPU, 100.0, False),
        (Layered(), None, CPU, 1000.0, False),
        (Layered(), "g++", torch.device("cuda"), 1000.0, False),
        (nn.Linear(4, 4), "g++", CPU, 1000.0, False),
    ],
)
def test_it_pays_where_enough_time_is_left(module, compiler, device, left_s, expected, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(compilation.shutil, "which", lambda name: compiler)
    assert compilation.pays(module, device, left_s) is expected


@pytest.mark.slow  # the compiler takes half a minute
@pytest.mark.filterwarnings("ignore")  # of the compiler, of itself
def test_a_compiled_training_learns_what_a_plain_one_learns(tmp_path, monkeypatch):
    task = get_task("text-generation")
    rows = task.exam_rows(0)
    learn = task.settings.model_validate({"vocabulary": 300, "context": 32})
    made = {"width": 32, "layers": 2, "heads": 2, "learning_rate": 3e-3, "batch_size": 4, "epochs": 1, "precision": "float32"}
    from modelwright.base.console import Console
    from modelwright.train.plan import Limits

    monkeypatch.setattr(loop, "_KNOWN", 2)
    monkeypatch.setattr(compilation, "_COMPILING_S", 0.0)
    curves = {}
    for choice in ("never", "auto", "always"):
        route = all_routes()["decoder"].model_validate({**made, "compile": choice})
        folder = tmp_path / choice
        folder.mkdir()
        given = {"checkpoint": None, "limits": Limits(steps=6), "seed": 0, "console": Console(quiet=True), "title": "decoder"}
        result = train_route(task, route, rows[:-8], rows[-8:], folder=folder, checkpoint_seconds=20.0, learn=learn, **given)
        assert result["compile"].startswith(choice)
        lines = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
        curves[choice] = [line["loss"] for line in lines if "loss" in line]
    assert curves["auto"] == pytest.approx(curves["never"], abs=1e-4)
    assert curves["always"] == pytest.approx(curves["never"], abs=1e-4)
