"""Variants of one graph, measured beside the original; the one that gains most is taken, if it loses little enough.

Variants are judged on the validation split; the test split is none of this room's business.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.base.console import Console, amount
from modelwright.base.decoding import SETTINGS, Decoding, Layout, Text
from modelwright.base.graph import ASKER, Graph
from modelwright.base.journey import predict, served_bytes, single
from modelwright.base.nouns import Row
from modelwright.base.store import read_json, write_json, writing
from modelwright.base.timing import latency_ms
from modelwright.base.wording import megabytes, metric_name, ratio
from modelwright.compress.int8 import quantise
from modelwright.compress.language import GRAPH_FILES, export_language
from modelwright.spec.compress import Compress, Method
from modelwright.tasks.contract import Metric, Task, load_task

ORIGINAL = "original"
METHODS: Mapping[str, Callable[[Path, Path], int]] = {"int8": quantise, "int4": lambda source, target: 0}
"""Each writes a variant of a graph and returns how many weights it changed. Those of language models are exported anew from the
checkpoint instead; no other graph is worth int4."""
LANGUAGE_METHODS: tuple[Method, ...] = ("int8", "int4")
PROMPT_TOKENS, ANSWER_TOKENS = 64, 16
"""What a language model is timed at: reading so much of a row, and writing so much."""

WORTH = 1.1
"""Size ratio times speed ratio that a variant must bring to be taken."""

SLOWEST = 0.8
"""Speed ratio below which a variant is not taken, however small it is."""

ROUNDS, ROUND_ROWS = 3, 200


@dataclass(frozen=True)
class Variant:
    """One graph, measured. `latency` as `latency_ms` gives it; `validation` is every metric there."""

    name: str
    path: Path
    size_bytes: int
    latency: Mapping[str, float]
    validation: Mapping[str, float]

    def speed(self, original: Variant) -> float:
        """How many times faster a request is answered."""
        return original.latency["p50"] / self.latency["p50"]

    def gain(self, original: Variant) -> float:
        """How many times smaller, times how many times faster."""
        return original.size_bytes / self.size_bytes * self.speed(original)


def compress(
    source: Path,
    settings: Compress,
    metric: str,
    validation: Sequence[Row],
    out: Path,
    console: Console,
    seconds: float,
) -> dict[str, Any]:
    """Try the variants that the project names; write the chosen one as `out/model.onnx`, with the task's files.

    Args:
        source: a train folder: model.onnx and the task's files.
        metric: the figure that may lose at most `settings.max_loss`.
        seconds: that each variant's requests are timed.

    Returns:
        The content of variants.json; "test" is None throughout, for whoever measures there to fill in.

    Raises:
        ReleaseError: the graph or the task's files are missing or damaged.
        ValueError: the task has no such metric.
    """
    task = load_task(source)
    (deciding,) = (one for one in task.metrics if one.name == metric)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".variants-") as folder:
        methods = settings.methods if settings.methods is not None else LANGUAGE_METHODS if _speaks(source) else ()
        paths, idle = _make(source, methods, Path(folder), console)
        variants = _measure(task, paths, validation, console, seconds)
        taken = _take(variants, deciding, settings.max_loss)
        _ship(taken.path, out)
        task.save(out)
        found = {
            "chosen": taken.name,
            "reason": _reason(variants, taken, deciding, settings.max_loss, methods, idle),
            "metric": metric,
            "max_loss": settings.max_loss,
            "variants": [_entry(one, one is taken) for one in variants],
        }
    write_json(out / "variants.json", found)
    return found


def _speaks(folder: Path) -> bool:
    """Whether the graph in it is a language model's that can be continued token by token."""
    return (folder / SETTINGS).is_file()


def _ship(graph: Path, out: Path) -> None:
    with writing(out):
        shutil.copyfile(graph, out / GRAPH_FILES[0])
        for name in GRAPH_FILES[1:]:
            if _speaks(graph.parent) and (graph.parent / name).is_file():
                shutil.copyfile(graph.parent / name, out / name)


def as_bought(source: Path, evaluated: Path, metric: str, out: Path) -> dict[str, Any]:
    """A bought model has one variant, the service's: its files are copied to `out`, and what was measured in evaluation stands.

    Args:
        source: a train folder with asker.json and the task's files.
        evaluated: the route's evaluate folder.

    Returns:
        The content of variants.json, as `compress` gives it.
    """
    task = load_task(source)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / ASKER, out / ASKER)
    task.save(out)
    measured = read_json(evaluated / "evaluation.json")
    original = {
        "name": ORIGINAL,
        "size_bytes": measured["size_bytes"],
        "latency_ms": measured["latency_ms"],
        "cpu_seconds_per_request": measured["cpu_seconds_per_request"],
        "validation": measured["splits"]["validation"]["metrics"],
        "test": None,
        "taken": True,
        "bought": True,
    }
    reason = {language: words["bought"] for language, words in _WORDS.items()}
    found = {"chosen": ORIGINAL, "reason": reason, "metric": metric, "max_loss": 0.0, "variants": [original]}
    write_json(out / "variants.json", found)
    return found


def _make(source: Path, methods: Sequence[Method], folder: Path, console: Console) -> tuple[dict[str, Path], list[str]]:
    """The graphs to measure, the original first; and the methods that found nothing to change."""
    original = source / GRAPH_FILES[0]
    paths: dict[str, Path] = {ORIGINAL: original}
    idle: list[str] = []
    with console.progress("variants", total=len(methods)) as progress:
        for done, method in enumerate(dict.fromkeys(methods)):
            path = folder / f"{method}.onnx"
            if _speaks(source):
                paths[method] = export_language(source / "checkpoint", folder / method, method, source)
            elif METHODS[method](original, path):
                paths[method] = path
            else:
                idle.append(method)
            progress.update(done + 1)
    return paths, idle


def _measure(task: Task, paths: Mapping[str, Path], rows: Sequence[Row], console: Console, seconds: float) -> list[Variant]:
    """Variants take turns on the clock, so that a busy minute of the machine is shared; of its turns each keeps the middle one."""
    graphs = {name: Graph(path) for name, path in paths.items()}
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in graphs}
    with console.progress("measure", total=ROUNDS + len(graphs)) as progress:
        for done in range(ROUNDS):
            for name, graph in graphs.items():
                turns[name].append(latency_ms(_request(task, graph, paths[name]), rows[:ROUND_ROWS], seconds / ROUNDS))
            progress.update(done + 1)
        found = []
        for name, graph in graphs.items():
            middle = sorted(turns[name], key=lambda turn: turn["p50"])[ROUNDS // 2]
            size, figures = served_bytes(task, paths[name]), _score(task, graph, rows)
            found.append(Variant(name, paths[name], size, middle, figures))
            progress.update(ROUNDS + len(found))
    return found


def _request(task: Task, graph: Graph, path: Path) -> Callable[[Row], Any]:
    """One request: a row's answer, or of a language model some tokens after the beginning of a row."""
    if not _speaks(path.parent):
        return single(task, graph)
    decoding = Decoding(graph.session, Layout.read(path.parent))

    def answer(row: Row) -> None:
        text = Text()
        logits = decoding.read(text, task.encode(row).inputs["input_ids"][:PROMPT_TOKENS].tolist())
        decoding.join(text)
        for _ in range(min(ANSWER_TOKENS, decoding.layout.context - text.length)):
            logits = decoding.step([int(logits.argmax())])
        decoding.leave(text)

    return answer


def _score(task: Task, graph: Graph, rows: Sequence[Row]) -> dict[str, float]:
    return task.score(task.align(predict(task, graph, rows), rows))


def lost(variant: Variant, original: Variant, metric: Metric) -> float:
    """Metric points that a variant is worse than the original on validation; negative if it is better."""
    difference = original.validation[metric.name] - variant.validation[metric.name]
    return difference if metric.better == "higher" else -difference


def _take(variants: Sequence[Variant], metric: Metric, max_loss: float) -> Variant:
    """The variant that gains most of those that lose little enough and are not slow; the original (the first) if none gains
    enough."""
    original = variants[0]

    def good(one: Variant) -> bool:
        fast = one.speed(original) >= SLOWEST and one.gain(original) >= WORTH
        return fast and lost(one, original, metric) <= max_loss + 1e-9

    return max(filter(good, variants[1:]), key=lambda one: one.gain(original), default=original)


def _entry(variant: Variant, taken: bool) -> dict[str, Any]:
    return {
        "name": variant.name,
        "size_bytes": variant.size_bytes,
        "latency_ms": {key: value for key, value in variant.latency.items() if key != "cpu_s"},
        "cpu_seconds_per_request": variant.latency["cpu_s"],
        "validation": {name: {"value": value} for name, value in variant.validation.items()},
        "test": None,
        "taken": taken,
    }


_WORDS = {
    "en": {
        "none": "not asked for: {size}, {latency} ms",
        "bought": "the model is bought: there is nothing to compress",
        "taken": "{name}: {size} instead of {old_size} ({smaller}× smaller), {latency} ms instead of {old_latency} "
        "({faster}× as fast), {metric} {value} instead of {old_value} on validation",
        "kept": "the original stays ({size}, {latency} ms)",
        "lossy": "; {name} loses {lost} {metric} on validation, {allowed} is allowed",
        "small": "; {name} gains too little ({size}, {latency} ms)",
        "less": "; {name} gains less ({size}, {latency} ms)",
        "idle": "; {name} finds nothing in this graph worth quantising",
    },
    "zh": {
        "none": "未要求压缩：{size}，{latency} 毫秒",
        "bought": "模型为外购服务，无需压缩",
        "taken": "{name}：体积 {old_size} → {size}（约为 1/{smaller}），延迟 {old_latency} → {latency} 毫秒（速度为 {faster} 倍），"
        "验证集 {metric} {old_value} → {value}",
        "kept": "保留原模型（{size}，{latency} 毫秒）",
        "lossy": "；{name} 在验证集上损失 {lost} {metric}，上限 {allowed}",
        "small": "；{name} 收益太小（{size}，{latency} 毫秒）",
        "less": "；{name} 收益较小（{size}，{latency} 毫秒）",
        "idle": "；{name} 在此图中没有值得量化的权重",
    },
}


def _reason(
    variants: Sequence[Variant],
    taken: Variant,
    metric: Metric,
    max_loss: float,
    methods: Sequence[str],
    idle: Sequence[str],
) -> dict[str, str]:
    original = variants[0]

    def figures(one: Variant) -> dict[str, str]:
        return {
            "name": one.name,
            "size": megabytes(one.size_bytes),
            "latency": amount(one.latency["p50"]),
            "metric": metric_name(metric.name),
            "value": f"{one.validation[metric.name]:.3f}",
            "lost": f"{lost(one, original, metric):.3f}",
            "allowed": f"{max_loss:.3f}",
            "old_size": megabytes(original.size_bytes),
            "old_latency": amount(original.latency["p50"]),
            "old_value": f"{original.validation[metric.name]:.3f}",
            "smaller": ratio(original.size_bytes / one.size_bytes),
            "faster": ratio(one.speed(original)),
        }

    def tell(words: Mapping[str, str]) -> str:
        if not methods:
            return words["none"].format(**figures(original))
        text = words["kept" if taken is original else "taken"].format(**figures(taken))
        for one in variants[1:]:
            if one is not taken:
                too_lossy = lost(one, original, metric) > max_loss + 1e-9
                worth = one.gain(original) >= WORTH and one.speed(original) >= SLOWEST
                text += words["lossy" if too_lossy else "less" if worth else "small"].format(**figures(one))
        return text + "".join(words["idle"].format(name=name) for name in idle)

    return {language: tell(words) for language, words in _WORDS.items()}
