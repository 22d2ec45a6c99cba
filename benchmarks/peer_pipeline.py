"""The peer of benchmarks/serve.py: a transformers pipeline behind FastAPI and uvicorn, as its documentation shows it.

    plain     one endpoint, the pipeline called in it (FastAPI runs it in its thread pool)
    batched   the documentation's "web server" recipe: one loop owns the pipeline, and what waits in the queue is given to
              it together

Both truncate to the same number of tokens as the model they are compared with, and have its weights and head: the release's
checkpoint is a standard BertModel, whose token vectors are pooled as the route says. The first line on stdout is the address.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from safetensors.torch import load_file
from transformers import BertForSequenceClassification, PreTrainedTokenizerFast, pipeline
from transformers.modeling_outputs import SequenceClassifierOutput

from modelwright.base.store import read_json


class Text(BaseModel):
    text: str


class PooledBert(BertForSequenceClassification):
    """BERT's sequence classifier without its dense pooler: the head stands on the mean of the tokens, or on the first."""

    def forward(self, input_ids=None, attention_mask=None, token_type_ids=None, **rest) -> SequenceClassifierOutput:
        hidden = self.bert(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state
        if self.config.pooling == "first":
            pooled = hidden[:, 0]
        else:
            weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(1) / weights.sum(1)
        return SequenceClassifierOutput(logits=self.classifier(pooled))


def classifier(release: Path, dtype: torch.dtype):
    """The release's model as a transformers pipeline."""
    checkpoint = release / "checkpoint"
    ours = read_json(checkpoint / "config.json")["modelwright"]
    labels = read_json(release / "task.json")["labels"]
    model = PooledBert.from_pretrained(checkpoint, num_labels=len(labels), dtype=dtype)
    model.bert.pooler = None
    model.config.pooling = ours["settings"]["pooling"]
    model.config.id2label = dict(enumerate(labels))
    head = load_file(checkpoint / "head.safetensors")
    model.classifier.load_state_dict({name: tensor.to(dtype) for name, tensor in head.items()})
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(release / "tokenizer.json"),
        pad_token="[PAD]",
        model_max_length=ours["settings"]["max_tokens"],
        model_input_names=["input_ids", "attention_mask"],
    )
    return pipeline("text-classification", model=model, tokenizer=tokenizer, truncation=True)


def plain(classify) -> FastAPI:
    app = FastAPI()

    @app.post("/predict")
    def predict(request: Text):
        return classify(request.text)[0]

    return app


def batched(classify, max_batch: int) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI):
        app.state.queue = asyncio.Queue()
        loop = asyncio.create_task(work(app.state.queue))
        yield
        loop.cancel()

    async def work(queue: asyncio.Queue) -> None:
        while True:
            waiting = [await queue.get()]
            while len(waiting) < max_batch and not queue.empty():
                waiting.append(queue.get_nowait())
            texts = [text for text, _ in waiting]
            answers = await asyncio.to_thread(classify, texts, batch_size=len(texts))
            for (_, future), answer in zip(waiting, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    app = FastAPI(lifespan=lifespan)

    @app.post("/predict")
    async def predict(request: Text):
        future = asyncio.get_running_loop().create_future()
        await app.state.queue.put((request.text, future))
        return await future

    return app


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path, help="a release of the finetune route, with checkpoint/")
    parser.add_argument("--kind", choices=("plain", "batched"), default="plain")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--max-batch", type=int, default=32)
    given = parser.parse_args()
    classify = classifier(given.release, getattr(torch, given.dtype))
    classify(["a word"] * 2)
    app = plain(classify) if given.kind == "plain" else batched(classify, given.max_batch)

    class Server(uvicorn.Server):
        async def startup(self, sockets=None) -> None:
            await super().startup(sockets)
            print("http://{}:{}".format(*listener.getsockname()), flush=True)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
