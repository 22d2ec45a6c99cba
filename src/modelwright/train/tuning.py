"""The search for a route's settings: trials inside the route's budget, judged on the validation split, the best one kept.

Each trial is an ordinary training in a folder of its own, so that a killed search goes on where it stood: finished trials are
lines of `trials.jsonl`, the one under way continues from its checkpoint. What to try next is Optuna's affair (Akiba et al. 2019,
1907.10902); its study is built anew from those lines each time, and its random numbers depend on the seed and the number of the
trial only.
"""

from __future__ import annotations

import json
import math
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from modelwright.base.console import Console, amount
from modelwright.base.errors import TrainError
from modelwright.base.nouns import Row
from modelwright.base.optional import require
from modelwright.base.store import read_json, write_json
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.spec.tune import Range, Tuning
from modelwright.tasks.contract import Metric, Task
from modelwright.train.loop import Judge
from modelwright.train.phases import More
from modelwright.train.plan import Limits
from modelwright.train.route import RESULT, train_route

TUNING, TRIALS, SETTINGS = "tuning.json", "trials.jsonl", "settings.json"
_WORK = "tuning"
_LEAST_S = 1.0  # less time than this starts no trial


@dataclass
class Trial:
    """One training of the search.

    Args:
        number: 0 is the route as written.
        settings: what differs from it.
        score: the best validation score; None where it diverged.
        seconds: of the training.
        state: "finished", "stopped" (no better than its rivals at the same point), "diverged".
        path: the validation score after each evaluation.
    """

    number: int
    settings: dict[str, Any]
    score: float | None = None
    seconds: float = 0.0
    state: str = "finished"
    path: list[float] = field(default_factory=list)


class Search:
    """The trials so far and what to try next.

    Args:
        tuning: the project's wish.
        route: as written.
        metric: what is optimised.
        seed: of the draws.
        folder: of `trials.jsonl`; finished trials in it are taken up.
    """

    def __init__(self, tuning: Tuning, route: Route, metric: Metric, seed: int, folder: Path) -> None:
        self.tuning, self.route, self.metric, self.seed, self.file = tuning, route, metric, seed, folder / TRIALS
        self.optuna = require("optuna", "tune")
        self.optuna.logging.set_verbosity(self.optuna.logging.ERROR)
        self.distributions = {name: self._distribution(choices) for name, choices in tuning.space.items()}
        self.trials = [Trial(**line) for line in _lines(self.file)]

    def _distribution(self, choices: Range | tuple[Any, ...]) -> Any:
        made = self.optuna.distributions
        if not isinstance(choices, Range):
            return made.CategoricalDistribution(range(len(choices)))  # places: a choice may be a list
        if choices.whole:
            return made.IntDistribution(round(choices.low), round(choices.high), log=choices.log)
        return made.FloatDistribution(choices.low, choices.high, log=choices.log)

    @property
    def total(self) -> int:
        """Trials that the search will make at most."""
        return min(self.tuning.trials, 1 + len(grid(self.tuning))) if self.tuning.method == "grid" else self.tuning.trials

    def best(self) -> Trial | None:
        """The best trial; of equals the first."""
        known = [trial for trial in self.trials if trial.score is not None]
        sign = -1.0 if self.metric.better == "higher" else 1.0
        return min(known, key=lambda trial: (sign * float(trial.score or 0.0), trial.number), default=None)

    def ask(self) -> Trial:
        """The next trial's settings."""
        number = len(self.trials)
        if number == 0:
            return Trial(0, {})
        if self.tuning.method == "grid":
            return Trial(number, grid(self.tuning)[number - 1])
        study = self._study(number)
        drawn = study.ask(self.distributions).params
        return Trial(number, {name: self._value(name, value) for name, value in drawn.items()})

    def _value(self, name: str, drawn: Any) -> Any:
        choices = self.tuning.space[name]
        return choices.number(drawn) if isinstance(choices, Range) else choices[drawn]

    def _study(self, number: int) -> Any:
        """The finished trials as a study. The route as written counts where the space holds it."""
        samplers = self.optuna.samplers
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # samplers announce that parts of them are experimental
            kind = samplers.TPESampler if self.tuning.method == "bayesian" else samplers.RandomSampler
            more = {"n_startup_trials": max(4, self.tuning.trials // 4)} if self.tuning.method == "bayesian" else {}
            study = self.optuna.create_study(
                direction="maximize" if self.metric.better == "higher" else "minimize",
                sampler=kind(seed=self.seed * 1_000_003 + number, **more),
            )
            for trial in self.trials:
                drawn = self._drawn(trial)
                if trial.score is not None and drawn is not None:
                    made = self.optuna.trial.create_trial(params=drawn, distributions=self.distributions, value=trial.score)
                    study.add_trial(made)
        return study

    def _drawn(self, trial: Trial) -> dict[str, Any] | None:
        """A trial's settings as the study has them; None if the space does not hold them."""
        written = self.route.model_dump(mode="json", by_alias=True)
        found = {}
        for name, choices in self.tuning.space.items():
            value = trial.settings.get(name, written[name])
            if isinstance(choices, Range):
                if not isinstance(value, int | float) or not choices.low <= value <= choices.high:
                    return None
                found[name] = value
            else:
                places = [place for place, choice in enumerate(choices) if _plain(choice) == _plain(value)]
                if not places:
                    return None
                found[name] = places[0]
        return found

    def hopeless(self, path: Sequence[float]) -> bool:
        """Whether a trial with these scores so far is among the worse half of the finished ones at the same evaluation (powers of
        two only: rungs of successive halving)."""
        rung = len(path)
        if not self.tuning.halving or rung & (rung - 1):
            return False
        sign = 1.0 if self.metric.better == "higher" else -1.0
        rivals = [
            sign * max(trial.path[:rung], key=lambda score: sign * score) for trial in self.trials if len(trial.path) >= rung
        ]
        mine = max(sign * score for score in path)
        return len(rivals) >= 2 and sum(rival > mine for rival in rivals) >= math.ceil(len(rivals) / 2)

    def tell(self, trial: Trial) -> None:
        """Keep a finished trial."""
        self.trials.append(trial)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(trial), ensure_ascii=False) + "\n")

    def importance(self) -> dict[str, float]:
        """How much of the score's variance each setting explains (fANOVA, Hutter et al. 2014), the largest first; empty below four
        trials or if all scores are equal."""
        study = self._study(0)
        if len(study.trials) < 4 or len({trial.value for trial in study.trials}) < 2:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self.optuna.importance.get_param_importances(
                study, evaluator=self.optuna.importance.FanovaImportanceEvaluator(seed=self.seed)
            )
        return {name: float(share) for name, share in found.items()}


def grid(tuning: Tuning) -> list[dict[str, Any]]:
    """Every combination of the space, in order."""
    combinations: list[dict[str, Any]] = [{}]
    for name, choices in tuning.space.items():
        values = _points(choices) if isinstance(choices, Range) else list(choices)
        combinations = [{**one, name: value} for one in combinations for value in values]
    return combinations


def _points(choices: Range) -> list[float | int]:
    steps = [place / (choices.points - 1) for place in range(choices.points)]
    if choices.log:
        values = [choices.low * (choices.high / choices.low) ** step for step in steps]
    else:
        values = [choices.low + (choices.high - choices.low) * step for step in steps]
    return list(dict.fromkeys(choices.number(value) for value in values))


def tune_route(
    task: type[Task],
    route: Route,
    tuning: Tuning,
    rows: Sequence[Row],
    validation: Sequence[Row],
    *,
    checkpoint: Path | None,
    limits: Limits,
    seed: int,
    folder: Path,
    console: Console,
    title: str,
    checkpoint_seconds: float,
    learn: Section | None = None,
    more: More | None = None,
) -> tuple[dict[str, Any], Route]:
    """Search, and leave the best trial's files in `folder` as `train_route` would, with `tuning.json` beside them.

    Args:
        limits: of the whole search; steps are each trial's own.
        folder: exists; `tuning/` in it is continued, and removed at the end.
        more: rows of later phases; a trial that is stopped early has only its first.

    Returns:
        What result.json holds (its `seconds` are the whole search's), and the route with the settings found.

    Raises:
        TrainError: every trial diverged.
    """
    work = folder / _WORK
    if (folder / TUNING).exists() and not work.exists():  # cut off after the search had ended
        result = read_json(folder / RESULT)
        return result, route.with_settings(result["settings"])
    work.mkdir(exist_ok=True)
    search = Search(tuning, route, task.metrics[0], seed, work)
    spent = sum(trial.seconds for trial in search.trials)
    with console.progress(f"tune {title}", search.total) as progress:
        while len(search.trials) < search.total:
            left = math.inf if limits.seconds is None else limits.seconds - spent
            if left < _LEAST_S and search.best() is not None:
                break
            best = search.best()
            note = "" if best is None or best.score is None else f"best {amount(best.score, 3)}"
            progress.update(len(search.trials), note=note)
            # what trials that were stopped early left over is shared out among those to come
            share = None if limits.seconds is None else max(_LEAST_S, left / (search.total - len(search.trials)))

            def train(settings: Mapping[str, Any], place: Path, judge: Judge, share: float | None = share) -> dict[str, Any]:
                return train_route(
                    task,
                    route.with_settings(settings),
                    rows,
                    validation,
                    checkpoint=checkpoint,
                    limits=Limits(share, limits.steps),
                    seed=seed,
                    folder=place,
                    console=Console(quiet=True),
                    title=title,
                    checkpoint_seconds=checkpoint_seconds,
                    learn=learn,
                    judge=judge,
                    more=more,
                )

            trial = _attempt(search, work, train)
            spent += trial.seconds
            _keep_best_only(search, work)
    return _finish(search, route, folder, work, spent)


def _attempt(search: Search, work: Path, train: Callable[[Mapping[str, Any], Path, Judge], dict[str, Any]]) -> Trial:
    """One trial, or the rest of one that was cut off."""
    number = len(search.trials)
    place = work / f"{number:04d}"
    place.mkdir(exist_ok=True)
    if (place / SETTINGS).exists():
        kept = read_json(place / SETTINGS)
        trial = Trial(number, kept["settings"], path=list(kept["path"]))
    else:
        trial = search.ask()

    def judge(evaluation: int, score: float) -> bool:
        trial.path[evaluation - 1 :] = [score]  # one that was made again, after a kill, replaces its first self
        write_json(place / SETTINGS, {"settings": trial.settings, "path": trial.path})
        return search.hopeless(trial.path)

    write_json(place / SETTINGS, {"settings": trial.settings, "path": trial.path})
    try:
        result = train(trial.settings, place, judge)
        trial.score, trial.seconds = result["best_score"], result["seconds"]
        trial.state = "stopped" if result["stopped_by"] == "judge" else "finished"
    except TrainError:
        if number == 0:  # the route as written: its owner must hear of it
            raise
        trial.state = "diverged"
    search.tell(trial)
    return trial


def _keep_best_only(search: Search, work: Path) -> None:
    """Trainings can be large: the folders of beaten trials go."""
    best = search.best()
    for trial in search.trials:
        if best is None or trial.number != best.number:
            shutil.rmtree(work / f"{trial.number:04d}", ignore_errors=True)


def _finish(search: Search, route: Route, folder: Path, work: Path, spent: float) -> tuple[dict[str, Any], Route]:
    best = search.best()
    assert best is not None, "the first trial has a score, or raised"
    write_json(
        folder / TUNING,
        {
            "method": search.tuning.method,
            "metric": search.metric.name,
            "better": search.metric.better,
            "trials": [asdict(trial) for trial in search.trials],
            "best": best.number,
            "written": search.trials[0].score,
            "seconds": spent,
            "importance": search.importance(),
        },
    )
    for path in sorted((work / f"{best.number:04d}").iterdir()):
        if path.name != SETTINGS:
            target = folder / path.name
            if target.is_dir():
                shutil.rmtree(target)
            path.replace(target)
    result = {**read_json(folder / RESULT), "seconds": spent, "settings": best.settings, "trials": len(search.trials)}
    write_json(folder / RESULT, result)
    shutil.rmtree(work)
    return result, route.with_settings(best.settings)


def _lines(file: Path) -> list[dict[str, Any]]:
    """Whole lines of a JSONL file; a last line that a kill cut off is left out, and its trial made again."""
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))
