"""Artefacts on disk: whole or not at all.

A step writes into `<name>.partial/`; `commit` hashes every file, writes `manifest.json` last and renames the folder to
`<name>/`. A folder without a manifest is not an artefact. A partial folder whose fingerprint matches is handed back to the
same step, so that a killed training goes on from its last checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.base.errors import MachineError, ModelwrightError

MANIFEST = "manifest.json"
_FINGERPRINT = ".fingerprint"


@contextmanager
def writing(path: Path):
    """Translate the operating system's refusal to write into our error; nothing half-written is left behind it."""
    try:
        yield
    except OSError as error:
        raise MachineError(
            f"can't be written: {error.strerror or error}",
            expected="a folder that this user may write to, with free space",
            where=str(error.filename or path),
            remedy="Free some space or change the permissions, then give the same command again: finished steps are kept.",
        ) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a sibling is written, flushed to disk, then renamed over `path`."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sibling = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with sibling.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            sibling.replace(path)
        finally:
            sibling.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def content_hash(*parts: bytes | str) -> str:
    """SHA-256 over the parts, each preceded by its length (so that moving a byte between parts changes the hash)."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return digest.hexdigest()


def json_hash(content: Any) -> str:
    """SHA-256 of the canonical JSON (sorted keys) of `content`."""
    return content_hash(json.dumps(content, sort_keys=True, ensure_ascii=False, default=str))


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Artefact:
    """A finished step's folder.

    Args:
        folder: where it lies.
        fingerprint: of what it was made from (spec part, inputs, code).
        digest: of what it holds; later steps take it into their fingerprint.
        info: what the step says of itself in one look (the summary line, the seconds it took).
    """

    folder: Path
    fingerprint: str
    digest: str
    info: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Artefact | None:
        """The artefact in `folder`, or None if it is missing or unfinished."""
        try:
            manifest = read_json(folder / MANIFEST)
            return cls(folder, manifest["fingerprint"], manifest["digest"], manifest["info"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def verify(self, error: type[ModelwrightError], remedy: str) -> None:
        """Compare every file with the manifest's hash.

        Raises:
            error: naming the first file that is missing or changed.
        """
        for name, expected in read_json(self.folder / MANIFEST)["files"].items():
            path = self.folder / name
            came = file_hash(path) if path.is_file() else None
            if came != expected:
                raise error(
                    "the file is missing" if came is None else f"the file's hash is {came[:12]}…",
                    expected=f"hash {expected[:12]}…, as written in {MANIFEST}",
                    where=str(path),
                    remedy=remedy,
                )

    def clone(self, target: Path) -> Artefact:
        """Reuse in another run: hard links where the file system has them, copies elsewhere."""
        with writing(target):
            partial = target.with_name(target.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(self.folder, partial, copy_function=_link_or_copy)
            _put(partial, target)
        return Artefact(target, self.fingerprint, self.digest, self.info)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)


def _put(partial: Path, folder: Path) -> None:
    """Rename `partial` to `folder`. What a forced repetition replaces is moved aside first, so that a kill in between never
    leaves a folder with a manifest and without its files."""
    aside = folder.with_name(folder.name + ".old.partial")
    shutil.rmtree(aside, ignore_errors=True)
    if folder.exists():
        folder.rename(aside)
    partial.rename(folder)
    shutil.rmtree(aside, ignore_errors=True)


def begin(folder: Path, fingerprint: str) -> Path:
    """The partial folder for a step: what a killed execution left if it was the same step, else a fresh one."""
    partial = folder.with_name(folder.name + ".partial")
    mark = partial / _FINGERPRINT
    with writing(partial):
        if not (mark.is_file() and mark.read_text() == fingerprint):
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            write_text(mark, fingerprint)
    return partial


def commit(folder: Path, fingerprint: str, info: Mapping[str, Any]) -> Artefact:
    """Seal the partial folder of `folder`: hash, manifest, rename."""
    partial = folder.with_name(folder.name + ".partial")
    with writing(folder):
        files = {
            path.relative_to(partial).as_posix(): file_hash(path)
            for path in sorted(partial.rglob("*"))
            if path.is_file() and path not in (partial / MANIFEST, partial / _FINGERPRINT)
        }
        digest = json_hash(files)
        write_json(partial / MANIFEST, {"fingerprint": fingerprint, "digest": digest, "info": dict(info), "files": files})
        _put(partial, folder)
        (folder / _FINGERPRINT).unlink(missing_ok=True)  # only now: until the rename, the work can still be continued
    return Artefact(folder, fingerprint, digest, info)
