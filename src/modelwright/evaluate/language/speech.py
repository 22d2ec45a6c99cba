"""A language model's graph, continued token by token: greedily, or drawn by a seed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from modelwright.base.decoding import SETTINGS, Decoding, Layout, Text
from modelwright.base.graph import GRAPH, Graph

PLACES = 16
"""Texts continued together."""


class Speech:
    """What the graph in a folder says next.

    Args:
        folder: with model.onnx and genai_config.json.

    Raises:
        ReleaseError: the graph can't be continued.
    """

    def __init__(self, folder: Path, graph: Graph | None = None) -> None:
        self.layout = Layout.read(folder)
        self.decoding = Decoding((graph or Graph(folder / GRAPH)).session, self.layout)

    @staticmethod
    def possible(folder: Path) -> bool:
        """Whether the folder's graph can be continued token by token; an LSTM's is only scored."""
        return (folder / SETTINGS).is_file()

    def say(
        self, prompts: Sequence[Sequence[int]], most: int, ends: Collection[int] = (), draw: np.random.Generator | None = None
    ) -> list[list[int]]:
        """Tokens after each prompt, without the one that ends them.

        Args:
            prompts: of at least one token each; with the answer at most the context.
            most: tokens of an answer at most.
            draw: draws from the model's own distribution; None: always the likeliest token.
        """
        found: list[list[int]] = [[] for _ in prompts]
        waiting = list(range(len(prompts)))[::-1]
        speaking: list[tuple[int, Text, int]] = []
        while waiting or speaking:
            while waiting and len(speaking) < PLACES:
                number = waiting.pop()
                text = Text()
                token = _next(self.decoding.read(text, prompts[number]), draw)
                if self._goes_on(found[number], token, most, ends):
                    self.decoding.join(text)
                    speaking.append((number, text, token))
                else:
                    self.decoding.leave(text)
            if speaking:
                speaking = self._step(speaking, found, most, ends, draw)
        return found

    def _step(
        self,
        speaking: list[tuple[int, Text, int]],
        found: list[list[int]],
        most: int,
        ends: Collection[int],
        draw: np.random.Generator | None,
    ) -> list[tuple[int, Text, int]]:
        by_text = {id(text): (number, text, token) for number, text, token in speaking}
        rows = [by_text[id(text)] for text in self.decoding.texts]
        logits = self.decoding.step([token for _, _, token in rows])
        left = []
        for (number, text, _), each in zip(rows, logits.copy(), strict=True):
            token = _next(each, draw)
            if self._goes_on(found[number], token, most, ends):
                left.append((number, text, token))
            else:
                self.decoding.leave(text)
        return left

    @staticmethod
    def _goes_on(said: list[int], token: int, most: int, ends: Collection[int]) -> bool:
        """Add the token, unless it ends the text; whether there may be another."""
        if token in ends or most < 1:
            return False
        said.append(token)
        return len(said) < most


def _next(logits: np.ndarray, draw: np.random.Generator | None) -> int:
    if draw is None:
        return int(logits.argmax())
    chances = np.exp(logits.astype(np.float64) - logits.max())
    return int(draw.choice(len(chances), p=chances / chances.sum()))
