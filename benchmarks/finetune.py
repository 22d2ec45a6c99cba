"""Fine-tuning speed: Modelwright beside Hugging Face `Trainer`, same checkpoint, rows, epochs, batch size and learning rate.

MiniLM on BBC News, 128 tokens, batches of 16. Each contender trains to the end in a process of its own; they take turns, and the
turns are repeated, so that each ratio compares what ran side by side in time. What counts is the time of the training loop
alone (Trainer's own `train_runtime`; ours has its checkpoints in it): set-up, tokenisation and evaluation are left out on both
sides. Macro-F1 is of the test split, with the last weights of each.

    python benchmarks/finetune.py                    Trainer with its defaults, Trainer with bf16, ours; three turns
    python benchmarks/finetune.py --turns 1 --steps 40 --peers trainer      a quick look
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright.base.console import Console
from modelwright.base.journey import predict
from modelwright.base.machine import describe
from modelwright.base.nouns import Batch, Outputs, Row
from modelwright.base.store import read_json, write_json

HERE = Path(__file__).parent
OURS = "modelwright"
PEERS = {"trainer": {}, "trainer, bf16": {"bf16": True}}
BAR = 2.2  # against Trainer with its defaults
TOKENS, BATCH, EPOCHS, RATE = 128, 16, 3, 1e-4
LIBRARIES = ("modelwright", "torch", "transformers", "accelerate", "tokenizers", "numpy")


def main() -> int:
    given = _arguments()
    if given.worker:
        return _work(given)
    console = Console()
    contenders = [*given.peers, OURS]
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        console.line("preparing rows and checkpoint")
        _prepare(folder, console)
        for turn in range(given.turns):
            for contender in contenders:
                found = _run(contender, folder, given)
                turns[contender].append(found)
                console.line(
                    f"  {turn + 1}/{given.turns}  {contender:<14} {found['samples_per_second']:6.1f} rows/s  "
                    f"{found['seconds']:6.1f} s  test macro-F1 {found['macro_f1']:.4f}"
                )
    result = _result(turns, given)
    write_json(given.out, result)
    _show(result, console)
    console.line(f"written to {given.out}")
    return 0 if result["meets_bar"] else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, help="optimiser steps of each turn; default: three epochs")
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--seed", type=int, default=0, help="of the first turn; later turns count up")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "finetune.json")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _prepare(folder: Path, console: Console) -> None:
    """The demo's rows and splits, read once for all contenders, and the checkpoint."""
    from modelwright.data import checkpoints
    from modelwright.data.prepare import prepare
    from modelwright.spec.data import Data
    from modelwright.tasks.contract import get_task

    data = Data.model_validate({"source": "catalogue://bbc-news", "split": {"test": 0.2, "validation": 0.1, "seed": 7}})
    (folder / "data").mkdir()
    prepare(data, get_task("text-classification").columns, folder, folder / "data", console)
    checkpoint = checkpoints.resolve("catalogue://minilm", folder, console)
    write_json(folder / "start.json", {"checkpoint": str(checkpoint)})


def _run(contender: str, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """One contender, one training, one process."""
    out = folder / "found.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, __file__, "--worker", contender, "--folder", str(folder), "--seed", str(given.seed)]
    command += ["--steps", str(given.steps)] if given.steps else []
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{contender} failed:\n{done.stderr[-3000:]}")
    given.seed += contender == OURS  # every contender of a turn has the same seed
    return read_json(out)


def _work(given: argparse.Namespace) -> int:
    from modelwright.data.rows import read_split

    train, test = (read_split(given.folder / "data", split) for split in ("train", "test"))
    checkpoint = Path(read_json(given.folder / "start.json")["checkpoint"])
    if given.worker == OURS:
        found = _ours(train, test, checkpoint, given.folder, given.steps, given.seed)
    else:
        found = _trainer(train, test, checkpoint, given.folder, given.steps, given.seed, PEERS[given.worker])
    write_json(given.folder / "found.json", found)
    return 0


def _ours(train: list[Row], test: list[Row], checkpoint: Path, folder: Path, steps: int | None, seed: int) -> dict[str, Any]:
    """`train_route` without a validation split: the last weights count, as they do for Trainer."""
    from modelwright.spec.routes.finetune import Finetune
    from modelwright.tasks.contract import get_task
    from modelwright.train.loop import Loop
    from modelwright.train.memory import freed_memory_kept
    from modelwright.train.plan import Limits
    from modelwright.train.route import prepare

    route = Finetune(max_tokens=TOKENS, batch_size=BATCH, epochs=EPOCHS, learning_rate=RATE)
    with freed_memory_kept(), tempfile.TemporaryDirectory(dir=folder) as out:
        task = get_task("text-classification").fit(train, route, checkpoint)
        ready = prepare(task, route, train, [], checkpoint, seed)
        loop = Loop(
            ready.stepper,
            route,
            ready.examples,
            ([], []),
            limits=Limits(steps=steps),
            seed=seed,
            folder=Path(out),
            console=Console(quiet=True),
            title="finetune",
            checkpoint_seconds=20.0,
            started=time.perf_counter(),
        )
        began = time.perf_counter()
        outcome = loop.run()
        seconds = time.perf_counter() - began
    predictions = predict(task, Module(ready.stepper.finish(outcome.weights)), test)
    score = task.score(task.align(predictions, test))["macro-f1"]
    return _found(outcome.state.rows, seconds, score, ready.stepper.precision.name)


class Module:
    """The shipped module (float32, whole vocabulary), asked as a graph is."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def run(self, batch: Batch) -> Outputs:
        from modelwright.models import registry

        return registry.outputs(self.module, batch.inputs)


def _trainer(
    train: list[Row], test: list[Row], checkpoint: Path, folder: Path, steps: int | None, seed: int, settings: dict[str, Any]
) -> dict[str, Any]:
    """As transformers' text classification guide does it: dynamic padding, everything else Trainer's default."""
    import torch
    from sklearn.metrics import f1_score
    from transformers import (
        AutoModelForSequenceClassification,
        DataCollatorWithPadding,
        PreTrainedTokenizerFast,
        Trainer,
        TrainingArguments,
    )

    labels = sorted({row.values["label"] for row in train})
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(checkpoint / "tokenizer.json"),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
    tokenizer.backend_tokenizer.no_padding()
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=len(labels), dtype=torch.float32)

    def encoded(rows: list[Row]) -> list[dict[str, Any]]:
        texts = tokenizer([row.values["text"] for row in rows], truncation=True, max_length=TOKENS)
        return [
            {
                "input_ids": texts["input_ids"][at],
                "attention_mask": texts["attention_mask"][at],
                "label": labels.index(row.values["label"]),
            }
            for at, row in enumerate(rows)
        ]

    with tempfile.TemporaryDirectory(dir=folder) as out:
        arguments = TrainingArguments(
            output_dir=out,
            num_train_epochs=EPOCHS,
            max_steps=steps or -1,
            per_device_train_batch_size=BATCH,
            learning_rate=RATE,
            seed=seed,
            report_to="none",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
            **settings,
        )
        trainer = Trainer(model, arguments, train_dataset=encoded(train), data_collator=DataCollatorWithPadding(tokenizer))
        seconds = trainer.train().metrics["train_runtime"]
        done = trainer.state.global_step
        answers = trainer.predict(encoded(test)).predictions.argmax(1)
    truths = [labels.index(row.values["label"]) for row in test]
    rows = done * BATCH if steps else len(train) * EPOCHS
    return _found(rows, seconds, float(f1_score(truths, answers, average="macro")), "bfloat16" if settings else "float32")


def _found(rows: int, seconds: float, macro_f1: float, precision: str) -> dict[str, Any]:
    return {
        "samples_per_second": rows / seconds,
        "seconds": seconds,
        "rows": rows,
        "macro_f1": macro_f1,
        "precision": precision,
        "load_average": os.getloadavg()[0],
    }


def _result(turns: dict[str, list[dict[str, Any]]], given: argparse.Namespace) -> dict[str, Any]:
    ratios = {}
    for peer in given.peers:
        pairs = zip(turns[OURS], turns[peer], strict=True)
        found = [ours["samples_per_second"] / theirs["samples_per_second"] for ours, theirs in pairs]
        ratios[peer] = {"median": statistics.median(found), "low": min(found), "high": max(found)}
    return {
        "what": f"rows/s of a full fine-tuning of MiniLM on BBC News, {TOKENS} tokens, batches of {BATCH}, {EPOCHS} epochs",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe().line,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "command": shlex.join(
            ["python", "benchmarks/finetune.py", *(Path(word).name if word.startswith("/") else word for word in sys.argv[1:])]
        ),
        "steps": given.steps or "all",
        "turns": turns,
        "macro_f1": {name: statistics.median(turn["macro_f1"] for turn in found) for name, found in turns.items()},
        "ratios": ratios,
        "bar": {"against": "trainer", "ratio": BAR},
        "meets_bar": "trainer" not in ratios or ratios["trainer"]["median"] >= BAR,
    }


def _show(result: dict[str, Any], console: Console) -> None:
    for name, turns in result["turns"].items():
        rates = [turn["samples_per_second"] for turn in turns]
        ratio = result["ratios"].get(name)
        said = f"   ours is {ratio['median']:.2f}× [{ratio['low']:.2f}–{ratio['high']:.2f}]" if ratio else ""
        console.line(
            f"{name:<14} {statistics.median(rates):6.1f} rows/s [{min(rates):.1f}–{max(rates):.1f}]  "
            f"macro-F1 {json.dumps(round(result['macro_f1'][name], 4))}{said}"
        )
    console.line(f"the bar is {BAR}× Trainer with its defaults, at the same macro-F1")


if __name__ == "__main__":
    sys.exit(main())
