"""Checkpoints that routes start from: `catalogue://name`, `hf://org/name[@revision]`, `run://folder[#route]`, or a local folder.

All end as a standard hub folder (`config.json`, `tokenizer.json`, `model.safetensors`), which is read as data.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from modelwright.base.console import Console
from modelwright.base.errors import DataError, MachineError
from modelwright.base.optional import require
from modelwright.base.store import json_hash, write_json, writing
from modelwright.data import gguf, run_references
from modelwright.data.catalogue.archive import read_members
from modelwright.data.catalogue.entry import Entry, FilesReader, get_entry
from modelwright.data.catalogue.fetch import cache_folder, fetch

_HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.md", "LICENSE*")
"""What is taken from a hub repository: no pickles, no code."""
_GGUF = "model.gguf"


def resolve(reference: str, folder: Path, console: Console) -> Path:
    """The checkpoint's folder on this machine, fetched if need be.

    Args:
        reference: as the project file names it.
        folder: the project's folder; a relative local path starts there.
        console: is told of downloads.

    Raises:
        DataError: it does not exist, or holds no `config.json` with safetensors weights.
        MachineError: it is not in the cache and no source is reachable.
    """
    if reference.startswith("catalogue://"):
        return _from_catalogue(get_entry(reference.removeprefix("catalogue://"), "checkpoint"), console)
    if reference.startswith("hf://"):
        return _checked(_from_hub(reference), reference)
    if reference.startswith(run_references.SCHEME):
        return _checked(run_references.resolve(reference, folder), reference)
    path = folder / Path(reference).expanduser()
    if not path.is_dir():
        raise DataError(
            "there is no such folder",
            expected="catalogue://name, hf://org/name, run://folder, or a folder with config.json and model.safetensors",
            where=str(path),
            remedy="Mend `from:` of the route, or give catalogue://minilm.",
        )
    return _checked(path, reference)


def identity(reference: str, folder: Path) -> str:
    """A cheap fingerprint of what `resolve` would give: the pinned hash, the repository and revision, the run's own digest, or the
    files' sizes and times. It fetches nothing.

    Raises:
        DataError: a run that is not there, or is not far enough.
    """
    if reference.startswith("catalogue://"):
        entry = get_entry(reference.removeprefix("catalogue://"), "checkpoint")
        return json_hash([source.sha256 for source in entry.sources])
    if reference.startswith("hf://"):
        return json_hash(reference)
    if reference.startswith(run_references.SCHEME):
        return run_references.identity(reference, folder)
    path = folder / Path(reference).expanduser()
    files = sorted(item for item in path.rglob("*") if item.is_file())
    return json_hash([(item.relative_to(path).as_posix(), item.stat().st_size, item.stat().st_mtime_ns) for item in files])


def _from_catalogue(entry: Entry, console: Console) -> Path:
    root = cache_folder() / "checkpoints"
    for source in entry.sources:
        kept = root / f"{entry.name}-{source.sha256[:12]}"
        if kept.is_dir():
            return kept
    fetched = fetch(entry, console)
    reader = fetched.source.reader
    if not isinstance(reader, FilesReader):
        raise ValueError(f"the checkpoint {entry.name} has a reader of kind {reader.kind!r}")
    target = root / f"{entry.name}-{fetched.source.sha256[:12]}"
    with writing(target):
        root.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".unpack-", dir=root))
        try:
            for name, content in read_members(fetched.archive, reader.files.__contains__):
                (partial / reader.files[name]).write_bytes(content)
            if reader.config:
                write_json(partial / "config.json", reader.config)
            if (packed := partial / _GGUF).exists():
                gguf.unpack(packed, partial)
                packed.unlink()
            _checked(partial, f"catalogue://{entry.name}", ("*.safetensors", "*.pth"))  # pinned by hash, and read as tensors only
            partial.chmod(0o755)
            partial.replace(target)
        except OSError:
            if not target.is_dir():  # another process may have unpacked it meanwhile, which is as good
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def _from_hub(reference: str) -> Path:
    hub = require("huggingface_hub", "data")
    repository, _, revision = reference.removeprefix("hf://").partition("@")
    try:
        return Path(hub.snapshot_download(repository, revision=revision or None, allow_patterns=list(_HUB_FILES)))
    except Exception as error:  # the hub's client raises its HTTP library's own classes, which change between versions
        raise MachineError(
            f"the hub gives no {repository}: {str(error).strip().partition(chr(10))[0][:200] or type(error).__name__}",
            expected="a repository that exists, a network, and a login where it is closed (HF_TOKEN)",
            where=reference,
            remedy="Connect once (it is cached afterwards), or give catalogue://minilm or a local folder.",
        ) from error


def _checked(path: Path, reference: str, weights: tuple[str, ...] = ("*.safetensors",)) -> Path:
    if not (path / "config.json").is_file() or not any(any(path.glob(pattern)) for pattern in weights):
        raise DataError(
            f"the folder holds {', '.join(sorted(item.name for item in path.iterdir())[:8]) or 'nothing'}",
            expected="config.json and model.safetensors (weights in other formats are not loaded: they may hold code)",
            where=f"{reference} ({path})",
            remedy="Convert the weights to safetensors, or choose a checkpoint that has them.",
        )
    return path
