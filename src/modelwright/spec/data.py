"""`data:` where rows come from, how they are cleaned, how they are split."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from modelwright.spec.section import Section


class Clean(Section):
    """What happens to bad rows. Nothing is dropped in silence: removed rows lie in quarantine with their reason."""

    duplicates: Literal["exact", "near", "keep"] | None = Field(
        None,
        description="exact: equal inputs (texts after Unicode and space folding); near: also texts alike by MinHash; "
        "keep: leave them; default: the task's habit, most often exact",
    )
    similarity: float = Field(0.85, gt=0.3, le=1, description="estimated Jaccard similarity from which rows are near duplicates")
    contradictions: Literal["quarantine", "keep"] | None = Field(
        None,
        description="equal inputs under different labels: quarantine all copies, or keep them; default: the task's habit "
        "(texts: quarantine; tables: keep)",
    )
    missing_label: Literal["error", "quarantine"] = Field("error", description="rows without a label (or a number to predict)")
    missing_text: Literal["error", "quarantine"] = Field("quarantine", description="rows without one of the task's inputs")
    fold_labels: bool = Field(
        True, description="unite labels that differ only by case or spaces; the most frequent spelling wins"
    )
    min_rows_per_label: int = Field(
        5, ge=2, description="labels with fewer rows are quarantined: they can't be split and measured"
    )

    quality: tuple[Literal["gopher", "c4", "fineweb"], ...] = Field(
        (),
        description="published rules for texts from the web, by the corpus they were made for; a text that breaks one goes to "
        "quarantine under the rule's name",
    )
    languages: tuple[str, ...] = Field((), description="languages that are kept (ISO 639-1, like en, zh); none named: all")


class Split(Section):
    """Test, validation and training rows; made before anything is fitted."""

    test: float = Field(
        0.2,
        gt=0,
        lt=0.9,
        description="share of rows held out and scored once per route; of a corpus, if not stated, at most 1,000 documents and a million "
        "characters",
    )
    validation: float = Field(
        0.1,
        gt=0,
        lt=0.9,
        description="share of rows for early stopping, tuning and choosing; of a corpus, if not stated, as for test",
    )
    train: int | None = Field(
        None,
        ge=1,
        description="rows to learn from at most, dealt by label; the rest is left out, and test and validation stay what they are: for "
        "asking what a few labels are enough for",
    )
    seed: int = Field(7, ge=0)
    by: Literal["stratified", "group", "time", "last", "given"] | None = Field(
        None,
        description="stratified: label balance kept (at random where there are no labels); group: rows that share `column` stay "
        "together; time: the latest rows are the test; last: of each user the last row is the test, the one before it validation; "
        "of a corpus stratified is a draw by a hash of the text; given: `column` says train, test or validation (drawn from train where absent); "
        "default: the task's habit, most often stratified",
    )
    column: str | None = Field(
        None, description="for group, time and given: the column; default: the task's own for it, if it has one; for given: split"
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.test + self.validation >= 1:
            raise ValueError(
                f"test + validation below 1, so that rows are left to learn from, not {self.test + self.validation:g}"
            )
        if self.column is None and self.by == "group":
            raise ValueError("`column` with by: group")
        if self.column is not None and self.by in (None, "stratified"):
            raise ValueError("`column` only with by: group, time, last or given")
        return self


class Data(Section):
    """The source, its columns, cleaning and splits."""

    source: str = Field(
        min_length=1,
        description="catalogue://name, a file (CSV, TSV, JSONL, Parquet, Excel), a folder with one sub-folder of text or image files per class, IDX files, "
        "hf://org/name, sqlite:///file.db, postgresql://user@host/db",
    )
    query: str | None = Field(None, description="SQL for database sources")
    sheet: str | None = Field(None, description="sheet of an Excel file; default: the first")
    encoding: str = Field("auto", description="auto, or a Python codec name such as utf-8 or gb18030")
    columns: dict[str, str] = Field(
        default_factory=dict, description="role → column, like {text: body, label: topic, id: number}"
    )
    label_separator: str | None = Field(
        None, min_length=1, description="several labels in one cell, separated by this: the task becomes multi-label"
    )
    limit: int | None = Field(
        None,
        ge=1,
        description="rows taken at most, by a seeded draw (for trials); of a corpus the first, its files in a seeded order",
    )
    stream: bool = Field(
        False,
        description="read, clean and split documents in a stream, in bounded memory, as text-generation always does; their split is drawn "
        "from a hash of the text, whatever their labels; for fill-mask",
    )
    documents: Literal["file", "line", "paragraph", "endoftext"] | None = Field(
        None,
        description="what a document is in text files of a corpus: the whole file, a line, what stands between empty lines, or between "
        "<|endoftext|> marks; default: endoftext where the mark occurs, else file",
    )
    decontaminate: tuple[str, ...] = Field(
        (), description="sources of examination texts: what shares 13 words in a row with one of them goes to quarantine"
    )
    clean: Clean = Clean()
    split: Split = Split()
