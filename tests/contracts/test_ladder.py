"""Imports go down the ladder only, and light rooms stay light.

Every import statement in src/modelwright is read (those inside functions and under TYPE_CHECKING too, and names handed to
`import_module`). Nothing is imported for that, so that a broken module is examined as well.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PACKAGE = "modelwright"
LOADERS = {"import_module", "require", "__import__"}

GROUND = {"base", "spec"}
WORKSHOP = GROUND | {"data", "models", "tasks"}
ROOMS = {
    "base",
    "spec",
    "data",
    "models",
    "tasks",
    "train",
    "evaluate",
    "compress",
    "serve",
    "operate",
    "venture",
    "report",
    "studio",
}
LADDER: dict[str, set[str]] = {
    "base": set(),
    "spec": {"base"},
    "data": GROUND,
    "models": GROUND,
    "tasks": GROUND,
    "train": WORKSHOP,
    "evaluate": WORKSHOP,
    "compress": WORKSHOP,
    "serve": GROUND | {"tasks"},
    "operate": GROUND | {"data", "serve"},
    "venture": GROUND,
    "report": GROUND,
    "studio": GROUND | {"report", "operate", "serve", "venture"},
    "pipeline": ROOMS,
    "cli": ROOMS | {"pipeline"},
    "__main__": {"cli"},
    "__init__": GROUND
    | {"pipeline", "serve", "tasks"},  # the Python face: on first use, so that `import modelwright` stays instant
}

FORBIDDEN_LIBRARIES = {
    "base": {"torch", "sklearn", "transformers", "onnx"},
    "spec": {"torch", "sklearn", "transformers", "onnxruntime", "numpy"},
    "tasks": {"torch", "transformers"},
    "serve": {"torch", "sklearn", "transformers", "scipy", "pyarrow"},
    "venture": {"torch", "sklearn", "transformers", "onnxruntime"},
    "report": {"torch", "sklearn", "transformers"},
    "cli": {"torch", "sklearn", "transformers", "numpy"},
}
"""Libraries that a room never imports, not even inside a function."""


@dataclass(frozen=True)
class Import:
    """One import: the importing room, what is imported (dotted), and where."""

    room: str
    target: str
    place: str


def imports(source: Path, package: str = PACKAGE) -> Iterator[Import]:
    """Every import below `source`/`package`."""
    root = source / package
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        room = parts[0]
        inside = [package, *parts[:-1]]  # the package that a relative import of one dot starts from
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            for target in _targets(node, inside):
                yield Import(room, target, f"{path.relative_to(source).as_posix()}:{node.lineno}")


def _targets(node: ast.AST, inside: list[str]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        start = ".".join(inside[: len(inside) - node.level + 1]) if node.level else ""
        module = ".".join(part for part in (start, node.module or "") if part)
        # `from modelwright import serve` names the room only in its alias
        return [f"{module}.{alias.name}" for alias in node.names] if module.count(".") == 0 else [module]
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0] if node.args else None
        if name in LOADERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            return [first.value]
    return []


def breaches(source: Path, package: str = PACKAGE) -> list[str]:
    """Edges that are not on the ladder, each as one line for people."""
    found = []
    for item in imports(source, package):
        head, _, rest = item.target.partition(".")
        if head != package:
            continue
        target = rest.partition(".")[0] or "__init__"
        if target == "__version__" or target == item.room:
            continue
        allowed = LADDER.get(item.room)
        if allowed is None:
            found.append(f"{item.place}  {item.room} is no room of the plan; rooms: {', '.join(sorted(LADDER))}")
        elif target not in allowed:
            below = ", ".join(sorted(allowed)) or "nothing of ours"
            found.append(f"{item.place}  {item.room} → {target} is not on the ladder; {item.room} may import: {below}")
    return found


def test_imports_go_down_the_ladder_only() -> None:
    found = breaches(SOURCE)
    assert not found, "\n" + "\n".join(found)


def test_the_walk_sees_the_whole_house() -> None:
    """Were the folder moved, the walk would find nothing and every other test here would pass."""
    seen = {item.room for item in imports(SOURCE)}
    assert {"base", "spec", "data", "models", "tasks", "train", "evaluate", "serve", "pipeline"} <= seen


def test_ladder_has_no_circle() -> None:
    reached: dict[str, set[str]] = {}

    def below(room: str, above: tuple[str, ...]) -> set[str]:
        assert room not in above, f"circle: {' → '.join((*above, room))}"
        if room not in reached:
            reached[room] = LADDER[room].union(*(below(item, (*above, room)) for item in LADDER[room]))
        return reached[room]

    for room in LADDER:
        assert room not in below(room, ())


@pytest.mark.parametrize(
    ("file", "code", "edge"),
    [
        ("serve/door.py", "from modelwright.data import rows", "serve → data"),
        ("serve/door.py", "def late():\n    import modelwright.train.loop", "serve → train"),
        ("tasks/deep/door.py", "from ...models import registry", "tasks → models"),
        ("data/door.py", "from modelwright import evaluate", "data → evaluate"),
        (
            "spec/door.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from modelwright.tasks import x",
            "spec → tasks",
        ),
        ("venture/door.py", "import importlib\nimportlib.import_module('modelwright.data.rows')", "venture → data"),
        ("base/door.py", "import modelwright", "base → __init__"),
        ("report/door.py", "from modelwright.pipeline.run import run", "report → pipeline"),
        ("cellar/door.py", "from modelwright.base import errors", "cellar is no room"),
    ],
)
def test_a_forbidden_edge_is_found(tmp_path: Path, file: str, code: str, edge: str) -> None:
    path = tmp_path / PACKAGE / file
    path.parent.mkdir(parents=True)
    path.write_text(code)
    (found,) = breaches(tmp_path)
    assert edge in found
    assert f"{PACKAGE}/{file}:" in found


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("train/loop.py", "from modelwright.tasks.contract import Task\nfrom . import other\nfrom ..models import registry"),
        ("cli.py", "def main():\n    from modelwright.pipeline.run import run\n    import numpy"),
        ("__init__.py", "def run():\n    from modelwright.pipeline import run"),
    ],
)
def test_an_allowed_edge_is_left_alone(tmp_path: Path, file: str, code: str) -> None:
    path = tmp_path / PACKAGE / file
    path.parent.mkdir(parents=True)
    path.write_text(code)
    assert breaches(tmp_path) == []


def test_light_rooms_name_no_heavy_library() -> None:
    found = [
        f"{item.place}  {item.room} imports {item.target}"
        for item in imports(SOURCE)
        if item.target.partition(".")[0] in FORBIDDEN_LIBRARIES.get(item.room, set())
    ]
    assert not found, "\n" + "\n".join(found)


def _modules_of(room: str) -> list[str]:
    root = SOURCE / PACKAGE
    paths = sorted((root / room).rglob("*.py")) if (root / room).is_dir() else [root / f"{room}.py"]
    return [
        ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__") for path in paths if path.is_file()
    ]


@pytest.mark.parametrize(
    ("room", "heavy"),
    [
        ("base", {"torch", "sklearn", "transformers", "onnxruntime", "fastapi", "rich"}),
        ("spec", {"torch", "sklearn", "transformers", "onnxruntime", "fastapi", "rich", "scipy"}),
        ("data", {"torch", "sklearn", "transformers"}),
        ("tasks", {"torch", "sklearn", "transformers", "scipy"}),
        ("serve", {"torch", "sklearn", "transformers", "scipy", "pyarrow", "pandas"}),
        ("venture", {"torch", "sklearn", "transformers", "onnxruntime"}),
        ("report", {"torch", "sklearn", "transformers"}),
        ("cli", {"torch", "sklearn", "transformers", "onnxruntime", "fastapi", "rich", "numpy", "pydantic"}),
        ("__init__", {"torch", "sklearn", "transformers", "onnxruntime", "fastapi", "rich", "numpy", "pydantic"}),
    ],
)
def test_importing_a_light_room_loads_no_heavy_library(room: str, heavy: set[str]) -> None:
    modules = _modules_of(room)
    if not modules:
        pytest.skip(f"there is no {room} yet")
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(*sorted(set({sorted(heavy)!r}) & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], f"importing {room} loads: {done.stdout.strip()}"


def test_tests_reach_no_network_unless_marked() -> None:
    """A test module that names a network library is marked `network`, or talks to a server that it started on this machine."""
    clients = {"requests", "urllib3", "ftplib", "smtplib"}
    found = []
    for path in sorted((Path(__file__).parents[1]).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {target.partition(".")[0] for node in ast.walk(tree) for target in _targets(node, ["tests"])}
        if names & clients and "mark.network" not in path.read_text(encoding="utf-8"):
            found.append(f"{path.name} imports {', '.join(sorted(names & clients))}")
    assert not found, "\n" + "\n".join(found)
