"""`hf://org/name[@revision][/config]`: a dataset repository of the hub, its table files read as data.

Loading scripts are never run: Parquet, JSON lines or CSV files are taken, in this order of preference. Repositories with
several configurations keep them in folders or in file names; `/config` picks one. All splits are read together, because this
project makes its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from modelwright.base.console import Console
from modelwright.base.errors import DataError, MachineError
from modelwright.base.optional import require
from modelwright.data.sources import files
from modelwright.data.sources.source import Provenance, Reading
from modelwright.spec.data import Data

SCHEME = "hf://"
_KINDS = (".parquet", ".jsonl", ".ndjson", ".csv", ".tsv")


@dataclass(frozen=True)
class Address:
    repository: str
    revision: str | None
    config: str | None


def parse(source: str) -> Address:
    """The parts of an `hf://` address.

    Raises:
        DataError: it does not name org/name.
    """
    parts = source.removeprefix(SCHEME).strip("/").split("/", 2)
    if len(parts) < 2 or not all(parts[:2]):
        raise DataError(
            f"{source!r} names no repository",
            expected="hf://org/name, hf://org/name@revision, or hf://org/name/config",
            where="data.source",
            remedy="Mend data.source.",
        )
    name, _, revision = parts[1].partition("@")
    return Address(f"{parts[0]}/{name}", revision or None, parts[2] if len(parts) == 3 else None)


def read(spec: Data, console: Console) -> Reading:
    """Download (the hub's client caches) and open the repository's tables.

    Raises:
        DataError: no table files, or no such configuration.
        MachineError: the hub is out of reach, or the repository is closed to this user.
    """
    address = parse(spec.source)
    hub = require("huggingface_hub", "data")
    try:
        with console.progress(f"fetching {spec.source}"):
            root = Path(
                hub.snapshot_download(
                    address.repository,
                    repo_type="dataset",
                    revision=address.revision,
                    allow_patterns=[f"*{kind}" for kind in _KINDS],
                )
            )
    except Exception as error:  # the hub's client raises its HTTP library's own classes, which change between versions
        raise unreachable(address, spec, error) from error
    found = sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))
    tables = [root / name for name in choose(found, address, spec, _kind)]
    reading = files.read_files(tables, spec)
    revision = address.revision or (root.name if root.parent.name == "snapshots" else None)
    return replace(reading, provenance=(Provenance(address.repository, spec.source, version=revision),))


def unreachable(address: Address, spec: Data, error: Exception) -> MachineError:
    return MachineError(
        f"the hub gives no {address.repository}: {str(error).strip().partition(chr(10))[0][:200] or type(error).__name__}",
        expected="a dataset that exists, a network, and a login where it is closed (HF_TOKEN)",
        where=spec.source,
        remedy="Connect once (it is cached afterwards), or give a file or catalogue://name.",
    )


def _kind(name: str) -> str | None:
    suffix = PurePosixPath(name).suffix
    return suffix if suffix in _KINDS else None


def choose(names: Sequence[str], address: Address, spec: Data, kind: Callable[[str], str | None]) -> list[str]:
    """The files of the wanted configuration that are of one kind, the most useful there is.

    Args:
        names: of the repository's files.
        kind: how a file is read (a suffix), None if it is not.

    Raises:
        DataError: no file that is read, or no such configuration.
    """
    found = [name for name in names if kind(name) is not None]
    if address.config is not None:
        chosen = [name for name in found if address.config in _configs(PurePosixPath(name))]
        if not chosen:
            known = sorted({part for name in found for part in _configs(PurePosixPath(name))})
            raise DataError(
                f"there is no configuration {address.config!r}",
                expected=f"one of: {', '.join(known) or 'none (leave it out)'}",
                where=spec.source,
                remedy="Mend data.source.",
            )
        found = chosen
    for wanted in (*_KINDS, *sorted({kind(name) or "" for name in found} - set(_KINDS))):
        tables = [name for name in found if kind(name) == wanted and PurePosixPath(name).stem.lower() != "readme"]
        if tables:
            return tables
    raise DataError(
        "the repository holds no table that is read as data",
        expected=f"files of kind {', '.join(_KINDS)} (loading scripts are not run)",
        where=spec.source,
        remedy="Give the revision refs/convert/parquet, which the hub makes for most datasets: hf://org/name@refs/convert/parquet",
    )


def _configs(relative: PurePosixPath) -> set[str]:
    """The folders a file lies in, and its own name without suffix."""
    return {*relative.parts[:-1], relative.stem}
