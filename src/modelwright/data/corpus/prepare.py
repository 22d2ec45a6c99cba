"""The data stage of a corpus: two passes over documents of which memory never holds more than some blocks.

First pass: read, write one way, check, screen, hash; what stays is kept aside on disk. Then copies are found, and every document's
split is drawn from a hash of its text: the same text is always in the same split. Second pass: what is left is written, the training
split as a folder of files. Memory: about 60 bytes a document, and the pairs of near duplicates.
"""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.base.nouns import Column, Row
from modelwright.base.store import write_json, writing
from modelwright.data import card, splits
from modelwright.data.card import LANGUAGE_SAMPLE
from modelwright.data.cleaning.messages import with_messages
from modelwright.data.cleaning.record import QUARANTINE
from modelwright.data.corpus import division
from modelwright.data.corpus.contamination import examination
from modelwright.data.corpus.documents import Documents, Writer
from modelwright.data.corpus.examine import Block, Document, Screens, examined, in_blocks, key_of
from modelwright.data.corpus.near import NearIndex, exact_copies, originals
from modelwright.data.corpus.quarantine import MOST_LISTED, Listing
from modelwright.data.corpus.reading import open_corpus
from modelwright.data.corpus.rows import Reader, refuse_repeated
from modelwright.data.refusals import refuse_counts
from modelwright.data.rows import read_split, write_split
from modelwright.data.sources.source import Reading
from modelwright.spec.data import Data

_ASIDE = ".corpus"
_MOST_WORKERS = 16


class Known:
    """What the first pass keeps of each document that stays; arrays of one block after another."""

    def __init__(self) -> None:
        self.read = self.bytes = 0
        self._found: dict[str, list[np.ndarray]] = {name: [] for name in ("keys", "words", "characters", "parts", "ids")}

    def add(self, **arrays: np.ndarray) -> None:
        for name, values in arrays.items():
            self._found[name].append(values)

    def of(self, name: str) -> np.ndarray:
        """All values of "keys" (uint64), "words", "characters" (uint32), "parts" or "ids" (uint64; may be empty)."""
        kind = np.uint32 if name in ("words", "characters") else np.uint64
        self._found[name] = [np.concatenate([np.zeros(0, kind), *self._found[name]])]
        return self._found[name][0]


@dataclass(frozen=True)
class Copies:
    """Which documents are copies.

    Args:
        exact: int64 [documents]: the number of the first with the same text; −1 if there is none before.
        near: number → the one that it is near to, and how similar they are.
        pairs: int64 [pairs, 2] of near documents.
        left_out: bool [documents]: those that go, by the project's settings.
    """

    exact: np.ndarray
    near: Mapping[int, tuple[int, float]]
    pairs: np.ndarray
    left_out: np.ndarray


def prepare_corpus(
    spec: Data,
    columns: Sequence[Column],
    folder: Path,
    out: Path,
    console: Console,
    *,
    arrange: Callable[[Mapping[str, Sequence[Row]]], Mapping[str, Sequence[Row]]] = lambda splits: splits,
    described: Callable[[Mapping[str, Sequence[Row]]], Mapping[str, Any]] = lambda splits: {},
) -> dict[str, Any]:
    """As `data.prepare.prepare`, for documents by the million. `train` becomes a folder of Parquet files; the card has a further part,
    "corpus".

    Args:
        spec: settled (`prepare.settle`).
        columns: the task's; its inputs are texts or conversations. Others are kept where `data.columns` names them, and not checked.
        arrange: `Task.arrange`; what is held out only: training documents stay as they are.

    Raises:
        DataError: the documents can't be learned from as they are. quarantine.csv is then already written.
        MachineError: a source out of reach, or a folder that can't be written.
    """
    division.refuse_others(spec)
    encodings = set[str]()
    reading = with_messages(spec, columns, open_corpus(spec, folder, console, encodings))
    aside = out / _ASIDE
    with writing(out):
        for name in (aside, out / "train"):
            shutil.rmtree(name, ignore_errors=True)
        aside.mkdir()
    listing, known, index = Listing(out / QUARANTINE), Known(), NearIndex(aside, spec.clean.similarity)
    try:
        reader = Reader(spec, [column for column in columns if column.input], reading.columns)
        screens = Screens(spec.clean, examination(spec, folder, console))
        _first_pass(spec, reading, reader, screens, index, known, listing, aside / "kept", console)
        _refuse(spec, reader, known, listing, out)
        with console.progress("finding copies"):
            copies = _copies(spec, known, index)
        assigned = division.assigned(
            spec, known.of("keys"), known.of("parts"), copies.left_out, int(known.of("characters")[~copies.left_out].sum())
        )
        sample = _second_pass(spec, reader, copies, assigned, listing, aside / "kept", out, console)
        reading = replace(reading, encoding=", ".join(sorted(encodings)) or reading.encoding)
        result = _card(spec, reading, reader, screens, known, copies, assigned, sample, listing)
    finally:
        reading.close()
        listing.close()
        index.close()
        shutil.rmtree(aside, ignore_errors=True)
    _arrange(out, arrange)
    result["task"] = dict(described({name: read_split(out, name) for name in splits.NAMES}))
    write_json(out / "card.json", result)
    return result


def _arrange(out: Path, arrange: Callable[[Mapping[str, Sequence[Row]]], Mapping[str, Sequence[Row]]]) -> None:
    held = {name: read_split(out, name) for name in splits.NAMES if name != "train"}
    arranged = arrange({"train": (), **held})
    for name, rows in held.items():
        if list(arranged[name]) != list(rows):
            write_split(out, name, arranged[name])


def _first_pass(
    spec: Data,
    reading: Reading,
    reader: Reader,
    screens: Screens,
    index: NearIndex,
    known: Known,
    listing: Listing,
    aside: Path,
    console: Console,
) -> None:
    """Read all, keep what stays. Blocks are examined by other threads (numpy lets them run beside each other) while the next is
    read."""
    writer = Writer(aside, [*reader.mapping, *reader.others])

    def arrived(block: Block) -> None:
        for document in block.left:
            listing.add(document)
        index.add(block.shingles, block.counts)
        lengths = np.array([len(document.text) for document in block.documents], np.uint32)
        known.add(keys=block.keys, words=block.words.astype(np.uint32), characters=lengths)
        known.bytes += sum(len(document.text.encode()) for document in block.documents)
        if reader.id_column is not None:
            known.add(ids=np.array([key_of(document.id) for document in block.documents], np.uint64))
        if reader.split_column is not None:
            parts = [division.part_key(spec, document.part) for document in block.documents]
            known.add(parts=np.array(parts, np.uint64))
        for document in block.documents:
            writer.add(document.id, document.values)

    def usable() -> Iterator[Document]:
        for document in reader.documents(reading.rows):
            known.read += 1
            if document.reason:
                listing.add(document)
            else:
                yield document

    with console.progress("reading documents") as progress:
        for block in ahead(in_blocks(usable()), lambda documents: examined(documents, screens)):
            arrived(block)
            progress.update(known.read, note=f"{known.read:,} documents, {known.bytes / 1e6:,.0f} MB kept")
    writer.close()


def ahead(blocks: Iterable[list[Document]], work: Callable[[list[Document]], Block]) -> Iterator[Block]:
    """`work` of each, in order; some are under way at a time, one for each core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(cores, _MOST_WORKERS)
    waiting = deque[Future[Block]]()
    with ThreadPoolExecutor(workers, thread_name_prefix="corpus") as pool:
        for block in blocks:
            waiting.append(pool.submit(work, block))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _refuse(spec: Data, reader: Reader, known: Known, listing: Listing, out: Path) -> None:
    settings = {"missing_text": spec.clean.missing_text}
    listed = f"Nothing else was written. Documents are listed in {out / QUARANTINE}"
    refuse_counts(listing.counts(), listing.first, settings, known.read, listed)
    if not len(known.of("keys")):
        raise DataError(
            f"no document of {known.read:,} is left after cleaning",
            expected="usable documents",
            where=f"data.source ({spec.source})",
            remedy=f"See {out / QUARANTINE} for what was left out and why.",
        )
    refuse_repeated(known.of("ids"), f"data.columns.id ({reader.id_column})")


def _copies(spec: Data, known: Known, index: NearIndex) -> Copies:
    exact = exact_copies(known.of("keys"))
    pairs, similarities = index.pairs(exact >= 0)
    near = originals(pairs, similarities)
    left_out = exact >= 0 if spec.clean.duplicates != "keep" else np.zeros(len(exact), bool)
    if spec.clean.duplicates == "near":
        left_out[np.fromiter(near, np.int64, len(near))] = True
    return Copies(exact, near, pairs, left_out)


def _second_pass(
    spec: Data,
    reader: Reader,
    copies: Copies,
    assigned: np.ndarray,
    listing: Listing,
    aside: Path,
    out: Path,
    console: Console,
) -> list[str]:
    """Write the splits. Returns the texts of a sample of what stays, for the card."""
    chosen = set(division.sampled(np.flatnonzero(assigned < division.COPY), LANGUAGE_SAMPLE, spec.split.seed))
    roles = [*(role for role in reader.mapping if role in reader.used), *reader.others]
    writers = {name: Writer(out / (name if name == "train" else f"{name}.parquet"), roles) for name in splits.NAMES}
    gone = {**copies.near, **{int(place): (int(copies.exact[place]), 1.0) for place in _first(copies.exact)}}
    names = {original: "" for original, _ in gone.values()}
    sample = []
    with console.progress("writing documents", len(assigned)) as progress:
        for number, row in enumerate(Documents(aside)):
            if number in names:
                names[number] = row.id
            if assigned[number] < division.COPY:
                writers[splits.NAMES[assigned[number]]].add(row.id, {role: row.values.get(role) for role in roles})
                if number in chosen:
                    sample.append(reader.text_of(row.values))
            elif assigned[number] == division.COPY:
                listing.add(_copy(row, reader, copies, number, gone, names))
            if number % 10_000 == 0:
                progress.update(number)
    for writer in writers.values():
        writer.close()
    return sample


def _first(exact: np.ndarray) -> np.ndarray:
    """The copies that are listed with what they are copies of."""
    return np.flatnonzero(exact >= 0)[:MOST_LISTED]


def _copy(
    row: Row, reader: Reader, copies: Copies, number: int, gone: Mapping[int, tuple[int, float]], names: Mapping[int, str]
) -> Document:
    original, similarity = gone.get(number, (-1, 1.0))
    document = Document(row.id, row.id, {}, reader.text_of(row.values))
    if copies.exact[number] >= 0:
        document.leave("exact_duplicate", f"the same as {names.get(original, 'an earlier one')}")
    else:
        document.leave("near_duplicate", f"{similarity:.0%} of the shingles shared with {names[original]}")
    return document


def _card(
    spec: Data,
    reading: Reading,
    reader: Reader,
    screens: Screens,
    known: Known,
    copies: Copies,
    assigned: np.ndarray,
    sample: list[str],
    listing: Listing,
) -> dict[str, Any]:
    stay = assigned < division.COPY
    characters, words = known.of("characters")[stay].astype(np.int64), known.of("words")[stay].astype(np.int64)
    low, high = assigned[copies.pairs[:, 0]], assigned[copies.pairs[:, 1]]
    both = (low < division.COPY) & (high < division.COPY)
    leaked = copies.pairs[both & (low != high)].reshape(-1)
    languages, sampled = card.languages(sample, spec.split.seed)
    return {
        "rows_read": known.read,
        "rows_kept": int((assigned != division.COPY).sum()),
        "splits": division.counts(assigned),
        "left_out": int((assigned == division.SPARE).sum()),
        "labels": {},
        "lengths": {"characters": card.quantiles(characters), "words": card.quantiles(words)},
        "languages": languages,
        "languages_sampled": sampled,
        "quarantine": listing.counts(),
        "duplicates": {
            "exact": int((copies.exact >= 0).sum()),
            "near": len(copies.near),
            "contradictions": 0,
            "near_kept": len(np.unique(leaked[assigned[leaked] != division.TRAIN])),
        },
        "label_folds": {},
        "encoding": reading.encoding,
        "columns": reader.mapping,
        "numbers": {},
        "provenance": [asdict(item) for item in reading.provenance],
        "corpus": {
            "characters": int(characters.sum()),
            "words": int(words.sum()),
            "listed": MOST_LISTED,
            "quality": list(spec.clean.quality),
            "examination": {
                "sources": list(screens.examination.sources),
                "texts": screens.examination.texts,
                "short": screens.examination.short,
            },
        },
    }
