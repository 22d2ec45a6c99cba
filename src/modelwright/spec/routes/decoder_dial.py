"""The size dial of `decoder`: from one number of parameters to width, depth, heads, batch, rate and horizon, by published rules.

N parameters with embeddings, n without, w width, l layers, v vocabulary, c context, D training tokens.

    shape       w / l near 64                                      (GPT-2 small's; Kaplan et al. 2020, 2001.08361: loss hardly depends on it)
    heads       64 wide; 2 of them share keys and values, 4 of them from 8 heads on    (Ainslie et al. 2023, 2305.13245)
    feed-forward  8/3 w: SwiGLU's three matrices cost what two of 4 w did              (Shazeer 2020, 2002.05202)
    horizon     D = 20 N                                           (Hoffmann et al. 2022, 2203.15556)
                but no more than 4 passes over the corpus          (Muennighoff et al. 2023, 2305.16264: up to there as good as new tokens)
    batch       0.58 D^0.571 tokens                                (Li et al. 2025, 2503.04715, "Step law")
    rate        1.79 n^−0.713 D^0.307                              (ibid.)

The Step law was fitted for AdamW. Muon's steps are scaled to the same size (Liu et al. 2025, 2502.16982), but go as far in every direction
and bear more: three times the law was measured to be near the best for models of 1.5 and 6.5 million in short trainings (docs/log.md).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

_ASPECT = 64
_HEAD = 64
HEAD_STEP = 16
"""The runtime's attention takes heads whose width is a multiple of this."""
TOKENS_PER_PARAMETER = 20
_PASSES = 4
_LEAST_ROWS = 4
_MOST_RATE, _MUON, _MOST_MUON = 0.01, 3.0, 0.012
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}


WHY_KEY_HEADS = (
    "shared by 2 query heads each, by 4 from 8 heads on: a smaller cache in chat at no measurable loss (Ainslie et al. 2023)"
)
WHY_HEAD_WIDTH = "width / heads, to a multiple of 16: what the runtimes' attention takes"
WHY_FEED_FORWARD = "8/3 of the width: SwiGLU's three matrices cost what two of 4 widths did (Shazeer 2020)"
WHY_BATCH = "0.58 · horizon^0.571 tokens (Step law, Li et al. 2025), in rows of the context's length"
WHY_RATE = "1.79 · parameters without embeddings^−0.713 · horizon^0.307, at most 0.01 (Step law, Li et al. 2025)"
WHY_MUON = "3 times 1.79 · parameters without embeddings^−0.713 · horizon^0.307, at most 0.012 (Step law, Li et al. 2025; measured for Muon)"


class Derived(NamedTuple):
    """A setting's value, and why it is that."""

    name: str
    value: int | float | str
    reason: str


@dataclass(frozen=True)
class Body:
    """A model's sizes. `tables` is how many matrices of vocabulary × width there are."""

    width: int
    layers: int
    heads: int
    key_heads: int
    head_width: int
    feed_forward: int
    vocabulary: int
    tables: int

    @property
    def inside(self) -> int:
        """n: parameters without embeddings."""
        attention = 2 * self.width * self.head_width * (self.heads + self.key_heads)
        return self.layers * (attention + 3 * self.width * self.feed_forward + 2 * self.width) + self.width

    @property
    def whole(self) -> int:
        """N: with them."""
        return self.inside + self.tables * self.vocabulary * self.width


def parameters(size: str) -> int:
    """A size like 6M as a number.

    Raises:
        ValueError: it is not written so.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMB]?)", size.strip(), re.IGNORECASE)
    if found is None:
        raise ValueError(f"a number of parameters like 6M, 124M or 1.3B, not {size!r}")
    return round(float(found[1]) * _UNITS[found[2].upper()])


def heads_of(width: int) -> int:
    """Query heads of a width."""
    heads = max(1, width // _HEAD)
    while width % HEAD_STEP == 0 and width % (HEAD_STEP * heads):
        heads -= 1
    return heads


def head_width_of(width: int, heads: int) -> int:
    """The multiple of `HEAD_STEP` nearest to width / heads: heads together may be wider or narrower than the model."""
    return HEAD_STEP * max(1, round(width / heads / HEAD_STEP))


def key_heads_of(heads: int) -> int:
    """Heads of keys and values for so many query heads."""
    return heads // (4 if heads >= 8 and heads % 4 == 0 else 2 if heads % 2 == 0 else 1)


def feed_forward_of(width: int) -> int:
    """8/3 of the width, up to a multiple of 64 (of 32 for widths below 256)."""
    step = 64 if width >= 256 else 32
    return step * math.ceil(8 * width / 3 / step)


def body(width: int, layers: int, vocabulary: int, tables: int) -> Body:
    """A width and a depth, with the other sizes that follow from them."""
    heads = heads_of(width)
    return Body(
        width, layers, heads, key_heads_of(heads), head_width_of(width, heads), feed_forward_of(width), vocabulary, tables
    )


def nearest(wanted: int, vocabulary: int, tables: int, width: int | None, layers: int | None) -> Body:
    """The shape whose number of parameters comes near `wanted` and whose width comes near 64 times its depth.

    Args:
        tables: of v × w: one if the output layer is tied to the embeddings, otherwise two.
        width, layers: kept where they are given.
    """

    def distance(shape: Body) -> float:
        odd = shape.width % _HEAD != 0 and shape.width > _HEAD  # heads of 64 are what attention kernels like
        return 8 * abs(math.log(shape.whole / wanted)) + abs(math.log(shape.width / shape.layers / _ASPECT)) + 0.3 * odd

    found = []
    for one in [width] if width else [*range(32, 1024, 32), *range(1024, 16_385, 128)]:
        layer = body(one, 1, vocabulary, tables).inside
        depth = layers or max(1, round((wanted - tables * vocabulary * one) / layer))
        found.append(body(one, depth, vocabulary, tables))
    return min(found, key=distance)


def horizon(whole: int, corpus: int) -> int:
    """Training tokens: 20 for each parameter, but at most four passes over a corpus of that many tokens (0: not known yet)."""
    enough = TOKENS_PER_PARAMETER * whole
    return min(enough, _PASSES * corpus) if corpus else enough


def batch_rows(tokens: int, context: int) -> int:
    """Rows of `context` tokens in a step."""
    return max(_LEAST_ROWS, round(0.58 * tokens**0.571 / context))


def rate(inside: int, tokens: int, optimizer: str) -> float:
    """Peak learning rate, to two digits; at most 0.01, beyond which the law was not fitted (muon: 0.012, near which it was measured)."""
    law = 1.79 * inside**-0.713 * tokens**0.307
    return float(f"{min(_MOST_MUON, _MUON * law) if optimizer == 'muon' else min(_MOST_RATE, law):.2g}")


def why_width(body: Body, size: str) -> str:
    return f"{body.whole:,} parameters come near {size}, {body.inside:,} of them without embeddings"


def why_layers(body: Body) -> str:
    return f"width / layers is {body.width / body.layers:.0f}; near {_ASPECT} loss hardly depends on it (Kaplan et al. 2020)"


def why_horizon(body: Body, corpus: int) -> str:
    enough = TOKENS_PER_PARAMETER * body.whole
    if corpus and enough > _PASSES * corpus:
        return (
            f"{_PASSES} passes over {corpus:,} tokens: more are worth less than new ones (Muennighoff et al. 2023); the model's size "
            f"would take {enough:,} (Hoffmann et al. 2022)"
        )
    return f"{TOKENS_PER_PARAMETER} tokens for each of {body.whole:,} parameters (Hoffmann et al. 2022)"
