"""Our checkpoints under EleutherAI's `lm-eval` harness: its model interface over an exported folder.

The harness pins other versions than we do, so that it lives in an environment of its own, into which this package is installed with the
extra [serve] (no torch of ours is needed). There:

    from lm_eval import simple_evaluate
    from modelwright.evaluate.language.harness import harness_model

    simple_evaluate(model=harness_model(Path("runs/…/release")), tasks=["lambada_openai"])

A served release needs no adapter: `lm_eval --model local-chat-completions --model_args base_url=http://…/v1/chat/completions,model=…`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.graph import GRAPH, Graph
from modelwright.base.next_tokens import IDS, MASK, SURPRISE
from modelwright.base.nouns import Batch
from modelwright.base.optional import require
from modelwright.evaluate.language.examine import ends_of
from modelwright.evaluate.language.likelihood import Likelihood
from modelwright.evaluate.language.speech import Speech
from modelwright.tasks.contract import load_task
from modelwright.tasks.text_generation import TextGeneration

DEFAULT_TOKENS = 256


class HarnessModel:
    """What the harness asks of a model (`lm_eval.api.model.LM`): three methods over requests, whose `args` hold the texts.

    Args:
        folder: a train or release folder of text-generation.
    """

    def __init__(self, folder: Path) -> None:
        task = load_task(folder)
        if not isinstance(task, TextGeneration):
            raise ValueError(f"{task.name} is no language model")
        self.task, self.graph = task, Graph(folder / GRAPH)
        self.likelihood = Likelihood(task, self.graph)
        self.speech = Speech(folder, self.graph) if Speech.possible(folder) else None

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """ln p of each continuation after its context, and whether greedy decoding would write it."""
        pairs = [(str(request.args[0]), str(request.args[1])) for request in requests]
        nats = self.likelihood.nats(pairs)
        return [(-value, self._greedy(*pair)) for value, pair in zip(nats, pairs, strict=True)]

    def _greedy(self, context: str, continuation: str) -> bool:
        if self.speech is None:
            raise ValueError("this graph can't be continued token by token")
        wanted = self.task.words.encode(continuation)
        before = [self.task.words.begin, *self.task.words.encode(context)][-(self.task.context - len(wanted)) :]
        return self.speech.say([before], len(wanted)) == [wanted]

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """ln p of whole texts, each token predicted once. What is longer than the context is read in windows, the last of which is as long
        as the others: its first tokens are context only."""
        found = []
        for request in requests:
            ids = [self.task.words.begin, *self.task.words.encode(str(request.args[0]))]
            context, total = self.task.context, 0.0
            for start in range(0, max(1, len(ids) - 1), context - 1):
                end = min(start + context, len(ids))
                window = np.asarray([ids[max(0, end - context) : end]], np.int64)
                outputs = self.graph.run(Batch(("0",), {IDS: window, MASK: np.ones_like(window)}))
                total -= float(np.asarray(outputs[SURPRISE], np.float64)[0, window.shape[1] - (end - start) + 1 :].sum())
            found.append(total)
        return found

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Continuations up to a stop string. Settings: `until`, `max_gen_toks`; only greedy decoding is offered.

        Raises:
            ValueError: a request asks for sampling, or the graph can't be continued.
        """
        if self.speech is None:
            raise ValueError("this graph can't be continued token by token")
        found = []
        for request in requests:
            context, settings = str(request.args[0]), dict(request.args[1])
            if settings.get("do_sample") or settings.get("temperature"):
                raise ValueError("only greedy decoding is offered: temperature 0")
            most = min(int(settings.get("max_gen_toks", DEFAULT_TOKENS)), self.task.context - 1)
            before = [self.task.words.begin, *self.task.words.encode(context)][-(self.task.context - most) :]
            (ids,) = self.speech.say([before], most, ends_of(self.task))
            found.append(_until(self.task.words.decode(ids), settings.get("until") or []))
        return found


def harness_model(folder: Path) -> Any:
    """`HarnessModel` as the harness's own kind of model.

    Raises:
        MissingExtraError: the harness is not installed here.
    """
    base = require("lm_eval.api.model", "lm-eval").LM

    class Adapted(HarnessModel, base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            base.__init__(self)
            HarnessModel.__init__(self, folder)

    return Adapted()


def _until(text: str, stops: str | Sequence[str]) -> str:
    for stop in [stops] if isinstance(stops, str) else stops:
        if stop:
            text = text.partition(stop)[0]
    return text
