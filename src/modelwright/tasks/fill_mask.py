"""`fill-mask`: which token stands where a text has a gap. The pre-training of BERT (Devlin et al. 2019, 1810.04805).

Rows are documents. A model learns from passages of them, drawn anew in every epoch: some tokens are hidden and guessed, and of two
passages it is asked whether the second follows the first or comes from another document (next-sentence prediction). Liu et al.
(2019, 1907.11692) found that question of little use where passages are long and text abounds; where there is little text it
teaches what a passage is about, which is what a classifier of texts wants. `learn.next_sentence: false` leaves it out.

Documents may have a label. It is not learned; rows are dealt by it, so that a classifier on the same source, with the same cleaning
and the same `data.split`, holds out the very same documents: none that it is measured on was in the pre-training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.base.errors import DataError, RequestError
from modelwright.base.nouns import Batch, Column, Example, Habits, Outputs, Prediction, Row
from modelwright.base.store import read_json, write_json
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.answers.finite import finite
from modelwright.tasks.contract import TASK_FILE, Metric, Task, damaged
from modelwright.tasks.masked import exam
from modelwright.tasks.masked import request as asking
from modelwright.tasks.masked.lessons import Lessons, assemble, usable
from modelwright.tasks.masked.masking import Masking
from modelwright.tasks.masked.passages import Documents, pair_of, passage_of
from modelwright.tasks.masked.pieces import MASK, SPECIAL, Pieces
from modelwright.tasks.masked.request import TOP, Candidate, Filled, FillMaskRequest, FillMaskSettings
from modelwright.tasks.text.tokens import CHARACTERS_PER_TOKEN

__all__ = ["TASK", "FillMask", "FillMaskRequest", "FillMaskSettings", "Filled"]

IGNORED = -1  # the id of what is not known
_HELD, _ARRANGED = 1, 2  # streams of generators
_OURS = ("next", "follows", "top_k")  # what rows of this task carry beside their documents
_MOST_NATS = 100.0  # a model that is sure and wrong all the time: beyond it, perplexity would be no finite number


class FillMask(Task):
    """A tokenizer, and how tokens are hidden.

    Args:
        pieces: the tokenizer.
        max_tokens: read of a text, special tokens included.
        share: of tokens that are hidden in training.
        learn: the task's own settings.
    """

    name = "fill-mask"
    about = "the token that stands where a text has a gap; its encoder is the start of other text models"
    columns = (Column("text", "text", input=True), Column("label", "label", input=False, required=False))
    habits = Habits(corpus="asked")
    settings = FillMaskSettings
    reads = ("masked-text",)
    wants = "masked-tokens"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("masked-accuracy", "higher"),
        Metric("masked-perplexity", "lower", unit="tokens"),
        Metric("next-sentence-accuracy", "higher"),
    )
    request = FillMaskRequest
    prediction = Filled
    reference = "follows"
    exam_kinds = exam.KINDS

    def __init__(self, pieces: Pieces, max_tokens: int, share: float, learn: FillMaskSettings) -> None:
        self.pieces, self.max_tokens, self.share, self.learn = pieces, max_tokens, share, learn
        self.loss = "given"
        self.sizes = {"vocabulary": pieces.vocabulary, "padding": pieces.padding, "pairs": int(learn.next_sentence)}
        tokens, places = ("batch", "tokens"), ("batch", "places")
        self.axes = {
            **dict.fromkeys(("token_ids", "mask", "types"), tokens),
            **dict.fromkeys(("places", "sought"), places),
            "asked": ("batch", "3"),
        }

    @classmethod
    def arrange(cls, splits: Mapping[str, Sequence[Row]], learn: Section) -> dict[str, list[Row]]:
        """Training documents stay whole. Of each held-out one a passage is asked, or a pair of passages: `text`, `next` and whether it
        `follows` ("yes", "no"); nothing but the place of the row decides which."""
        assert isinstance(learn, FillMaskSettings)
        bare = {name: [Row(row.id, _without_ours(row)) for row in rows] for name, rows in splits.items()}
        return {name: rows if name == "train" else _questions(rows, learn) for name, rows in bare.items()}

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        learn = learn or FillMaskSettings()
        assert isinstance(learn, FillMaskSettings)
        filled = sum(1 for row in rows if not _whole(row).isspace() and _whole(row))
        if filled < (2 if learn.next_sentence else 1):
            raise DataError(
                f"{filled} of the {len(rows):,} training rows have text",
                expected="documents to learn from" + (", two at least to tell apart" if learn.next_sentence else ""),
                where="column role 'text'",
                remedy="Check which column data.columns.text names, or bring more documents.",
            )
        settings: Any = route
        pieces = Pieces.learn(_Texts(rows), settings.pieces, settings.vocabulary, settings.max_tokens)
        return cls(pieces, settings.max_tokens, settings.masked or learn.masked, learn)

    def encode(self, row: Row) -> Example:
        return self.encode_many([row])[0]

    def encode_many(self, rows: Sequence[Row]) -> list[Example]:
        cut = [self._parts(row) for row in rows]
        found = iter(self.pieces.encode_many(list(chain.from_iterable(chain.from_iterable(cut)))))
        return [
            self._example(row, [[next(found) for _ in stretches] for stretches in parts])
            for row, parts in zip(rows, cut, strict=True)
        ]

    def _parts(self, row: Row) -> list[list[str]]:
        """A row's one or two texts, each cut at its gaps if it is a request."""
        texts = [_text(row, "text"), *([_text(row, "next")] if row.values.get("next") is not None else [])]
        if len(texts) > 1 and not self.learn.next_sentence:
            raise RequestError(
                "there is a second text, and the model was not taught pairs",
                expected="one text",
                where=f"row {row.id}",
                remedy="Leave next out, or train with learn.next_sentence: true.",
            )
        readable = [text[: self.max_tokens * CHARACTERS_PER_TOKEN] for text in texts]
        return [text.split(MASK) if "top_k" in row.values else [text] for text in readable]

    def _example(self, row: Row, parts: Sequence[Sequence[Sequence[int]]]) -> Example:
        """From the ids between the gaps of each part."""
        joined = [self._filled(stretches) for stretches in parts]
        ids, types = assemble(self.pieces, *_cut(joined, self.max_tokens - 1 - len(joined)))
        top = TOP
        if "top_k" in row.values:
            top = row.values["top_k"]
            places = np.flatnonzero(ids == self.pieces.mask)
            sought = np.full(len(places), IGNORED, np.int64)
            self._refuse_cut(row, len(places))
        elif len(ids) == 1 + len(joined):  # nothing readable
            places, sought = np.zeros(1, np.int64), np.array([self.pieces.unknown])
        else:
            generator = np.random.default_rng([_HELD, *row.id.encode()])
            ids, places, sought = self._masking(self.learn.masked).hide(ids, usable(ids, self.pieces), generator)
        asked = np.array([top, len(places), len(joined) > 1], np.int64)
        inputs = {"token_ids": ids, "mask": np.ones(len(ids), np.int64), "types": types, "places": places, "sought": sought}
        return Example(row.id, {**inputs, "asked": asked}, len(ids))

    def _filled(self, stretches: Sequence[Sequence[int]]) -> list[int]:
        """The ids of a text from those between its gaps."""
        ids = list(stretches[0])
        for stretch in stretches[1:]:
            ids += [self.pieces.mask, *stretch]
        return ids

    def _refuse_cut(self, row: Row, found: int) -> None:
        gaps = sum(str(row.values.get(role) or "").count(MASK) for role in ("text", "next"))
        if found != gaps:
            raise RequestError(
                f"{gaps - found} of {gaps} {MASK} lie beyond the {self.max_tokens} tokens that are read",
                expected=f"every {MASK} among the first {self.max_tokens} tokens",
                where=f"row {row.id}",
                remedy="Send the part of the text around the gap.",
            )

    def _masking(self, share: float) -> Masking:
        whole = self.pieces.continues if self.learn.whole_words else None
        return Masking(share, self.pieces.mask, len(SPECIAL), self.pieces.vocabulary, whole)

    def lessons(self, rows: Sequence[Row]) -> Lessons:  # type: ignore[override]  # a sequence that is drawn anew in every epoch
        documents = Documents.read(map(_whole, rows), self.pieces)
        return Lessons(documents, self.pieces, self._masking(self.share), self.learn.next_sentence, self.max_tokens)

    def counted(self, batch: Batch) -> float:
        """The hidden tokens, over which the larger part of the loss is a mean."""
        return float((batch.inputs["sought"] != IGNORED).sum())

    def collate(self, examples: Sequence[Example]) -> Batch:
        inputs: dict[str, np.ndarray] = {}
        for name in examples[0].inputs:
            arrays = [example.inputs[name] for example in examples]
            if arrays[0].ndim == 0 or name == "asked":
                inputs[name] = np.stack(arrays)
                continue
            filling = {"token_ids": self.pieces.padding, "sought": IGNORED}.get(name, 0)
            inputs[name] = np.full((len(arrays), max(map(len, arrays))), filling, np.int64)
            for row, array in zip(inputs[name], arrays, strict=True):
                row[: len(array)] = array
        return Batch(tuple(example.row_id for example in examples), inputs)

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        logits_bmv = finite(outputs, "logits", row_ids)
        follows_b: Sequence[Any] = [None] * len(row_ids)
        if "follows" in outputs:
            pairs_b2 = np.asarray(finite(outputs, "follows", row_ids), np.float64)
            follows_b = (1 / (1 + np.exp(pairs_b2[:, 1] - pairs_b2[:, 0]))).tolist()
        found: list[Prediction] = []
        for row, row_id in enumerate(row_ids):
            top, count, paired = (int(number) for number in outputs["asked_for"][row])
            logs_mv = logits_bmv[row, :count].astype(np.float64)
            logs_mv -= logs_mv.max(1, keepdims=True)
            logs_mv -= np.log(np.exp(logs_mv).sum(1, keepdims=True))
            sought = outputs["truth"][row, :count].astype(np.int64)
            known = bool((sought != IGNORED).all())
            found.append(
                Filled(
                    row_id,
                    tuple(self._best(logs_v, min(top, self.pieces.vocabulary)) for logs_v in logs_mv),
                    follows_b[row] if paired else None,
                    tuple((-logs_mv[np.arange(count), sought]).tolist()) if known else (),
                    tuple((logs_mv.argmax(1) == sought).tolist()) if known else (),
                )
            )
        return found

    def _best(self, logs_v: np.ndarray, top: int) -> tuple[Candidate, ...]:
        best = np.argpartition(-logs_v, top - 1)[:top]
        ordered = best[np.lexsort((best, -logs_v[best]))]
        return tuple(Candidate(self.pieces.token(int(number)), float(np.exp(logs_v[number]))) for number in ordered)

    def align(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """`masks`, `right`, `nats`: float64 [n], sums over a row's hidden tokens; `joined`: whether it was rightly told that the second
        passage follows, NaN where nothing was asked."""
        given: Sequence[Any] = predictions
        joined = [
            np.nan
            if one.follows is None or row.values.get("follows") is None
            else (one.follows >= 0.5) == (row.values["follows"] == "yes")
            for one, row in zip(given, rows, strict=True)
        ]
        return {
            "masks": np.array([len(one.nats) for one in given], np.float64),
            "right": np.array([sum(one.right) for one in given], np.float64),
            "nats": np.array([sum(one.nats) for one in given], np.float64),
            "joined": np.array(joined, np.float64),
        }

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        figures, masks = {}, aligned["masks"].sum()
        if masks:
            figures["masked-accuracy"] = float(aligned["right"].sum() / masks)
            figures["masked-perplexity"] = float(np.exp(min(_MOST_NATS, aligned["nats"].sum() / masks)))
        asked = ~np.isnan(aligned["joined"])
        if asked.any():
            figures["next-sentence-accuracy"] = float(aligned["joined"][asked].mean())
        return figures

    def chance(self, rows: Sequence[Row]) -> float:
        """Of always guessing the token that is hidden most often."""
        sought = np.concatenate([example.inputs["sought"] for example in self.encode_many(rows)])
        return float(np.unique(sought, return_counts=True)[1].max() / len(sought))

    def read_request(self, request: Any, row_id: str) -> Row:
        return asking.read(request, row_id)

    @classmethod
    def request_of(cls, row: Row) -> dict[str, Any]:
        return asking.request_of(row)

    @classmethod
    def shown(cls, row: Row) -> dict[str, str]:
        return {"text": " / ".join(str(row.values[role]) for role in ("text", "next") if row.values.get(role))}

    def save(self, folder: Path) -> None:
        about = {"max_tokens": self.max_tokens, "share": self.share, "learn": self.learn.model_dump(mode="json")}
        write_json(folder / TASK_FILE, {"task": self.name, "format": 1, **about})
        self.pieces.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        try:
            content = read_json(folder / TASK_FILE)
            learn = FillMaskSettings.model_validate(content["learn"])
            most, share = int(content["max_tokens"]), float(content["share"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(folder / TASK_FILE, error) from error
        return cls(Pieces.load(folder), most, share, learn)

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        return exam.rows(seed, kind or cls.exam_kinds[0])

    @classmethod
    def exam_strange(cls) -> list[Row]:
        return [Row("strange", {"text": value}) for value in (None, 3.5, ["a"], {"a": 1})] + [
            Row("strange", {"text": "a b", "next": 3})
        ]

    @classmethod
    def exam_requests(cls) -> list[Any]:
        return exam.requests()


class _Texts:
    """Rows' documents, for whoever goes through them more than once."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def __iter__(self) -> Any:
        return map(_whole, self.rows)


def _questions(rows: Sequence[Row], learn: FillMaskSettings) -> list[Row]:
    texts = [_text(row, "text") for row in rows]
    made = []
    for place, row in enumerate(rows):
        generator = np.random.default_rng([_ARRANGED, place])
        pair = pair_of(texts, place, learn.passage_words, generator) if learn.next_sentence else None
        if pair is None:
            values = {"text": passage_of(texts[place], learn.passage_words, generator)}
        else:
            values = {"text": pair[0], "next": pair[1], "follows": "yes" if pair[2] else "no"}
        made.append(Row(row.id, {**row.values, **values}))
    return made


def _without_ours(row: Row) -> dict[str, Any]:
    """A document's values, should other columns have the names of what is asked here."""
    return {name: value for name, value in row.values.items() if name not in _OURS}


def _whole(row: Row) -> str:
    """The document of a row; of a question, both passages if they belong together."""
    text = _text(row, "text")
    return f"{text}\n{_text(row, 'next')}" if row.values.get("follows") == "yes" else text


def _text(row: Row, role: str) -> str:
    text = row.values.get(role)
    if not isinstance(text, str):
        raise RequestError(
            f"the {role} is of type {type(text).__name__}",
            expected="a text",
            where=f"row {row.id}",
            remedy="Send plain characters.",
        )
    return text


def _cut(parts: Sequence[Sequence[int]], room: int) -> list[Sequence[int]]:
    """Both parts within `room` tokens: a longer one gives way to a shorter one, up to half of the room."""
    if len(parts) == 1:
        return [parts[0][:room]]
    first, second = parts
    kept = max(room - len(second), room - room // 2)
    return [first[:kept], second[: room - min(len(first), kept)]]


TASK = FillMask
