"""Pre-training on a GPU: our decoder beside transformers' Llama, both in bfloat16 with torch.compile, same shape, same batch, one process each.

    python benchmarks/pretrain_gpu.py                       124M and 350M, vocabulary 50,304, rows of 1,024 tokens
    python benchmarks/pretrain_gpu.py --sizes 124M --rows 64

MFU: (6 N + 12 l w t) · tokens/s ÷ the device's dense bfloat16 peak, N parameters without embeddings' look-up (Chowdhery et al. 2022, 2204.02311;
the tied table counts once, as the output layer). Both step AdamW, so that steps compare; ours keeps float32 masters, the peer doesn't.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from modelwright.base.console import Console
from modelwright.base.machine import describe
from modelwright.base.store import read_json, write_json

HERE = Path(__file__).parent
OURS, PEER = "modelwright", "transformers"
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L4": 121e12, "4090": 165e12}
BAR = 0.45
VOCABULARY, CONTEXT = 50_304, 1024
WARM, TIMED = 10, 30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["124M", "350M"])
    parser.add_argument("--rows", type=int, default=32, help="of 1,024 tokens, in a step")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "pretrain-gpu.json")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--found", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        write_json(given.found, _measure(given.worker, given.sizes[0], given.rows))
        return 0
    console = Console()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in given.sizes:
            for contender in (PEER, OURS):
                out = Path(folder) / "found.json"
                command = [
                    sys.executable,
                    __file__,
                    "--worker",
                    contender,
                    "--sizes",
                    size,
                    "--rows",
                    str(given.rows),
                    "--found",
                    str(out),
                ]
                subprocess.run(command, check=True)
                found.setdefault(size, {})[contender] = one = read_json(out)
                console.line(f"  {size:>6} {contender:<14} {one['tokens_per_second']:12,.0f} tokens/s  MFU {one['mfu']:.1%}")
    met = all(sides[OURS]["mfu"] >= BAR for sides in found.values())
    result = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe().line,
        "bar": BAR,
        "met": met,
        "sizes": found,
    }
    write_json(given.out, result)
    console.line(json.dumps({size: {name: round(one["mfu"], 3) for name, one in sides.items()} for size, sides in found.items()}))
    return 0 if met else 1


def _measure(contender: str, size: str, rows: int) -> dict[str, Any]:
    import torch

    from modelwright.spec.routes.decoder import Decoder

    name = torch.cuda.get_device_name()
    peak = next((value for known, value in PEAKS.items() if known in name), None)
    if peak is None:
        sys.exit(f"the bfloat16 peak of {name} is not known; add it to PEAKS")
    body = Decoder.model_validate({"size": size}).body(VOCABULARY)
    tokens = torch.randint(0, VOCABULARY, (rows, CONTEXT), device="cuda")
    step = (_ours if contender == OURS else _peer)(body, tokens)
    times = []
    for number in range(WARM + TIMED):
        torch.cuda.synchronize()
        began = time.perf_counter()
        step()
        torch.cuda.synchronize()
        if number >= WARM:
            times.append(time.perf_counter() - began)
    per_second = tokens.numel() / median(times)
    operations = 6 * body.whole + 12 * body.layers * body.width * CONTEXT
    return {
        "device": name,
        "parameters": body.whole,
        "tokens_per_second": per_second,
        "mfu": operations * per_second / peak,
        "peak_memory_bytes": torch.cuda.max_memory_allocated(),
    }


def _ours(body: Any, tokens: Any) -> Any:
    import torch

    from modelwright.models.decoder import build
    from modelwright.spec.routes.decoder import Decoder
    from modelwright.train import compilation
    from modelwright.train.optimisers import Optimiser

    names = ("width", "layers", "heads", "key_heads", "head_width", "feed_forward")
    settings = {name: getattr(body, name) for name in names} | {
        "optimizer": "adamw",
        "learning_rate": 3e-4,
        "batch_size": 1,
        "epochs": 1,
    }
    route = Decoder.model_validate(settings)
    module = build(route, {"vocabulary": VOCABULARY, "context": CONTEXT, "begin": 0, "end": 0, "padding": 0}, None)
    module.cuda().to(torch.bfloat16).train()
    compilation.compile_parts(module)
    optimiser, mask = Optimiser(module, route), torch.ones_like(tokens)

    def step() -> None:
        module(tokens, mask, tokens)["values"].mean().backward()
        optimiser.step(1.0)

    return step


def _peer(body: Any, tokens: Any) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=body.width,
        num_hidden_layers=body.layers,
        num_attention_heads=body.heads,
        num_key_value_heads=body.key_heads,
        head_dim=body.head_width,
        intermediate_size=body.feed_forward,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
    )
    module = LlamaForCausalLM(config).cuda().to(torch.bfloat16).train()
    compiled = torch.compile(module)
    optimiser = torch.optim.AdamW(module.parameters(), lr=3e-4, fused=True)

    def step() -> None:
        compiled(input_ids=tokens, labels=tokens).loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


if __name__ == "__main__":
    sys.exit(main())
