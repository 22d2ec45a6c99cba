"""When leaving rows out would hide a mistake: the data stage stops, and says what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from modelwright.base.errors import DataError
from modelwright.data.cleaning.record import QUARANTINE, Quarantine, Record
from modelwright.spec.data import Data

_UNREADABLE_LIMIT = 0.2
"""A larger share of unreadable rows is a wrong encoding or delimiter, not some bad rows."""


def refuse_missing(spec: Data, mapping: dict[str, str], total: int, quarantine: Quarantine, out: Path) -> None:
    """Stop where leaving rows out would hide a mistake."""
    listed = f"Nothing else was written. The rows are listed in {out / QUARANTINE}"
    counts = quarantine.counts()

    def first(reason: str) -> tuple[str, str]:
        return next((record.place, detail) for record, found, detail in quarantine.rows if found == reason)

    settings = {"missing_text": spec.clean.missing_text, "missing_label": spec.clean.missing_label}
    refuse_counts(
        counts, {reason: first(reason) for reason in ("unreadable", *settings) if reason in counts}, settings, total, listed
    )


def refuse_counts(
    counts: Mapping[str, int],
    first: Mapping[str, tuple[str, str]],
    settings: Mapping[str, str],
    total: int,
    listed: str,
) -> None:
    """Stop where too many rows can't be read, or where a setting says that rows without something are an error.

    Args:
        counts: rows by reason.
        first: of each reason the first row's place, and the detail.
        settings: reason → "error" or "quarantine".
        listed: where the rows can be seen.
    """
    if counts.get("unreadable", 0) > _UNREADABLE_LIMIT * total:
        place, detail = first["unreadable"]
        raise DataError(
            f"{_share(counts['unreadable'], total)} can't be read; the first: {detail}",
            expected=f"at most {_UNREADABLE_LIMIT:.0%} unreadable rows, which go to quarantine",
            where=place,
            remedy=f"Check data.encoding and the file's delimiter; for images, the paths and where they start. {listed}",
        )
    for reason, setting in settings.items():
        if setting == "error" and reason in counts:
            place, detail = first[reason]
            raise DataError(
                f"{detail.replace(' is empty', '')} is empty in {_share(counts[reason], total)}",
                expected=f"a {reason.removeprefix('missing_')} in every row, or data.clean.{reason}: quarantine (leave them out)",
                where=place,
                remedy=listed,
            )


def _share(count: int, total: int) -> str:
    return f"{count:,} of {total:,} rows ({count / total:.1%})"


def refuse_too_little(labels: Sequence[tuple[str, ...]] | None, kept: int, total: int, spec: Data, out: Path) -> None:
    listed = f"See {out / QUARANTINE} for what was left out and why."
    if kept == 0:
        raise DataError(
            f"no row of {total:,} is left after cleaning",
            expected="usable rows",
            where=f"data.source ({spec.source})",
            remedy=listed,
        )
    if labels is not None:
        different = sorted({label for found in labels for label in found})
        if len(different) < 2:
            raise DataError(
                f"all {kept:,} rows have the label {different[0]!r}",
                expected="at least two labels, or there is nothing to tell apart",
                where=f"data.columns.label ({spec.source})",
                remedy=f"Check the label column. {listed}",
            )


def refuse_near(duplicates: str | None, of_texts: bool) -> None:
    """Near duplicates are alike in their words: nothing else has any."""
    if duplicates == "near" and not of_texts:
        raise DataError(
            "data.clean.duplicates is near, but the inputs are not texts alone",
            expected="exact (equal inputs; images by their pixels) or keep",
            where="data.clean.duplicates",
            remedy="Set data.clean.duplicates: exact.",
        )


def refuse_repeated_ids(records: Sequence[Record], spec: Data) -> None:
    first: dict[str, Record] = {}
    for record in records:
        other = first.setdefault(record.id, record)
        if other is not record:
            raise DataError(
                f"the id {record.id!r} appears twice: here and at {other.place}",
                expected="an id of its own for each row",
                where=record.place,
                remedy=f"Mend the column {spec.columns.get('id', 'id')!r}, or leave data.columns.id out: places are ids then.",
            )


def refuse_unseen_labels(labels: Sequence[tuple[str, ...]], assigned: Sequence[str], spec: Data) -> None:
    known = {label for found, name in zip(labels, assigned, strict=True) if name == "train" for label in found}
    for found, name in zip(labels, assigned, strict=True):
        unseen = [label for label in found if label not in known]
        if unseen:
            raise DataError(
                f"the label {unseen[0]!r} occurs in the {name} split but in no training row",
                expected="every label among the training rows",
                where=f"data.split (by: {spec.split.by})",
                remedy="Raise data.clean.min_rows_per_label, take the label out of the source, or choose data.split.by: stratified.",
            )


def refuse_documents(spec: Data) -> None:
    """A setting that only a corpus has."""
    if spec.documents is not None:
        raise DataError(
            f"data.documents is {spec.documents}, and this task's rows are no documents",
            expected="a task that learns from a corpus",
            where="data.documents",
            remedy="Leave data.documents out.",
        )
