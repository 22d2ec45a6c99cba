"""A decision in words, English and Chinese, composed from its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelwright.base.console import amount
from modelwright.base.wording import metric_name, ratio
from modelwright.evaluate.paired import Comparison
from modelwright.spec.choose import Choose
from modelwright.tasks.contract import Metric

if TYPE_CHECKING:
    from modelwright.evaluate.choosing import Candidate
    from modelwright.evaluate.intervals import Figure


@dataclass(frozen=True)
class Decision:
    """What was decided, and on which figures.

    Args:
        taken: the route chosen; best: the best on validation among `passing` (among all, if none passes).
        against: each other route compared with `best` on validation.
        confirmed: by the test split; None if there was nothing to confirm.
        rival: the route that does significantly better on the test split, if one does.
    """

    taken: Candidate
    best: Candidate
    candidates: tuple[Candidate, ...]
    passing: tuple[Candidate, ...]
    against: Mapping[str, Comparison]
    settings: Choose
    metric: Metric
    confirmed: bool | None
    rival: tuple[str, Comparison] | None


_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "missed": "CONDITIONS NOT MET by any route. The nearest is taken. ",
        "head": "{route}: {metric} {value} on the {split} split",
        "test": "test",
        "validation": "validation",
        "only": ", the only route",
        "sole": ", the only route that meets the conditions",
        "equal": ", as good as {other} ({p} on validation)",
        "best": ", the best on validation",
        "beats": ", the best on validation (next is {other}, {p})",
        "cost": ", {ratio}× cheaper a request",
        "latency": ", {ratio}× faster a request",
        "cheap": " The cheap route wins: that is why routes are raced.",
        "barred": " {other} is better on validation ({value}), but {misses}.",
        "misses": " It misses: {misses}.",
        "at_least": "{metric} {came} on validation, asked {asked}",
        "latency_ms_p95": "p95 {came} ms, allowed {asked} ms",
        "cost_per_1000": "{came} {currency} per 1,000 requests, allowed {asked}",
        "unknown": "its {what} is not known",
        "what_latency_ms_p95": "latency",
        "what_cost_per_1000": "cost per request",
        "below": " The test split does not confirm it: {value} there misses the floor of {asked}.",
        "rival": " The test split does not confirm it: {other} does better there ({p}).",
        "and": "; ",
        "stop": ".",
    },
    "zh": {
        "missed": "没有任何路线满足条件！暂取最接近的一条。",
        "head": "{route}：{split} {metric} {value}",
        "test": "测试集",
        "validation": "验证集",
        "only": "，是唯一的路线",
        "sole": "，是唯一满足条件的路线",
        "equal": "，与 {other} 不相上下（验证集 {p}）",
        "best": "，验证集上最好",
        "beats": "，验证集上最好（其次为 {other}，{p}）",
        "cost": "，每次请求的成本约为其 1/{ratio}",
        "latency": "，每次请求的耗时约为其 1/{ratio}",
        "cheap": "便宜的路线获胜：这正是让各路线同场竞赛的意义。",
        "barred": "{other} 在验证集上更好（{value}），但{misses}。",
        "misses": "未满足：{misses}。",
        "at_least": "验证集 {metric} 为 {came}，要求 {asked}",
        "latency_ms_p95": "p95 延迟 {came} 毫秒，上限 {asked} 毫秒",
        "cost_per_1000": "每千次请求 {came} {currency}，上限 {asked}",
        "unknown": "其{what}未知",
        "what_latency_ms_p95": "延迟",
        "what_cost_per_1000": "单次请求成本",
        "below": "测试集未能证实：其值 {value} 未达到下限 {asked}。",
        "rival": "测试集未能证实：{other} 在测试集上更好（{p}）。",
        "and": "；",
        "stop": "。",
    },
}


def reason(decision: Decision) -> dict[str, str]:
    """The decision as a few sentences: {"en": …, "zh": …}."""
    return {language: _tell(decision, words).strip() for language, words in _WORDS.items()}


def _tell(decision: Decision, words: Mapping[str, str]) -> str:
    taken, metric = decision.taken, decision.metric
    split = "test" if taken.test is not None else "validation"
    figure = taken.test if taken.test is not None else taken.validation
    text = "" if decision.passing else words["missed"]
    text += words["head"].format(
        route=taken.route, metric=metric_name(metric.name), value=_interval(figure, metric), split=words[split]
    )
    text += _compared(decision, words)
    if not decision.passing:
        return text + words["misses"].format(misses=words["and"].join(_misses(taken, decision, words)))
    text += _barred(decision, words)
    if decision.rival is not None:
        text += words["rival"].format(other=decision.rival[0], p=p_text(decision.rival[1].p_value))
    elif decision.confirmed is False and taken.test is not None and decision.settings.at_least is not None:
        asked = _number(decision.settings.at_least, metric)
        text += words["below"].format(value=_number(taken.test["value"], metric), asked=asked)
    return text


def _compared(decision: Decision, words: Mapping[str, str]) -> str:
    """Quality beside the best (or the next), then how much cheaper or faster than it; ends the first sentence."""
    taken, best = decision.taken, decision.best
    if len(decision.candidates) == 1:
        return words["only"] + words["stop"]
    if taken is not best:
        found = decision.against[taken.route]
        if found.p_value <= decision.settings.significance:  # only where no route met the conditions
            return words["stop"]
        return words["equal"].format(other=best.route, p=p_text(found.p_value)) + _thrift(decision, best, words)
    others = [other for other in (decision.passing or decision.candidates) if other is not best]
    if not others:
        return words["sole"] + words["stop"]
    sign = -1 if decision.metric.better == "higher" else 1
    rival = min(others, key=lambda other: sign * other.quality)
    compared = words["beats"].format(other=rival.route, p=p_text(decision.against[rival.route].p_value))
    return compared + _thrift(decision, rival, words)


def _thrift(decision: Decision, other: Candidate, words: Mapping[str, str]) -> str:
    """How much less than `other` the taken route costs, or how much faster it is; nothing where it is neither."""
    taken = decision.taken
    pairs = {
        "cost": (other.cost_per_1000, taken.cost_per_1000),
        "latency": (other.latency_ms_p95, taken.latency_ms_p95),
    }
    order = ("latency", "cost") if decision.settings.prefer == "latency" else ("cost", "latency")
    for name in order:
        theirs, ours = pairs[name]
        if theirs is not None and ours and theirs / ours >= 1.2:
            cheapest = name == "cost" and theirs / ours >= 2 and all(_costs_more(one, taken) for one in decision.candidates)
            return words[name].format(ratio=ratio(theirs / ours)) + words["stop"] + (words["cheap"] if cheapest else "")
    return words["stop"]


def _costs_more(other: Candidate, taken: Candidate) -> bool:
    if other.cost_per_1000 is None or taken.cost_per_1000 is None:
        return other is taken
    return other.cost_per_1000 >= taken.cost_per_1000


def _barred(decision: Decision, words: Mapping[str, str]) -> str:
    """The best route of all, if it may not be taken, and why."""
    sign = -1 if decision.metric.better == "higher" else 1
    top = min(decision.candidates, key=lambda candidate: sign * candidate.quality)
    if top in decision.passing or top.quality == decision.best.quality:
        return ""
    value = _number(top.quality, decision.metric)
    return words["barred"].format(other=top.route, value=value, misses=words["and"].join(_misses(top, decision, words)))


def _misses(candidate: Candidate, decision: Decision, words: Mapping[str, str]) -> list[str]:
    """The conditions that a candidate does not meet, with both figures."""
    settings, metric = decision.settings, decision.metric
    found = []
    floor = settings.at_least
    if floor is not None and (candidate.quality < floor if metric.better == "higher" else candidate.quality > floor):
        came, asked = _number(candidate.quality, metric), _number(floor, metric)
        found.append(words["at_least"].format(metric=metric_name(metric.name), came=came, asked=asked))
    money = settings.cost_per_1000
    ceilings = {"latency_ms_p95": settings.latency_ms_p95, "cost_per_1000": None if money is None else money.value}
    for name, ceiling in ceilings.items():
        came = getattr(candidate, name)
        if ceiling is None or (came is not None and came <= ceiling):
            continue
        if came is None:
            found.append(words["unknown"].format(what=words[f"what_{name}"]))
        else:
            found.append(words[name].format(came=amount(came), asked=amount(ceiling), currency=candidate.currency))
    return found


def p_text(p_value: float) -> str:
    """p = 0.41, p = 0.0032, p < 0.001."""
    return "p < 0.001" if p_value < 0.001 else f"p = {amount(p_value, 2)}"


def _number(value: float | None, metric: Metric) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if metric.unit == "1" else f"{amount(value, 3)} {metric.unit}"


def _interval(figure: Figure, metric: Metric) -> str:
    text = _number(figure["value"], metric)
    low, high = figure.get("low"), figure.get("high")
    return text if low is None or high is None else f"{text} [{_number(low, metric)}–{_number(high, metric)}]"
