"""Sources of rows, one file each. `open_source` finds the one that `data.source` names; `identity` fingerprints it cheaply."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.base.store import file_hash, json_hash
from modelwright.data.sources import catalogue, database, files, folder, hub, idx, images
from modelwright.data.sources.source import Provenance, Reading, stat_identity
from modelwright.spec.data import Data


def open_source(spec: Data, project: Path, console: Console) -> Reading:
    """Open the source that `spec.source` names.

    Args:
        spec: the project's data section.
        project: the project's folder; relative paths start there.
        console: is told of downloads.

    Raises:
        DataError: there is no such source, or it can't be read as what it claims to be.
        MachineError: network or server out of reach.
    """
    if spec.source.startswith(catalogue.SCHEME):
        return catalogue.read(spec, console)
    if spec.source.startswith(hub.SCHEME):
        return hub.read(spec, console)
    if spec.source.startswith(database.SCHEMES):
        return database.read(spec, project)
    path = find_path(spec, project)
    if path.is_file():
        reading = idx.read([path]) if idx.is_idx(path) else files.read_file(path, spec)
        return replace(reading, provenance=(Provenance(path.name, spec.source, sha256=file_hash(path)),), folder=path.parent)
    return replace(_open_folder(path, spec), provenance=(Provenance(path.name, spec.source, sha256=None),), folder=path)


def _open_folder(path: Path, spec: Data) -> Reading:
    """Tables, else IDX files, else images by class, else texts by class."""
    tables = files.list_tables(path)
    if tables:
        return files.read_files(tables, spec)
    if arrays := idx.list_files(path):
        return idx.read(arrays)
    pictures = images.list_files(path)
    return images.read(path, pictures) if pictures else folder.read(path, spec)


def identity(spec: Data, project: Path) -> str:
    """A fingerprint of the source's content that costs no reading of it: pinned hash (catalogue); path, size and time (files);
    address and query or revision, without secrets (databases, hub).

    Raises:
        DataError: there is no such file, folder or catalogue entry.
    """
    if spec.source.startswith(catalogue.SCHEME):
        return json_hash(["catalogue", catalogue.identity(spec)])
    if spec.source.startswith(hub.SCHEME):
        return json_hash(["hub", spec.source])
    if spec.source.startswith(database.SCHEMES):
        return json_hash(["database", database.identity(spec, project)])
    path = find_path(spec, project)
    if path.is_file():
        return json_hash(stat_identity(path))
    found = files.list_tables(path) or idx.list_files(path) or images.list_files(path) or folder.list_files(path)
    return json_hash([stat_identity(item) for item in found])


def find_path(spec: Data, project: Path) -> Path:
    """The file or folder that `spec.source` names.

    Raises:
        DataError: there is none.
    """
    if "://" in spec.source:
        raise DataError(
            f"{spec.source.partition('://')[0]}:// is no source",
            expected=f"a file, a folder, {catalogue.SCHEME}name, {hub.SCHEME}org/name, {', '.join(database.SCHEMES)}…",
            where="data.source",
            remedy="Mend data.source.",
        )
    path = project / Path(spec.source).expanduser()
    if not path.exists():
        near = sorted(item.name for item in path.parent.iterdir())[:8] if path.parent.is_dir() else []
        raise DataError(
            "there is no such file or folder",
            expected=f"one of {', '.join(near)}" if near else "a path that starts at the project's folder",
            where=str(path),
            remedy="Mend data.source.",
        )
    return path
