"""Which token comes next: the most likely one, or one drawn as the request asks.

The order is that of OpenAI's interface: biases and penalties on the logits, temperature, then the nucleus (Holtzman et al. 2020,
1904.09751). Each request draws from a generator of its own, so that one seed gives one text, whoever else is being answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn.

    Args:
        temperature: 0 takes the most likely token always; up to 2.
        top_p: share of probability, from the most likely token down, that is drawn from; above 0, at most 1.
        seed: of the generator; None draws differently each time.
        frequency_penalty, presence_penalty: taken from a token's logit for each time it was answered, and once if it was; −2 … 2.
        bias: added to the logits of single tokens, by id.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    bias: Mapping[int, float] = field(default_factory=dict)


class Chooser:
    """Chooses one answer's tokens."""

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        self.random = np.random.default_rng(None if sampling.seed is None else sampling.seed & (2**64 - 1))
        self.seen: Counter[int] = Counter()

    def choose(self, logits: np.ndarray) -> int:
        """The next token.

        Args:
            logits: float32 [vocabulary]; not changed.

        Raises:
            ValueError: they hold no finite maximum: a damaged model.
        """
        logits = self._adjusted(logits)
        best = int(logits.argmax())
        if not np.isfinite(logits[best]):
            raise ValueError("the logits are not finite")
        token = best if self.sampling.temperature == 0 else self._draw(logits, float(logits[best]))
        if self.sampling.frequency_penalty or self.sampling.presence_penalty:
            self.seen[token] += 1
        return token

    def _adjusted(self, logits: np.ndarray) -> np.ndarray:
        sampling = self.sampling
        if not sampling.bias and not self.seen:
            return logits
        logits = logits.copy()
        for token, bias in sampling.bias.items():
            logits[token] += bias
        for token, times in self.seen.items():
            logits[token] -= times * sampling.frequency_penalty + sampling.presence_penalty
        return logits

    def _draw(self, logits: np.ndarray, highest: float) -> int:
        weights = np.exp((logits.astype(np.float64) - highest) / self.sampling.temperature)
        total = float(weights.sum())
        if self.sampling.top_p >= 1:
            sums = weights.cumsum()
            return min(int(sums.searchsorted(self.random.random() * sums[-1], side="right")), len(weights) - 1)
        # what is less likely than an equal share of the rest lies outside the nucleus for sure: little is left to sort
        likely = np.flatnonzero(weights >= total * (1 - self.sampling.top_p) / len(weights))
        likely = likely[np.argsort(-weights[likely], kind="stable")]
        sums = weights[likely].cumsum()
        last = int(sums.searchsorted(total * self.sampling.top_p, side="left"))
        last = min(last, len(likely) - 1)
        place = int(sums[: last + 1].searchsorted(self.random.random() * sums[last], side="right"))
        return int(likely[min(place, last)])
