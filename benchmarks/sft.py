"""Instruction tuning: Modelwright beside peft and Hugging Face `Trainer`; same checkpoint, conversations, epochs and learning rate.

A decoder of 6 million parameters is first trained here on BBC News, for a minute. Each conversation asks it to continue an article; the loss
counts the answer only. Contenders learn all weights, or low-rank adapters of rank 16 on every linear layer but the output. Each trains in
a process of its own; they take turns, and turns are repeated, so that a ratio compares what ran side by side in time. What counts is the
time of the training loop alone (Trainer's own `train_runtime`; ours has its checkpoints in it). Each saves a standard checkpoint, and one
and the same program scores all of them on conversations that nobody learned.

Trainer pads each batch to its longest row, as its guides do; ours packs conversations into windows of 256 tokens, as many windows to a
step as hold the same number of conversations.

    python benchmarks/sft.py                  full and lora, three turns
    python benchmarks/sft.py --quick          one turn of a few steps of a small decoder, to try it; its figures mean nothing
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import re
import resource
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
from modelwright.base.machine import describe
from modelwright.base.nouns import Row
from modelwright.base.store import read_json, write_json

HERE = Path(__file__).parent
OURS, THEIRS = "modelwright", "trainer"
METHODS = ("full", "lora")
BAR = 1.5  # against Trainer with its defaults (float32)
NOISE = 0.02  # of the validation loss, nat per token: what seeds differ by
CONTEXT, VOCABULARY, BATCH, EPOCHS, RANK, ALPHA = 256, 4096, 16, 2, 16, 32
RATES = {"full": 5e-4, "lora": 2e-3}
SIZE, PRETRAINING_STEPS = "6M", 250
QUICK_SIZE, QUICK_STEPS, QUICK_ROWS = "500K", 4, 64
LIBRARIES = ("modelwright", "torch", "transformers", "accelerate", "peft", "numpy")


def main() -> int:
    given = _arguments()
    if given.worker:
        return _work(given)
    console = Console()
    contenders = [(side, method) for method in METHODS for side in (THEIRS, OURS)]
    turns: dict[str, list[dict[str, Any]]] = {f"{side}, {method}": [] for side, method in contenders}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        console.line("preparing conversations and training the checkpoint")
        _prepare(folder, given, console)
        about = _about(folder)
        console.line(f"the checkpoint scores {about['loss_before']:.4f} nat per token before anything is learned")
        for turn in range(given.turns):
            for side, method in contenders:
                found = _run(side, method, folder, given, turn)
                turns[f"{side}, {method}"].append(found)
                console.line(
                    f"  {turn + 1}/{given.turns}  {side + ', ' + method:<18} {found['seconds']:6.1f} s  "
                    f"{found['tokens_per_second']:8,.0f} tokens/s  validation loss {found['loss']:.4f}  "
                    f"peak {found['peak_memory_bytes'] / 1e6:,.0f} MB"
                )
    result = _result(turns, about, given)
    write_json(given.out, result)
    _show(result, console)
    console.line(f"written to {given.out}")
    return 0 if given.quick or result["meets_bar"] else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one turn, a few steps of a small decoder on few rows")
    parser.add_argument("--seed", type=int, default=0, help="of the first turn; later turns count up")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "sft.json")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--method", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.quick and not given.worker:
        given.turns = 1
        given.out = Path(tempfile.gettempdir()) / "sft-quick.json"
    return given


# ---- rows and checkpoint


def _prepare(folder: Path, given: argparse.Namespace, console: Console) -> None:
    """BBC News as documents (for the checkpoint) and as conversations, split once for all contenders."""
    from modelwright.data.prepare import prepare
    from modelwright.data.rows import read_split, write_split
    from modelwright.spec.data import Data
    from modelwright.spec.routes.decoder import Decoder
    from modelwright.tasks.contract import get_task
    from modelwright.train.plan import Limits
    from modelwright.train.route import train_route

    data = Data.model_validate({"source": "catalogue://bbc-news", "split": {"test": 0.1, "validation": 0.1, "seed": 7}})
    (folder / "data").mkdir()
    prepare(data, get_task("text-classification").columns, folder, folder / "data", console)
    for split in ("train", "validation"):
        asked = [row for one in read_split(folder / "data", split) if (row := _conversation(one)) is not None]
        write_split(folder, split, asked[: QUICK_ROWS if given.quick else None])
    rows = [Row(row.id, {"text": row.values["text"]}) for row in read_split(folder / "data", "train")]
    task = get_task("text-generation")
    (folder / "start").mkdir()
    train_route(
        task,
        Decoder(size=QUICK_SIZE if given.quick else SIZE, precision="float32"),
        rows[: QUICK_ROWS if given.quick else None],
        [],
        checkpoint=None,
        limits=Limits(steps=QUICK_STEPS if given.quick else PRETRAINING_STEPS),
        seed=1,
        folder=folder / "start",
        console=console,
        title="checkpoint",
        checkpoint_seconds=600.0,
        learn=task.settings(vocabulary=VOCABULARY, context=CONTEXT),
    )


def _conversation(row: Row) -> Row | None:
    """An article's opening as a question, what follows as the answer; None where it is too short."""
    sentences = re.split(r"(?<=[.!?])\s+", row.values["text"])
    if len(sentences) < 6:
        return None
    question = f"Continue this report: {' '.join(sentences[:2])}"
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": " ".join(sentences[2:6])}]
    return Row(row.id, {"messages": json.dumps(messages)})


def _about(folder: Path) -> dict[str, Any]:
    """The checkpoint before anything is learned, and what its weights take while they are frozen."""
    import torch

    from modelwright.models import language_checkpoint, nf4
    from modelwright.spec.routes.lm_finetune import LmFinetune

    task = _task(folder)
    held = {}
    for method in ("full", "lora", "qlora"):
        torch.manual_seed(0)
        settings = {"method": method} if method == "full" else {"method": method, "lora_rank": RANK, "lora_alpha": ALPHA}
        module = language_checkpoint.build(LmFinetune.model_validate(settings), task.sizes, _start(folder))
        learning = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
        held[method] = {"weights_bytes": nf4.held_bytes(module), "learning_parameters": learning}
    return {"loss_before": _loss(folder, _start(folder)), "held": held, **_shape(folder)}


def _shape(folder: Path) -> dict[str, Any]:
    from modelwright.data.rows import read_split

    task, rows = _task(folder), read_split(folder, "train")
    lengths = [task.conversation(row).length for row in rows]
    windows = len(task.lessons(rows))
    return {
        "conversations": len(rows),
        "tokens": sum(lengths),
        "windows": windows,
        "windows_per_step": max(1, round(BATCH * windows / len(rows))),
    }


def _start(folder: Path) -> Path:
    return folder / "start" / "checkpoint"


def _task(folder: Path) -> Any:
    from modelwright.data.rows import read_split
    from modelwright.spec.routes.lm_finetune import LmFinetune
    from modelwright.tasks.contract import get_task

    kind = get_task("text-generation")
    return kind.fit(read_split(folder, "train"), LmFinetune(), _start(folder), kind.settings(context=CONTEXT))


def _loss(folder: Path, checkpoint: Path) -> float:
    """Nat per token of the answers in the validation split, by a checkpoint in the standard layout."""
    from modelwright.data.rows import read_split
    from modelwright.models import registry
    from modelwright.models.decoder_files import read_decoder
    from modelwright.train.buckets import lengths_of, sorted_batches

    task, module, rows = _task(folder), read_decoder(checkpoint).eval(), read_split(folder, "validation")
    examples = task.encode_many(rows)
    predictions: list[Any] = [None] * len(rows)
    for part in sorted_batches(lengths_of(examples), 16):
        outputs = registry.outputs(module, task.collate([examples[number] for number in part]).inputs)
        for number, prediction in zip(part, task.decode(outputs, [rows[number].id for number in part]), strict=True):
            predictions[number] = prediction
    return task.score(task.align(predictions, rows))["loss"]


# ---- contenders


def _run(side: str, method: str, folder: Path, given: argparse.Namespace, turn: int) -> dict[str, Any]:
    """One contender, one training, one process."""
    out = folder / "found.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, __file__, "--worker", side, "--method", method, "--folder", str(folder)]
    command += ["--seed", str(given.seed + turn), *(["--quick"] if given.quick else [])]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{side} ({method}) failed:\n{done.stderr[-3000:]}")
    return read_json(out)


def _work(given: argparse.Namespace) -> int:
    out = given.folder / "trained"
    steps = QUICK_STEPS if given.quick else None
    found = (_ours if given.worker == OURS else _trainer)(given.folder, given.method, steps, given.seed, out)
    peak = _peak_bytes()
    loss = _loss(given.folder, out)
    write_json(
        given.folder / "found.json", {**found, "loss": loss, "peak_memory_bytes": peak, "load_average": os.getloadavg()[0]}
    )
    return 0


def _peak_bytes() -> int:
    """Of this process alone: the kernel's `ru_maxrss` would count what its parent held when it was started."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text()).group(1)) * 1024


def _ours(folder: Path, method: str, steps: int | None, seed: int, out: Path) -> dict[str, Any]:
    """`train_route`'s loop without a validation split: the last weights count, as they do for Trainer."""
    from modelwright.data.rows import read_split
    from modelwright.models import registry
    from modelwright.spec.routes.lm_finetune import LmFinetune
    from modelwright.train.loop import Loop
    from modelwright.train.memory import freed_memory_kept
    from modelwright.train.plan import Limits
    from modelwright.train.route import prepare

    adapters = {} if method == "full" else {"lora_rank": RANK, "lora_alpha": ALPHA}
    settings = {
        "method": method,
        "learning_rate": RATES[method],
        "epochs": EPOCHS,
        "batch_size": _shape(folder)["windows_per_step"],
    }
    route, task = LmFinetune.model_validate({**settings, **adapters}), _task(folder)
    with freed_memory_kept(), tempfile.TemporaryDirectory(dir=folder) as scratch:
        ready = prepare(task, route, read_split(folder, "train"), [], _start(folder), seed)
        loop = Loop(
            ready.stepper,
            ready.route,
            ready.examples,
            ([], []),
            limits=Limits(steps=steps),
            seed=seed,
            folder=Path(scratch),
            console=Console(quiet=True),
            title="sft",
            checkpoint_seconds=20.0,
            started=time.perf_counter(),
        )
        began = time.perf_counter()
        outcome = loop.run()
        seconds = time.perf_counter() - began
    registry.save(ready.stepper.finish(outcome.weights), route, task.sizes, out)
    share = outcome.state.step / loop.plan.steps_per_epoch
    return _found(folder, seconds, share, outcome.state.step, ready.stepper.precision.name)


def _trainer(folder: Path, method: str, steps: int | None, seed: int, out: Path) -> dict[str, Any]:
    """As the guides of transformers and peft do it: padded batches, labels of −100 outside the answers, otherwise Trainer's defaults."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

    from modelwright.data.rows import read_split

    task, rows = _task(folder), read_split(folder, "train")
    model = AutoModelForCausalLM.from_pretrained(_start(folder), dtype=torch.float32)
    if method == "lora":
        torch.manual_seed(seed)
        model = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"))
    encoded = []
    for row in rows:
        example = task.conversation(row)
        encoded.append({"input_ids": torch.from_numpy(example.inputs["input_ids"]), "labels": torch.from_numpy(example.target)})

    def collate(batch: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        pad = torch.nn.utils.rnn.pad_sequence
        ids = pad([one["input_ids"] for one in batch], batch_first=True, padding_value=task.sizes["padding"])
        lengths = torch.tensor([len(one["input_ids"]) for one in batch])
        return {
            "input_ids": ids,
            "attention_mask": (torch.arange(ids.shape[1])[None] < lengths[:, None]).long(),
            "labels": pad([one["labels"] for one in batch], batch_first=True, padding_value=-100),
        }

    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            num_train_epochs=EPOCHS,
            max_steps=steps or -1,
            per_device_train_batch_size=BATCH,
            learning_rate=RATES[method],
            seed=seed,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        trainer = Trainer(model, arguments, train_dataset=encoded, data_collator=collate)
        seconds = trainer.train().metrics["train_runtime"]
        done = trainer.state.global_step
    merged = model.merge_and_unload() if method == "lora" else model
    merged.save_pretrained(out)
    return _found(folder, seconds, done / math.ceil(len(rows) / BATCH), done, "float32")


def _found(folder: Path, seconds: float, epochs: float, steps: int, precision: str) -> dict[str, Any]:
    tokens = _shape(folder)["tokens"] * epochs
    return {"seconds": seconds, "tokens_per_second": tokens / seconds, "epochs": epochs, "steps": steps, "precision": precision}


# ---- result


def _result(turns: dict[str, list[dict[str, Any]]], about: dict[str, Any], given: argparse.Namespace) -> dict[str, Any]:
    methods = {}
    for method in METHODS:
        ours, theirs = turns[f"{OURS}, {method}"], turns[f"{THEIRS}, {method}"]
        found = [one["tokens_per_second"] / other["tokens_per_second"] for one, other in zip(ours, theirs, strict=True)]
        losses = {side: statistics.median(turn["loss"] for turn in turns[f"{side}, {method}"]) for side in (OURS, THEIRS)}
        ratio = statistics.median(found)
        methods[method] = {
            "ratio": {"median": ratio, "low": min(found), "high": max(found)},
            "loss": losses,
            "same_quality": losses[OURS] <= losses[THEIRS] + NOISE,
            "meets_bar": ratio >= BAR and losses[OURS] <= losses[THEIRS] + NOISE,
        }
    return {
        "what": f"instruction tuning of a 6M decoder on {about['conversations']:,} conversations, {EPOCHS} epochs, {BATCH} conversations a step",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe().line,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "command": shlex.join(
            ["python", "benchmarks/sft.py", *(Path(word).name if word.startswith("/") else word for word in sys.argv[1:])]
        ),
        "quick": given.quick,
        "about": about,
        "turns": turns,
        "methods": methods,
        "bar": {"ratio": BAR, "loss_within": NOISE},
        "meets_bar": all(found["meets_bar"] for found in methods.values()),
    }


def _show(result: dict[str, Any], console: Console) -> None:
    for method, found in result["methods"].items():
        ratio, loss = found["ratio"], found["loss"]
        console.line(
            f"{method:<5} ours is {ratio['median']:.2f}× [{ratio['low']:.2f}–{ratio['high']:.2f}] as fast; validation loss "
            f"{loss[OURS]:.4f}, Trainer {loss[THEIRS]:.4f} nat per token"
        )
    held = {name: one["weights_bytes"] / 1e6 for name, one in result["about"]["held"].items()}
    console.line("weights while training: " + ", ".join(f"{name} {size:.1f} MB" for name, size in held.items()))
    console.line(f"the bar is {BAR}× at the same loss")


if __name__ == "__main__":
    sys.exit(main())
