"""What goes wrong at a founder's desk, through the command itself: four parts, an exit code, nothing half-written, nothing lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from killing import kill
from made_project import make, settings

ROUTES = {"tfidf-linear": {}}


def command(
    *words: str, cwd: Path | None = None, environment: dict[str, str] | None = None, limit: Callable[[], None] | None = None
):
    return subprocess.run(
        [sys.executable, "-m", "modelwright", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        preexec_fn=limit,
    )


def assert_four_parts(done: subprocess.CompletedProcess[str], code: int, *said: str) -> None:
    assert done.returncode == code, done.stderr
    lines = done.stderr[done.stderr.index("✗") :].strip().splitlines()
    assert len(lines) >= 3, done.stderr  # where and what came; what was expected; what to do
    assert lines[1].strip().startswith("Expected ")
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in done.stderr, done.stderr


def empty(path: Path) -> None:
    path.write_bytes(b"")


def one_class(path: Path) -> None:
    path.write_text("body,topic\n" + "".join(f"some words number {index},only\n" for index in range(40)))


def endless_line(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"body,topic\n")
        for _ in range(1024):
            file.write(b"a" * 2**20)


def binary(path: Path) -> None:
    path.write_bytes(b"body,topic\n" + bytes(range(256)) * 40)


def wrong_column(path: Path) -> None:
    path.write_text("content,topic\nhello,a\n")


def not_utf8(path: Path) -> None:
    path.write_bytes(b"body,topic\n" + "码头上的船,港口\n".encode("gb18030") * 20)


@pytest.mark.parametrize(
    ("write", "said", "more"),
    [
        (empty, "empty", {}),
        (one_class, "only", {}),
        (endless_line, "rows.csv", {}),
        (binary, "rows.csv", {}),
        (wrong_column, "content", {}),
        (not_utf8, "utf-8", {"encoding": "utf-8"}),
    ],
    ids=["empty file", "one class", "1 GB line", "binary", "missing column", "wrong encoding"],
)
def test_rows_that_cannot_be_learned_from(tmp_path: Path, write: Callable[[Path], None], said: str, more: dict) -> None:
    project = make(
        tmp_path / "made", routes=ROUTES, data={"source": "rows.csv", "columns": {"text": "body", "label": "topic"}, **more}
    )
    write(project / "rows.csv")
    started = time.monotonic()
    assert_four_parts(command("run", str(project)), 3, said)
    assert time.monotonic() - started < 60
    assert not list(project.glob("runs/*/data"))


def test_label_that_training_never_saw(tmp_path: Path) -> None:
    """By time, the latest rows are the test: a topic that begins there can't have been learned."""
    rows = "body,topic,day\n" + "".join(
        f"words of {index % 2} number {index},{'ab'[index % 2]},2026-01-{1 + index // 4:02d}\n" for index in range(80)
    )
    rows += "".join(f"fresh words number {index},new,2026-02-{1 + index:02d}\n" for index in range(10))
    split = {"by": "time", "column": "day"}
    project = make(
        tmp_path / "made",
        routes=ROUTES,
        data={"source": "rows.csv", "columns": {"text": "body", "label": "topic"}, "split": split},
    )
    (project / "rows.csv").write_text(rows)
    assert_four_parts(command("run", str(project)), 3, "new")


def test_full_disk_keeps_what_was_finished(tmp_path: Path) -> None:
    project = make(tmp_path / "made", routes=ROUTES)

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))  # every file that grows past this is refused

    unwritten = {"PYTHONDONTWRITEBYTECODE": "1"}  # CPython 3.11 would keep half a compiled module
    assert_four_parts(command("run", str(project), "--until", "data", limit=full, environment=unwritten), 4)
    assert not list(project.glob("runs/*/data"))
    assert command("run", str(project), "--until", "data").returncode == 0


def test_runs_folder_that_is_a_file(tmp_path: Path) -> None:
    project = make(tmp_path / "made", routes=ROUTES)
    (project / "runs").write_text("")
    assert_four_parts(command("run", str(project)), 4, "runs")


def test_no_network(tmp_path: Path) -> None:
    project = tmp_path / "made"
    project.mkdir()
    content = settings(routes=ROUTES, data={"source": "catalogue://bbc-news"})
    (project / "modelwright.yaml").write_text(yaml.safe_dump(content))
    nowhere = {
        "MODELWRIGHT_CACHE": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_FIND_LINKS": "",
        "npm_config_registry": "http://127.0.0.1:9/",
        "npm_config_fetch_retries": "0",
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }
    assert_four_parts(command("run", str(project), environment=nowhere), 4, "bbc-news")
    assert not list((tmp_path / "cache").rglob("*.whl"))


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make(tmp_path_factory.mktemp("bad") / "made", routes=ROUTES)
    assert command("run", str(project), "--until", "release").returncode == 0
    return project


def test_port_in_use(released: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_four_parts(command("serve", str(released), "--port", str(port)), 4, str(port))


def test_ask_answers_and_a_changed_release_is_refused(released: Path) -> None:
    (release,) = released.glob("runs/*/release")
    answer = json.loads(command("ask", "--run", str(released), "ship crane tide anchor quay").stdout)
    assert answer["label"] == "harbour"
    graph = release / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.unlink()  # it may be a hard link into another run
    graph.write_bytes(content)
    assert_four_parts(command("ask", "--run", str(released), "ship"), 6, "model.onnx", "hash")


def test_damaged_checkpoint_is_named_and_the_run_is_not_lost(tmp_path: Path) -> None:
    routes = {"fasttext": {"epochs": 180, "patience": 0, "buckets": 2000}}
    project = make(tmp_path / "made", routes=routes, train={"budget": {"steps": 600}, "checkpoint_seconds": 0.1})
    process = subprocess.Popen(
        [sys.executable, "-m", "modelwright", "run", str(project), "--until", "train"], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not (found := list(project.glob("runs/*/train/fasttext.partial/resume/state-*.safetensors"))):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    kill(process)
    assert list(found[0].parent.glob("*.safetensors"))
    for file in found[0].parent.glob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-100])
    done = command("run", str(project), "--until", "train")
    assert_four_parts(done, 5, "resume")
    assert list(project.glob("runs/*/data"))  # what was finished is kept
    shutil.rmtree(found[0].parent)  # as the message says
    assert command("run", str(project), "--until", "train").returncode == 0
