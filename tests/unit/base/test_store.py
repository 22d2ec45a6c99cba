"""Artefacts are whole or not there: after a crash, on a full disk, on a folder that may not be written."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.base import store
from modelwright.base.errors import DataError, MachineError, ReleaseError
from modelwright.base.store import Artefact


def _made(folder: Path, fingerprint: str = "f1", content: str = "content") -> Artefact:
    partial = store.begin(folder, fingerprint)
    store.write_text(partial / "deep" / "file.txt", content)
    return store.commit(folder, fingerprint, {"line": "made", "seconds": 0.5})


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    store.write_json(path, {"名": [1, None]})
    assert store.read_json(path) == {"名": [1, None]}
    assert "名" in path.read_text(encoding="utf-8")
    store.write_text(path, "second")
    assert path.read_text() == "second"
    assert [item.name for item in path.parent.iterdir()] == ["file.json"]


def test_a_crash_while_writing_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.txt"
    store.write_text(path, "old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "file.txt")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError) as caught:
        store.write_text(path, "new")
    assert "No space left" in caught.value.came
    assert caught.value.exit_code == 4
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


def test_sigkill_while_writing_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    store.write_bytes(path, b"old")
    code = (
        "import sys; from pathlib import Path; from modelwright.base import store\n"
        "print('ready', flush=True)\n"
        f"while True: store.write_bytes(Path({str(path)!r}), b'n' * 3_000_000)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.15)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        assert process.stdout is not None
        process.stdout.close()
    assert path.read_bytes() in (b"old", b"n" * 3_000_000)


@pytest.mark.parametrize("obstacle", ["a file where a folder should be", "a read-only folder"])
def test_an_unwritable_place_is_told_in_four_parts(tmp_path: Path, obstacle: str) -> None:
    blocked = tmp_path / "blocked"
    if obstacle.startswith("a file"):
        blocked.write_text("")
    elif os.geteuid() == 0:
        pytest.skip("root may write to read-only folders")
    else:
        blocked.mkdir(mode=0o500)
    for act in (
        lambda: store.write_text(blocked / "x" / "file", "text"),
        lambda: store.begin(blocked / "x" / "data", "f"),
    ):
        with pytest.raises(MachineError) as caught:
            act()
        assert str(blocked) in caught.value.where
        assert caught.value.remedy


def test_commit_writes_the_manifest_last_and_renames(tmp_path: Path) -> None:
    folder = tmp_path / "train" / "bilstm"
    partial = store.begin(folder, "f1")
    store.write_text(partial / "weights.txt", "w")
    assert not folder.exists()
    assert Artefact.open(partial) is None, "unfinished work is no artefact"
    made = store.commit(folder, "f1", {"line": "ok"})
    assert not partial.exists()
    opened = Artefact.open(folder)
    assert opened == made
    manifest = store.read_json(folder / store.MANIFEST)
    assert manifest["files"] == {"weights.txt": store.file_hash(folder / "weights.txt")}
    assert not (folder / ".fingerprint").exists()


def test_a_crash_before_the_rename_leaves_no_artefact_and_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data"
    partial = store.begin(folder, "f1")
    store.write_text(partial / "rows", "half")

    def refuse(self: Path, target: Path) -> Path:
        raise OSError(errno.EIO, "Input/output error", str(target))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(MachineError):
            store.commit(folder, "f1", {})
    assert Artefact.open(folder) is None
    assert store.begin(folder, "f1") == partial
    assert (partial / "rows").read_text() == "half", "what the crashed commit held is still there"
    assert Artefact.open(store.commit(folder, "f1", {"line": ""}).folder) is not None


def test_begin_hands_back_the_same_work_and_throws_away_other_work(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    partial = store.begin(folder, "f1")
    (partial / "checkpoint").write_text("step 100")
    assert (store.begin(folder, "f1") / "checkpoint").read_text() == "step 100"
    assert not (store.begin(folder, "f2") / "checkpoint").exists()


def test_a_repetition_replaces_the_finished_folder(tmp_path: Path) -> None:
    first = _made(tmp_path / "data", "f1", "one")
    second = _made(tmp_path / "data", "f1", "two")
    assert first.digest != second.digest
    assert (tmp_path / "data" / "deep" / "file.txt").read_text() == "two"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"fingerprint": "x"}', "null", "\x00"])
def test_a_damaged_manifest_is_no_artefact(tmp_path: Path, content: str) -> None:
    made = _made(tmp_path / "data")
    (made.folder / store.MANIFEST).write_text(content)
    assert Artefact.open(made.folder) is None


def test_verify_names_the_first_changed_or_missing_file(tmp_path: Path) -> None:
    made = _made(tmp_path / "release")
    made.verify(ReleaseError, "make it again")
    path = made.folder / "deep" / "file.txt"
    path.write_text("contenT")
    with pytest.raises(ReleaseError) as caught:
        made.verify(ReleaseError, "make it again")
    assert caught.value.where == str(path)
    assert caught.value.remedy == "make it again"
    path.unlink()
    with pytest.raises(DataError, match="missing"):
        made.verify(DataError, "")


def test_a_clone_is_equal_and_independent_of_later_replacement(tmp_path: Path) -> None:
    made = _made(tmp_path / "first" / "data")
    clone = made.clone(tmp_path / "second" / "data")
    assert clone.digest == made.digest
    assert Artefact.open(clone.folder) is not None
    store.write_text(made.folder / "deep" / "file.txt", "replaced")
    clone.verify(ReleaseError, "")


def test_a_clone_works_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _made(tmp_path / "first" / "data")

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    clone = made.clone(tmp_path / "second" / "data")
    clone.verify(ReleaseError, "")
    copied = clone.folder / "deep" / "file.txt"
    assert copied.read_bytes() == (made.folder / "deep" / "file.txt").read_bytes()
    assert copied.stat().st_nlink == 1


def test_a_clone_replaces_an_unfinished_or_stale_target(tmp_path: Path) -> None:
    made = _made(tmp_path / "first" / "data", "f1", "right")
    stale = _made(tmp_path / "second" / "data", "f0", "stale")
    (tmp_path / "second" / "data.partial").mkdir()
    clone = made.clone(stale.folder)
    assert (clone.folder / "deep" / "file.txt").read_text() == "right"


parts = st.lists(st.one_of(st.text(), st.binary()), max_size=4)


@given(parts, parts)
def test_hashes_differ_when_parts_differ(left: list[str | bytes], right: list[str | bytes]) -> None:
    def raw(items: list[str | bytes]) -> list[bytes]:
        return [item.encode() if isinstance(item, str) else item for item in items]

    assert (store.content_hash(*left) == store.content_hash(*right)) == (raw(left) == raw(right))


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=5))
def test_json_hash_ignores_the_order_of_keys(content: dict[str, object]) -> None:
    assert store.json_hash(content) == store.json_hash(dict(reversed(list(content.items()))))
    assert json.loads(json.dumps(content)) == content


def test_file_hash_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert store.file_hash(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
