"""What a catalogue file says: one dataset or checkpoint, its rights, and its sources in order of preference.

Adding a dataset is adding one YAML file to this folder; there is no list to edit.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, model_validator

from modelwright.base.errors import DataError
from modelwright.spec.section import Section


class FolderReader(Section):
    """Text files below `root`, one sub-folder per class: rows have `text`, `label`, `file`, and `title` if asked for."""

    kind: Literal["folder"]
    root: str
    suffix: str = ".txt"
    labels: dict[str, str] = Field(default_factory=dict, description="folder → label, where they differ")
    title: Literal["first-line"] | None = None


class LinesReader(Section):
    """One text per line, one file per class: rows have `text`, `label`."""

    kind: Literal["lines"]
    files: dict[str, str] = Field(min_length=1, description="label → path in the archive")


class JoinedTable(Section):
    """A table of the same archive and kind whose columns are added to each row that has its key."""

    path: str
    columns: tuple[str, ...] = Field((), description="names, where the file has no header")
    skip: int = Field(0, ge=0, description="first lines that are no rows and no header")
    key: str = Field(min_length=1, description="the column that both tables have")
    add: tuple[str, ...] = Field(min_length=1, description="the columns that are added")


class TableReader(Section):
    """One table in the archive; a path that ends in `.gz` is unpacked."""

    kind: Literal["csv", "tsv", "jsonl", "parquet"]
    path: str
    columns: tuple[str, ...] = Field((), description="names, where the file has no header (of `beside` too)")
    skip: int = Field(0, ge=0, description="first lines that are no rows and no header")
    spaces: Literal["strip", "separate"] | None = Field(
        None, description="strip: fields stand after a comma and a space; separate: fields are separated by spaces (kind csv)"
    )
    beside: str | None = Field(None, description="path of a file whose lines continue the lines of this one")
    joined: JoinedTable | None = None
    values: dict[str, dict[str, str]] = Field(default_factory=dict, description="column → value in the file → value as read")


class TablesReader(Section):
    """Several tables of the same columns, one after another; a further column says which one a row is of."""

    kind: Literal["tables"]
    format: Literal["csv", "tsv", "jsonl", "parquet"]
    files: dict[str, str] = Field(min_length=1, description="name → path in the archive")
    column: str = Field(min_length=1, description="the further column, which holds the name")


class ExchangesReader(Section):
    """YAML files of questions and answers, one file a topic: rows have `question`, `answer`, `topic`."""

    kind: Literal["exchanges"]
    files: dict[str, str] = Field(min_length=1, description="topic → path in the archive")


class IdxPair(Section):
    """Two IDX files in the archive."""

    images: str
    labels: str


class IdxReader(Section):
    """Images and labels in IDX files, gzipped or not: rows have `image`, `label`, `split`."""

    kind: Literal["idx"]
    splits: dict[str, IdxPair] = Field(min_length=1, description="split → its files")
    labels: tuple[str, ...] = Field((), description="labels in the order of their numbers; default: the numbers")


class DocumentsReader(Section):
    """JSON or YAML files of documents or conversations: rows have `text` or `messages`, and `file`.

    `rows` says where a file's rows are: "" its items if it is a list, else the file itself; "*" a mapping's values; a name what it
    holds under it. A conversation's turns are texts, texts with the key `text`, or lists of such; speakers take turns, and the one
    who begins asks. Conversations of fewer than two turns are left out.
    """

    kind: Literal["documents"]
    match: str = Field(min_length=1, description="paths of the files, as a regular expression that they match as a whole")
    rows: str = ""
    text: tuple[str, ...] = Field((), description="keys of what makes a document: texts or lists of texts, each on a line")
    turns: str | None = Field(None, description='key of a conversation\'s turns; "": the row itself')

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.text) == (self.turns is not None):
            raise ValueError("either `text` or `turns`")
        return self


class FilesReader(Section):
    """Plain files: a checkpoint's folder. Path in the archive → name in the folder."""

    kind: Literal["files"]
    files: dict[str, str] = Field(min_length=1)
    config: dict[str, str | int | tuple[float, ...]] = Field(
        default_factory=dict, description="config.json's content, where the archive has none"
    )


Reader = Annotated[
    FolderReader | LinesReader | TableReader | TablesReader | ExchangesReader | IdxReader | DocumentsReader | FilesReader,
    Field(discriminator="kind"),
]


class CatalogueSource(Section):
    """One archive in one registry, pinned by version and by the hash of its bytes."""

    registry: Literal["hf", "pypi", "npm", "deb", "url"]
    package: str = Field(min_length=1, description="the package; for hf the repository, for url the address")
    version: str = Field(min_length=1, description="package version; for hf the commit")
    file: str = Field(min_length=1, description="the archive's file name (for hf: path in the repository)")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    reader: Reader
    encoding: str = "auto"

    @property
    def name(self) -> str:
        return f"{self.registry}:{self.package}@{self.version}"


class Entry(Section):
    """One ready dataset or checkpoint."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: Literal["dataset", "checkpoint"] = "dataset"
    title: str
    task: str
    language: str
    rows: int | None = Field(None, ge=1, description="rows as read, before cleaning")
    licence: str
    licence_note: str = ""
    citation: str
    columns: dict[str, str] = Field(default_factory=dict, description="column → what it holds")
    sources: tuple[CatalogueSource, ...] = Field(min_length=1)


@cache
def list_catalogue() -> dict[str, Entry]:
    """Every entry of the folder, by name, in alphabetical order."""
    found = {}
    for item in sorted(files(__package__).iterdir(), key=lambda item: item.name):
        if item.name.endswith(".yaml"):
            entry = Entry.model_validate(yaml.safe_load(item.read_text(encoding="utf-8")))
            if entry.name != PurePosixPath(item.name).stem:
                raise ValueError(f"{item.name} names itself {entry.name!r}")
            found[entry.name] = entry
    return found


def get_entry(name: str, kind: Literal["dataset", "checkpoint"]) -> Entry:
    """The entry called `name`.

    Raises:
        DataError: there is none of this kind; the message lists those there are.
    """
    entry = list_catalogue().get(name)
    if entry is not None and entry.kind == kind:
        return entry
    known = [known.name for known in list_catalogue().values() if known.kind == kind]
    near = difflib.get_close_matches(name, known, 1, 0.5)
    raise DataError(
        f"the catalogue has no {kind} {name!r}",
        expected=f"one of: {', '.join(known)}",
        where=f"catalogue://{name}",
        remedy=f"Did you mean catalogue://{near[0]}?" if near else "See: modelwright datasets",
    )
