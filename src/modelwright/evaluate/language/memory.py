"""Does the model repeat its training texts word for word? (Carlini et al. 2021, 2012.07805; 2023, 2202.07646)

Documents are drawn by a seed; the first 32 tokens of each are the prompt, and the likeliest continuation is compared with the next 32.
A document counts as repeated if all of them agree. Held-out documents are asked alike: what is repeated of texts that the model never saw is what
texts have in common (headings, licences, set phrases), and the difference is what was memorised.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from modelwright.base.nouns import Row
from modelwright.evaluate.language.shares import share
from modelwright.evaluate.language.speech import Speech
from modelwright.tasks.chat import template
from modelwright.tasks.chat.messages import read_messages, with_system
from modelwright.tasks.text_generation import MESSAGES, TEXT, TextGeneration

TOKENS = 32
DOCUMENTS = 64
_LOOKED_AT = 20  # times as many rows are looked at for long enough ones at most
_CHARACTERS = 40  # of a document that are encoded for each token wanted


@dataclass(frozen=True, slots=True)
class Piece:
    """The beginning of a document: the prompt, and what comes next in it."""

    row_id: str
    prompt: list[int]
    following: list[int]


def memorised(
    task: TextGeneration, speech: Speech, training: Sequence[Row], held_out: Sequence[Row], seed: int
) -> dict[str, Any] | None:
    """The verbatim extraction rate.

    Returns:
        {"tokens", "training", "held_out" (each {"documents", "repeated", "value", "low", "high", "agreeing": mean share of the
        following tokens that come out right, up to the first that does not}), "difference", "examples": up to 5 repeated pieces of
        training text}; None where no document is long enough.
    """
    length = min(TOKENS, (task.context - 1) // 2)
    pieces = {
        name: pieces_of(task, rows, length, seed, DOCUMENTS) for name, rows in (("training", training), ("held_out", held_out))
    }
    if not pieces["training"]:
        return None
    found: dict[str, Any] = {"tokens": length}
    for name, some in pieces.items():
        said = speech.say([piece.prompt for piece in some], length)
        repeated = [piece for piece, one in zip(some, said, strict=True) if one == piece.following]
        agreeing = [_agreeing(piece.following, one) / length for piece, one in zip(some, said, strict=True)]
        figures = share(len(repeated), len(some))
        mean = sum(agreeing) / len(agreeing) if agreeing else None
        found[name] = {"documents": len(some), "repeated": len(repeated), **figures, "agreeing": mean}
        if name == "training":
            found["examples"] = [_shown(task, piece) for piece in repeated[:5]]
    known, fresh = found["training"]["value"], found["held_out"]["value"]
    found["difference"] = None if fresh is None else known - fresh
    return found


def pieces_of(task: TextGeneration, rows: Sequence[Row], length: int, seed: int, most: int) -> list[Piece]:
    """Pieces of up to `most` rows that are long enough, in an order drawn by the seed. No row is looked at twice, and few where rows are
    many."""
    draw = random.Random(seed)
    places = draw.sample(range(len(rows)), min(len(rows), most * _LOOKED_AT))
    found: list[Piece] = []
    for row_id, ids in _encoded(task, (rows[place] for place in places), length):
        if len(found) == most:
            break
        if len(ids) > 2 * length:
            found.append(Piece(row_id, ids[: length + 1], ids[length + 1 : 2 * length + 1]))
    return found


def _encoded(task: TextGeneration, rows: Iterator[Row], length: int) -> Iterator[tuple[str, list[int]]]:
    """Ids as they are learned: a document behind the token that begins it, a conversation with its template."""
    for row in rows:
        if row.values.get(MESSAGES) is not None:
            messages = with_system(read_messages(row.values[MESSAGES], f"row {row.id}"), task.system)
            yield row.id, template.render(task.words, messages, False, where=f"row {row.id}")[0]
        else:
            text = str(row.values.get(TEXT) or "")[: 2 * length * _CHARACTERS]
            yield row.id, [task.words.begin, *task.words.encode(text)]


def _agreeing(expected: Sequence[int], came: Sequence[int]) -> int:
    for place, (one, other) in enumerate(zip(expected, came, strict=False)):
        if one != other:
            return place
    return min(len(expected), len(came))


def _shown(task: TextGeneration, piece: Piece) -> dict[str, str]:
    return {
        "row_id": piece.row_id,
        "prompt": task.words.decode(piece.prompt[1:]),
        "repeated": task.words.decode(piece.following),
    }
