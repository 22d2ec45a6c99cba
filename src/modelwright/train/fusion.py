"""A fusion, made of trained routes: nothing is trained but the few numbers that say how much each member counts.

Those are fitted on the validation split, which no member's weights have seen; the score that is told is cross-fitted (each part
of the rows answered by shares fitted on the other parts). The test split is not looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn

from modelwright.base.console import Console, Progress
from modelwright.base.errors import DataError, SpecError, TrainError
from modelwright.base.machine import resident_bytes
from modelwright.base.nouns import Example, Prediction, Row
from modelwright.base.store import write_json
from modelwright.models import registry
from modelwright.models.fusion import GRAPH, Fitted, Head
from modelwright.spec.routes.fusion import Fusion
from modelwright.spec.routes.route import Route
from modelwright.tasks.contract import Metric, Task, load_task
from modelwright.tasks.fused.task import fuse_tasks
from modelwright.train.buckets import sorted_batches
from modelwright.train.route import CHECKPOINT, RESULT

_NUMBERS: Literal["values"] = "values"
_PARTS = 5  # of the validation split, for the cross-fitted score
_ROWS = 64  # answered together
_STEPS, _TOLERANCE = 500, 1e-9  # of L-BFGS-B, which takes about 20


@dataclass(frozen=True)
class Member:
    """A trained route: its settings, and the folder of its train step."""

    route: Route
    folder: Path


def fuse_route(
    route: Fusion, members: Mapping[str, Member], validation: Sequence[Row], *, folder: Path, console: Console, title: str
) -> dict[str, Any]:
    """Combine trained routes and write what `train_route` writes: the task's files, `checkpoint/` and `result.json`.

    Args:
        route: how.
        members: by their names in the project, in the fusion's order.
        validation: the split to weigh members by.
        folder: exists.
        title: for messages.

    Returns:
        What result.json holds; `shares` says how much each member counts, `members` what each scored.

    Raises:
        DataError: there are too few validation rows to weigh members by.
        TrainError: the members' weights can't be averaged.
        ReleaseError: a member's folder is damaged.
    """
    started = time.perf_counter()
    if not validation:
        raise DataError(
            "there are no validation rows",
            expected="rows that the members did not learn from",
            where=f"route {title}",
            remedy="Raise data.split.validation.",
        )
    _refuse_of(route, next(iter(members.values())), title)
    with console.progress(title, total=len(members)) as progress:
        work = _soup if route.method == "weights" else _pool
        result = work(route, members, validation, folder, progress)
    result["seconds"] = time.perf_counter() - started
    result["samples_per_second"] = len(validation) / result["seconds"]
    write_json(folder / RESULT, result)
    return result


def _refuse_of(route: Fusion, member: Member, title: str) -> None:
    if route.of != "probabilities" and load_task(member.folder).wants == "number":
        raise SpecError(
            f"`of` is {route.of}, and the task answers with a number",
            expected="`of` with labels only: numbers are averaged as they are",
            where=f"routes: {title}.of",
            remedy="Leave `of` out.",
        )


def exported_route(route: Fusion, members: Mapping[str, Member]) -> Route:
    """The route whose kind of checkpoint `fuse_route` wrote: for averaged weights, that of the members."""
    return next(iter(members.values())).route if route.method == "weights" else route


def _pool(
    route: Fusion, members: Mapping[str, Member], validation: Sequence[Row], folder: Path, progress: Progress
) -> dict[str, Any]:
    """average and stack: a head over the members' answers."""
    task = fuse_tasks({name: load_task(member.folder) for name, member in members.items()})
    graphs = {name: member.folder / GRAPH for name, member in members.items()}
    several = task.loss == "binary-cross-entropy"
    shares = np.array(route.shares or [1.0] * len(members), np.float64)
    of = _NUMBERS if task.wants == "number" else "logits" if route.method == "stack" else route.of
    head = Head(of, several, tuple((shares / shares.sum()).tolist()))
    examples = task.encode_many(validation)
    logits_mbc = _outputs(task, Fitted(graphs, head), examples, progress)
    targets = np.stack([_target(example) for example in examples])
    answers = head.combine(logits_mbc)
    if route.method == "stack":
        fit = partial(fit_numbers if of == _NUMBERS else partial(fit_head, several=several), strength=route.strength)
        head = fit(logits_mbc, targets)
        answers = cross_fitted(logits_mbc, targets, fit)
    model = Fitted(graphs, head)
    _watch(task, answers, validation)
    task.save(folder)
    model.save(folder / CHECKPOINT)
    scores = {name: _score(task, logits_bc, validation) for name, logits_bc in zip(members, logits_mbc, strict=True)}
    result = _result(task, scores, _score(task, answers, validation), len(validation), model.parameters)
    return {**result, "shares": dict(zip(members, head.shares, strict=True)), "bias": list(head.bias)}


def _outputs(task: Task, model: Fitted, examples: Sequence[Example], progress: Progress) -> np.ndarray:
    """The members' logits [members, rows, classes] or values [members, rows], in the order of `examples`."""
    found: list[np.ndarray] = [np.empty(0)] * len(examples)
    done = 0
    for part in sorted_batches([example.length for example in examples], _ROWS):
        logits_mbc = model.member_outputs(task.collate([examples[number] for number in part]).inputs)
        for place, number in enumerate(part):
            found[number] = logits_mbc[:, place]
        done += len(part)
        progress.update(len(model.graphs) * done / len(examples))
    return np.stack(found, 1).astype(np.float64)


def _target(example: Example) -> np.ndarray:
    if example.target is None:
        raise DataError(
            "the row has no truth",
            expected="a label or a number to weigh members by",
            where=f"row {example.row_id}",
            remedy="Give it one.",
        )
    return np.asarray(example.target)


def _watch(task: Task, logits_bc: np.ndarray, rows: Sequence[Row]) -> None:
    """Let the task learn from the fusion's answers what it forgot of one member's."""
    task.watch(_decoded(task, logits_bc, rows), rows)


def _decoded(task: Task, logits_bc: np.ndarray, rows: Sequence[Row]) -> list[Prediction]:
    return task.decode({_output(task): logits_bc.astype(np.float32)}, [row.id for row in rows])


def _output(task: Task) -> str:
    return _NUMBERS if task.wants == "number" else "logits"


def _score(task: Task, logits_bc: np.ndarray, rows: Sequence[Row]) -> float | None:
    """The headline metric; None where it is not defined on these rows."""
    return task.score(task.align(_decoded(task, logits_bc, rows), rows)).get(task.metrics[0].name)


def fit_head(logits_mbc: np.ndarray, targets: np.ndarray, several: bool, strength: float) -> Head:
    """A logistic regression with one share per member, the same for all classes, and a bias per class.

    Minimised is  Σ rows −log p(target) + (‖s − 1/m‖² + ‖b‖²) / (2·strength)  over s ≥ 0 and b, with z = Σ sₘ zₘ + b; p is the
    softmax of z, or with several labels a sigmoid for each. One share per member instead of one per class keeps what is fitted
    on a small split small (Ting & Witten 1999 fit one per class).

    Args:
        logits_mbc: float64 [members, rows, classes].
        targets: int64 [rows], or 0 and 1 [rows, classes].

    Raises:
        TrainError: the optimiser did not converge.
    """
    from scipy.optimize import minimize

    members, rows, classes = logits_mbc.shape
    truth_bc = targets.astype(np.float64) if several else np.eye(classes)[targets]

    def loss(numbers: np.ndarray) -> tuple[float, np.ndarray]:
        shares, bias = numbers[:members], numbers[members:]
        z_bc = np.tensordot(shares, logits_mbc, 1) + bias
        if several:
            chances_bc = 0.5 * (1 + np.tanh(z_bc / 2))
            nats = float((np.logaddexp(0, z_bc) - truth_bc * z_bc).sum())
        else:
            top_b1 = z_bc.max(1, keepdims=True)
            sums_b1 = np.exp(z_bc - top_b1).sum(1, keepdims=True)
            chances_bc = np.exp(z_bc - top_b1) / sums_b1
            nats = float((top_b1 + np.log(sums_b1) - (truth_bc * z_bc).sum(1, keepdims=True)).sum())
        away = np.concatenate([shares - 1 / members, bias])
        wrong_bc = chances_bc - truth_bc
        slope = np.concatenate([np.tensordot(logits_mbc, wrong_bc, 2), wrong_bc.sum(0)])
        return nats + float(away @ away) / (2 * strength), slope + away / strength

    start = np.concatenate([np.full(members, 1 / members), np.zeros(classes)])
    limits = [(0.0, None)] * members + [(None, None)] * classes
    options = {"maxiter": _STEPS, "ftol": _TOLERANCE}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options=options)
    if not found.success or not np.isfinite(found.x).all():
        raise TrainError(
            f"the regression over the members did not converge: {found.message}",
            expected=f"convergence in {_STEPS} steps on {rows:,} validation rows",
            where="route fusion: strength",
            remedy="Set a smaller strength, or method: average.",
        )
    return Head("logits", several, tuple(found.x[:members].tolist()), tuple(found.x[members:].tolist()))


def fit_numbers(values_mb: np.ndarray, targets: np.ndarray, strength: float) -> Head:
    """Least squares with one share per member and a bias (Breiman 1996): minimised is Σ rows (v − Σ sₘ vₘ − b)² + (‖s − 1/m‖² + b²) /
    strength over s ≥ 0 and b.

    Args:
        values_mb: float64 [members, rows], standardised as the targets are.
        targets: float [rows].
    """
    from scipy.optimize import lsq_linear

    members = len(values_mb)
    held = np.eye(members + 1) / np.sqrt(strength)
    design = np.vstack([np.column_stack([values_mb.T, np.ones(len(targets))]), held])
    wanted = np.concatenate([targets, held @ np.array([1 / members] * members + [0.0])])
    found = lsq_linear(design, wanted, bounds=([0.0] * members + [-np.inf], np.inf)).x
    return Head(_NUMBERS, False, tuple(found[:members].tolist()), (float(found[members]),))


def cross_fitted(logits_mbc: np.ndarray, targets: np.ndarray, fit: Callable[[np.ndarray, np.ndarray], Head]) -> np.ndarray:
    """Answers [rows, …] where each row is answered by a head that was fitted without it: every fifth row is a part."""
    part_b = np.arange(len(targets)) % min(_PARTS, len(targets))
    answers = np.zeros(logits_mbc.shape[1:], np.float32)
    for part in range(int(part_b.max()) + 1):
        inside = part_b == part
        head = fit(logits_mbc[:, ~inside], targets[~inside])
        answers[inside] = head.combine(logits_mbc[:, inside])
    return answers


def _soup(
    route: Fusion, members: Mapping[str, Member], validation: Sequence[Row], folder: Path, progress: Progress
) -> dict[str, Any]:
    """weights: the greedy model soup (Wortsman et al. 2022, recipe 1): best member first, then each that does not make it worse."""
    checkpoints = {name: member.folder / CHECKPOINT for name, member in members.items()}
    first = next(iter(members.values()))
    task, module = load_task(first.folder).for_fusion(), registry.load(first.folder / CHECKPOINT)
    weights = {name: registry.load(path).state_dict() for name, path in checkpoints.items()}
    _check_alike(weights)
    examples = task.encode_many(validation)
    metric = task.metrics[0]

    def score(mixed: Mapping[str, Tensor]) -> float:
        module.load_state_dict(dict(mixed))
        return _module_score(task, module, examples, validation)

    scores = {}
    for name, own in weights.items():
        scores[name] = score(own)
        progress.update(len(scores) / 2)
    order = sorted(scores, key=lambda name: -_gain(scores[name], metric))
    taken, best = [order[0]], scores[order[0]]
    for name in order[1:]:
        tried = score(_mean([weights[one] for one in (*taken, name)]))
        if _gain(tried, metric) >= _gain(best, metric):
            taken, best = [*taken, name], tried
    module.load_state_dict(_mean([weights[name] for name in taken]))
    _watch(task, _module_logits(task, module, examples), validation)
    task.save(folder)
    registry.save(module, registry.describe(first.folder / CHECKPOINT)[0], task.sizes, folder / CHECKPOINT)
    task.save(folder / CHECKPOINT)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    result = _result(task, scores, best, len(validation), parameters)
    return {**result, "shares": {name: (name in taken) / len(taken) for name in members}}


def _module_logits(task: Task, module: nn.Module, examples: Sequence[Example]) -> np.ndarray:
    """[rows, classes] or [rows], in the order of `examples`."""
    found: list[np.ndarray] = [np.empty(0)] * len(examples)
    for part in sorted_batches([example.length for example in examples], _ROWS):
        outputs = registry.outputs(module, task.collate([examples[number] for number in part]).inputs)
        for number, logits in zip(part, outputs[_output(task)], strict=True):
            found[number] = logits
    return np.stack(found)


def _module_score(task: Task, module: nn.Module, examples: Sequence[Example], rows: Sequence[Row]) -> float:
    value = _score(task, _module_logits(task, module, examples), rows)
    if value is None:
        raise DataError(
            f"{task.metrics[0].name} is not defined on the {len(rows):,} validation rows",
            expected="validation rows of every label",
            where="data.split.validation",
            remedy="Raise data.split.validation.",
        )
    return value


def _gain(value: float, metric: Metric) -> float:
    """Turned so that more is better."""
    return value if metric.better == "higher" else -value


def _check_alike(weights: Mapping[str, Mapping[str, Tensor]]) -> None:
    shapes = {name: {key: tuple(tensor.shape) for key, tensor in own.items()} for name, own in weights.items()}
    first = next(iter(shapes))
    for name, own in shapes.items():
        if own != shapes[first]:
            differs = next(key for key in {**own, **shapes[first]} if own.get(key) != shapes[first].get(key))
            raise TrainError(
                f"{differs} is {own.get(differs)} in {name} and {shapes[first].get(differs)} in {first}",
                expected="members whose weights have the same names and shapes",
                where="route fusion: members",
                remedy="Give the members the same architecture settings (width, layers, vocabulary …), or set method: average.",
            )


def _mean(weights: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor; whole numbers (counters) are the first's."""
    return {
        key: sum((own[key] for own in weights[1:]), tensor.clone()) / len(weights)
        if tensor.is_floating_point()
        else tensor.clone()
        for key, tensor in weights[0].items()
    }


def _result(task: Task, scores: Mapping[str, Any], score: float | None, rows: int, parameters: int) -> dict[str, Any]:
    return {
        "steps": 1,
        "epochs": 1.0,
        "rows": rows,
        "tokens_per_second": None,
        "stopped_by": "fitted",
        "best_step": 1,
        "best_score": score,
        "metric": task.metrics[0].name,
        "peak_memory_bytes": resident_bytes(),
        "precision": "float32",
        "precision_reason": "trained members are combined; nothing is trained step by step",
        "compile": "never: nothing is traced",
        "parameters": parameters,
        "members": dict(scores),
    }
