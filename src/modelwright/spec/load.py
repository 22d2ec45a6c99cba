"""From `modelwright.yaml` to a frozen `Project`: lines are remembered, so that every error names its place.

Order: read YAML with line marks → command-line overrides (`a.b=c`) → references (`${data.split.seed}`, `${env.NAME}`,
`${env.NAME:-default}`) → validation. Values that came from the environment are kept out of the resolved file (they may be
secrets): it shows the reference instead.
"""

from __future__ import annotations

import difflib
import os
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from modelwright.base.errors import SpecError
from modelwright.base.store import json_hash
from modelwright.spec.known import Tasks
from modelwright.spec.project import Project
from modelwright.spec.routes.fusion import with_members
from modelwright.spec.routes.route import Route, all_routes
from modelwright.spec.section import Section
from modelwright.spec.tree import Keys, Places, parse

FILE_NAME = "modelwright.yaml"
_REFERENCE = re.compile(r"\$\{([^${}]+)\}")
_ROUTE_NAME = re.compile(r"[\w][\w.-]*")
_LANGUAGE = re.compile(r"^language:\s*['\"]?(en|zh)\b", re.MULTILINE)
_NO_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Loaded:
    """A project file, read.

    Args:
        project: the frozen, typed settings.
        folder: the project's folder; relative paths start here.
        resolved: every setting with its value, defaults included, secrets as references; written into each run.
        hash: of all settings that shape results (secrets by value).
    """

    project: Project
    folder: Path
    resolved: dict[str, Any]
    hash: str


def load(where: Path, tasks: Tasks, overrides: Sequence[str] = ()) -> Loaded:
    """Read a project.

    Args:
        where: the project folder or its file.
        tasks: those there are.
        overrides: `a.b=c` settings that win over the file's.

    Raises:
        SpecError: with file and line, for whatever is wrong.
    """
    file = where / FILE_NAME if where.is_dir() else where
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"the project file can't be read: {getattr(error, 'strerror', None) or error}",
            expected=f"a UTF-8 file {FILE_NAME} in the project folder",
            where=str(file),
            remedy="Make one with: modelwright new my-project",
        ) from error
    tree, lines = parse(text, file)
    places = Places(file, lines)
    for override in overrides:
        _override(tree, override, places)
    shown: dict[Keys, str] = {}
    tree = _substitute(tree, tree, (), places, shown, ())
    places.shown = shown
    project = _validate(tree, tasks, places)
    values = project.model_dump(mode="json", by_alias=True)
    resolved = _show(values, shown)
    for name, route in project.routes.items():
        resolved["routes"][name] = {"route": route.name, **resolved["routes"][name]}
    return Loaded(project, file.parent.resolve(), resolved, json_hash(values))


def spoken(where: Path) -> str:
    """The language of messages, "en" or "zh": the project file's, even where something else in it is wrong; without a file that of the
    environment (LC_ALL, LC_MESSAGES, LANG, the first that is set)."""
    file = where / FILE_NAME if where.is_dir() else where
    try:
        said = _LANGUAGE.search(file.read_text(encoding="utf-8-sig"))  # a byte order mark is no harm
    except (OSError, UnicodeDecodeError):  # no file: another error says so, or none is needed
        said = None
    if said:
        return said[1]
    set_to = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "zh" if set_to.startswith("zh") else "en"


def from_values(values: Mapping[str, Any], tasks: Tasks, folder: Path) -> Loaded:
    """The project that `Project.model_dump` wrote (with each route's kind under "route"); for worker processes."""
    known, routes = tasks.routes(values["task"]), {}
    for name, settings in values["routes"].items():
        settings = dict(settings)
        routes[name] = known[settings.pop("route")].model_validate(settings)
    learn = tasks.settings(values["task"]).model_validate(values["learn"])
    project = Project.model_validate({**values, "routes": routes, "learn": learn})
    return Loaded(project, folder, {}, json_hash(project.model_dump(mode="json", by_alias=True)))


def _override(tree: dict[str, Any], override: str, places: Places) -> None:
    key, equals, raw = override.partition("=")
    path = tuple(part for part in key.strip().split("."))
    if not equals or not all(path):
        raise SpecError(
            f"{override!r} is no setting", expected="section.key=value", where="command line", remedy="For example: train.seed=3"
        )
    node: Any = tree
    for depth, part in enumerate(path[:-1], 1):
        if node.get(part) is None:
            node[part] = {}
        node = node[part]
        if not isinstance(node, dict):
            raise SpecError(
                f"{'.'.join(path[:depth])} is {node!r}, which has no keys of its own",
                expected="a section",
                where=f"override {override}",
                remedy=f"Give the whole of it: {'.'.join(path[:depth])}=…, or write it with its keys in the project file.",
            )
    try:
        node[path[-1]] = yaml.safe_load(raw)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SpecError(
            f"the value {raw!r} is not valid YAML", expected="a YAML value", where=f"override {override}", remedy="Quote it."
        ) from error
    places.overridden[path] = override


def _substitute(
    value: Any, tree: Mapping[str, Any], path: Keys, places: Places, shown: dict[Keys, str], seen: tuple[str, ...]
) -> Any:
    """Resolve `${…}` in every text. A text that is one reference keeps the type of what it names."""
    if isinstance(value, dict):
        return {key: _substitute(item, tree, (*path, key), places, shown, seen) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, tree, (*path, index), places, shown, seen) for index, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value

    def look_up(name: str) -> Any:
        if name in seen:
            raise SpecError(
                f"the reference ${{{name}}} leads back to itself",
                expected="references without a circle",
                where=places.of(path),
                remedy="Write the value in one of the places.",
            )
        if name.startswith("env."):
            variable, _, default = name[4:].partition(":-")
            found = os.environ.get(variable, default if ":-" in name else None)
            if found is not None:
                shown[path] = value
                return found
            raise SpecError(
                f"the environment variable {variable} is not set",
                expected=f"a value for ${{{name}}}",
                where=places.of(path),
                remedy=f"export {variable}=…  or write ${{env.{variable}:-default}}",
            )
        node: Any = tree
        for part in name.split("."):
            if not isinstance(node, dict) or part not in node:
                raise SpecError(
                    f"the reference ${{{name}}} names nothing",
                    expected="a key of this file, or env.NAME",
                    where=places.of(path),
                    remedy=f"Write {part!r} first, or mend the name.",
                )
            node = node[part]
        return _substitute(node, tree, path, places, shown, (*seen, name))

    whole = _REFERENCE.fullmatch(value)
    if whole:
        return look_up(whole[1])
    text = _REFERENCE.sub(lambda match: str(look_up(match[1])), value)
    if path in shown:  # part of it came from the environment: show the whole as it was written
        shown[path] = value
    return text


def _show(values: Any, shown: Mapping[Keys, str], path: Keys = ()) -> Any:
    if path in shown:
        return shown[path]
    if isinstance(values, dict):
        return {key: _show(item, shown, (*path, key)) for key, item in values.items()}
    if isinstance(values, list):
        return [_show(item, shown, (*path, index)) for index, item in enumerate(values)]
    return values


def _validate(tree: dict[str, Any], tasks: Tasks, places: Places) -> Project:
    tree = dict(tree)
    task = tree.get("task")
    if isinstance(task, str):
        if task not in tasks.names():
            raise _not_one_of("task", task, "a task", tasks.names(), places.of(("task",)), "modelwright tasks")
        if isinstance(tree.get("routes"), dict):
            known = tasks.routes(task)
            routes = {name: _route(name, raw, task, known, places) for name, raw in tree["routes"].items()}
            tuned = tree["tune"] if isinstance(tree.get("tune"), dict) else {}
            tree["routes"] = with_members(routes, tuned, lambda name: places.of(("routes", name)))
        tree["learn"] = _learn(tree.get("learn"), tasks.settings(task), places)
    try:
        return Project.model_validate(tree)
    except ValidationError as error:
        raise _translate(error, (), Project, places) from error


def _learn(raw: Any, kind: type[Section], places: Places) -> Section:
    if raw is not None and not isinstance(raw, dict):
        raise SpecError(
            f"learn is {raw!r}",
            expected=f"the task's own settings ({', '.join(_keys_at(kind, ())) or 'it has none'})",
            where=places.of(("learn",)),
            remedy="Write them as keys and values below learn, or leave it out.",
        )
    try:
        return kind.model_validate(raw or {})
    except ValidationError as error:
        raise _translate(error, ("learn",), kind, places) from error


def _route(name: str, raw: Any, task: str, known: Mapping[str, type[Route]], places: Places) -> Route:
    settings = {} if raw is None else raw
    path: Keys = ("routes", name)
    if not isinstance(settings, dict):
        raise SpecError(
            f"the settings of routes.{name} are {raw!r}",
            expected="settings of the route, or {} for the defaults",
            where=places.of(path),
            remedy=f"{name}: {{}}",
        )
    if not _ROUTE_NAME.fullmatch(name):
        raise SpecError(
            f"{name!r} can't be a route's name",
            expected="letters, digits, dots, dashes and underscores; the name becomes a folder",
            where=places.of(path),
            remedy=f"Call it {re.sub(_NO_NAME, '-', name).strip('-.') or 'my-route'}.",
        )
    settings = dict(settings)
    kind = str(settings.pop("route", name))
    if kind not in known:
        raise _not_one_of(
            f"routes.{name}", kind, f"a route of {task}", list(known), places.of((*path, "route")), f"modelwright tasks {task}"
        )
    try:
        return known[kind].model_validate(settings)
    except ValidationError as error:
        raise _translate(error, path, known[kind], places) from error


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?  " if close else ""


def _not_one_of(key: str, came: str, what: str, known: list[str], where: str, see: str) -> SpecError:
    name = f"{key}: {came!r}" if not key.endswith(f".{came}") else key
    return SpecError(
        f"{name} is not {what}.",
        expected=f"one of: {', '.join(known)}.",
        where=where,
        remedy=f"{_nearest(str(came), known)}See: {see}",
    )


def _translate(error: ValidationError, prefix: Keys, root: type[Section], places: Places) -> SpecError:
    """The first problem that pydantic found, in our four parts; unknown keys come first, because a misspelt key is also a
    missing one."""
    problems = error.errors(include_url=False)
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    inner = tuple(first["loc"])
    path = (*prefix, *inner)
    key = ".".join(str(part) for part in path)
    if first["type"] == "extra_forbidden":
        known = sorted(_keys_at(root, inner[:-1]))
        if prefix[:1] == ("routes",) and len(inner) == 1:
            known = sorted([*known, "route"])
        return SpecError(
            f"{key} is not a setting.",
            expected=f"one of: {', '.join(known)}.",
            where=places.of(path),
            remedy=f"{_nearest(str(inner[-1]), known)}All settings: modelwright schema",
        )
    if first["type"] == "missing":
        return SpecError(
            f"{key} is missing.",
            expected=f"{key}, {_description(root, inner)}",
            where=places.of(path),
            remedy=f"Add {key} to the project file.",
        )
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if _hidden(root, inner, first):
        came = f"{key} is set to a value that is not shown."
    else:
        shown = repr(places.shown.get(path) or _show(first["input"], places.shown, path))
        came = f"{key} is set to {shown if len(shown) < 80 else f'{shown[:77]}…'}."
    return SpecError(
        came,
        expected=f"{message} ({_description(root, inner)})",
        where=places.of(path),
        remedy="Change the value; all settings with their ranges: modelwright schema",
    )


def _hidden(root: type[Section], path: Keys, problem: Any) -> bool:
    """Whether a wrong value may be a secret: that of a field which is never shown, or of a whole section that has one."""
    parent = _field(root, path[:-1])[0] if path else None
    found = problem["input"]
    if isinstance(found, dict) and (section := _field(root, path)[0]) is not None:
        return any(not item.repr and found.get(item.alias or name) for name, item in section.model_fields.items())
    return parent is not None and any(
        not item.repr for name, item in parent.model_fields.items() if path[-1] in (name, item.alias)
    )


def _sections(annotation: Any) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for part in typing.get_args(annotation) for section in _sections(part)]


def _field(root: type[Section], path: Keys) -> tuple[type[Section] | None, str]:
    """The section that a path of keys leads to (None for a plain value), and the last field's description."""
    section: type[Section] | None = root
    description = ""
    for part in path:
        if isinstance(part, int) or section is None:
            continue
        field = next((item for name, item in section.model_fields.items() if part in (name, item.alias)), None)
        if field is None:
            return None, description
        description = field.description or ""
        section = next(iter(_sections(field.annotation)), None)
    return section, description


def _keys_at(root: type[Section], path: Keys) -> list[str]:
    section, _ = _field(root, path)
    return [item.alias or name for name, item in section.model_fields.items()] if section else []


def _description(root: type[Section], path: Keys) -> str:
    return _field(root, path)[1] or "as the reference says"


def json_schema(tasks: Tasks, language: str = "en") -> dict[str, Any]:
    """The project file's JSON schema for editors, from the same types that validate it."""
    schema = Project.model_json_schema(by_alias=True)
    definitions = schema.setdefault("$defs", {})

    def define(name: str, section: type[Section], **more: Any) -> dict[str, str]:
        part = section.model_json_schema(by_alias=True)
        definitions.update(part.pop("$defs", {}))
        part["properties"] = {**part.get("properties", {}), **more}
        definitions[name] = part
        return {"$ref": f"#/$defs/{name}"}

    choices: dict[str, list[dict[str, str]]] = {}
    for key, route in all_routes().items():
        said = {"const": route.name, "description": "the route, where the key is a name of your own"}
        choices.setdefault(route.name, []).append(define(f"route-{key}", route, route=said))
    properties = {name: {"anyOf": [*found, {"type": "null"}]} for name, found in choices.items()}
    named = [{"allOf": [one, {"required": ["route"]}]} for found in choices.values() for one in found]
    schema["properties"]["routes"] |= {"type": "object", "properties": properties, "additionalProperties": {"anyOf": named}}
    learned = {"learn": {"anyOf": [define(f"learn-{name}", tasks.settings(name)) for name in tasks.names()]}}
    schema["properties"] |= learned
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = FILE_NAME
    if language == "zh":
        _describe_in_chinese(schema)
    return schema


def _describe_in_chinese(part: Any) -> None:
    from modelwright.base.zh import described

    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _describe_in_chinese(inner)
    if isinstance(part, dict) and isinstance(part.get("description"), str):
        part["description"] = described(part["description"])
