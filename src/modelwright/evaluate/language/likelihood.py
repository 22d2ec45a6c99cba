"""How likely a model finds a continuation, through its graph: Σ −ln p of the continuation's tokens after the context.

Contexts and continuations are encoded apart and joined, so that the tokens of the context are the same before every option. Of
options the one with the fewest nats *per byte* is the model's answer: long options are not punished (Brown et al. 2020 divide by
tokens, which depends on the tokenizer).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from modelwright.base.graph import Graph
from modelwright.base.next_tokens import IDS, MASK, SURPRISE
from modelwright.base.nouns import Batch
from modelwright.evaluate.language.items import Choice
from modelwright.tasks.text_generation import TextGeneration

ROWS = 16


class Likelihood:
    """A task's tokenizer before its graph.

    Args:
        task: fitted.
        graph: gives "surprise".
    """

    def __init__(self, task: TextGeneration, graph: Graph) -> None:
        self.task, self.graph = task, graph

    def nats(self, pairs: Sequence[tuple[str, str]], advance: Callable[[int], None] = lambda done: None) -> list[float]:
        """−ln p of each second text after the first. A pair that is longer than the context loses the beginning of its first text.

        Raises:
            ValueError: a continuation of no tokens, or of more than the context holds.
        """
        words, most = self.task.words, self.task.context
        before = words.encode_many([first for first, _ in pairs])
        after = words.encode_many([second for _, second in pairs])
        if any(not 0 < len(ids) < most for ids in after):
            raise ValueError("a continuation must have tokens, and fewer than the context")
        rows = [
            [words.begin, *first][-(most - len(second)) :] + list(second) for first, second in zip(before, after, strict=True)
        ]
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        found = [0.0] * len(rows)
        for start in range(0, len(order), ROWS):
            part = order[start : start + ROWS]
            surprise = self._surprise([rows[row] for row in part])
            for place, row in enumerate(part):
                end = len(rows[row])
                found[row] = float(surprise[place, end - len(after[row]) : end].astype(np.float64).sum())
            advance(start + len(part))
        return found

    def _surprise(self, rows: Sequence[Sequence[int]]) -> np.ndarray:
        longest = max(map(len, rows))
        ids = np.full((len(rows), longest), self.task.words.padding, np.int64)
        mask = np.zeros((len(rows), longest), np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(row)], mask[place, : len(row)] = row, 1
        return np.asarray(self.graph.run(Batch(tuple(map(str, range(len(rows)))), {IDS: ids, MASK: mask}))[SURPRISE])

    def right(self, items: Sequence[Choice]) -> list[bool]:
        """Whether the first option of each item is the likeliest, byte for byte. A tie is not right."""
        pairs = [(item.context, option) for item in items for option in item.options]
        nats = iter(self.nats(pairs))
        found = []
        for item in items:
            each = [next(nats) / len(option.encode()) for option in item.options]
            found.append(each[0] < min(each[1:]))
        return found
