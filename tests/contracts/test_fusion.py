"""The examiner of fusions: every way to combine routes, on every task that it is offered for.

Members are trained once per task on its own made rows; each fusion of them must keep the contract that any route keeps.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.base.console import Console
from modelwright.base.errors import ReleaseError, TrainError
from modelwright.base.graph import Graph
from modelwright.base.journey import predict
from modelwright.base.nouns import Row
from modelwright.compress.export import CHECKPOINT, export
from modelwright.compress.int8 import quantise
from modelwright.models import registry
from modelwright.spec.routes.fusion import Fusion
from modelwright.spec.routes.route import Route
from modelwright.tasks.contract import TASK_FILE, Task, all_tasks, fusions_of, load_task, routes_of
from modelwright.train.fusion import Member, exported_route, fuse_route
from modelwright.train.route import Limits, train_route

# two of each task's routes that learn fast, and the settings that make them tiny
MEMBERS: dict[str, tuple[str, str]] = {
    "ngrams": ("tfidf-linear", "textcnn"),
    "pixels": ("mlp", "cnn"),
    "features": ("linear", "mlp"),
}
"""By what a task reads: a task that reads as others do needs no entry."""
SMALL: dict[str, Any] = {
    "width": 16,
    "hidden": 16,
    "channels": 16,
    "stages": 2,
    "blocks": 2,
    "kernels": (1, 2),
    "vocabulary": 1000,
    "max_tokens": 48,
    "batch_size": 16,
    "epochs": 12,
    "patience": 0,
    "dropout": 0.0,
    "learning_rate": 1e-2,
    "compile": "never",
}
WAYS: dict[str, dict[str, Any]] = {
    "probabilities": {"members": ("first", "second")},
    "logits": {"members": ("first", "second"), "of": "logits", "shares": (3, 1)},
    "stack": {"members": ("first", "second"), "method": "stack"},
    "weights": {"members": ("second", "twin"), "method": "weights"},
}
SEATS = [
    (task, kind, way)
    for task in all_tasks().values()
    if fusions_of(task)
    for kind in task.exam_kinds
    for way in WAYS
    if not (task.wants == "number" and way == "logits")  # numbers have none
]
MARGIN = 0.15


@dataclass(frozen=True)
class Sitting:
    """A fusion of trained members."""

    task: type[Task]
    route: Fusion
    members: dict[str, Member]
    folder: Path
    result: dict[str, Any]
    fitted: Task
    graph: Graph
    rows: list[Row]
    kind: str


def small(route: type[Route], **more: Any) -> Route:
    return route.model_validate({name: value for name, value in (SMALL | more).items() if name in route.model_fields})


def test_every_task_that_can_fuse_is_examined() -> None:
    for task in all_tasks().values():
        assert not fusions_of(task) or members_of(task)


def output_of(task: type[Task]) -> str:
    return "values" if task.wants == "number" else "logits"


def members_of(task: type[Task]) -> tuple[str, str]:
    return next(members for reads, members in MEMBERS.items() if reads in task.reads)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The members of a task and kind, trained when first asked for."""
    found: dict[tuple[str, str], dict[str, Member]] = {}

    def of(task: type[Task], kind: str) -> dict[str, Member]:
        if (task.name, kind) not in found:
            first, second = (routes_of(task)[name] for name in members_of(task))
            routes = {"first": small(first), "second": small(second), "twin": small(second, epochs=10)}
            members = {}
            for seed, (name, route) in enumerate(routes.items()):
                folder = tmp_path_factory.mktemp(name)
                train_route(
                    task,
                    route,
                    task.exam_rows(0, kind),
                    task.exam_rows(1, kind)[:24],
                    checkpoint=None,
                    limits=Limits(None, 150),
                    seed=seed,
                    folder=folder,
                    console=Console(quiet=True),
                    title=name,
                    checkpoint_seconds=3600,
                )
                export(folder, route, task.exam_rows(2, kind)[:8])
                members[name] = Member(route, folder)
            found[task.name, kind] = members
        return found[task.name, kind]

    return of


@pytest.fixture(scope="module", params=SEATS, ids=lambda seat: f"{seat[0].name}-{seat[1]}-{seat[2]}")
def sitting(request, trained, tmp_path_factory) -> Sitting:
    task, kind, way = request.param
    route, everyone, folder = Fusion.model_validate(WAYS[way]), trained(task, kind), tmp_path_factory.mktemp("fusion")
    members = {name: everyone[name] for name in route.members}
    held = task.exam_rows(1, kind)
    result = fuse_route(route, members, held, folder=folder, console=Console(quiet=True), title="fusion")
    rows = task.exam_rows(2, kind)
    graph = Graph(export(folder, exported_route(route, members), rows[:8]), threads=1)
    return Sitting(task, route, members, folder, result, load_task(folder), graph, rows, kind)


def score(sitting: Sitting, graph: Graph, task: Task | None = None) -> float:
    task = task or sitting.fitted
    found = task.score(task.align(predict(task, graph, sitting.rows), sitting.rows))
    return found[sitting.task.metrics[0].name]


def test_it_learns_above_chance(sitting):
    assert score(sitting, sitting.graph) - sitting.fitted.chance(sitting.rows) > MARGIN
    assert sitting.result["best_score"] is not None
    assert set(sitting.result["members"]) == set(sitting.result["shares"]) == set(sitting.route.members)


def test_alone_and_in_a_batch_it_answers_alike(sitting):
    rows = sorted(sitting.rows[:12], key=lambda row: len(str(row.values)))
    together = sitting.graph.run(sitting.fitted.collate(sitting.fitted.encode_many(rows)))
    for number, row in enumerate(rows):
        alone = sitting.graph.run(sitting.fitted.collate([sitting.fitted.encode(row)]))
        np.testing.assert_allclose(alone[output_of(sitting.task)][0], together[output_of(sitting.task)][number], atol=1e-4)


def test_one_graph_says_what_the_members_say_together(sitting):
    members = {
        name: (load_task(one.folder), Graph(one.folder / "model.onnx", threads=1)) for name, one in sitting.members.items()
    }
    if sitting.route.method == "weights":
        module = registry.load(sitting.folder / CHECKPOINT)
        inputs = sitting.fitted.collate(sitting.fitted.encode_many(sitting.rows)).inputs
        expected = registry.outputs(module, inputs)[output_of(sitting.task)]
    else:
        head = registry.load_fitted(sitting.route, sitting.folder / CHECKPOINT).head
        asked = [
            graph.run(task.collate(task.encode_many(sitting.rows)))[output_of(sitting.task)] for task, graph in members.values()
        ]
        expected = head.combine(np.stack(asked))
    found = sitting.graph.run(sitting.fitted.collate(sitting.fitted.encode_many(sitting.rows)))
    np.testing.assert_allclose(found[output_of(sitting.task)], expected, atol=1e-4, rtol=1e-4)


def test_batches_have_the_named_axes_and_the_graph_its_inputs(sitting):
    batch = sitting.fitted.collate(sitting.fitted.encode_many(sitting.rows[:5]))
    assert set(sitting.graph.inputs) <= set(batch.inputs) == set(sitting.fitted.axes)
    for name, array in batch.inputs.items():
        assert array.ndim == len(sitting.fitted.axes[name])
        assert sitting.fitted.axes[name][0] == "batch"
    assert batch.targets is not None
    unlabelled = sitting.fitted.read_request(sitting.task.request_of(sitting.rows[0]), "new")
    assert sitting.fitted.collate([sitting.fitted.encode(unlabelled)]).targets is None


def test_its_files_bring_it_back(sitting, tmp_path):
    sitting.fitted.save(tmp_path)
    again = load_task(tmp_path)
    assert isinstance(again, sitting.task)
    assert dict(again.axes) == dict(sitting.fitted.axes)
    for left, right in zip(again.encode_many(sitting.rows), sitting.fitted.encode_many(sitting.rows), strict=True):
        np.testing.assert_equal(left.inputs, right.inputs)
        np.testing.assert_equal(left.target, right.target)
    for one, many in zip(map(again.encode, sitting.rows), again.encode_many(sitting.rows), strict=True):
        np.testing.assert_equal(one.inputs, many.inputs)
    outputs, ids = sitting.graph.run(again.collate(again.encode_many(sitting.rows))), [row.id for row in sitting.rows]
    assert again.decode(outputs, ids) == sitting.fitted.decode(outputs, ids)


def test_a_damaged_folder_is_refused(sitting, tmp_path):
    sitting.fitted.save(tmp_path)
    for path in sorted(tmp_path.rglob(TASK_FILE)):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ReleaseError):
            load_task(tmp_path)
        path.write_bytes(whole)
    if sitting.route.method != "weights":
        content = json.loads((tmp_path / TASK_FILE).read_text())
        for names in (["first"], [], "first", ["../first", "second"], ["first", "third"], [1, 2]):
            (tmp_path / TASK_FILE).write_text(json.dumps({**content, "fused": names}))
            with pytest.raises(ReleaseError):
                load_task(tmp_path)


def test_its_graph_can_be_made_smaller(sitting, tmp_path):
    path = tmp_path / "int8.onnx"
    if quantise(sitting.folder / "model.onnx", path):
        assert abs(score(sitting, Graph(path, threads=1)) - score(sitting, sitting.graph)) < 0.1
    else:
        assert not path.exists()


def test_averaged_weights_are_no_larger_and_no_worse_than_the_best_member(sitting):
    if sitting.route.method != "weights":
        assert sitting.result["parameters"] > 0
        return
    assert sitting.result["best_score"] >= max(sitting.result["members"].values())
    sizes = [
        sum(weight.numel() for weight in registry.load(one.folder / CHECKPOINT).parameters()) for one in sitting.members.values()
    ]
    assert sitting.result["parameters"] == sizes[0]


def test_a_fused_task_is_read_without_torch(sitting):
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from modelwright.base.graph import Graph\nfrom modelwright.base.journey import predict\n"
        "from modelwright.tasks.contract import load_task\n"
        "folder = Path(sys.argv[1])\ntask = load_task(folder)\n"
        "rows = type(task).exam_rows(2, sys.argv[2])[:3]\n"
        "print(len(predict(task, Graph(folder / 'model.onnx'), rows)), sorted({'torch', 'onnx', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(sitting.folder), sitting.kind], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "3 []"


def test_weights_of_different_shapes_are_not_averaged(trained, tmp_path):
    task = all_tasks()["text-classification"]
    kind = task.exam_kinds[0]
    narrow = small(routes_of(task)["textcnn"], channels=8, epochs=1)
    train_route(
        task,
        narrow,
        task.exam_rows(0, kind),
        task.exam_rows(1, kind)[:24],
        checkpoint=None,
        limits=Limits(None, 2),
        seed=0,
        folder=tmp_path,
        console=Console(quiet=True),
        title="narrow",
        checkpoint_seconds=3600,
    )
    members = {"second": trained(task, kind)["second"], "narrow": Member(narrow, tmp_path)}
    route = Fusion.model_validate({"members": ("second", "narrow"), "method": "weights"})
    with pytest.raises(TrainError, match="in narrow") as caught:
        fuse_route(route, members, task.exam_rows(1, kind), folder=tmp_path, console=Console(quiet=True), title="fusion")
    assert "same architecture settings" in caught.value.remedy
