"""LitGPT's side of pretrain.py, run by a Python that has `litgpt`; it knows nothing of Modelwright.

python benchmarks/peer_litgpt.py FOLDER     asked.json, train.npy and validation.npy in, found.json out
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from litgpt import pretrain
from litgpt.args import EvalArgs, TrainArgs
from litgpt.config import Config
from litgpt.data import DataModule
from litgpt.model import GPT
from torch.utils.data import DataLoader, Dataset


class Windows(Dataset):
    """Windows of context + 1 tokens; it remembers when each was asked for."""

    def __init__(self, stream: np.ndarray, size: int) -> None:
        self.windows = torch.from_numpy(stream[: len(stream) // size * size].reshape(-1, size).astype(np.int64))
        self.asked_at: list[float] = []

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, place: int) -> torch.Tensor:
        self.asked_at.append(time.perf_counter())
        return self.windows[place]


class Corpus(DataModule):
    def __init__(self, stream: np.ndarray, size: int, seed: int) -> None:
        super().__init__()
        self.windows, self.seed = Windows(stream, size), seed

    def connect(self, tokenizer: Any = None, batch_size: int = 1, max_seq_length: int | None = None, **more: Any) -> None:
        self.batch_size = batch_size

    def train_dataloader(self) -> DataLoader:
        generator = torch.Generator().manual_seed(self.seed)
        return DataLoader(self.windows, self.batch_size, shuffle=True, drop_last=True, generator=generator)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.windows.windows[: self.batch_size], self.batch_size)


def main(folder: Path) -> None:
    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    torch.set_num_threads(asked["threads"])
    shape, batch, context = asked["shape"], asked["batch"], asked["context"]
    config = Config(
        name="peer",
        block_size=context,
        vocab_size=shape["vocabulary"],
        padded_vocab_size=shape["vocabulary"],
        n_layer=shape["layers"],
        n_head=shape["heads"],
        n_query_groups=shape["key_heads"],
        n_embd=shape["width"],
        head_size=shape["head_width"],
        intermediate_size=shape["feed_forward"],
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP",
    )
    corpus = Corpus(np.load(folder / "train.npy"), context + 1, asked["seed"])
    spent: list[float] = []
    inner = pretrain.fit

    def timed(**settings: Any) -> None:
        began = time.perf_counter()
        inner(**settings)
        spent.append(time.perf_counter() - began)

    def saved(fabric: Any, state: dict[str, Any], *where: Any) -> None:
        """Weights only: LitGPT also writes down its own command line, and this is not it."""
        fabric.save(folder / "litgpt.pth", {"model": state["model"]})

    pretrain.fit, pretrain.save_checkpoint = timed, saved
    pretrain.setup(
        "peer",
        model_config=config,
        out_dir=folder / "litgpt",
        data=corpus,
        train=TrainArgs(
            save_interval=None,
            log_interval=50,
            global_batch_size=batch,
            micro_batch_size=batch,
            max_tokens=asked["steps"] * batch * context,
            max_norm=1.0,
            min_lr=asked["rate"] / 10,
            lr_warmup_steps=asked["warmup"],
            tie_embeddings=True,
        ),
        eval=EvalArgs(interval=10**9, max_iters=1, initial_validation=False, final_validation=False),
        optimizer={
            "class_path": "torch.optim.AdamW",
            "init_args": {"lr": asked["rate"], "betas": [0.9, 0.95], "weight_decay": 0.1},
        },
        logger_name="csv",
        seed=asked["seed"],
    )
    model = GPT(config)
    model.load_state_dict(torch.load(folder / "litgpt.pth", weights_only=True)["model"])
    # a step's first window is asked for when the step before it is done; the first steps hold the compiler's time
    starts = corpus.windows.asked_at[::batch]
    steps = np.diff(starts)
    found = {
        "seconds": spent[0],
        "tokens_per_second": batch * context / float(np.median(steps[len(steps) // 4 :])),
        "loss": loss(model.eval(), np.load(folder / "validation.npy")),
        "parameters": sum(parameter.numel() for parameter in {id(p): p for p in model.parameters()}.values())
        - shape["vocabulary"] * shape["width"],  # loaded, the tied table lies there twice
    }
    (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")


@torch.no_grad()
def loss(model: GPT, rows: np.ndarray) -> float:
    """Mean −log p of all tokens but each row's first, in nats; −1 is padding."""
    total, count = 0.0, 0
    for at in range(0, len(rows), 32):
        ids = torch.from_numpy(rows[at : at + 32].astype(np.int64))
        targets = ids[:, 1:]
        logits = model(ids[:, :-1].clamp_min(0)).float()
        each = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="sum")
        total, count = total + float(each), count + int((targets >= 0).sum())
    return total / count


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
