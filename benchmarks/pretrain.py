"""Pre-training speed: Modelwright's decoder beside transformers and LitGPT, on the same articles, tokenizer and size.

BBC News articles, a byte-level BPE of 4,096 tokens learned on them, 16 × 256 tokens a step, a decoder of 6 to 7 million parameters.
Two questions:

1. tokens/s of a step: ours with AdamW beside `LlamaForCausalLM` in a plain float32 loop with AdamW (the bar: 3 times); medians of steps.
2. wall-clock to the same validation loss: HF `Trainer` and LitGPT's `pretrain` learn for `--passes` passes over the corpus by documented
   settings (below); ours gets half of each one's time and must come at least as low (the bar: half of the wall-clock).

Trainer: the rate, decay and schedule of Hugging Face's course on training a causal language model from scratch (5e-4, 0.1, cosine), bf16.
LitGPT: the optimiser of its pre-training examples (AdamW, betas 0.9 and 0.95, decay 0.1, clip 1, cosine to a tenth), rate 6e-4, its own
default precision (bf16-mixed) and torch.compile. Both warm up for 5% of their steps. LitGPT pins other versions than ours, so it lives
in a virtual environment of its own, made here. Set-up and tokenising are left out everywhere; compiling counts, from an empty cache. Loss:
mean nats per token over the first 256 tokens of each validation article, computed alike for all, in float32.

    python benchmarks/pretrain.py                 everything; about 40 minutes on 2 cores
    python benchmarks/pretrain.py --quick         that it works: a few steps each, a smaller model
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
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.console import Console
from modelwright.base.machine import describe
from modelwright.base.store import read_json, write_json
from modelwright.pipeline.doctor import examine

HERE = Path(__file__).parent
PLAIN, TRAINER, LITGPT, OURS = "transformers", "trainer", "litgpt", "modelwright"
ALIKE = f"{OURS}, adamw"  # the plain loop's optimiser
RATES = {PLAIN: 5e-4, TRAINER: 5e-4, LITGPT: 6e-4}
TORCH = "2.13.0"
VOCABULARY, CONTEXT, BATCH = 4096, 256, 16
SPEED_BAR, TIME_BAR = 3.0, 0.5
TIMED_STEPS = 30
LIBRARIES = ("modelwright", "torch", "transformers", "accelerate", "tokenizers", "numpy")


def main() -> int:
    given = _arguments()
    if given.worker:
        return _work(given)
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        console.line("preparing articles and tokens")
        _prepare(folder, given, console)
        python = _litgpt_python(given, console) if LITGPT in given.peers else None
        turns = [_turn(folder, given, python, seed, console) for seed in range(given.turns)]
    result = _result(turns, given)
    write_json(given.out, result)
    console.line(json.dumps(result["bars"], indent=2))
    console.line(f"written to {given.out}")
    return 1 if any(bar["met"] is False for bar in result["bars"]) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--passes", type=float, default=4.0, help="of the peers over the corpus")
    parser.add_argument("--size", default="6.5M", help="parameters")
    parser.add_argument("--peers", nargs="+", choices=[PLAIN, TRAINER, LITGPT], default=[PLAIN, TRAINER, LITGPT])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--litgpt", help="a Python with litgpt; default: one is made in the cache")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "pretrain.json")
    for hidden in ("--worker", "--folder", "--seed", "--seconds", "--steps"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.quick:
        given.size, given.passes = "1M", 0.02
        given.out = (
            given.out if given.out != HERE / "results" / "pretrain.json" else Path(tempfile.gettempdir()) / "pretrain.json"
        )
    return given


def _prepare(folder: Path, given: argparse.Namespace, console: Console) -> None:
    """Articles, our task fitted on them, and the same tokens for the others: one stream, each article ended by its mark."""
    from modelwright.data.prepare import prepare
    from modelwright.data.rows import read_split, write_split
    from modelwright.spec.data import Data
    from modelwright.spec.routes.decoder import Decoder
    from modelwright.tasks.contract import get_task

    data = Data.model_validate({"source": "catalogue://bbc-news", "split": {"test": 0.1, "validation": 0.1, "seed": 7}})
    (folder / "data").mkdir()
    prepare(data, get_task("text-classification").columns, folder, folder / "data", console)
    articles = {split: read_split(folder / "data", split) for split in ("train", "validation")}
    task = get_task("text-generation")
    route = Decoder.model_validate({"size": given.size})
    learn = task.settings.model_validate({"vocabulary": VOCABULARY, "context": CONTEXT})
    fitted = task.fit(articles["train"], route, None, learn)
    (folder / "task").mkdir()
    fitted.save(folder / "task")
    write_split(folder, "train", articles["train"])
    end = fitted.sizes["begin"]  # <|endoftext|> stands between documents
    np.save(folder / "train.npy", np.concatenate([np.append(ids, end) for ids in _tokens(fitted, articles["train"])]))
    rows = np.full((len(articles["validation"]), CONTEXT), -1, np.int64)
    for row, ids in zip(rows, _tokens(fitted, articles["validation"]), strict=True):
        row[: min(CONTEXT, len(ids))] = ids[:CONTEXT]
    np.save(folder / "validation.npy", rows)
    body = route.body(fitted.sizes["vocabulary"])
    names = ("width", "layers", "heads", "key_heads", "head_width", "feed_forward", "vocabulary")
    write_json(folder / "shape.json", {name: getattr(body, name) for name in names})
    stream = np.load(folder / "train.npy")
    console.line(f"{len(stream):,} tokens, {body.whole:,} parameters: {body}")


def _tokens(fitted: Any, rows: Any) -> list[np.ndarray]:
    """Of every article, uncut."""
    return [np.asarray(ids, np.int64) for ids in fitted.words.encode_many([row.values["text"] for row in rows])]


def _litgpt_python(given: argparse.Namespace, console: Console) -> str:
    if given.litgpt:
        return given.litgpt
    from modelwright.data.catalogue.fetch import cache_folder

    home = cache_folder() / "peers" / f"litgpt-torch-{TORCH}"
    python = home / "bin" / "python"
    if not (home / "made").exists():
        console.line("making a virtual environment for litgpt (once; some minutes)")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "litgpt", f"torch=={TORCH}"], check=True)
        (home / "made").touch()
    return str(python)


def _turn(folder: Path, given: argparse.Namespace, python: str | None, seed: int, console: Console) -> dict[str, Any]:
    """Each peer, and ours with half of each one's time beside it."""
    steps = max(6, round(given.passes * len(np.load(folder / "train.npy")) / (BATCH * CONTEXT)))
    found: dict[str, Any] = {}
    for peer in given.peers:
        timed = (6 if given.quick else TIMED_STEPS) if peer == PLAIN else steps
        found[peer] = _run(peer, folder, given, seed, python, steps=timed)
        console.line(_told(peer, found[peer]))
        if peer != PLAIN:
            found[f"{OURS}, half of {peer}"] = ours = _run(
                OURS, folder, given, seed, None, seconds=max(5.0, found[peer]["seconds"] * TIME_BAR)
            )
            console.line(_told(f"{OURS} in half of its time", ours))
    if PLAIN in given.peers:
        settings = {"optimizer": "adamw", "learning_rate": RATES[PLAIN], "compile": "always"}
        steps = 6 if given.quick else 2 * TIMED_STEPS  # the first half is warming up
        found[ALIKE] = _run(OURS, folder, given, seed, None, steps=steps, settings=settings)
        console.line(_told(ALIKE, found[ALIKE]))
    return found


def _told(name: str, found: dict[str, Any]) -> str:
    return f"  {name:<36} {found['tokens_per_second']:8,.0f} tokens/s  {found['seconds']:7.1f} s  loss {found['loss']:.4f}"


def _run(
    contender: str,
    folder: Path,
    given: argparse.Namespace,
    seed: int,
    python: str | None,
    steps: int | None = None,
    seconds: float | None = None,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One contender, one training, one process."""
    out = folder / "found.json"
    out.unlink(missing_ok=True)
    rate = RATES.get(contender)
    warmup = max(1, round(0.05 * steps)) if steps else None
    asked = {"shape": read_json(folder / "shape.json"), "batch": BATCH, "context": CONTEXT, "steps": steps, "seconds": seconds}
    asked |= {
        "seed": seed,
        "rate": rate,
        "warmup": warmup,
        "threads": given.threads,
        "size": given.size,
        "settings": dict(settings or {}),
    }
    write_json(folder / "asked.json", asked)
    command = [sys.executable, __file__, "--worker", contender, "--folder", str(folder)]
    if contender == LITGPT:
        assert python is not None
        command = [python, str(HERE / "peer_litgpt.py"), str(folder)]
    with tempfile.TemporaryDirectory(dir=folder) as compiled:  # nobody finds what an earlier run compiled
        environment = {**os.environ, "OMP_NUM_THREADS": str(given.threads), "TORCHINDUCTOR_CACHE_DIR": compiled}
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"{contender} failed:\n{done.stderr[-3000:]}")
    return {**read_json(out), "load_average": os.getloadavg()[0]}


def _work(given: argparse.Namespace) -> int:
    folder = Path(given.folder)
    asked = read_json(folder / "asked.json")
    workers = {PLAIN: _plain, TRAINER: _trainer, OURS: _ours}
    write_json(folder / "found.json", workers[given.worker](folder, asked))
    return 0


def _ours(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """The route as the dial sets it, 16 rows a step, no validation: the last weights count, as they do for the peers."""
    import torch

    from modelwright.data.rows import read_split
    from modelwright.spec.routes.decoder import Decoder
    from modelwright.tasks.contract import load_task
    from modelwright.train.loop import Loop
    from modelwright.train.memory import freed_memory_kept
    from modelwright.train.plan import Limits
    from modelwright.train.route import prepare

    route = Decoder.model_validate({"size": asked["size"], "batch_size": BATCH, **asked["settings"]})
    task, rows = load_task(folder / "task"), read_split(folder, "train")
    with freed_memory_kept(), tempfile.TemporaryDirectory(dir=folder) as out:
        ready = prepare(task, route, rows, [], None, asked["seed"])
        began = time.perf_counter()
        loop = Loop(
            ready.stepper,
            ready.route,
            ready.examples,
            ([], []),
            limits=Limits(seconds=asked["seconds"], steps=asked["steps"]),
            seed=asked["seed"],
            folder=Path(out),
            console=Console(quiet=True),
            title="decoder",
            checkpoint_seconds=20.0,
            started=began,
        )
        outcome = loop.run()
        seconds = time.perf_counter() - began
    module = ready.stepper.finish(outcome.weights)

    def logits(ids: Any) -> Any:
        return module.logits(ids, torch.ones_like(ids))

    settings = {name: getattr(ready.route, name) for name in ("optimizer", "learning_rate", "schedule", "epochs")}
    return {
        "tokens_per_second": BATCH * CONTEXT / statistics.median(loop.paces),
        "seconds": seconds,
        "loss": _loss(logits, np.load(folder / "validation.npy")),
        "parameters": module.shape.parameters,
        # six for each weight a token is multiplied with, and attention's two products over half of the window
        "operations_per_token": 6 * module.shape.parameters
        + 6 * module.shape.layers * module.shape.heads * module.shape.head_width * CONTEXT,
        "steps": outcome.state.step,
        "compile": ready.stepper.compile,
        "precision": ready.stepper.precision.name,
        "settings": settings,
    }


def _llama(asked: dict[str, Any]) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = asked["shape"]
    torch.manual_seed(asked["seed"])
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape["vocabulary"],
            hidden_size=shape["width"],
            num_hidden_layers=shape["layers"],
            num_attention_heads=shape["heads"],
            num_key_value_heads=shape["key_heads"],
            head_dim=shape["head_width"],
            intermediate_size=shape["feed_forward"],
            max_position_embeddings=asked["context"],
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
        )
    )


def _windows(folder: Path) -> np.ndarray:
    stream = np.load(folder / "train.npy")
    return stream[: len(stream) // CONTEXT * CONTEXT].reshape(-1, CONTEXT).astype(np.int64)


def _plain(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """What everybody writes first: the model, AdamW, a loop, float32."""
    import torch

    model, windows = _llama(asked), _windows(folder)
    optimiser = torch.optim.AdamW(model.parameters(), lr=asked["rate"])
    order = np.random.default_rng(asked["seed"])
    model.train()
    times = []
    began = time.perf_counter()
    for _ in range(asked["steps"]):
        before = time.perf_counter()
        ids = torch.from_numpy(windows[order.choice(len(windows), BATCH, replace=False)])
        model(input_ids=ids, labels=ids).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        times.append(time.perf_counter() - before)
    seconds = time.perf_counter() - began
    return {
        "tokens_per_second": BATCH * CONTEXT / statistics.median(times[2:]),
        "seconds": seconds,
        "loss": _loss(lambda ids: model(ids).logits, np.load(folder / "validation.npy"), model),
        "parameters": model.num_parameters(),
    }


def _trainer(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    import torch
    from transformers import Trainer, TrainingArguments, default_data_collator

    model = _llama(asked)
    rows = [{"input_ids": row, "labels": row} for row in _windows(folder)]
    with tempfile.TemporaryDirectory(dir=folder) as out:
        arguments = TrainingArguments(
            output_dir=out,
            max_steps=asked["steps"],
            per_device_train_batch_size=BATCH,
            learning_rate=asked["rate"],
            weight_decay=0.1,
            lr_scheduler_type="cosine",
            warmup_steps=asked["warmup"],
            bf16=True,
            seed=asked["seed"],
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        seconds = (
            Trainer(model, arguments, train_dataset=rows, data_collator=default_data_collator).train().metrics["train_runtime"]
        )
    return {
        "tokens_per_second": asked["steps"] * BATCH * CONTEXT / seconds,
        "seconds": seconds,
        "loss": _loss(lambda ids: model(ids).logits, np.load(folder / "validation.npy"), model),
        "parameters": model.num_parameters(),
    }


def _loss(logits: Any, rows: np.ndarray, model: Any = None) -> float:
    """Mean −log p of all tokens but each row's first, in nats; −1 is padding."""
    import torch

    if model is not None:
        model.float().cpu().eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for at in range(0, len(rows), 32):
            ids = torch.from_numpy(rows[at : at + 32])
            targets = ids[:, 1:].flatten()
            found = logits(ids[:, :-1].clamp_min(0)).float().flatten(0, 1)
            total += float(torch.nn.functional.cross_entropy(found, targets, ignore_index=-1, reduction="sum"))
            count += int((targets >= 0).sum())
    return total / count


def _result(turns: list[dict[str, Any]], given: argparse.Namespace) -> dict[str, Any]:
    bars = []
    own = [name for name in turns[0] if name.startswith(OURS)]
    for peer in given.peers:
        mine = ALIKE if peer == PLAIN else f"{OURS}, half of {peer}"
        ratios = [turn[mine]["tokens_per_second"] / turn[peer]["tokens_per_second"] for turn in turns]
        bar = {"what": f"tokens/s, times {peer}", "median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
        bars.append(
            {**bar, "bar": SPEED_BAR if peer == PLAIN else None, "met": bar["median"] >= SPEED_BAR if peer == PLAIN else None}
        )
        if peer != PLAIN:
            ours = [turn[f"{OURS}, half of {peer}"] for turn in turns]
            gaps = [mine["loss"] - turn[peer]["loss"] for mine, turn in zip(ours, turns, strict=True)]
            shares = [mine["seconds"] / turn[peer]["seconds"] for mine, turn in zip(ours, turns, strict=True)]
            reached = {"loss_difference": statistics.median(gaps), "share_of_time": statistics.median(shares)}
            met = reached["loss_difference"] <= 0 and reached["share_of_time"] <= TIME_BAR * 1.01
            bars.append({"what": f"the loss of {peer} in half of its wall-clock", **reached, "bar": TIME_BAR, "met": met})
    peaks = examine(Console(quiet=True))["peaks"]
    fastest = max(turn[name]["tokens_per_second"] for turn in turns for name in own)
    return {
        "what": f"pre-training a decoder of {given.size} on BBC News, vocabulary {VOCABULARY:,}, {BATCH} × {CONTEXT} tokens a step",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe().line,
        "threads": given.threads,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "command": shlex.join(
            ["python", "benchmarks/pretrain.py", *(Path(word).name if word.startswith("/") else word for word in sys.argv[1:])]
        ),
        "passes_of_peers": given.passes,
        "peaks": peaks,  # what no ratio of a bfloat16 loop to a float32 loop on this machine can leave far behind
        "share_of_bfloat16_peak": fastest * turns[0][own[0]]["operations_per_token"] / (peaks["bfloat16_gflops"] * 1e9),
        "turns": turns,
        "bars": bars,
    }


if __name__ == "__main__":
    sys.exit(main())
