"""The examiner of tasks: every task of the folder, with every route that can learn it, on every kind of rows it names.

A newcomer sits the exam by being in the folder. It is trained on its own made rows with a tiny model, exported, and then asked
whether it keeps the contract: learns, answers alike alone and in a batch, survives a journey through files, refuses what is
wrong in our words, and whether its graph says what its model says.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chat_service
import tiny_checkpoints
from modelwright.base.bought.asker import Asker, for_service
from modelwright.base.console import Console
from modelwright.base.errors import DataError, ModelwrightError, ReleaseError, RequestError
from modelwright.base.graph import Graph
from modelwright.base.journey import predict
from modelwright.base.nouns import Outputs, Prediction, Row
from modelwright.compress.export import CHECKPOINT, export
from modelwright.models import registry
from modelwright.spec.routes.route import Route
from modelwright.tasks.contract import TASK_FILE, Task, all_tasks, load_task, routes_of
from modelwright.train.bought import write_asker
from modelwright.train.route import Limits, train_route

SEATS = [(task, route, kind) for task in all_tasks().values() for route in routes_of(task).values() for kind in task.exam_kinds]
# what makes any route small enough to be examined, by the names that routes share; a route takes those it has
SMALL = {
    "width": 16,
    "heads": 2,
    "head_width": 16,  # language models' graphs take multiples of it
    "layers": 1,
    "stages": 2,
    "blocks": 2,
    "frames": 4,
    "hidden": 16,
    "channels": 16,
    "kernels": (1, 2),
    "vocabulary": 1000,
    "buckets": 1000,
    "max_tokens": 48,
    "batch_size": 16,
    "epochs": 25,
    "patience": 0,
    "dropout": 0.0,
    "learning_rate": 1e-2,
    "compile": "never",
}
OWN = {"rnn-lm": {"width": 64, "batch_size": 4}}  # in 150 steps, a narrower one learns no more than how often each token comes
BOUGHT = {  # what a bought route must be told
    "base_url": "http://127.0.0.1:9/v1",
    "model": "small",
    "price_input": "1 USD",
    "price_output": "2 USD",
    "cap": "1 USD",
    "examples": 12,
    "requests_per_minute": 1e6,
}
MARGIN = 0.15  # of the headline metric above chance


@dataclass(frozen=True)
class Sitting:
    """One candidate after its lessons."""

    task: type[Task]
    route: Route
    kind: str
    folder: Path
    fitted: Task
    graph: Graph | Asker
    rows: list[Row]
    checkpoint: Path | None


def small(route: type[Route], **more: Any) -> Route:
    settings = SMALL | OWN.get(route.name, {}) | (BOUGHT if route.kind == "bought" else {}) | more
    return route.model_validate({name: value for name, value in settings.items() if name in route.model_fields})


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A tiny BERT of random weights, whose tokenizer knows the rows' words and characters."""
    task = all_tasks()["text-classification"]
    texts = [row.values["text"] for kind in task.exam_kinds for row in task.exam_rows(0, kind)]
    return tiny_checkpoints.bert(tmp_path_factory.mktemp("checkpoint"), texts)


@pytest.fixture(scope="module")
def image_checkpoint(tmp_path_factory) -> Path:
    """A tiny vision transformer of random weights, as `transformers` saves it."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    folder = tmp_path_factory.mktemp("image-checkpoint")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
        config = ViTConfig(image_size=16, patch_size=4, num_labels=5, **sizes)
        ViTForImageClassification(config).save_pretrained(folder)
    statistics = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 16, "width": 16}, **statistics}))
    return folder


@pytest.fixture(scope="module")
def language_checkpoint(tmp_path_factory) -> Path:
    """A tiny language model of random weights, as `transformers` saves it, with a tokenizer that knows the rows."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    folder = tmp_path_factory.mktemp("language-checkpoint")
    task = all_tasks()["text-generation"]
    rows = [row for kind in task.exam_kinds for row in task.exam_rows(0, kind)]
    words = task.fit(rows, small(routes_of(task)["decoder"])).words
    words.save(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}
        sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "max_position_embeddings": 256}
        ends = {"bos_token_id": words.begin, "eos_token_id": words.end, "pad_token_id": words.padding}
        config = Qwen3Config(vocab_size=words.size, tie_word_embeddings=True, **heads, **sizes, **ends)
        Qwen3ForCausalLM(config).save_pretrained(folder)
    return folder


STARTS = {  # what a route reads → fixture of where it starts
    "checkpoint": "checkpoint",
    "checkpoint-image": "image_checkpoint",
    "causal-checkpoint": "language_checkpoint",
}


@pytest.fixture(scope="module")
def service() -> Iterator[chat_service.Service]:
    with chat_service.running() as found:
        yield found


@pytest.fixture(scope="module", params=SEATS, ids=lambda seat: f"{seat[0].name}-{seat[1].name}-{seat[2]}")
def sitting(request, tmp_path_factory) -> Sitting:
    """Taught once for all questions."""
    task, kind, folder = request.param[0], request.param[2], tmp_path_factory.mktemp("sitting")
    start = request.getfixturevalue(STARTS[request.param[1].reads]) if request.param[1].reads in STARTS else None
    route = small(request.param[1])
    if route.kind == "bought":
        route = small(request.param[1], base_url=request.getfixturevalue("service").url)
        fitted = task.fit(task.exam_rows(0, kind), route)
        fitted.save(folder)
        write_asker(route, fitted, "USD", folder)
        return Sitting(task, route, kind, folder, load_task(folder), for_service(folder), task.exam_rows(2, kind), None)
    train_route(
        task,
        route,
        task.exam_rows(0, kind),
        task.exam_rows(1, kind)[:24],
        checkpoint=start,
        limits=Limits(None, 150),
        seed=0,
        folder=folder,
        console=Console(quiet=True),
        title=route.name,
        checkpoint_seconds=3600,
    )
    rows = task.exam_rows(2, kind)
    graph = Graph(export(folder, route, rows[:8]), threads=1)
    return Sitting(task, route, kind, folder, load_task(folder), graph, rows, start)


def answers(sitting: Sitting, rows: list[Row]) -> Outputs:
    return sitting.graph.run(sitting.fitted.collate(sitting.fitted.encode_many(rows)))


def test_it_learns_above_chance(sitting):
    fitted, rows = sitting.fitted, sitting.rows
    aligned = fitted.align(predict(fitted, sitting.graph, rows), rows)
    figures = fitted.score(aligned)
    headline, chance = sitting.task.metrics[0], fitted.chance(rows)
    gain = figures[headline.name] - chance
    assert (gain if headline.better == "higher" else -gain) > (-MARGIN if sitting.route.baseline else MARGIN)
    assert set(figures) <= {metric.name for metric in sitting.task.metrics}
    assert all(math.isfinite(figure) for figure in figures.values())
    assert all(len(array) == len(rows) for array in aligned.values())


def test_alone_and_in_a_batch_it_answers_alike(sitting):
    rows = sorted(sitting.rows[:16], key=lambda row: len(str(row.values)))
    together = answers(sitting, rows)
    for number, row in enumerate(rows):
        for name, output in answers(sitting, [row]).items():
            own = tuple(map(slice, output[0].shape))  # beyond it, a row of several answers is padded to the longest of its batch
            np.testing.assert_allclose(output[0], together[name][number][own], atol=1e-4, err_msg=row.id)
    alone = [sitting.fitted.decode(answers(sitting, [row]), [row.id])[0] for row in rows]
    decoded = sitting.fitted.decode(together, [row.id for row in rows])
    assert [one.row_id for one in decoded] == [one.row_id for one in alone] == [row.id for row in rows]


def test_encoding_one_by_one_and_many_at_once_agree(sitting):
    one_by_one = [sitting.fitted.encode(row) for row in sitting.rows]
    for left, right in zip(one_by_one, sitting.fitted.encode_many(sitting.rows), strict=True):
        assert (left.row_id, left.length) == (right.row_id, right.length)
        assert left.length >= 1
        np.testing.assert_equal(left.inputs, right.inputs)
        np.testing.assert_equal(left.target, right.target)


def test_batches_have_the_named_axes_and_the_graph_its_inputs(sitting):
    batch = sitting.fitted.collate(sitting.fitted.encode_many(sitting.rows[:5]))
    assert set(batch.inputs) == set(sitting.fitted.axes)
    assert set(sitting.graph.inputs) <= set(batch.inputs)
    for name, array in batch.inputs.items():
        assert array.ndim == len(sitting.fitted.axes[name])
        assert array.shape[0] == len(batch.row_ids) == 5
        assert sitting.fitted.axes[name][0] == "batch"
    if any(not column.input and column.required for column in sitting.task.columns):
        assert batch.targets is not None
        assert len(batch.targets) == 5
    unlabelled = sitting.fitted.read_request(sitting.task.request_of(sitting.rows[0]), "new")
    if any(not column.input for column in sitting.task.columns):  # elsewhere what is asked is itself what is learned
        assert sitting.fitted.encode(unlabelled).target is None
        assert sitting.fitted.collate([sitting.fitted.encode(unlabelled)]).targets is None


def test_its_files_bring_it_back(sitting, tmp_path):
    sitting.fitted.save(tmp_path)
    again = load_task(tmp_path)
    assert (again.loss, dict(again.sizes), dict(again.axes)) == (
        sitting.fitted.loss,
        dict(sitting.fitted.sizes),
        dict(sitting.fitted.axes),
    )
    for left, right in zip(again.encode_many(sitting.rows), sitting.fitted.encode_many(sitting.rows), strict=True):
        np.testing.assert_equal(left.inputs, right.inputs)
        np.testing.assert_equal(left.target, right.target)
    outputs, ids = answers(sitting, sitting.rows), [row.id for row in sitting.rows]
    assert again.decode(outputs, ids) == sitting.fitted.decode(outputs, ids)


def test_fitting_twice_writes_the_same_files(sitting, tmp_path):
    written = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        sitting.task.fit(sitting.task.exam_rows(0, sitting.kind), sitting.route, sitting.checkpoint).save(folder)
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]


def test_predictions_are_served_as_json(sitting):
    for prediction in predict(sitting.fitted, sitting.graph, sitting.rows[:5]):
        assert isinstance(prediction, sitting.task.prediction)
        content = json.loads(json.dumps(prediction.as_json(), allow_nan=False, ensure_ascii=False))
        assert content["row_id"] == prediction.row_id


def test_the_graph_says_what_the_model_says(sitting):
    batch = sitting.fitted.collate(sitting.fitted.encode_many(sitting.rows))
    if sitting.route.kind == "bought":
        expected = for_service(sitting.folder).run(batch)
    elif sitting.route.kind == "fit":
        expected = registry.load_fitted(sitting.route, sitting.folder / CHECKPOINT).outputs(batch.inputs)
    else:
        expected = registry.outputs(registry.load(sitting.folder / CHECKPOINT), batch.inputs)
    for name, output in sitting.graph.run(batch).items():
        np.testing.assert_allclose(output, expected[name], atol=1e-4, rtol=1e-4)


def test_hostile_requests_are_answered_or_refused(sitting):
    answered, refused = 0, 0
    for number, request in enumerate(sitting.task.exam_requests()):
        try:
            row = sitting.fitted.read_request(request, f"request-{number}")
            prediction = sitting.fitted.decode(answers(sitting, [row]), [row.id])[0]
        except RequestError as error:
            assert_four_parts(error)
            refused += 1
        else:
            assert_served(prediction)
            answered += 1
    assert answered > 0
    assert refused > 0


def assert_four_parts(error: ModelwrightError) -> None:
    assert all((error.came, error.expected, error.where, error.remedy))
    assert len(str(error)) < 2_000


def assert_served(prediction: Prediction) -> None:
    json.dumps(prediction.as_json(), allow_nan=False)


def test_inputs_of_a_wrong_type_are_refused(sitting):
    strange = sitting.task.exam_strange()
    assert strange
    for row in strange:
        with pytest.raises(RequestError, match=f"row {row.id}") as caught:
            sitting.fitted.encode(row)
        assert_four_parts(caught.value)


def test_a_label_that_training_did_not_see_is_named(sitting):
    for column in sitting.task.columns:
        if column.kind == "label" and column.required:
            good = sitting.rows[0].values
            strange: Any = ("never seen",) if isinstance(good[column.role], tuple) else "never seen"
            row = Row("row-17", {**good, column.role: strange})
            with pytest.raises(DataError, match=r"(?s)row-17.*never seen") as caught:
                sitting.fitted.encode(row)
            assert_four_parts(caught.value)


def test_a_damaged_folder_is_refused(sitting, tmp_path):
    sitting.fitted.save(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        # a checkpoint's own companions are for other libraries: ours reads task.json and one file of the reader
        for content in (whole[: len(whole) // 2], b"\xff\xfe\x00") if path.name in must_hold(sitting, tmp_path) else ():
            path.write_bytes(content)
            with pytest.raises(ReleaseError) as caught:
                load_task(tmp_path)
            assert_four_parts(caught.value)
        path.write_bytes(whole)
    (tmp_path / TASK_FILE).unlink()
    with pytest.raises(ReleaseError):
        load_task(tmp_path)


def must_hold(sitting: Sitting, folder: Path) -> set[str]:
    """Files without which the task does not load."""
    needed = set()
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        path.unlink()
        try:
            load_task(folder)
        except ReleaseError:
            needed.add(path.name)
        path.write_bytes(whole)
    assert TASK_FILE in needed
    return needed


@pytest.mark.parametrize("task", all_tasks().values(), ids=all_tasks())
def test_rows_that_can_not_teach_are_refused(task, request):
    for route in routes_of(task).values():
        start = request.getfixturevalue(STARTS[route.reads]) if route.reads in STARTS else None
        for wrong in task.exam_unteachable():
            with pytest.raises(DataError) as caught:
                task.fit(wrong, small(route), start)
            assert_four_parts(caught.value)


@pytest.mark.parametrize("task", all_tasks().values(), ids=all_tasks())
def test_requests_and_rows_are_described(task):
    assert task.columns[0].input or task.habits.others
    assert task.metrics[0].better in ("higher", "lower")
    assert len({metric.name for metric in task.metrics}) == len(task.metrics)
    assert task.request.model_json_schema()["properties"]
    for kind in task.exam_kinds:
        assert task.exam_rows(4, kind) == task.exam_rows(4, kind) != task.exam_rows(5, kind)
    assert task.exam_rows(4) == task.exam_rows(4, task.exam_kinds[0])


def test_tasks_need_no_torch():
    code = (
        "import sys\n"
        "from modelwright.tasks.contract import all_tasks, routes_of\n"
        "for task in all_tasks().values():\n"
        "    rows = task.exam_rows(0)\n"
        "    for route in routes_of(task).values():\n"
        "        if 'checkpoint' not in route.reads and route.kind != 'bought':\n"
        "            task.fit(rows, route()).encode_many(rows)\n"
        "print(sorted({'torch', 'transformers', 'sklearn', 'scipy', 'onnx'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
