"""A tiny chat release: a real tokenizer, a decoder of random weights, its real export; made in seconds, once."""

from __future__ import annotations

from pathlib import Path

import torch

from modelwright.base.nouns import Row
from modelwright.base.store import begin, commit, write_json
from modelwright.compress.language import Precision, export_language
from modelwright.models import registry
from modelwright.spec.routes.decoder import Decoder
from modelwright.tasks.text_generation import GenerationSettings, TextGeneration

TEXTS = (
    "The tide comes in twice a day, and the boats in the harbour rise with it.",
    "潮水一天涨两次，港口里的船也随之升高。",
    "Ask for the price of a ticket; children travel free on Sundays 🎫🚢.",
)


def make_chat_release(folder: Path, precision: Precision = "fp32", context: int = 256) -> Path:
    """A sealed release that answers nonsense, always the same."""
    rows = [Row(str(n), {"text": text}) for n, text in enumerate(TEXTS * 4)]
    route = Decoder(width=32, layers=2, heads=2, key_heads=1)
    task = TextGeneration.fit(rows, route, learn=GenerationSettings(vocabulary=400, context=context))
    torch.manual_seed(1)
    module = registry.build(route, task.sizes, None)
    for name, weights in module.named_parameters():  # ordinary starts are so small that a random model repeats one token
        if weights.dim() > 1:
            torch.nn.init.normal_(weights, std=0.3 if "embed" not in name else 1.0)
    out = begin(folder, "test")
    registry.save(module, route, task.sizes, out / "checkpoint")
    task.save(out)
    export_language(out / "checkpoint", out, precision, out)
    about = {"name": "harbour", "task": task.name, "route": "decoder", "variant": "original", "metrics": {}}
    write_json(out / "release.json", {"format": 1, "created": "2026-01-01T00:00:00+00:00", "modelwright": "0.1.0", **about})
    return commit(folder, "test", {}).folder
