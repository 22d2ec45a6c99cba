"""Which sentences of errors and settings have no Chinese yet, and which Chinese is of sentences that nobody writes any more.

python scripts/phrases.py             add missing sentences to src/modelwright/base/zh, with an empty translation; drop old ones
python scripts/phrases.py --check     only say what is missing or old
"""

from __future__ import annotations

import ast
import importlib
import itertools
import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from modelwright.base.zh import as_key
from modelwright.spec.load import json_schema
from modelwright.tasks.contract import TASKS, all_tasks

SOURCE = Path(__file__).parent.parent / "src" / "modelwright"
TABLES = SOURCE / "base" / "zh"
FAMILY = re.compile(r"(Modelwright|Spec|Data|Machine|MissingExtra|Bought|Cap|Train|Release|Request)Error")
PARTS = ("came", "expected", "remedy")
SETTINGS, ABOUT_SETTINGS = (
    "settings",
    "What tasks and the settings of a project file mean: English as their descriptions say it, and Chinese.",
)
PLACE = "\0"  # stands for whatever an f-string fills in
_MOST = 8  # sentences that one f-string may become
_DEEP = 6  # functions that hand a text on to the one that makes the error

Function = ast.FunctionDef | ast.AsyncFunctionDef
Texts = tuple[list[str], list[str]]


@cache
def sentences(room: str) -> dict[str, str]:
    """Templates of a room's errors with places numbered from 0, and the file where each is written."""
    if room == SETTINGS:
        return settings()
    path = SOURCE / room
    found: dict[str, str] = {}
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]:
        if TABLES in file.parents:
            continue
        for text, whole in Module(ast.parse(file.read_text(encoding="utf-8"))).written():
            words = text.replace(PLACE, " ").strip(" .,:;()'\"`")
            if re.search("[A-Za-z]{2}", words) and len(re.sub("[^A-Za-z]", "", words)) >= 3 and (whole or " " in words):
                found.setdefault(numbered(text if whole else text.strip()), str(file.relative_to(SOURCE)))
    return found


class Module:
    """One file: which of its calls make errors, and what texts these are given."""

    def __init__(self, tree: ast.Module) -> None:
        functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
        self.functions = {node.name: node for node in functions}
        self.errors = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and _is_error(node)}
        self.scopes: list[ast.AST] = [tree, *functions]
        self.around = {id(inner): scope for scope in self.scopes for inner in _inside(scope)}
        # parameters that become a part of an error, or a piece of one: (function, parameter) → whether the whole part
        self.handed: dict[tuple[str, str], bool] = {}

    def written(self) -> list[tuple[str, bool]]:
        """Texts, and whether each is a whole part of an error or only a piece that is filled into one."""
        found: dict[tuple[str, bool], None] = {}
        for _ in range(_DEEP):
            before = len(self.handed)
            for scope in self.scopes:
                for node in _own(scope):
                    if isinstance(node, ast.Call):
                        for part, whole in self.parts(node):
                            texts, pieces = self.texts(part, scope, whole)
                            found |= dict.fromkeys([(text, whole) for text in texts] + [(piece, False) for piece in pieces])
            if len(self.handed) == before:
                break
        return list(found)

    def parts(self, call: ast.Call) -> Iterator[tuple[ast.expr, bool]]:
        called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        for keyword in call.keywords:
            if keyword.arg in PARTS:
                yield keyword.value, True
        if call.args and (FAMILY.fullmatch(called) or called in self.errors or called == "ValueError"):
            yield call.args[0], True
        if called in self.functions:
            names = [argument.arg for argument in self.functions[called].args.args if argument.arg not in ("self", "cls")]
            given = [*zip(names, call.args, strict=False), *((keyword.arg, keyword.value) for keyword in call.keywords)]
            for name, value in given:
                if name and (called, name) in self.handed:
                    yield value, self.handed[called, name]

    def texts(self, node: ast.expr, scope: ast.AST, whole: bool, deep: int = 0) -> Texts:
        """Every text that an expression may become, with `PLACE` where anything may stand, and the pieces that are filled in there."""
        if deep > _DEEP:
            return [], []
        if isinstance(node, ast.Constant):
            return ([node.value] if isinstance(node.value, str) else []), []
        if isinstance(node, ast.IfExp | ast.BoolOp):
            return _all(self.texts(branch, scope, whole, deep + 1) for branch in _branches(node))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self.joined([node.left, node.right], scope, deep)
        if isinstance(node, ast.JoinedStr):
            return self.joined(node.values, scope, deep)
        if isinstance(node, ast.Name):
            if isinstance(scope, Function) and node.id in [argument.arg for argument in scope.args.args + scope.args.kwonlyargs]:
                key = (scope.name, node.id)
                self.handed[key] = self.handed.get(key, False) or whole
            found = _all(self.texts(value, scope, whole, deep + 1) for value in _assigned(scope, node.id))
            outer = self.around.get(id(scope))
            return found if found[0] or outer is None else self.texts(node, outer, whole, deep)
        if isinstance(node, ast.List | ast.Tuple | ast.Dict):
            return _all(
                self.texts(one, scope, whole, deep + 1) for one in (node.values if isinstance(node, ast.Dict) else node.elts)
            )
        if isinstance(node, ast.Subscript):
            return self.texts(node.value, scope, whole, deep + 1)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):  # table.get(key), ", ".join(changes)
            if node.func.attr == "get":
                return self.texts(node.func.value, scope, whole, deep + 1)
            listed = _all(self.texts(one, scope, False, deep + 1) for one in node.args if node.func.attr == "join")
            return [], [*listed[0], *listed[1]]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.functions:
            function = self.functions[node.func.id]
            returned = [inner.value for inner in _own(function) if isinstance(inner, ast.Return) and inner.value is not None]
            handed = _all(self.texts(one, scope, False, deep + 1) for one in node.args if isinstance(one, ast.Name))
            inside = _all(self.texts(value, function, whole, deep + 1) for value in returned)
            return inside[0], [*inside[1], *handed[0], *handed[1]]
        return [], []

    def joined(self, parts: Sequence[ast.expr], scope: ast.AST, deep: int) -> Texts:
        """An f-string or a sum: once for each choice that is made inside it; what else is filled in are pieces of their own."""
        choices: list[list[str]] = []
        pieces: list[str] = []
        for part in parts:
            node = (
                part.value
                if isinstance(part, ast.FormattedValue) and part.conversion == -1 and part.format_spec is None
                else part
            )
            found, inner = self.texts(node, scope, False, deep + 1)
            spelled = isinstance(node, ast.Constant | ast.BinOp | ast.JoinedStr)
            chosen = isinstance(node, ast.IfExp) and len(found) == len(_branches(node))
            choices.append(found if found and (spelled or chosen) else [PLACE])
            pieces += inner if spelled or chosen else [*found, *inner]
        if math.prod(map(len, choices)) > _MOST:
            pieces += [text for choice in choices if len(choice) > 1 for text in choice]
            choices = [choice if len(choice) == 1 else [PLACE] for choice in choices]
        return ["".join(choice) for choice in itertools.product(*choices)], pieces


def _all(found: Iterable[Texts]) -> Texts:
    texts, pieces = [], []
    for one in found:
        texts += one[0]
        pieces += one[1]
    return texts, pieces


def _branches(node: ast.expr) -> list[ast.expr]:
    """What a choice chooses from."""
    if isinstance(node, ast.IfExp):
        return [*_branches(node.body), *_branches(node.orelse)]
    return list(node.values) if isinstance(node, ast.BoolOp) else [node]


def _is_error(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and FAMILY.fullmatch(base.id) for base in node.bases)


@cache
def _own(scope: ast.AST) -> tuple[ast.AST, ...]:
    """What stands in a function, but not in the functions inside it."""
    found: list[ast.AST] = []
    waiting = [scope]
    while waiting:
        inner = [node for node in ast.iter_child_nodes(waiting.pop()) if not isinstance(node, Function)]
        found += inner
        waiting += inner
    return tuple(found)


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """The functions that stand in it, but not those inside these."""
    for node in (scope, *_own(scope)):
        yield from (child for child in ast.iter_child_nodes(node) if isinstance(child, Function))


@cache
def _assigned(scope: ast.AST, name: str) -> list[ast.expr]:
    """Whatever a name becomes: by `=`, as one of several, by `+=`, by `append` and `insert`."""
    found: list[ast.expr] = []
    for node in _own(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = zip(target.elts, node.value.elts, strict=False)
                    found += [value for one, value in pairs if isinstance(one, ast.Name) and one.id == name]
                elif isinstance(target, ast.Name) and target.id == name:
                    found.append(node.value)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            found += [node.value] if node.value is not None else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("append", "insert"):
            found += node.args[-1:] if isinstance(node.func.value, ast.Name) and node.func.value.id == name else []
    return found


def settings() -> dict[str, str]:
    """What the project file's schema says that settings mean, and what each task is for."""
    parts: list[Any] = [json_schema(TASKS)]
    found = {as_key(task.about): "a task" for task in all_tasks().values()}
    while parts:
        part = parts.pop(0)
        if (
            isinstance(part, dict)
            and isinstance(part.get("description"), str)
            and not part["description"].startswith("Base of all ")
        ):
            found[as_key(" ".join(part["description"].split()))] = "a setting"
        parts += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return found


def numbered(text: str) -> str:
    escaped = text.replace("{", "{{").replace("}", "}}")
    numbers = itertools.count()
    return re.sub(f"{PLACE}+", lambda _: f"{{{next(numbers)}}}", escaped)


def rooms() -> list[str]:
    """Folders and modules of the package whose errors say something."""
    names = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    return [SETTINGS, *(name for name in sorted(names) if sentences(name))]


def stem(room: str) -> str:
    return room if room == SETTINGS else f"errors_{room}"


def table(room: str) -> dict[str, str]:
    if not (TABLES / f"{stem(room)}.py").exists():
        return {}
    found: dict[str, str] = importlib.import_module(f"modelwright.base.zh.{stem(room)}").PHRASES
    return found


def write(room: str, entries: dict[str, str]) -> None:
    lines = [
        f'"""{ABOUT_SETTINGS if room == SETTINGS else f"What errors of `{room}` say: English as it is written there, and Chinese."}"""',
        "",
        "from __future__ import annotations",
        "",
        "PHRASES: dict[str, str] = {",
        *(f"    {english!r}: {chinese!r}," for english, chinese in entries.items()),
        "}",
        "",
    ]
    (TABLES / f"{stem(room)}.py").write_text("\n".join(lines), encoding="utf-8")


def main() -> int:
    odd = 0
    for room in rooms():
        known, wanted = table(room), sentences(room)
        missing = [text for text in wanted if not known.get(text)]
        old = [text for text in known if text not in wanted]
        odd += len(missing) + len(old)
        for text in missing:
            print(f"missing  {wanted[text]}  {text!r}")
        for text in old:
            print(f"old      {room}  {text!r}")
        if (missing or old) and "--check" not in sys.argv:
            write(room, {text: known.get(text, "") for text in wanted})
    for left in sorted({path.stem.removeprefix("errors_") for path in TABLES.glob("errors_*.py")} - set(rooms())):
        odd += 1
        print(f"old      {left}  its whole table: no error of that room says anything")
        if "--check" not in sys.argv:
            (TABLES / f"errors_{left}.py").unlink()
    print(f"{odd} to mend" if odd else "every sentence has its Chinese")
    return 1 if odd else 0


if __name__ == "__main__":
    sys.exit(main())
