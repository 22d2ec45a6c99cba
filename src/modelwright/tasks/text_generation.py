"""`text-generation`: what comes next in a text or in a conversation, token by token.

Rows are documents ("text") or conversations ("messages"). Documents are learned whole; of conversations the assistant's words and
the token that ends them. Figures count the same: bits for each byte of text, which models with different tokenizers share.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from modelwright.base.errors import DataError, RequestError, SpecError
from modelwright.base.nouns import Batch, Column, Example, Habits, Outputs, Prediction, Row
from modelwright.base.store import read_json, write_json
from modelwright.spec.data import Data
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.answers.finite import finite
from modelwright.tasks.chat import exam, template, tokenizer
from modelwright.tasks.chat.messages import Messages, read_messages, with_system
from modelwright.tasks.chat.packing import IGNORED, Conversations, Lessons, Windows, shortened, stored
from modelwright.tasks.chat.request import ScoringRequest, read
from modelwright.tasks.chat.tokenizer import SMALLEST, ChatTokenizer
from modelwright.tasks.contract import TASK_FILE, Metric, More, Task, damaged

__all__ = ["TASK", "GenerationSettings", "Scored", "ScoringRequest", "TextGeneration"]

TEXT, MESSAGES = "text", "messages"
SCORED_CHARACTERS = 16
"""Of a row, times the context, are scored: the same text for every route, whatever its tokenizer makes of it."""
_AT_ONCE = 256  # texts that are encoded together


class GenerationSettings(Section):
    """How texts are cut into tokens, and what a language model learns from beside its corpus."""

    vocabulary: int = Field(
        4096, ge=SMALLEST, le=1_000_000, description="tokens of the vocabulary that routes from scratch learn, at most"
    )
    context: int = Field(256, ge=8, le=1_048_576, description="tokens that a model sees at once")
    system: str | None = Field(None, description="system message of conversations that bring none, in training and when asked")
    dialogues: Data | None = Field(None, description="conversations, learned after the corpus: a section like data")
    preferences: Data | None = Field(
        None, description="conversations with a chosen and a rejected answer, learned at last: a section like data"
    )


@dataclass(frozen=True)
class Scored(Prediction):
    """How much a text surprised the model.

    Args:
        nats: −log of its probability.
        tokens: that have something before them.
        surprise: nats of each token, 0 for the first.
    """

    nats: float
    tokens: int
    surprise: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        each = [round(value, 4) for value in self.surprise]
        return {"row_id": self.row_id, "nats": self.nats, "tokens": self.tokens, "surprise": each}


class TextGeneration(Task):
    """A tokenizer with its chat template.

    Args:
        words: the tokenizer.
        context: tokens that a model sees at once.
        system: message of conversations that bring none.
        read: "byte-pairs" (learned here) or "causal-checkpoint".
    """

    name = "text-generation"
    about = "what comes next in a text or a conversation: language models"
    columns = (Column(TEXT, "text", input=True, required=False), Column(MESSAGES, "messages", input=True, required=False))
    habits = Habits(contradictions="keep", corpus="always")
    settings = GenerationSettings
    reads = ("byte-pairs", "causal-checkpoint")
    wants = "next-tokens"
    metrics = (
        Metric("bits-per-byte", "lower", unit="bit/byte"),
        Metric("loss", "lower", unit="nat/token"),
        Metric("perplexity", "lower", unit="token"),
        Metric("bytes-per-token", "higher", unit="byte/token"),
    )
    request = ScoringRequest
    prediction = Scored
    exam_kinds = exam.KINDS

    def __init__(self, words: ChatTokenizer, context: int, system: str | None, read: str) -> None:
        self.words, self.context, self.system, self.read = words, context, system, read
        self.loss = "given"
        ends = list(dict.fromkeys([words.end, words.document_end]))
        self.sizes = {
            "vocabulary": words.size,
            "context": context,
            "padding": words.padding,
            "begin": words.begin,
            "end": ends if len(ends) > 1 else ends[0],
        }
        self.axes = {"input_ids": ("batch", "tokens"), "attention_mask": ("batch", "tokens")}

    @classmethod
    def more(cls, learn: Section) -> dict[str, More]:
        """Conversations, and pairs of answers to choose between."""
        assert isinstance(learn, GenerationSettings)
        asked = Column(MESSAGES, "messages", input=True)
        answers = (Column("chosen", "text", input=False), Column("rejected", "text", input=False))
        habits = Habits(contradictions="keep")
        found = {}
        if learn.dialogues is not None:
            found["dialogues"] = More(learn.dialogues, (asked,), habits)
        if learn.preferences is not None:
            found["preferences"] = More(learn.preferences, (asked, *answers), habits)
        return found

    @classmethod
    def unusable(cls, rows: Sequence[Row], learn: Section) -> dict[int, str]:
        """Rows with neither a text nor messages."""
        return {place: "neither text nor messages" for place, row in enumerate(rows) if not (_is_chat(row) or _is_text(row))}

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        settings = learn if isinstance(learn, GenerationSettings) else GenerationSettings()
        if not len(rows) or not any(_texts(row) for row in rows):
            raise DataError(
                f"none of the {len(rows):,} training rows has text",
                expected="documents or conversations to learn from",
                where="the training split",
                remedy="Check which column data.columns.text or data.columns.messages names.",
            )
        if route.reads == "byte-pairs":
            words = tokenizer.train(tokenizer.sample(rows, _all_text), settings.vocabulary)
        else:
            words = ChatTokenizer.of_checkpoint(checkpoint)
            _fits(settings.context, checkpoint)
        return cls(words, settings.context, settings.system, route.reads)

    def encode(self, row: Row) -> Example:
        return self.encode_many([row])[0]

    def encode_many(self, rows: Sequence[Row]) -> list[Example]:
        """For scoring: the whole row, as far as `SCORED_CHARACTERS` goes. What is longer than the context is read in windows of it,
        each of which begins with the last token of the one before; they stand side by side as documents do in a lesson. `target` is
        int64 [t]: the ids that count, −100 elsewhere."""
        limit = SCORED_CHARACTERS * self.context
        return [self._windows(row.id, ids, learned) for row, (ids, learned) in zip(rows, self._read(rows, limit), strict=True)]

    def _windows(self, row_id: str, ids: Sequence[int], learned: Sequence[bool]) -> Example:
        step = self.context - 1
        starts = range(0, max(1, len(ids) - 1), step)
        places = np.concatenate([np.arange(start, min(start + self.context, len(ids))) for start in starts])
        numbers = np.concatenate(
            [np.full(min(self.context, len(ids) - start), number, np.int64) for number, start in enumerate(starts, start=1)]
        )
        taken = np.asarray(ids, np.int64)[places]
        first = np.diff(numbers, prepend=0) != 0
        target = np.where(np.asarray(learned, bool)[places] & ~first, taken, IGNORED)
        return Example(row_id, {"input_ids": taken, "attention_mask": numbers}, len(taken), target)

    def _read(
        self, rows: Iterable[Row], limit: int | None = None, fitting: bool = False
    ) -> Iterator[tuple[list[int], list[bool]]]:
        """Ids of each row, and which of them count.

        Args:
            limit: characters of a row that are read.
            fitting: for lessons: documents with the token that ends them, conversations shortened to the context.
        """
        for batch in _batches(rows):
            texts = iter(self.words.encode_many([_text(row)[:limit] for row in batch if not _is_chat(row)]))
            for row in batch:
                if _is_chat(row):
                    yield self._conversation(self._messages(row, limit), f"row {row.id}", fitting)
                else:
                    ids = [self.words.begin, *next(texts), *([self.words.document_end] if fitting else ())]
                    yield ids, [False, *[True] * (len(ids) - 1)]

    def _messages(self, row: Row, limit: int | None) -> Messages:
        messages = with_system(read_messages(row.values[MESSAGES], f"row {row.id}"), self.system)
        return messages if limit is None else _cut(messages, limit)

    def _conversation(self, messages: Messages, where: str, fitting: bool) -> tuple[list[int], list[bool]]:
        found = template.render(self.words, messages, False, where=where)
        if not fitting or len(found[0]) <= self.context:
            return found
        kept = shortened(messages, lambda some: len(template.render(self.words, some, False, where=where)[0]), self.context)
        ids, learned = template.render(self.words, kept, False, where=where)
        return ids[: self.context], learned[: self.context]

    def conversation(self, row: Row) -> Example:
        """One conversation as it is learned, alone: where it is too long its oldest exchanges are dropped, and its end if one exchange
        alone is too long. `target` as of `encode`."""
        ids, learned = self._conversation(self._messages(row, None), f"row {row.id}", True)
        taken = np.asarray(ids, np.int64)
        inputs = {"input_ids": taken, "attention_mask": np.ones_like(taken)}
        return Example(row.id, inputs, len(taken), np.where(learned, taken, IGNORED))

    def lessons(self, rows: Sequence[Row]) -> Lessons:  # type: ignore[override]  # a sequence that is made when it is asked for
        """Packed windows of `context` tokens: rows of a corpus in files, others in memory.

        Raises:
            DataError: nothing in the rows is to be learned.
        """
        lazy = not isinstance(rows, list | tuple)
        size = self.words.size
        documents = stored((ids for ids, _ in self._read(_of(rows, False), fitting=True)), size, lazy)
        said = ((ids, learned) for ids, learned in self._read(_of(rows, True), fitting=True) if any(learned))
        doubled = (2 * np.asarray(ids, np.int64) + np.asarray(learned, np.int64) for ids, learned in said)
        conversations = stored(doubled, 2 * size, lazy)
        parts: list[Windows | Conversations] = []
        if documents is not None:
            parts.append(Windows(documents.pack(self.context)))
        if conversations is not None:
            parts.append(Conversations(conversations, self.context, self.words.padding))
        found = Lessons(parts, self.context)
        if not len(found):
            raise DataError(
                f"nothing in the {len(rows):,} training rows is to be learned",
                expected="documents of two tokens or more, or conversations in which the assistant speaks",
                where="the training split",
                remedy="Check the roles of the messages: what the assistant says is learned.",
            )
        return found

    def counted(self, batch: Batch) -> float:
        """Learned tokens."""
        if "labels" not in batch.inputs:
            return super().counted(batch)
        numbers, labels = batch.inputs["attention_mask"], batch.inputs["labels"]
        return float(((labels[:, 1:] != IGNORED) & (numbers[:, 1:] == numbers[:, :-1]) & (numbers[:, 1:] != 0)).sum())

    def collate(self, examples: Sequence[Example]) -> Batch:
        fill = {"input_ids": self.words.padding, "attention_mask": 0, "labels": IGNORED}
        inputs = {name: _padded([example.inputs[name] for example in examples], fill[name]) for name in examples[0].inputs}
        targets = [example.target for example in examples if example.target is not None]
        whole = len(targets) == len(examples)
        return Batch(tuple(example.row_id for example in examples), inputs, _padded(targets, IGNORED) if whole else None)

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        found: list[Prediction] = []
        for row_id, surprise in zip(row_ids, finite(outputs, "surprise", row_ids), strict=True):
            counted = np.flatnonzero(surprise)
            each = tuple(surprise[: counted[-1] + 1 if len(counted) else 0].astype(np.float64).tolist())
            found.append(Scored(row_id, math.fsum(each), len(counted), each))
        return found

    def align(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """`nats` float64 [n], `tokens` int64 [n], `bytes` int64 [n]: of what counts in each row."""
        nats, tokens, size = (np.zeros(len(rows), kind) for kind in (np.float64, np.int64, np.int64))
        limit = SCORED_CHARACTERS * self.context
        for number, (prediction, row, example) in enumerate(zip(predictions, rows, self.encode_many(rows), strict=True)):
            assert isinstance(prediction, Scored)
            assert example.target is not None
            counted = example.target != IGNORED
            each = np.zeros(len(counted))
            each[: len(prediction.surprise)] = prediction.surprise[: len(counted)]
            nats[number], tokens[number] = each[counted].sum(), counted.sum()
            size[number] = self._bytes(row, limit)
        return {"nats": nats, "tokens": tokens, "bytes": size}

    def _bytes(self, row: Row, limit: int) -> int:
        """UTF-8 bytes that count."""
        if not _is_chat(row):
            return len(_text(row)[:limit].encode("utf-8", "replace"))
        said = [one["content"] for one in self._messages(row, limit) if one["role"] == "assistant"]
        return sum(len(content.encode("utf-8", "replace")) for content in said)

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        nats, tokens, size = (float(aligned[name].sum()) for name in ("nats", "tokens", "bytes"))
        if not tokens or not size:
            return {}
        loss = nats / tokens
        found = {"bits-per-byte": nats / math.log(2) / size, "loss": loss, "bytes-per-token": size / tokens}
        return found if loss > 700 else {**found, "perplexity": math.exp(loss)}

    def chance(self, rows: Sequence[Row]) -> float:
        """Bits per byte of knowing how often each token comes in these very rows, and nothing of its neighbours."""
        counts, size = np.zeros(self.words.size, np.int64), 0
        for row, example in zip(rows, self.encode_many(rows), strict=True):
            assert example.target is not None
            np.add.at(counts, example.target[example.target != IGNORED], 1)
            size += self._bytes(row, SCORED_CHARACTERS * self.context)
        shares = counts[counts > 0] / max(1, counts.sum())
        return float(-(shares * np.log2(shares)).sum() * counts.sum() / max(1, size))

    def read_request(self, request: Any, row_id: str) -> Row:
        row = read(request, row_id)
        ids, learned = next(self._read([row]))
        if len(ids) > self.context:
            raise _too_long(len(ids), self.context, row_id)
        if not any(learned):
            raise RequestError(
                "there is nothing to score",
                expected="a text, or messages of which the assistant's are scored",
                where=row_id,
                remedy="Send the answer too, as a message of the assistant.",
            )
        return row

    @classmethod
    def request_of(cls, row: Row) -> dict[str, Any]:
        if _is_chat(row):
            return {MESSAGES: read_messages(row.values[MESSAGES], f"row {row.id}")}
        return {TEXT: row.values.get(TEXT)}

    @classmethod
    def shown(cls, row: Row) -> dict[str, str]:
        if _is_chat(row):
            messages = read_messages(row.values[MESSAGES], f"row {row.id}")
            return {"text": "\n".join(f"{one['role']}: {one['content']}" for one in messages)}
        return {"text": str(row.values.get(TEXT) or "")}

    def save(self, folder: Path) -> None:
        content = {"task": self.name, "format": 1, "reads": self.read, "context": self.context, "system": self.system}
        write_json(folder / TASK_FILE, content)
        self.words.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        path = folder / TASK_FILE
        try:
            content = read_json(path)
            system, read = content["system"], content["reads"]
            if not (system is None or isinstance(system, str)) or read not in cls.reads:
                raise ValueError("its settings are none of this task's")
            context = int(content["context"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(path, error) from error
        words = ChatTokenizer.load(folder)
        try:
            template.check(words)
        except RequestError as error:
            raise damaged(folder / tokenizer.TEMPLATE_FILE, error) from error
        return cls(words, context, system, read)

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        return exam.rows(seed, kind or cls.exam_kinds[0])

    @classmethod
    def exam_strange(cls) -> list[Row]:
        wrong = [Row("strange", {TEXT: value}) for value in (None, 3.5, ["a"], {"a": 1})]
        return [
            *wrong,
            *(Row("strange", {MESSAGES: value}) for value in (3.5, "[", "[]", '["a"]', '[{"role":"robot","content":"a"}]')),
        ]

    @classmethod
    def exam_unteachable(cls) -> list[list[Row]]:
        """No rows; rows without text; conversations of nothing."""
        blank = [Row(f"r{number}", {TEXT: " \n"}) for number in range(9)]
        return [[], blank, [Row(row.id, {MESSAGES: '[{"role":"user","content":""}]'}) for row in blank]]

    @classmethod
    def exam_requests(cls) -> list[Any]:
        return exam.requests()


def _is_chat(row: Row) -> bool:
    return row.values.get(MESSAGES) is not None


def _is_text(row: Row) -> bool:
    return row.values.get(TEXT) is not None


def _text(row: Row) -> str:
    text = row.values.get(TEXT)
    if not isinstance(text, str):
        raise RequestError(
            f"the text is of type {type(text).__name__}",
            expected="a text",
            where=f"row {row.id}",
            remedy="Send plain characters.",
        )
    return text


def _texts(row: Row) -> list[str]:
    """What people wrote in a row, without what is blank."""
    if _is_chat(row):
        written = [one["content"] for one in read_messages(row.values[MESSAGES], f"row {row.id}", DataError)]
    else:
        written = [_text(row)]
    return [text for text in written if text.strip()]


def _all_text(row: Row) -> str:
    return "\n".join(_texts(row))


def _of(rows: Iterable[Row], chats: bool) -> Iterator[Row]:
    return (row for row in rows if _is_chat(row) == chats)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _cut(messages: Messages, limit: int) -> Messages:
    """The first messages, `limit` characters of them."""
    kept: Messages = []
    for message in messages:
        if limit <= 0:
            break
        kept.append({"role": message["role"], "content": message["content"][:limit]})
        limit -= len(message["content"])
    return kept


def _padded(arrays: Sequence[np.ndarray], fill: int) -> np.ndarray:
    """int64 [rows, longest]."""
    found = np.full((len(arrays), max(map(len, arrays))), fill, np.int64)
    for row, array in zip(found, arrays, strict=True):
        row[: len(array)] = array
    return found


def _fits(context: int, checkpoint: Path | None) -> None:
    """Refuse a context that the checkpoint has no positions for."""
    try:
        longest = read_json((checkpoint or Path()) / "config.json").get("max_position_embeddings")
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(
            f"the checkpoint's config.json can't be read: {error}",
            expected="a folder with config.json, tokenizer.json and model.safetensors",
            where=str(checkpoint),
            remedy="Fetch the checkpoint again, or name another.",
        ) from error
    if isinstance(longest, int) and context > longest:
        raise SpecError(
            f"context is {context:,}, but the checkpoint has {longest:,} positions",
            expected=f"at most {longest:,}",
            where="learn.context",
            remedy=f"Set context: {longest}, or start from a checkpoint for longer texts.",
        )


def _too_long(came: int, fit: int, where: str) -> RequestError:
    return RequestError(
        f"the request has {came:,} tokens",
        expected=f"at most {fit:,} tokens",
        where=where,
        remedy="Send less, or train with a larger learn.context.",
    )


TASK = TextGeneration
