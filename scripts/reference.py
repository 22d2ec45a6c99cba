"""Write what the docs say of the command line and of the project file, from the code that decides it.

docs/cli.md                    from the argument parser
docs/project-file.md           from the JSON schema, and in Chinese as project-file.zh.md
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

from project_page import ProjectPage, cell

from modelwright.cli import parser
from modelwright.spec.load import json_schema
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
        rows = [f"| {_names(action)} | {cell(_help(action, verb))} |" for action in actions]
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
        ROOT / "docs" / "project-file.md": ProjectPage("en", _NOTE).text(),
        ROOT / "docs" / "project-file.zh.md": ProjectPage("zh", _NOTE).text(),
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
