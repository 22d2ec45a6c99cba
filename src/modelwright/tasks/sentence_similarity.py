"""`sentence-similarity`: which texts of a collection answer a question: search by words, by meaning, or by both.

Records are texts, with the questions that they answer where there are some (titles, questions of customers). Every figure ranks the whole
collection. Passages and their index belong to the fitted task: it saves them in open files, and `decode` looks them up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.base.errors import DataError, ReleaseError, RequestError
from modelwright.base.nouns import Batch, Column, Example, Habits, Outputs, Prediction, Row
from modelwright.base.store import read_json, write_json
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.contract import TASK_FILE, Metric, Task, damaged
from modelwright.tasks.measures import ranking
from modelwright.tasks.search import collection, exam, lessons
from modelwright.tasks.search.collection import Passage
from modelwright.tasks.search.confidence import Confidence
from modelwright.tasks.search.dense import Dense, Method
from modelwright.tasks.search.lexical import Lexical
from modelwright.tasks.search.ranking import Ranked, rank
from modelwright.tasks.search.request import EXACT_UP_TO, Found, Hit, SearchRequest, SearchSettings, read
from modelwright.tasks.text.checkpoint import Checkpoint

__all__ = ["TASK", "Found", "Hit", "SearchRequest", "SearchSettings", "SentenceSimilarity"]

PLACES = 10
"""Places that figures look at."""
TERMS = 128
"""Of a question; the graph's input is always as long."""


class SentenceSimilarity(Task):
    """A collection, and how it is searched.

    Args:
        passages: in the order of their numbers.
        reader: of texts as a checkpoint's tokens; None where no vectors are compared.
        lexical: the index of words; None where no words are compared.
        method: how the nearest vectors are found; None without a reader.
        learn: the task's own settings.

    Attributes:
        dense: the index of vectors; None until the finished model has computed them (`keep`).
        confidence: None until it was calibrated (`watch`).
    """

    name = "sentence-similarity"
    about = "the texts of a collection that answer a question: search by words and by meaning"
    columns = (
        Column("query", "text", input=True, required=False),
        Column("text", "text", input=True),
        Column("title", "text", input=False, required=False),
        Column("document", "name", input=False, required=False),
    )
    habits = Habits(duplicates="exact", contradictions="keep")
    settings = SearchSettings
    reads = ("terms", "checkpoint")
    wants = "passages"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("ndcg@10", "higher"),
        Metric("mrr@10", "higher"),
        Metric("recall@1", "higher"),
        Metric("recall@5", "higher"),
        Metric("recall@10", "higher"),
        Metric("refusal-accuracy", "higher"),
    )
    request = SearchRequest
    prediction = Found
    reference = "relevant"
    exam_kinds = exam.KINDS

    def __init__(
        self,
        passages: Sequence[Passage],
        reader: Checkpoint | None,
        lexical: Lexical | None,
        method: Method | None,
        learn: SearchSettings,
    ) -> None:
        self.passages, self.reader, self.lexical, self.method, self.learn = tuple(passages), reader, lexical, method, learn
        self.dense: Dense | None = None
        self.confidence: Confidence | None = None
        self.loss = "given"
        self.sizes = {"vocabulary": reader.vocabulary, "padding": reader.padding} if reader else {"terms": TERMS}
        self.axes = {
            **({} if reader is None else reader.axes),
            **({} if lexical is None else {"terms": ("batch", str(TERMS))}),
            "asked": ("batch", "1"),
        }

    @classmethod
    def arrange(cls, splits: Mapping[str, Sequence[Row]], learn: Section) -> dict[str, list[Row]]:
        assert isinstance(learn, SearchSettings)
        return collection.questions(splits, learn.questions)

    @classmethod
    def described(cls, splits: Mapping[str, Sequence[Row]], learn: Section) -> dict[str, Any]:
        """Documents, passages, and characters of the median passage."""
        assert isinstance(learn, SearchSettings)
        rows = collection.questions(splits, learn.questions)["train"]
        found = collection.passages(rows, learn.passage, learn.known_questions)
        middle = float(np.median([len(one.text) for one in found])) if found else 0.0
        return {
            "documents": len({one.document for one in found}),
            "passages": len(found),
            "characters_of_the_median_passage": middle,
        }

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        learn = learn or SearchSettings()
        assert isinstance(learn, SearchSettings)
        found = collection.passages(rows, learn.passage, learn.known_questions)
        if len({one.document for one in found}) < 2:
            raise DataError(
                f"{len(rows):,} rows hold {len(found)} passages",
                expected="at least two documents to choose between",
                where="column role 'text'",
                remedy="Check which column data.columns.text names, and bring more texts.",
            )
        texts, reader, method = [one.read for one in found], None, None
        if route.reads == "checkpoint":
            reader = Checkpoint.fit(texts, route, checkpoint)
            method = learn.index if learn.index != "auto" else ("exact" if len(found) <= EXACT_UP_TO else "hnsw")
        words = reader is None or getattr(route, "words", False)
        lexical = Lexical.build(texts, route.k1, route.b) if words else None  # type: ignore[attr-defined]
        return cls(found, reader, lexical, method, learn)

    def encode(self, row: Row) -> Example:
        return self.encode_many([row])[0]

    def encode_many(self, rows: Sequence[Row]) -> list[Example]:
        """Questions; of a row that asks nothing its text."""
        texts = [_asked(row) for row in rows]
        asked = [np.array([row.values.get("k") or PLACES], np.int64) for row in rows]
        return self._examples([row.id for row in rows], texts, asked)

    def _examples(self, ids: Sequence[str], texts: Sequence[str], asked: Sequence[np.ndarray]) -> list[Example]:
        read = [{} for _ in texts] if self.reader is None else self.reader.encode_many(texts)
        found = []
        for row_id, text, inputs, wanted in zip(ids, texts, read, asked, strict=True):
            parts: dict[str, np.ndarray] = {**inputs, "asked": wanted}
            if self.lexical is not None:
                question = self.lexical.question(text, TERMS)
                parts["terms"] = np.pad(question, (0, TERMS - len(question)))
            found.append(Example(row_id, parts, len(inputs["token_ids"]) if inputs else 1))
        return found

    def lessons(self, rows: Sequence[Row]) -> list[Example]:
        """Questions with the passage that answers each; without a reader there is nothing to learn but the index, and each text is a
        lesson."""
        if self.reader is None:
            return self.encode_many(rows)
        return lessons.pairs(rows, self.passages, self.reader, self.learn.passage)

    def collection(self) -> Sequence[Example]:
        return self._read if self.reader is not None else ()

    @cached_property
    def _read(self) -> list[Example]:
        """The passages as the encoder reads them. They ask for no words."""
        assert self.reader is not None
        asked, none = np.zeros(1, np.int64), np.zeros(TERMS, np.int64)
        words = {} if self.lexical is None else {"terms": none}
        read = self.reader.encode_many([one.read for one in self.passages])
        return [
            Example(str(number), {**inputs, **words, "asked": asked}, len(inputs["token_ids"]))
            for number, inputs in enumerate(read)
        ]

    def keep(self, outputs: Outputs) -> None:
        assert self.method is not None
        self.dense = Dense.build(np.asarray(outputs["embedding"], np.float32), self.method)

    def collate(self, examples: Sequence[Example]) -> Batch:
        return lessons.collate(examples, self.reader)

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Prediction]:
        vectors, terms = outputs.get("embedding"), outputs.get("terms_asked")
        if vectors is not None and not np.isfinite(vectors).all():
            raise ReleaseError(
                "the model's outputs are not finite numbers",
                expected="finite vectors",
                where=f"row {row_ids[int(np.flatnonzero(~np.isfinite(vectors).all(1))[0])]}",
                remedy="The weights are damaged, or training diverged: train again with a smaller learning_rate.",
            )
        if vectors is not None and self.dense is None:
            raise ValueError("the passages have no vectors yet")
        wanted = np.asarray(outputs["asked_for"])[:, 0].astype(np.int64).tolist()
        found: list[Prediction] = []
        for place, (row_id, most) in enumerate(zip(row_ids, wanted, strict=True)):
            vector = None if vectors is None else vectors[place]
            question = None if terms is None else terms[place].astype(np.int64)
            ranked = rank(self.dense, self.lexical, vector, question, most)
            found.append(self._found(row_id, ranked, most))
        return found

    def _found(self, row_id: str, ranked: Ranked, most: int) -> Found:
        """The best passage of each document, at most `most` of them."""
        sure = None if self.confidence is None or not len(ranked.places) else self.confidence.of(ranked.features)
        hits: dict[str, Hit] = {}
        for at, number in enumerate(ranked.places.tolist()):
            passage = self.passages[number]
            if passage.document in hits:
                continue
            if len(hits) == most:
                break
            hits[passage.document] = Hit(
                passage.document,
                number,
                passage.title,
                passage.text,
                float(ranked.scores[at]),
                None if ranked.cosines is None else float(ranked.cosines[at]),
                None if ranked.shares is None else float(ranked.shares[at]),
                None if sure is None else float(sure[at]),
            )
        best = tuple(hits.values())
        answers = None if self.confidence is None else self.answers(best[0]) if best else False
        return Found(row_id, best, answers)

    def answers(self, hit: Hit) -> bool:
        """Whether a passage is taken for an answer: it is, where confidence was not calibrated."""
        return hit.confidence is None or hit.confidence >= self.learn.refuse_below

    def watch(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> None:
        """Calibrate confidence on questions that were held out: passages that answer, against the best ones that do not."""
        right, wrong = [], []
        for prediction, row in zip(predictions, rows, strict=True):
            assert isinstance(prediction, Found)
            answering, best_other = _best_of(prediction, row)
            if answering is not None:
                right.append(_features(answering))
            if best_other is not None:
                wrong.append(_features(best_other))
        self.confidence = Confidence.fit(np.array(right), np.array(wrong)) if right and wrong else None

    def align(self, predictions: Sequence[Prediction], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """`hits` bool [n, 10]; `relevant` int64 [n], how many documents answer; `answered` and `refused` float64 [n]: whether the best
        hit is taken for an answer where it is right, and whether the best hit that is wrong is refused; NaN where there is none such.

        Raises:
            DataError: a row without "relevant".
        """
        hits, relevant = np.zeros((len(rows), PLACES), bool), np.zeros(len(rows), np.int64)
        answered, refused = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        for number, (prediction, row) in enumerate(zip(predictions, rows, strict=True)):
            assert isinstance(prediction, Found)
            truth = set(row.values.get("relevant") or ())
            if not truth:
                raise DataError(
                    "the row does not say which documents answer it",
                    expected="at least one document to score against",
                    where=f"row {row.id}",
                    remedy="Give pairs of a question and a text that answers it.",
                )
            best = prediction.hits[:PLACES]
            hits[number, : len(best)] = [hit.document in truth for hit in best]
            relevant[number] = len(truth)
            answering, best_other = _best_of(prediction, row)
            if answering is not None and answering.confidence is not None:
                answered[number] = self.answers(answering)
            if best_other is not None and best_other.confidence is not None:
                refused[number] = not self.answers(best_other)
        return {"hits": hits, "relevant": relevant, "answered": answered, "refused": refused}

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        """ "refusal-accuracy": mean of two shares: of passages that answer, those taken for an answer; of the best passages that do not,
        those refused: they are what a question meets whose answer is not in the collection."""
        hits, relevant = aligned["hits"], aligned["relevant"]
        figures = {
            "ndcg@10": float(ranking.ndcg(hits, relevant).mean()),
            "mrr@10": float(ranking.reciprocal_rank(hits).mean()),
            **{f"recall@{most}": float(ranking.recall(hits[:, :most], relevant).mean()) for most in (1, 5, 10)},
        }
        known = [part[~np.isnan(part)] for part in (aligned["answered"], aligned["refused"])]
        if all(len(part) for part in known):
            figures["refusal-accuracy"] = float(np.mean([part.mean() for part in known]))
        return figures

    def chance(self, rows: Sequence[Row]) -> float:
        """Of the headline metric, for finding the same ten documents for every question: those that answer most of these rows."""
        often = Counter(document for row in rows for document in row.values["relevant"])
        best = [document for document, _ in sorted(often.items(), key=lambda item: (-item[1], item[0]))[:PLACES]]
        same = tuple(Hit(document, 0, "", "", 0.0, None, None, None) for document in best)
        return self.score(self.align([Found(row.id, same, None) for row in rows], rows))["ndcg@10"]

    def read_request(self, request: Any, row_id: str) -> Row:
        return read(request, row_id, self.learn.k)

    @classmethod
    def request_of(cls, row: Row) -> dict[str, Any]:
        more = {"k": row.values["k"]} if row.values.get("k") is not None else {}
        return {"query": _asked(row), **more}

    @classmethod
    def shown(cls, row: Row) -> dict[str, str]:
        return {"text": _asked(row)}

    def save(self, folder: Path) -> None:
        content = {
            "task": self.name,
            "format": 1,
            "passages": len(self.passages),
            "reader": self.reader is not None,
            "words": self.lexical is not None,
            "index": self.method,
            "vectors": self.dense is not None,
            "confidence": None if self.confidence is None else self.confidence.as_json(),
            "learn": self.learn.model_dump(mode="json"),
        }
        write_json(folder / TASK_FILE, content)
        collection.save(self.passages, folder)
        for part in (self.reader, self.lexical, self.dense):
            if part is not None:
                part.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        path = folder / TASK_FILE
        try:
            content = read_json(path)
            learn = SearchSettings.model_validate(content["learn"])
            count, method, vectors = int(content["passages"]), content["index"], bool(content["vectors"])
            sure = content["confidence"]
            confidence = None if sure is None else Confidence(**sure)
            has_reader, has_words = bool(content["reader"]), bool(content["words"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(path, error) from error
        reader = Checkpoint.load(folder) if has_reader else None
        lexical = Lexical.load(folder) if has_words else None
        found = cls(collection.load(folder, count), reader, lexical, method, learn)
        if vectors:
            found.dense = Dense.load(folder, method)
        sizes = {len(part) for part in (found.dense.vectors if found.dense else None,) if part is not None}
        sizes |= {lexical.size} if lexical else set()
        if sizes - {count}:
            raise damaged(path, ValueError(f"an index of {', '.join(map(str, sorted(sizes)))} passages, expected {count}"))
        found.confidence = confidence
        return found

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        return exam.rows(seed, kind or cls.exam_kinds[0])

    @classmethod
    def exam_strange(cls) -> list[Row]:
        return [Row("strange", {"query": value}) for value in (None, 3.5, b"one", ("a", "b"), {"a": 1})]

    @classmethod
    def exam_unteachable(cls) -> list[list[Row]]:
        """No rows; nothing to read; only one text."""
        one = {"document": "a", "text": "the only one", "query": "which"}
        return [[], [Row(f"{number}", {"text": " ", "query": "which"}) for number in range(9)], [Row("a", one)]]

    @classmethod
    def exam_requests(cls) -> list[Any]:
        return exam.requests()


def _asked(row: Row) -> str:
    """What a row asks; its text, if it asks nothing."""
    query = row.values.get("query")
    text = row.values.get("text") if query is None else query
    if not isinstance(text, str):
        raise RequestError(
            f"the query is {text!r:.80}",
            expected="a text",
            where=f"row {row.id}",
            remedy='Send for example {"query": "When do the shops close?"}.',
        )
    return text


def _best_of(prediction: Found, row: Row) -> tuple[Hit | None, Hit | None]:
    """The best hit that answers a row, and the best that does not."""
    truth = set(row.values.get("relevant") or ())
    right = next((hit for hit in prediction.hits if hit.document in truth), None)
    return right, next((hit for hit in prediction.hits if hit.document not in truth), None)


def _features(hit: Hit) -> list[float]:
    return [part for part in (hit.cosine, hit.lexical) if part is not None]


TASK = SentenceSimilarity
