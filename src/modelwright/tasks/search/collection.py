"""From records to a collection and its questions.

The collection is everything that is searched: the texts of all splits, for a search engine knows its texts. What is held out are
the questions: those of the test split were never seen, and their texts are looked for among all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.base.errors import DataError
from modelwright.base.nouns import Row
from modelwright.base.store import content_hash, write_text
from modelwright.tasks.contract import damaged
from modelwright.tasks.search.sentences import pieces, spans

SPLITS = ("train", "validation", "test")
PASSAGES = "passages.jsonl"
_DRAWN_FROM = 3  # sentences of a text from which one may be taken out as its question


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document that is found as one.

    Args:
        document: whose part it is; several passages may share one.
        title: for people; "" if there is none.
        text: as shown.
        read: as indexed: without a sentence that asks for it, with the title where that asks nothing.
    """

    document: str
    title: str
    text: str
    read: str


def questions(splits: Mapping[str, Sequence[Row]], ask: str) -> dict[str, list[Row]]:
    """Rows to learn from and to ask, from records with "text" and perhaps "query", "title", "document".

    Rows for training: every text of every split; those with "query" were asked for by it in the training split. Rows of the other
    splits: a "query" and "relevant", the documents that answer it. A question that an earlier split asks is asked there only.

    Args:
        ask: "given": by the records' queries; "sentence": by a sentence drawn from each text, which is then not indexed.

    Raises:
        DataError: nothing asks, or a split holds no question.
    """
    documents: dict[str, str] = {}
    texts: list[tuple[Row, str, str | None, str]] = []
    asked: dict[str, dict[str, list[str]]] = {}
    before: set[str] = set()
    for name in SPLITS:
        here: dict[str, list[str]] = {}
        for row in splits[name]:
            document = _document(row, documents)
            query, read = _asks(row, ask)
            texts.append((row, document, query if name == "train" else None, read))
            key = query.strip() if query else None
            if key and (key not in before or key in here):
                here.setdefault(key, []).append(document)
                before.add(key)
        asked[name] = here
    if not asked["train"] and not asked["test"]:
        raise DataError(
            "no record has a question",
            expected="a column of questions, titles for instance",
            where="data.columns.query",
            remedy="Name it, as in data.columns: {query: title}; or set learn.questions: sentence, to ask by a sentence of each text.",
        )
    known = asked["train"]
    found = {"train": [_text_row(row, document, query, read, known) for row, document, query, read in texts]}
    for name in SPLITS[1:]:
        if not asked[name]:
            raise DataError(
                f"the {name} split has no question",
                expected="questions to measure with",
                where=f"data.split.{name}",
                remedy="Raise the split's share, or bring more questions.",
            )
        found[name] = [
            Row(f"{name}-{content_hash(query)[:12]}", {"query": query, "relevant": tuple(dict.fromkeys(relevant))})
            for query, relevant in asked[name].items()
        ]
    return found


def _document(row: Row, documents: dict[str, str]) -> str:
    """Whose part a record's text is: as it says, else of the first record with the same text."""
    stated = row.values.get("document")
    return str(stated) if stated else documents.setdefault(row.values["text"].strip(), row.id)


def _asks(row: Row, ask: str) -> tuple[str | None, str]:
    """What asks for a record's text, and the text as it is indexed: a question that is part of the text is taken out of it, for with
    it every answer would be found."""
    text, query = row.values["text"].strip(), row.values.get("query")
    if query is not None and str(query).strip():
        query = str(query).strip()
        return query, text.removeprefix(query).strip() or text
    parts = spans(text)
    if ask != "sentence" or len(parts) < _DRAWN_FROM:
        return None, text
    start, end = parts[int(content_hash(text)[:8], 16) % len(parts)]
    return text[start:end], f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()


def _text_row(row: Row, document: str, query: str | None, read: str, known: Mapping[str, Any]) -> Row:
    text, title = row.values["text"].strip(), row.values.get("title")
    given = str(row.values.get("query") or "").strip()
    shown = text.removeprefix(given).strip() or text
    values = {"document": document, "title": (title or given).strip(), "text": shown, "read": read}
    if title and title.strip() != given:
        values["read"] = f"{title.strip()}\n{read}"
    return Row(row.id, {**values, "query": query if query in known else None})


def passages(rows: Sequence[Row], most: int | None, known_questions: bool = False) -> list[Passage]:
    """The collection's passages, each once, in the order of the rows; texts of more than `most` characters in parts.

    Args:
        known_questions: a text is a passage once more for each question of the training split that asks for it, read as the question.
    """
    found: dict[tuple[str, str], Passage] = {}
    for row in rows:
        values = row.values
        if not isinstance(values.get("text"), str) or not values["text"].strip():
            continue
        document, title, read = str(values.get("document") or row.id), values.get("title") or "", values.get("read")
        for shown, indexed in _parts(values["text"], read or values["text"], most):
            found.setdefault((document, indexed), Passage(document, title, shown, indexed))
        if known_questions and values.get("query"):
            found.setdefault((document, values["query"]), Passage(document, title, values["text"], values["query"]))
    return list(found.values())


def _parts(text: str, read: str, most: int | None) -> list[tuple[str, str]]:
    """Parts as shown and as indexed. Where the two differ within a part, both are cut at the same number of parts; a part's text
    is then what is indexed of it."""
    if most is None or len(text) <= most:
        return [(text, read)]
    return [(part, part) for part in pieces(read, most)]


def save(collection: Sequence[Passage], folder: Path) -> None:
    """One passage a line of JSON."""
    lines = [json.dumps([one.document, one.title, one.text, one.read], ensure_ascii=False) for one in collection]
    write_text(folder / PASSAGES, "".join(f"{line}\n" for line in lines))


def load(folder: Path, count: int) -> list[Passage]:
    """What `save` wrote.

    Raises:
        ReleaseError: the file is missing, damaged, or has not `count` passages.
    """
    path = folder / PASSAGES
    try:
        found = []
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
            document, title, text, read = json.loads(line)
            found.append(Passage(str(document), str(title), str(text), str(read)))
        if len(found) != count:
            raise ValueError(f"{len(found):,} passages, expected {count:,}")
    except (OSError, ValueError, TypeError) as error:
        raise damaged(path, error) from error
    return found
