"""What if? The plan alone, computed again from a run's measurements with changed settings. Nothing is trained, nothing written.

`modelwright plan venture.price=29 --compare` and `mw.plan(run, **{"venture.price.plan": 29})` are the two doors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from modelwright.base import store
from modelwright.base.errors import DataError, SpecError
from modelwright.base.evidence import Evidence, Ledger
from modelwright.pipeline import usage
from modelwright.pipeline.business import SECONDS_PER_MONTH, correlations
from modelwright.pipeline.context import EVIDENCE
from modelwright.pipeline.whatif_words import HEADLINE
from modelwright.spec.compute import Compute
from modelwright.spec.load import FILE_NAME, Loaded, load
from modelwright.spec.project import Project
from modelwright.spec.venture import Venture
from modelwright.tasks.contract import TASKS
from modelwright.venture import cost
from modelwright.venture.figures import Figure
from modelwright.venture.plan import plan
from modelwright.venture.responses import differences

CHANGEABLE = ("venture", "compute.utilisation", "compute.price_per_hour", "language")
"""Settings that shape the plan alone. Others change what is measured, or nothing of the plan."""
_NOT_OF_THE_PLAN = ("venture.data",)
"""Of the sections above, but read by another question: what more rows would bring."""
_RUNS = "runs"
_COST = "rehearse/cost-per-1000"


@dataclass(frozen=True)
class Measured:
    """What a run measured and a plan needs.

    Args:
        run: its folder.
        compute, venture: its settings at that time (project.json), which its costs rest on.
        records: newest evidence by name.
        load: rehearse/load.json.
        route: the chosen one.
    """

    run: Path
    compute: Compute
    venture: Venture | None
    records: Mapping[str, Evidence]
    load: Mapping[str, Any]
    route: str

    def inputs(self, venture: Venture | None, compute: Compute, today: date) -> tuple[Figure | None, Figure | None, Figure]:
        """cost_per_1000, training_money and capacity_requests_per_month of `plan`, at these settings.

        What was measured stays; price and utilisation of the machine, and the currency, are those of the settings.

        Raises:
            SpecError: nobody knows an exchange rate.
        """
        throughput = Figure(self.load["best"]["throughput"], "requests/s", "measured")
        capacity = Figure(throughput.value * SECONDS_PER_MONTH, "requests/month", "measured")
        each, spent = self._figure(_COST), self._training()
        currency = venture.currency if venture is not None else each.unit if each else "USD"
        if compute.price_per_hour is not None and compute.price_per_hour != self.compute.price_per_hour:
            hour = cost.hour(compute, currency, venture, today=today)
            each = cost.cost_per_1000(throughput, hour, compute, today)
            spent = cost.money(self._seconds(), hour) if spent is not None else None
        elif each is not None and compute.utilisation != self.compute.utilisation:
            factor = cost.utilisation(self.compute, today).value / cost.utilisation(compute, today).value
            each = _scaled(each, factor, each.unit)
        return _in(each, currency, venture, today), _in(spent, currency, venture, today), capacity

    def _figure(self, name: str) -> Figure | None:
        record = self.records.get(name)
        if record is None:
            return None
        return Figure(float(record.value), record.unit, record.basis, record.low, record.high, note=record.note)

    def _each_training(self, what: str) -> list[Evidence]:
        return [record for name, record in self.records.items() if name.startswith("train/") and name.endswith(f"/{what}")]

    def _training(self) -> Figure | None:
        money = self._each_training("money")
        return Figure(sum(float(record.value) for record in money), money[0].unit, money[0].basis) if money else None

    def _seconds(self) -> Figure:
        return Figure(sum(float(record.value) for record in self._each_training("time")), "s", "measured")


def _scaled(figure: Figure, factor: float, unit: str) -> Figure:
    low, high = (None if end is None else end * factor for end in (figure.low, figure.high))
    return Figure(figure.value * factor, unit, figure.basis, low, high, figure.note, figure.source)


def _in(figure: Figure | None, currency: str, venture: Venture | None, today: date) -> Figure | None:
    if figure is None or figure.unit == currency:
        return figure
    rate = cost.exchange_rate(figure.unit, currency, venture, today)
    return _scaled(figure, rate.value, currency).noted(rate.note or rate.source)


@dataclass(frozen=True)
class Plan:
    """A plan computed again. Its figures are attributes, with dashes as underscores (`plan.gross_margin`); months may carry
    their unit (`plan.runway_months`). A figure beyond the plan is its text (">36"), one that can't be computed is None.

    Args:
        content: as plan.json.
        run: whose measurements it rests on.
        changed: settings that differ from the project's, by key.
        before: the plan without them; None if it was not asked for.
        language: of the project.
    """

    content: Mapping[str, Any]
    run: Path
    changed: Mapping[str, Any]
    before: Mapping[str, Any] | None = None
    language: str = "en"

    def figure(self, name: str) -> Figure | str | None:
        """A figure by its name in plan.json."""
        found = next((item for item in self.content["figures"] if item["name"] == name), None)
        if found is None or not isinstance(found["value"], int | float):
            return found and found["value"]
        return Figure(found["value"], found["unit"], found["basis"], found["low"], found["high"], note=found["note"])

    def __getattr__(self, attribute: str) -> Figure | str | None:
        name = attribute.removesuffix("_months").replace("_", "-")
        known = {item["name"] for item in self.content["figures"]} | HEADLINE.keys()
        if name not in known:
            raise AttributeError(
                f"a plan has no {attribute}; it has: {', '.join(sorted(item.replace('-', '_') for item in known))}"
            )
        return self.figure(name)

    def differences(self) -> dict[str, dict[str, Any]]:
        """Figures before and after, by name; without changes both are the same."""
        one, two = ({item["name"]: item for item in plan["figures"]} for plan in (self.before or self.content, self.content))
        return differences(one, two)


def replan(where: str | Path, settings: Sequence[str] = (), today: date | None = None, compare: bool = False) -> Plan:
    """Compute the plan of a project or run again.

    Args:
        where: a project's folder or file (its settings of now, the measurements of its newest run that was rehearsed), or a
            run's folder or id (its own settings).
        settings: `key=value` of what shapes the plan alone (`CHANGEABLE`).
        today: flags stale defaults; default: the day it is.
        compare: compute the plan without the settings too.

    Raises:
        DataError: no run was rehearsed yet.
        SpecError: an unknown or impossible setting, or one that takes a run.
    """
    file, run = locate(where)
    settings = [_whole(setting) for setting in settings]
    changed = load(file, TASKS, settings)
    plain = load(file, TASKS) if settings else changed
    measured = read(run)
    today = today or date.today()
    before = _plan(plain, measured, today) if compare else None
    after = before if before is not None and changed is plain else _plan(changed, measured, today)
    return Plan(after, run, _differing(plain.resolved, changed.resolved), before, changed.project.language)


def _plan(loaded: Loaded, measured: Measured, today: date) -> dict[str, Any]:
    project = loaded.project
    each, spent, capacity = measured.inputs(project.venture, project.compute, today)
    return plan(
        project.venture,
        compute=project.compute,
        cost_per_1000=each,
        training_money=spent,
        capacity_requests_per_month=capacity,
        today=today,
        routes=_families(project, measured),
        correlations=correlations(project),
        financing=project.financing,
        records=usage.read(replace(loaded, folder=measured.run.parent.parent)),
    )


def _families(project: Project, measured: Measured) -> tuple[str, ...]:
    """What the chosen route needs people for; nothing where the project no longer has it."""
    chosen = measured.records.get("choose/route")
    route = project.routes.get(str(chosen.value)) if chosen is not None else None
    return () if route is None else (route.kind, *(("checkpoint",) if route.reads == "checkpoint" else ()))


def locate(where: str | Path) -> tuple[Path, Path]:
    """(file with the settings, run folder with the measurements) of a project or run.

    Raises:
        DataError: no run was rehearsed yet, or the run named was not.
    """
    folder = Path(where)
    for run in (folder, Path(_RUNS) / folder):
        if (run / "run.json").is_file():
            return run / "project.json", _rehearsed(run)
    project = folder.parent if folder.is_file() else folder
    found = [run for run in sorted((project / _RUNS).glob("*"), reverse=True) if (run / "rehearse" / store.MANIFEST).is_file()]
    finished = [run for run in found if store.read_json(run / "run.json").get("status") == "finished"]
    if not (folder if folder.is_file() else folder / FILE_NAME).is_file() or not found:
        raise DataError(
            "no run of a project is here whose release was rehearsed" if folder.exists() else "there is no such project or run",
            expected="a project that was run, or a run: the plan rests on what was measured",
            where=str(folder.resolve()),
            remedy="Run it once: modelwright run PROJECT; after that every what-if takes a moment.",
        )
    return folder, (finished or found)[0]


def _rehearsed(run: Path) -> Path:
    if not (run / "rehearse" / "load.json").is_file():
        raise DataError(
            "this run did not get as far as the rehearsal",
            expected="a run that measured what a request costs",
            where=str(run),
            remedy="Give the same command again to finish it: modelwright run PROJECT",
        )
    return run


def read(run: Path) -> Measured:
    """What the run measured."""
    settings = store.read_json(run / "project.json")
    venture = settings.get("venture")
    return Measured(
        run,
        Compute.model_validate(settings["compute"]),
        None if venture is None else Venture.model_validate(venture),
        Ledger(run / EVIDENCE).latest(),
        store.read_json(run / "rehearse" / "load.json"),
        store.read_json(run / "choose" / "decision.json")["route"],
    )


def scenario(file: Path) -> list[str]:
    """Settings of a scenario file: YAML with keys by their path (`venture.price.plan: 29`) or nested as in a project file.

    Raises:
        SpecError: no such file, or no mapping of settings.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _no_scenario(file, f"the scenario can't be read: {getattr(error, 'strerror', None) or error}") from error
    if not isinstance(content, dict) or not content:
        raise _no_scenario(file, "the scenario holds no settings")
    return [f"{key}={json.dumps(value, ensure_ascii=False, default=str)}" for key, value in _flat(content, "")]


def _no_scenario(file: Path, came: str) -> SpecError:
    example = "venture.price.plan: 29 per month"
    return SpecError(came, expected=f"a YAML file of settings, like: {example}", where=str(file), remedy="Mend the file.")


def _flat(content: Mapping[str, Any], path: str) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in content.items():
        here = f"{path}.{key}" if path else str(key)
        rows += _flat(value, here) if isinstance(value, dict) and value else [(here, value)]
    return rows


def _whole(setting: str) -> str:
    """Refuse what takes a run. `venture.price=12` is short for the only plan's price."""
    path = setting.partition("=")[0].strip()
    if not _inside(path, CHANGEABLE) or _inside(path, _NOT_OF_THE_PLAN):
        raise SpecError(
            f"{path} is no setting that a plan alone can answer",
            expected=f"settings of: {', '.join(CHANGEABLE)}",
            where=setting,
            remedy=f"Measure it: modelwright run {setting}",
        )
    key, equals, value = setting.partition("=")
    if key.strip() == "venture.price" and equals and not value.strip().startswith("{"):
        return f"venture.price.plan={value}"
    return setting


def _inside(path: str, sections: Sequence[str]) -> bool:
    return any(path == key or path.startswith(f"{key}.") for key in sections)


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    one, two = dict(_flat(before, "")), dict(_flat(after, ""))
    return {key: two.get(key) for key in dict.fromkeys((*one, *two)) if one.get(key) != two.get(key)}
