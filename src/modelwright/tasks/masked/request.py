"""What a masked language model is asked and answers, and what a project says of the task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from modelwright.base.errors import RequestError
from modelwright.base.nouns import Prediction, Row
from modelwright.base.shaped import shaped
from modelwright.spec.section import Section
from modelwright.tasks.masked.pieces import MASK

MAX_CHARACTERS, MAX_MASKS, MAX_TOP = 1_000_000, 64, 50
TOP = 5
_WORD = re.compile(r"\w+")
_HIDDEN = 8  # one word in so many, where a row becomes a request
_EXAMPLE: Any = {"text": f"Shares in the {MASK} rose by ten per cent.", "top_k": 3}


class FillMaskSettings(Section):
    """What is hidden and what is asked. They shape the figures of held-out documents too, alike for every route."""

    masked: float = Field(0.15, gt=0, lt=1, description="share of tokens that are hidden and guessed")
    whole_words: bool = Field(
        False, description="hide all pieces of a word or none, which is harder and teaches more about words"
    )
    next_sentence: bool = Field(
        True, description="also learn whether the second of two passages follows the first or comes from another document"
    )
    passage_words: int = Field(
        80,
        ge=4,
        le=4096,
        description="words of a passage that held-out documents are measured on, about: whole sentences are taken",
    )


class FillMaskRequest(BaseModel):
    """A text with gaps to fill."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    text: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS, description=f"the text, with {MASK} at each gap")]
    next: Annotated[
        str | None,
        Field(
            None, min_length=1, max_length=MAX_CHARACTERS, description="a second passage, to be told whether it follows the first"
        ),
    ]
    top_k: Annotated[int, Field(TOP, ge=1, le=MAX_TOP, description="tokens to name for each gap")]


@dataclass(frozen=True)
class Candidate:
    """A token that may stand in a gap, and its probability (0 to 1)."""

    token: str
    probability: float


@dataclass(frozen=True)
class Filled(Prediction):
    """What the model says of one text.

    Args:
        masks: for each gap in order the most probable tokens, falling.
        follows: probability that the second passage follows the first; None where there is none, or the model did not learn it.
        nats: for each gap -ln of the probability of what truly stands there; empty where that is not known.
        right: for each gap whether the most probable token is the true one; empty where that is not known.
    """

    masks: tuple[tuple[Candidate, ...], ...]
    follows: float | None
    nats: tuple[float, ...] = ()
    right: tuple[bool, ...] = ()

    def as_json(self) -> dict[str, Any]:
        gaps = [[{"token": one.token, "probability": one.probability} for one in gap] for gap in self.masks]
        known = {"nats": list(self.nats), "right": list(self.right)} if self.nats else {}
        return {"row_id": self.row_id, "masks": gaps, "follows": self.follows, **known}


def read(request: Any, row_id: str) -> Row:
    """A validated request, or the plain text, as a row.

    Raises:
        RequestError: wrong type, empty, without a gap, or too large to be meant.
    """
    expected = f'{{"text": "… {MASK} …"}} with 1 to {MAX_CHARACTERS:,} characters, or the text alone'
    asked = shaped(FillMaskRequest, {"text": request} if isinstance(request, str) else request, expected=expected, where=row_id)
    gaps = asked.text.count(MASK) + (asked.next or "").count(MASK)
    if not 1 <= gaps <= MAX_MASKS:
        raise RequestError(
            f"the text holds {gaps or 'no'} {MASK}",
            expected=f"1 to {MAX_MASKS} of them, each standing for a token to be found",
            where=row_id,
            remedy=f"Write {MASK} where a token is missing: Shares in the {MASK} rose.",
        )
    return Row(row_id, asked.model_dump())


def request_of(row: Row) -> dict[str, Any]:
    """A row as a request: its own, or a document with one word in eight hidden (the same ones every time)."""
    values: Mapping[str, Any] = row.values
    second = values.get("next")
    if "top_k" in values:
        return {"text": values["text"], "top_k": values["top_k"]} | ({} if second is None else {"next": second})
    text = str(values["text"])
    words = [found.span() for found in _WORD.finditer(text[:MAX_CHARACTERS])]
    generator = np.random.default_rng(list(row.id.encode()))
    number = min(MAX_MASKS // 4, max(1, len(words) // _HIDDEN))
    # of the beginning only: what lies further on may be more than the model reads
    for at in sorted(generator.permutation(min(len(words), 4 * _HIDDEN))[:number].tolist(), reverse=True):
        start, end = words[at]
        text = text[:start] + MASK + text[end:]
    text = text if words else f"{text} {MASK}"
    return {"text": text, "top_k": TOP} | ({} if second is None else {"next": second})
