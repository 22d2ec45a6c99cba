"""Write what the docs say of the command line and of the project file, from the code that decides it.

docs/cli.md                    from the argument parser
docs/project-file.md           from the JSON schema
docs/modelwright.schema.json   the JSON schema, for editors
src/modelwright/templates/     copies of the shipped examples, so that `modelwright new` has them in a wheel

.venv/bin/python scripts/reference.py [--check]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelwright.cli import parser
from modelwright.spec.load import json_schema
from modelwright.spec.routes.route import GradientRoute, Route, all_routes
from modelwright.tasks.contract import TASKS, all_tasks

ROOT = Path(__file__).parent.parent
_NOTE = "<!-- Written by scripts/reference.py from the code; change it there, then: make docs -->\n"


def command_line() -> str:
    """docs/cli.md."""
    top = parser()
    (verbs,) = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    parts = [
        "# Command line\n",
        _NOTE,
        f"{top.description}\n",
        "Exit codes: 0 done · 1 another error · 2 the project file or the command line · 3 data · 4 machine (disk, network, port, "
        "memory, missing library) · 5 training · 6 release · 7 request · 130 stopped with Ctrl-C.\n",
        "An error says four things: where, what came, what was expected, what to do. With `--json` it is one JSON object.\n",
    ]
    for name, verb in _verbs(verbs):
        actions = [action for action in verb._actions if not isinstance(action, argparse._HelpAction)]
        usage = " ".join(["modelwright", name, *(_usage(action) for action in actions)])
        parts.append(f"## `modelwright {name}`\n\n{verb.description}\n\n```\n{usage}\n```\n")
        rows = [f"| {_names(action)} | {_cell(_help(action, verb))} |" for action in actions]
        if rows:
            parts.append("| argument | meaning |\n|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _verbs(verbs: argparse._SubParsersAction) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each verb with what it is called; in place of one with actions of its own, these."""
    for name, verb in verbs.choices.items():
        inner = [action for action in verb._actions if isinstance(action, argparse._SubParsersAction)]
        if inner:
            yield from ((f"{name} {action}", parser) for action, parser in _verbs(inner[0]))
        else:
            yield name, verb


def _usage(action: argparse.Action) -> str:
    if not action.option_strings:
        name = str(action.metavar or action.dest)
        return {"?": f"[{name}]", "*": f"[{name} …]", "+": f"{name} …"}.get(str(action.nargs), name)
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return f"[{action.option_strings[0]}{value}]"


def _value(action: argparse.Action) -> str:
    return "|".join(map(str, action.choices)) if action.choices else str(action.metavar or action.dest.upper())


def _names(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return f"`{', '.join(action.option_strings)}{value}`".replace("|", r"\|")


def _help(action: argparse.Action, verb: argparse.ArgumentParser) -> str:
    return (action.help or "") % {"default": action.default, "prog": verb.prog}


def project_file() -> str:
    """docs/project-file.md."""
    schema = json_schema(TASKS)
    parts = [
        "# The project file\n",
        _NOTE,
        "`modelwright.yaml` holds everything a run needs. Only `project`, `task`, `data.source` and one route have no default. An "
        "unknown key is an error with its line and the nearest real key. `modelwright run --dry-run` prints the resolved file.\n",
        "* **References.** `${data.split.seed}` stands for another setting, `${env.NAME}` or `${env.NAME:-default}` for an "
        "environment variable. What comes from the environment may be a secret: the resolved file and errors show the reference, "
        "not the value.\n"
        "* **Overrides.** `modelwright run train.seed=3 'routes.bilstm={width: 64}'`: any key by its path; the value is YAML.\n"
        "* **Quantities.** `2 USD`, `19 per month`, `12% ± 6% per month`. The spread is half the width of an 80 % range: "
        "four times out of five the truth lies inside. Currencies: USD, CNY, EUR.\n"
        "* **Several routes of one kind.** A name of your own needs `route:`; "
        "`routes: {narrow: {route: bilstm, width: 32}, wide: {route: bilstm, width: 256}}`.\n"
        "* **Editors.** Completion and checks while typing: put "
        "`# yaml-language-server: $schema=<path>` on the first line, with the path of what `modelwright schema > schema.json` "
        "wrote (in this repository: docs/modelwright.schema.json).\n",
    ]
    parts += _section("The whole file", "", schema, schema)
    parts.append("## `learn`\n\nEach task's own settings.\n")
    for name, task in all_tasks().items():
        if task.settings.model_fields:
            about = " ".join((task.settings.__doc__ or "").split())
            parts.append(f"### `{name}`\n\n{about}\n\n" + _table(schema["$defs"][f"learn-{name}"], schema))
    parts.append("## `routes`\n\nEach route is one technical way to solve the task; see also `modelwright tasks TASK`.\n")
    shared = {"Route": set(Route.model_fields), "GradientRoute": set(GradientRoute.model_fields) - set(Route.model_fields)}
    parts.append("### Settings of every route\n\n" + _table(schema["$defs"]["route-tfidf-linear"], schema, shared["Route"]))
    parts.append(
        "### Settings of every route that is trained by gradient descent\n\nA route's own default, where it differs, stands "
        "in its own table. Formulas and sources: [training.md](training.md).\n\n"
        + _table(GradientRoute.model_json_schema(by_alias=True), schema, shared["GradientRoute"])
    )
    for name, route in all_routes().items():
        common = {*Route.model_fields, *GradientRoute.model_fields} - set(route.__annotations__)
        own = {item.alias or key for key, item in route.model_fields.items() if key not in common}
        about = " ".join((route.__doc__ or "").split())
        tasks = ", ".join(f"`{task.name}`" for task in all_tasks().values() if route in TASKS.routes(task.name).values())
        title = f"### `{route.name}`\n\n{about}\n\nLearns: {tasks}. Kind: {route.kind}.\n\n"
        parts.append(title + _table(schema["$defs"][f"route-{name}"], schema, own))
    return "\n".join(parts)


def _section(title: str, path: str, part: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    about = " ".join(part.get("description", "").split())
    yield f"## {title}\n\n{about}\n\n" + _table(part, schema)
    for key, field in part["properties"].items():
        inner = _inner(field, schema)
        if inner is not None and key not in ("routes", "learn"):
            yield from _section(f"`{path}{key}`", f"{path}{key}.", inner, schema)


def _inner(field: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any] | None:
    """The section that a field holds, itself or as a list's items."""
    for part in (field, *field.get("anyOf", ()), *field.get("allOf", ()), field.get("items", {})):
        if "$ref" in part:
            found = schema["$defs"][part["$ref"].rpartition("/")[2]]
            return found if "properties" in found else None
    return None


def _table(part: dict[str, Any], schema: dict[str, Any], only: set[str] | None = None) -> str:
    required = set(part.get("required", ()))
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, field in part["properties"].items():
        if only is not None and key not in only:
            continue
        default = "**required**" if key in required else _default(field, schema)
        cells = (f"`{key}`", _kind(field, schema), default, _cell(field.get("description", "")))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _default(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """A plain default. A section's own defaults stand in its own table."""
    value = field.get("default")
    if value in (None, "", []) or isinstance(value, dict):
        return ""
    return _cell(f"`{json.dumps(value, ensure_ascii=False)}`".replace('"', ""))


_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "",
    "object": "keys",
}


def _kind(field: dict[str, Any], schema: dict[str, Any]) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return _cell(" · ".join(f"`{item}`" for item in field["enum"]))
    if "$ref" in field:
        target = schema["$defs"][field["$ref"].rpartition("/")[2]]
        return "section" if "properties" in target else _kind(target, schema)
    if "anyOf" in field or "allOf" in field:
        kinds = [_kind(item, schema) for item in field.get("anyOf", field.get("allOf", ()))]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind))
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}), schema) or 'values'}"
    word = _WORDS.get(str(field.get("type", "")), "")
    return word + _range(field)


def _range(field: dict[str, Any]) -> str:
    signs = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
    said = [
        f"{sign} {field[key]:g}" if isinstance(field[key], float) else f"{sign} {field[key]}"
        for key, sign in signs
        if key in field
    ]
    return f" {', '.join(said)}" if said else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def tasks_page() -> str:
    """docs/tasks.md."""
    parts = [
        "# Tasks\n",
        _NOTE,
        "What can be learned, from which columns, by which routes, and how it is measured. The first metric is the headline: it decides "
        "unless `choose.metric` names another. Settings of a task stand under `learn:` ([project-file.md](project-file.md)).\n",
    ]
    for name, task in all_tasks().items():
        parts.append(f"## `{name}`\n\n{task.about[0].upper()}{task.about[1:]}.\n")
        rows = [
            f"| `{column.role}` | {column.kind} | {'read' if column.input else 'learned'}{'' if column.required else ', optional'} |"
            for column in task.columns
        ]
        rows += ["| every other column | inferred | read |"] if task.habits.others else []
        parts.append("| column | kind | is |\n|---|---|---|\n" + "\n".join(rows) + "\n")
        parts.append(f"Routes: {', '.join(f'`{route}`' for route in TASKS.routes(name))}.\n")
        listed = [f"{metric.name} ({'higher' if metric.better == 'higher' else 'lower'} is better)" for metric in task.metrics]
        parts.append(f"Metrics: {', '.join(listed)}.\n")
        examples = task.request.model_json_schema().get("examples")
        if examples:
            parts.append(f"A request:\n\n```json\n{json.dumps(examples[0], ensure_ascii=False)}\n```\n")
    return "\n".join(parts)


def outputs() -> dict[Path, str]:
    """Every file this script answers for, with its content."""
    found = {
        ROOT / "docs" / "cli.md": command_line(),
        ROOT / "docs" / "project-file.md": project_file(),
        ROOT / "docs" / "tasks.md": tasks_page(),
        ROOT / "docs" / "modelwright.schema.json": json.dumps(json_schema(TASKS), ensure_ascii=False, indent=1) + "\n",
    }
    for example in sorted((ROOT / "examples").glob("*/modelwright.yaml")):
        templates = ROOT / "src" / "modelwright" / "templates"
        found[templates / f"{example.parent.name}.yaml"] = example.read_text(encoding="utf-8")
        for beside in sorted(example.parent.glob("*.jsonl")):
            found[templates / f"{example.parent.name}.{beside.name}"] = beside.read_text(encoding="utf-8")
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    check = options.parse_args().check
    stale = [path for path, text in outputs().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(ROOT)} is out of date; run: make docs", file=sys.stderr)
        else:
            path.write_text(outputs()[path], encoding="utf-8")
            print(path.relative_to(ROOT))
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
