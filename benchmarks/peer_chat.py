"""The sides of chat.py that run in a process of their own; they know nothing of Modelwright.

python benchmarks/peer_chat.py transformers CHECKPOINT --dtype float32 --tokens 256 --turns 3 --prompt '[5, 6, …]'
python benchmarks/peer_chat.py genai RELEASE --users 8 …                                          its Engine, with a latecomer

One line of JSON per turn: tokens, and seconds from the prompt to the last token.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

LATE_TOKENS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["transformers", "genai"])
    parser.add_argument("folder")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--users", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=json.loads, required=True)
    given = parser.parse_args()
    play = _transformers if given.kind == "transformers" else _genai
    play(given)


def _tell(tokens: int, seconds: float, **more: float) -> None:
    print(json.dumps({"tokens": tokens, "seconds": seconds, **more}), flush=True)


def _transformers(given: argparse.Namespace) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(given.threads)
    model = AutoModelForCausalLM.from_pretrained(given.folder, dtype=getattr(torch, given.dtype)).eval()
    prompt = torch.tensor([given.prompt])
    for turn in range(given.turns + 1):  # the first one warms up
        begun = time.perf_counter()
        with torch.inference_mode():
            found = model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                do_sample=False,
                max_new_tokens=given.tokens,
                min_new_tokens=given.tokens,
            )
        if turn:
            _tell(found.shape[1] - prompt.shape[1], time.perf_counter() - begun)


def _genai(given: argparse.Namespace) -> None:
    """As many users at once as asked for, and one who comes when the others have had a quarter of their answers."""
    import numpy as np
    import onnxruntime_genai as genai

    engine = genai.Engine(genai.Model(given.folder))
    buffer = engine.create_event_buffer(256)
    prompt = np.array(given.prompt, np.int32)

    def begin(tokens: int) -> Any:
        request = engine.create_request()
        options = genai.TurnOptions(request)
        options.set_do_sample(False)
        options.set_max_generated_tokens(tokens)
        options.set_min_generated_tokens(tokens)
        request.begin_turn(prompt, options)
        return request

    def step() -> Sequence[Any]:
        return engine.run(buffer) or buffer

    for turn in range(given.turns + 1):
        requests = [begin(given.tokens) for _ in range(given.users)]
        begun, count, steps, came, first = time.perf_counter(), 0, 0, None, None
        late = None
        while engine.has_pending_requests():
            steps += 1
            if steps == given.tokens // 4:
                late, came = begin(LATE_TOKENS), time.perf_counter()
            for event in step():
                count += event.token is not None
                if event.request == late and first is None and event.token is not None:
                    first = time.perf_counter()
        seconds = time.perf_counter() - begun
        for request in (*requests, late):
            if request is not None:
                request.close()
        if turn:
            _tell(count, seconds, late_s=(first or 0) - (came or 0))


if __name__ == "__main__":
    main()
