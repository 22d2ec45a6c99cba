"""The docs say what is: commands parse, cheap ones run, links lead somewhere, references are up to date."""

from __future__ import annotations

import ast
import re
import resource
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import modelwright
from modelwright import cli
from modelwright.base.errors import SpecError
from modelwright.spec.load import load
from modelwright.tasks.contract import TASKS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")])
READMES = [ROOT / "README.md", ROOT / "README.zh.md"]
HELP_LIMIT_S = 0.3


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _commands(page: Path) -> list[list[str]]:
    lines = [line for block in _blocks(page, "sh") for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


COMMANDS = [(page.relative_to(ROOT).as_posix(), words) for page in PAGES for words in _commands(page)]
OURS = [pytest.param(words, id=f"{page}: {' '.join(words)}") for page, words in COMMANDS if words[0] == "modelwright"]


def test_there_are_commands_to_test() -> None:
    verbs = {words[1] for page, words in COMMANDS if page == "README.md" and words[0] == "modelwright"}
    assert verbs >= {"run", "serve", "ask", "new", "doctor"}
    assert verbs == {words[1] for page, words in COMMANDS if page == "README.zh.md" and words[0] == "modelwright"}


def test_only_known_programs_are_named() -> None:
    unknown = {words[0] for _, words in COMMANDS} - {"modelwright", "make", "curl", "python3", ".venv/bin/pip", ".", "cd"}
    assert not unknown


@pytest.mark.parametrize("words", OURS)
def test_commands_are_accepted_by_the_parser(words: list[str]) -> None:
    given = cli.parser().parse_args(words[1:])
    assert callable(given.does)
    for key in ("project", "run"):
        named = getattr(given, key, None)
        if named and "/" in named:
            assert (ROOT / named).exists(), f"{named} does not exist"


def _cheap(words: list[str]) -> bool:
    return words[1] in ("tasks", "datasets", "schema", "doctor") or (
        words[1] == "run" and "--dry-run" in words and len(words) > 3
    )


CHEAP = sorted({tuple(words) for _, words in COMMANDS if words[0] == "modelwright" and _cheap(words)})


@pytest.mark.parametrize("words", CHEAP, ids=" ".join)
def test_cheap_commands_run(words: tuple[str, ...]) -> None:
    done = _modelwright(list(words[1:]), ROOT)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 20


def _modelwright(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modelwright", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_path_to_ones_own_project_works(page: Path, tmp_path: Path) -> None:
    """The block with `modelwright new`: its lines are followed, up to the run itself."""
    (block,) = (block for block in _blocks(page, "sh") if "modelwright new" in block)
    folder = tmp_path
    for words in map(shlex.split, block.splitlines()):
        if words[0] == "cd":
            folder = folder / words[1]
            shutil.copy(ROOT / "tests" / "contracts" / "two_rows.csv", folder / "data.csv")
        elif words != ["modelwright", "run"]:
            done = _modelwright(words[1:], folder)
            assert done.returncode == 0, done.stderr
    assert "my-desk" in done.stdout


def test_targets_named_by_make_exist() -> None:
    listed = re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = {target for targets in listed for target in targets.split()}
    named = {words[1] for _, words in COMMANDS if words[0] == "make"}
    text = " ".join(page.read_text(encoding="utf-8") for page in PAGES)
    named |= set(re.findall(r"`make ([a-z-]+)", text))
    assert named <= targets
    assert {"demo", "test", "check", "bench", "bench-serve", "bench-finetune"} <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, _ = target.partition("#")
        if not re.match(r"[a-z]+:", target) and path and not (page.parent / path).exists():
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_python_in_docs_is_python_and_names_what_exists(page: Path) -> None:
    for block in _blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "mw":
                assert hasattr(modelwright, node.attr), f"mw.{node.attr}"
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("modelwright"):
                module: ModuleType = __import__(node.module or "", fromlist=["x"])
                assert all(hasattr(module, alias.name) for alias in node.names)


def test_the_project_file_in_the_readme_is_the_example() -> None:
    (shown,) = (block for block in _blocks(ROOT / "README.md", "yaml") if block.startswith("project:"))
    assert yaml.safe_load(shown) == yaml.safe_load((ROOT / "examples" / "news-desk" / "modelwright.yaml").read_text())
    (shown,) = (block for block in _blocks(ROOT / "README.zh.md", "yaml") if block.startswith("project:"))
    example = ROOT / "examples" / "chinese-sentiment" / "modelwright.yaml"
    assert yaml.safe_load(shown) == yaml.safe_load(example.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_error_in_the_readme_is_the_error(page: Path, tmp_path: Path) -> None:
    text = (ROOT / "examples" / "news-desk" / "modelwright.yaml").read_text()
    (tmp_path / "modelwright.yaml").write_text(text.replace("  bilstm:", "  bilsm:"))
    with pytest.raises(SpecError) as caught:
        load(tmp_path, TASKS)
    assert f"✗ {caught.value}" in page.read_text(encoding="utf-8")


def test_the_readmes_have_the_same_parts() -> None:
    def shape(page: Path) -> list[str]:
        text = page.read_text(encoding="utf-8")
        return re.findall(r"^(#+|```\w*|<!-- /?\w+ -->|\| \d+)", text, re.MULTILINE)

    assert shape(READMES[0]) == shape(READMES[1])


def test_every_stage_is_in_the_readmes() -> None:
    from modelwright.pipeline.table import STAGES

    for page in READMES:
        rows = re.findall(r"^\| \d+ \| `([a-z]+)`", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert rows == list(STAGES)


_PINNED_HERE = sys.platform == "linux" and sys.version_info[:2] == (3, 11)


@pytest.mark.parametrize(
    "script",
    [
        "reference.py",
        "phrases.py",
        pytest.param("constrain.py", marks=pytest.mark.skipif(not _PINNED_HERE, reason="pins are those of Linux, Python 3.11")),
    ],
)
def test_what_scripts_write_is_up_to_date(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_help_is_quick() -> None:
    """In processor time, because test machines are shared."""
    best = float("inf")
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = _modelwright(["--help"], ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert done.returncode == 0
    assert "verbs:" in done.stdout
    assert best < HELP_LIMIT_S


def test_nothing_of_one_machine_is_in_the_docs() -> None:
    home = str(Path.home())
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert str(ROOT) not in text, page
        assert f"{home}/" not in text, page
