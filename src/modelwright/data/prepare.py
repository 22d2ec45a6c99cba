"""The data stage: source → checked, cleaned, split rows, with a card and a quarantine.

The order matters: types and missing cells; label spellings; contradictions before duplicates (else one of two contradicting
copies would stay); near duplicates; rare labels last, when counts are final; then the split, before anything is fitted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.base.nouns import Column, Habits, Row
from modelwright.base.store import write_json
from modelwright.data import card, refusals, splits
from modelwright.data.cleaning.checks import Checker, map_columns, missing_column
from modelwright.data.cleaning.duplicates import exact_key, key_part, remove_exact, remove_near, set_keys
from modelwright.data.cleaning.labels import labels_of, remove_contradictions, remove_rare, unite_spellings
from modelwright.data.cleaning.messages import with_messages
from modelwright.data.cleaning.near import near_pairs
from modelwright.data.cleaning.record import QUARANTINE, Quarantine, Record, keep
from modelwright.data.cleaning.screening import screened
from modelwright.data.given import given
from modelwright.data.rows import write_split
from modelwright.data.sources import open_source
from modelwright.data.sources.source import RawRow, Reading
from modelwright.spec.data import Data

Splits = Mapping[str, Sequence[Row]]
_OF_LABELS = ("contradictions", "missing_label", "fold_labels", "min_rows_per_label")
"""Settings of data.clean that need all rows at once."""


def prepare(
    spec: Data,
    columns: Sequence[Column],
    folder: Path,
    out: Path,
    console: Console,
    *,
    habits: Habits | None = None,
    arrange: Callable[[Splits], Splits] = lambda found: found,
    unusable: Callable[[Sequence[Row]], Mapping[int, str]] = lambda rows: {},
    described: Callable[[Splits], Mapping[str, Any]] = lambda splits: {},
) -> dict[str, Any]:
    """Read, clean, split, arrange and write.

    Args:
        spec: the project's data section.
        columns: what the task needs of a row.
        habits: how the task's rows are cleaned and split where `spec` leaves it open.
        arrange: from the records of each split to the rows of the task (`Task.arrange`).
        unusable: places of records that the task can't use, with the reason (`Task.unusable`).
        described: what the card tells of the task's records (`Task.described`).
        folder: the project's folder, where relative sources start.
        out: an existing folder; gets train, validation and test.parquet, quarantine.csv and card.json.
        console: is told of progress.

    Returns:
        the data card.

    Raises:
        DataError: the rows can't be learned from as they are. quarantine.csv is then already written, so that they can be seen.
        MachineError: a source out of reach, or a folder that can't be written.
    """
    habits = habits or Habits()
    stated, corpus = spec.split.column, is_corpus(spec, habits)
    spec = settle(spec, habits)
    if corpus:
        from modelwright.data.corpus.prepare import prepare_corpus

        return prepare_corpus(spec, columns, folder, out, console, arrange=arrange, described=described)
    refusals.refuse_documents(spec)
    reading = with_messages(spec, columns, open_source(spec, folder, console))
    quarantine = Quarantine()
    try:
        mapping = map_columns(spec, columns, reading.columns)
        if spec.split.column is not None and spec.split.column not in {*reading.columns, *mapping}:
            if spec.split.by != "last" or stated is not None:
                raise missing_column(spec.split.column, "data.split.column", reading.columns)
            # without times, the source's own order says what came last
            spec = spec.model_copy(update={"split": spec.split.model_copy(update={"column": None})})
        return _prepare(spec, columns, habits, reading, mapping, folder, out, console, quarantine, arrange, unusable, described)
    except DataError:
        if quarantine.rows:
            quarantine.write(out / QUARANTINE, reading.columns)
        raise
    finally:
        reading.close()


def is_corpus(spec: Data, habits: Habits) -> bool:
    """Whether the rows are read in a stream.

    Args:
        spec: as the project states it, not settled.

    Raises:
        DataError: the project asks for it, and the task needs all rows at once, or rules for labels would go unheeded.
    """
    if spec.stream and habits.corpus == "never":
        raise DataError(
            "data.stream is true, and rows of this task are not read in a stream",
            expected="a task whose rows are documents: fill-mask or text-generation",
            where="data.stream",
            remedy="Leave data.stream out.",
        )
    unheeded = [name for name in _OF_LABELS if name in spec.clean.model_fields_set]
    if spec.stream and unheeded:
        raise DataError(
            f"data.stream is true beside data.clean.{unheeded[0]}",
            expected="no rules for labels: in a stream a label is kept as it stands",
            where=f"data.clean.{unheeded[0]}",
            remedy=f"Leave {unheeded[0]} out, or data.stream.",
        )
    return habits.corpus == "always" or spec.stream


def settle(spec: Data, habits: Habits) -> Data:
    """The section with the task's habits where the project leaves it open."""
    clean = spec.clean.model_copy(
        update={
            "duplicates": spec.clean.duplicates or habits.duplicates,
            "contradictions": spec.clean.contradictions or habits.contradictions,
        }
    )
    by = spec.split.by or habits.split
    column = spec.split.column or ("split" if by == "given" else None)
    if column is None and by in ("time", "last"):
        column = None if habits.split_role is None else spec.columns.get(habits.split_role, habits.split_role)
        if column is None:
            raise DataError(
                f"data.split.by is {by!r}, and nothing says which column that is",
                expected="data.split.column",
                where="data.split",
                remedy="Name the column, or choose data.split.by: stratified.",
            )
    return spec.model_copy(update={"clean": clean, "split": spec.split.model_copy(update={"by": by, "column": column})})


def _prepare(
    spec: Data,
    columns: Sequence[Column],
    habits: Habits,
    reading: Reading,
    mapping: dict[str, str],
    folder: Path,
    out: Path,
    console: Console,
    quarantine: Quarantine,
    arrange: Callable[[Splits], Splits],
    unusable: Callable[[Sequence[Row]], Mapping[int, str]],
    described: Callable[[Splits], Mapping[str, Any]],
) -> dict[str, Any]:
    with console.progress("reading rows") as progress:
        raw = list(_limited(_counted(reading.rows, progress), spec))
    if not raw:
        raise DataError(
            "there is a header, but no row",
            expected="rows below the header",
            where=f"data.source ({spec.source})",
            remedy="Give the file that holds the rows.",
        )
    records = Checker(spec, columns, mapping, reading.folder).records(raw, quarantine)
    refusals.refuse_missing(spec, mapping, len(raw), quarantine, out)
    records = screened(spec, columns, folder, _usable(records, unusable, quarantine), quarantine, console)
    role = next((column.role for column in columns if column.kind == "label" and column.role in mapping), None)
    with console.progress("cleaning"):
        cleaned = _clean(spec, columns, habits, role, records, quarantine)
    kept = cleaned.records
    labels = [labels_of(record, role) if role is not None else () for record in kept]
    labelled = any(labels)
    refusals.refuse_too_little(labels if labelled else None, len(kept), len(raw), spec, out)
    refusals.refuse_repeated_ids(kept, spec)
    assigned = splits.few(_split(spec, columns, kept, labels), labels, spec.split)
    refusals.refuse_unseen_labels(labels, assigned, spec)
    result = _card(spec, columns, reading, mapping, raw, cleaned, labels, assigned, quarantine)
    divided = {
        name: [Row(record.id, record.values) for record, split in zip(kept, assigned, strict=True) if split == name]
        for name in splits.NAMES
    }
    result["task"] = dict(described(divided))
    arranged = arrange(divided)
    result["splits"] = {name: len(rows) for name, rows in arranged.items()}
    for name, rows in arranged.items():
        write_split(out, name, rows)
    quarantine.write(out / QUARANTINE, reading.columns)
    write_json(out / "card.json", result)
    return result


def _usable(
    records: list[Record], unusable: Callable[[Sequence[Row]], Mapping[int, str]], quarantine: Quarantine
) -> list[Record]:
    """Without what the task says it can't use."""
    found = unusable([Row(record.id, record.values) for record in records]) if records else {}
    for place, reason in found.items():
        quarantine.add(records[place], "unusable", reason)
    return keep(records, set(found))


def _counted(rows: Iterator[RawRow], progress: Any) -> Iterator[RawRow]:
    for number, row in enumerate(rows, 1):
        if number % 5000 == 0:
            progress.update(number, note=f"{number:,} rows")
        yield row


def _limited(rows: Iterator[RawRow], spec: Data) -> Iterator[RawRow]:
    """All rows, or `spec.limit` of them by a seeded draw in bounded memory (reservoir, Vitter 1985), in the source's order."""
    if spec.limit is None:
        yield from rows
        return
    generator = random.Random(spec.split.seed)
    drawn: list[tuple[int, RawRow]] = []
    for number, row in enumerate(rows):
        if number < spec.limit:
            drawn.append((number, row))
        elif (slot := generator.randrange(number + 1)) < spec.limit:
            drawn[slot] = (number, row)
    yield from (row for _, row in sorted(drawn, key=lambda item: item[0]))


@dataclass
class _Cleaned:
    """What cleaning leaves. `pairs` are near duplicates that stay, by position; the counts say what was found."""

    records: list[Record]
    folds: dict[str, str] = field(default_factory=dict)
    pairs: list[tuple[int, int, float]] = field(default_factory=list)
    near_found: int = 0
    exact_found: int = 0


def _clean(
    spec: Data, columns: Sequence[Column], habits: Habits, role: str | None, records: list[Record], quarantine: Quarantine
) -> _Cleaned:
    clean = spec.clean
    if spec.split.by != "stratified" and spec.split.column is not None:
        records = _with_split_value(spec, records, quarantine)
    folds = unite_spellings(records, role) if role is not None and clean.fold_labels else {}
    set_keys(records, columns, habits.others)
    if role is not None and clean.contradictions == "quarantine":
        records = remove_contradictions(records, role, quarantine)
    answers = [column.role for column in columns if not column.input] if clean.contradictions == "keep" else []
    exact_found = len(records) - len({exact_key(record, answers) for record in records})
    if clean.duplicates != "keep":
        records = remove_exact(records, quarantine, answers)
    of_texts = all(column.kind in ("text", "messages") for column in columns if column.input) and not habits.others
    refusals.refuse_near(clean.duplicates, of_texts)
    pairs = near_pairs([record.key for record in records], clean.similarity) if of_texts else []
    near_found = len({high for low, high, _ in pairs if records[low].key != records[high].key})
    if clean.duplicates == "near":
        records, pairs = remove_near(records, pairs, quarantine), []
    before = {id(record): position for position, record in enumerate(records)}
    if role is not None:
        records = remove_rare(records, role, clean.min_rows_per_label, quarantine)
    now = {before[id(record)]: position for position, record in enumerate(records)}
    pairs = [(now[low], now[high], similarity) for low, high, similarity in pairs if low in now and high in now]
    return _Cleaned(records, folds, pairs, near_found, exact_found)


def _with_split_value(spec: Data, records: list[Record], quarantine: Quarantine) -> list[Record]:
    """Rows that can be placed: with a group, or with a moment."""
    assert spec.split.column is not None, "settled before"
    kept = []
    for record in records:
        value = _split_value(spec, record)
        if value is None or (isinstance(value, str) and not value.strip()):
            quarantine.add(record, "missing_split_column", f"column {spec.split.column!r} is empty")
        elif spec.split.by in ("time", "last") and splits.moment(value) is None:
            quarantine.add(record, "wrong_type", f"column {spec.split.column!r} holds {str(value)[:40]!r}, no date or number")
        else:
            kept.append(record)
    return kept


def _split_value(spec: Data, record: Record) -> Any:
    column = spec.split.column or ""
    return record.values[column] if column in record.values else record.original.get(column)


def _split(spec: Data, columns: Sequence[Column], records: Sequence[Record], labels: Sequence[tuple[str, ...]]) -> list[str]:
    if spec.split.by == "group":
        return splits.grouped([_split_value(spec, record) for record in records], labels, spec.split)
    if spec.split.by == "given":
        return given([_split_value(spec, record) for record in records], labels, spec.split)
    if spec.split.by == "time":
        return splits.by_time([splits.moment(_split_value(spec, record)) or 0.0 for record in records], spec.split)
    if spec.split.by == "last":
        moments = [0.0 if spec.split.column is None else splits.moment(_split_value(spec, record)) or 0.0 for record in records]
        return splits.last([record.values[_user_role(columns)] for record in records], moments)
    # without labels all rows are of one class: a draw at random
    return splits.stratified([found or ("",) for found in labels] if not any(labels) else labels, spec.split)


def _user_role(columns: Sequence[Column]) -> str:
    """Whose last rows are held out: the first name among the task's inputs."""
    for column in columns:
        if column.kind == "name" and column.input:
            return column.role
    raise DataError(
        "data.split.by is last, and the task's rows belong to nobody",
        expected="a task whose rows are somebody's, such as recommendation",
        where="data.split.by",
        remedy="Choose stratified, group or time.",
    )


def _card(
    spec: Data,
    columns: Sequence[Column],
    reading: Reading,
    mapping: dict[str, str],
    raw: Sequence[RawRow],
    cleaned: _Cleaned,
    labels: Sequence[tuple[str, ...]],
    assigned: Sequence[str],
    quarantine: Quarantine,
) -> dict[str, Any]:
    roles = [column for column in columns if column.kind in ("text", "messages") and column.input and column.role in mapping]
    texts = [" ".join(key_part(column, record.values[column.role]) for column in roles) for record in cleaned.records if roles]
    counts = quarantine.counts()
    leaked = {
        position
        for low, high, _ in cleaned.pairs
        if assigned[low] != assigned[high] and splits.LEFT_OUT not in (assigned[low], assigned[high])
        for position in (low, high)
        if assigned[position] != "train"
    }
    languages, sampled = card.languages(texts, spec.split.seed) if texts else ({}, 0)
    return {
        "rows_read": len(raw),
        "rows_kept": len(cleaned.records),
        "splits": {name: assigned.count(name) for name in splits.NAMES},
        "left_out": assigned.count(splits.LEFT_OUT),
        "labels": card.label_counts(labels),
        "lengths": card.lengths(texts) if texts else {},
        "languages": languages,
        "languages_sampled": sampled,
        "quarantine": counts,
        "duplicates": {
            "exact": cleaned.exact_found,
            "near": cleaned.near_found,
            "contradictions": counts.get("contradiction", 0),
            "near_kept": len(leaked),
        },
        "label_folds": cleaned.folds,
        "encoding": reading.encoding,
        "columns": mapping,
        "numbers": card.numbers(cleaned.records, columns),
        "provenance": [asdict(item) for item in reading.provenance],
    }
