"""The door: parse, call, print. Nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from modelwright.base.collector import process
from modelwright.base.console import Console
from modelwright.base.errors import ModelwrightError
from modelwright.pipeline.compute_arguments import arguments as compute_arguments
from modelwright.pipeline.queue.arguments import arguments as queue_arguments

_STOPPED = {
    "en": "Stopped. What was finished is kept; the same command goes on from here.",
    "zh": "已停止。完成的部分会保留；再次执行同一命令即可从这里继续。",
}
_STAGES = "data, forecast, train, evaluate, choose, compress, release, rehearse, plan, report"


def parser() -> argparse.ArgumentParser:
    """The whole command line; the reference in the docs is made from it."""
    top = argparse.ArgumentParser(
        prog="modelwright",
        description="From raw data to a model that is trained, proven, compressed, served, watched and priced.",
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", title="verbs")

    def verb(
        name: str, does: Callable[[argparse.Namespace, Console], Any], text: str, json_too: bool = True
    ) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        made.set_defaults(does=does)
        if json_too:
            made.add_argument("--json", action="store_true", help="print JSON for scripts; errors too")
        return made

    new = verb("new", _new, "make a project from a template")
    new.add_argument("name", metavar="NAME", help="the project's folder; its last part is the project's name")
    new.add_argument(
        "--template", metavar="T", default="blank", help="the template; an unknown one lists them (default: %(default)s)"
    )
    new.add_argument("--language", choices=("en", "zh"), help="language of comments and reports (default: the template's)")

    run = verb("run", _run, "run the pipeline: from data to report; what has not changed is kept")
    run.add_argument("project", nargs="?", default=".", metavar="PROJECT", help="the project's folder or file (default: here)")
    run.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings that win over the file's, like train.seed=3")
    run.add_argument("--dry-run", action="store_true", help="print the resolved settings and the stage plan, and do nothing")
    run.add_argument("--until", metavar="STAGE", help=f"the last stage to run ({_STAGES})")
    run.add_argument("--from", dest="since", metavar="STAGE", help="do this stage and all after it again")
    run.add_argument("--force", action="store_true", help="do everything again")

    serve = verb("serve", _serve, "serve a release over HTTP", json_too=False)
    _of_run(serve)
    serve.add_argument("--host", metavar="H", help="address to listen on (default: the project's)")
    serve.add_argument("--port", type=int, metavar="N", help="port; 0 takes any free one (default: the project's)")

    ask = verb("ask", _ask, "ask a release without a server")
    ask.add_argument(
        "text",
        nargs="+",
        metavar="REQUEST",
        help="a text, a request in JSON, or @file.json; several are answered together; - reads one a line from standard input",
    )
    ask.add_argument("--run", default="", metavar="RUN", help=_RUN_HELP)

    plan = verb("plan", _plan, "what if? compute the plan alone again, from what the newest run measured")
    plan.add_argument(
        "project", nargs="?", default=".", metavar="PROJECT", help="a project, or a run's folder or id (default: here)"
    )
    plan.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings to change, like venture.price.plan=29")
    plan.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="the same; may be given several times")
    plan.add_argument("--scenario", action="append", default=[], type=Path, metavar="FILE", help="settings of a YAML file, first")
    plan.add_argument("--compare", action="store_true", help="show the plan before and after, and the difference")

    alarms = verb("alarms", _alarms, "compare the running service with what was promised, rehearsed and planned")
    alarms.add_argument("project", nargs="?", default=".", metavar="PROJECT", help="a project, or a run (default: here)")
    alarms.add_argument("--log", type=Path, metavar="FILE", help="the server's request log (default: the project's serve.log)")
    alarms.add_argument("--days", type=float, default=7.0, metavar="N", help="days of the log that count (default: %(default)g)")
    alarms.add_argument("--check", action="store_true", help="exit with 1 if an alarm is on, for schedulers")

    report = verb("report", _report, "say where a run's report is, or print it as PDF")
    _of_run(report)
    report.add_argument("--pdf", metavar="FILE", type=Path, help="write the page as a PDF (needs Chromium)")

    tasks = verb("tasks", _tasks, "list the tasks, or a task's routes with their settings")
    tasks.add_argument("task", nargs="?", metavar="TASK", help="a task's name")
    verb("datasets", _datasets, "list the ready datasets and weights of the catalogue")
    compute_arguments(verb("compute", _compute, "say what a training would take, or what fits on a device"))
    queue_arguments(verb("queue", _queue, "share this machine among several projects' runs", json_too=False))
    schema = verb("schema", _schema, "print the JSON schema of the project file, for editors", json_too=False)
    schema.add_argument(
        "--language", choices=("en", "zh"), help="of what settings mean (default: the project's here, else the locale's)"
    )
    verb("doctor", _doctor, "say what this machine can do, with measured peaks")
    return top


_RUN_HELP = "a run's folder or id, or a release folder (default: the newest finished run of the project here)"


def _of_run(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("run", nargs="?", default="", metavar="RUN", help=_RUN_HELP)


def command() -> NoReturn:
    """The process of `modelwright`: what is installed under that name."""
    process(main)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, or the error's own."""
    top = parser()
    given, rest = top.parse_known_args(arguments)
    if rest and hasattr(given, "overrides") and not any(word.startswith("-") for word in rest):
        given.overrides += rest  # argparse gives up on positionals that stand behind an option
    elif rest:
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    if given.version:
        from modelwright import __version__

        print(__version__)
        return 0
    if given.verb is None:
        top.print_help()
        return 0
    as_json = getattr(given, "json", False)
    console = Console(quiet=as_json)
    try:
        answer = given.does(given, console)
        if as_json:
            print(json.dumps(answer, ensure_ascii=False, indent=1, default=str))
        return int(getattr(given, "check", False) and any(alarm["level"] == "alarm" for alarm in answer["alarms"]))
    except ModelwrightError as error:
        if as_json:  # for scripts: English whoever runs them
            print(json.dumps(error.as_json(), ensure_ascii=False))
        else:
            print(f"✗ {error.told(_language(given))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"\n{_STOPPED[_language(given)]}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `modelwright tasks | head`: the reader has gone, which is no error
        sys.stderr.close()
        return 0


def _language(given: argparse.Namespace) -> str:
    from modelwright.spec.load import spoken

    return spoken(Path(getattr(given, "project", ".")))


def _run(given: argparse.Namespace, console: Console) -> Any:
    from modelwright.pipeline import runner
    from modelwright.spec.load import load
    from modelwright.tasks.contract import TASKS

    overrides = list(given.overrides)
    if "=" in given.project and not Path(given.project).exists():
        overrides.insert(0, given.project)  # `modelwright run train.seed=3` means the project here
        given.project = "."
    loaded = load(Path(given.project), TASKS, overrides)
    if given.dry_run:
        return _dry_run(loaded, given)
    run = runner.run(
        loaded,
        console,
        until=given.until,
        since=given.since,
        force=given.force,
        command=["modelwright", "run", given.project, *overrides],
    )
    if run.report.exists():
        for line in runner.closing(run, loaded):
            console.line(line)
    return {"run": run.id, "folder": str(run.folder), "changed": list(run.changed), "stages": dict(run.lines)}


def _plan(given: argparse.Namespace, console: Console) -> Any:
    from modelwright.pipeline.whatif import replan, scenario
    from modelwright.pipeline.whatif_words import lines

    settings = [*given.overrides, *given.set]
    if "=" in given.project and not Path(given.project).exists():
        settings.insert(0, given.project)
        given.project = "."
    settings = [setting for file in given.scenario for setting in scenario(file)] + settings
    made = replan(given.project, settings, compare=given.compare)
    if not given.json:
        print("\n".join(lines(made.content, made.before, made.run.name, made.language)))
    answer = {"run": made.run.name, "changed": made.changed, "plan": made.content}
    return {**answer, "before": made.before, "differences": made.differences()} if given.compare else answer


def _alarms(given: argparse.Namespace, console: Console) -> Any:
    from datetime import UTC, datetime

    from modelwright.pipeline.live import alarms, lines

    command = f"modelwright alarms {given.project}"
    found, language = alarms(given.project, given.log, given.days, datetime.now(UTC), command)
    if not given.json:
        print("\n".join(lines(found, language)))
    return found


def _dry_run(loaded: Any, given: argparse.Namespace) -> Any:
    import yaml

    from modelwright.pipeline.table import STAGES, steps

    table = steps(loaded)
    if not given.json:
        print(yaml.safe_dump(loaded.resolved, allow_unicode=True, sort_keys=False), end="")
        for stage, question in STAGES.items():
            parts = [step.route for step in table if step.stage == stage]
            print(f"# {stage:<10}{question}  {' · '.join(part for part in parts if part)}".rstrip())
    return {
        "settings": loaded.resolved,
        "hash": loaded.hash,
        "steps": [{"step": step.name, "needs": list(step.needs)} for step in table],
    }


def _serve(given: argparse.Namespace, console: Console) -> None:
    from modelwright.pipeline.locate import find_release
    from modelwright.serve.command import serve

    release, settings = find_release(given.run)
    changed = {key: value for key, value in (("host", given.host), ("port", given.port)) if value is not None}
    serve(release, settings.model_validate({**settings.model_dump(), **changed}), console)


def _ask(given: argparse.Namespace, console: Console) -> Any:
    from modelwright.pipeline.locate import find_release
    from modelwright.serve.ask import ask_words

    release, _ = find_release(given.run)
    texts = [line.rstrip("\n") for line in sys.stdin] if given.text == ["-"] else given.text
    answers = ask_words(release, texts)
    if not given.json:
        for answer in answers:
            print(json.dumps(answer, ensure_ascii=False))
    return answers


def _report(given: argparse.Namespace, console: Console) -> Any:
    from modelwright.pipeline.locate import find_report

    page = find_report(given.run)
    if given.pdf is not None:
        from modelwright.report.pdf import write_pdf

        write_pdf(page, given.pdf)
    if not given.json:
        print(given.pdf or page)
    return {"page": str(page), "pdf": None if given.pdf is None else str(given.pdf)}


def _new(given: argparse.Namespace, console: Console) -> Any:
    from modelwright.pipeline.new import new

    made = new(Path(given.name), given.template, given.language)
    console.line(f"Made {made}\n  edit it, then: modelwright run {made.parent}")
    return {"file": str(made)}


def _tasks(given: argparse.Namespace, console: Console) -> Any:
    from modelwright.base.zh import described
    from modelwright.tasks.contract import TASKS, all_tasks, get_task

    zh = _language(given) == "zh"
    if given.task is None:
        found = [{"task": name, "routes": list(TASKS.routes(name)), "about": task.about} for name, task in all_tasks().items()]
        if not given.json:
            for item in found:
                about = described(str(item["about"])) if zh else item["about"]
                print(f"{item['task']}: {about}\n  {'路线' if zh else 'routes'}: {', '.join(item['routes'])}")
        return found
    task = get_task(given.task)
    listed = []
    for name, route in TASKS.routes(task.name).items():
        settings = route.model_json_schema(by_alias=True)["properties"]
        listed.append({"route": name, "about": _first_line(route), "settings": settings})
        if not given.json:
            print(f"{name}: {described(route.__doc__ or '') if zh else _first_line(route)}")
            for key, setting in settings.items():
                meaning = setting.get("description", "")
                print(f"  {key} = {json.dumps(setting.get('default'))}  {described(meaning) if zh else meaning}".rstrip())
    return listed


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]


def _datasets(given: argparse.Namespace, console: Console) -> Any:
    from modelwright.data.catalogue.entry import list_catalogue

    found = list_catalogue()
    if not given.json:
        for name, entry in found.items():
            print(f"catalogue://{name}  {entry.title} · {entry.kind} · {entry.licence}")
    return {name: entry.model_dump(mode="json") for name, entry in found.items()}


def _compute(given: argparse.Namespace, console: Console) -> Any:
    from datetime import UTC, datetime

    from modelwright.pipeline.compute import compute, lines

    found = compute(given, datetime.now(UTC).date())
    if not given.json:
        print("\n".join(lines(found)))
    return found


def _queue(given: argparse.Namespace, console: Console) -> Any:
    from modelwright.pipeline.queue.command import command

    return command(given, console)


def _schema(given: argparse.Namespace, console: Console) -> None:
    from modelwright.spec.load import json_schema
    from modelwright.tasks.contract import TASKS

    print(json.dumps(json_schema(TASKS, given.language or _language(given)), ensure_ascii=False, indent=1))


def _doctor(given: argparse.Namespace, console: Console) -> Any:
    from modelwright.pipeline.doctor import examine, lines

    found = examine(console)
    if not given.json:
        print("\n".join(lines(found)))
    return found
