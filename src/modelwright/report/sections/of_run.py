"""The sections of the model: data, routes, quality, cost, compression, speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from modelwright.report.figures import Figures
from modelwright.report.headline import shown_route
from modelwright.report.read import Run

_START = 240  # characters of a mistaken row that are shown at once
_MOST_MISTAKES = 20
_TEXT_LIMIT = 4000
_PROVENANCE = ("name", "source", "version", "sha256", "licence", "licence_note", "citation")
Row = tuple[Any, ...]


def data(run: Run, figures: Figures) -> dict[str, Any]:
    words, numbers = figures.words, figures.numbers
    names = ("rows-read", "rows-kept", "duplicates-exact", "duplicates-near", "contradictions", "labels", "largest-label")
    card = run.card or {}
    languages = card.get("languages") or {}
    total = max(1, sum(languages.values()))
    listed = (f"{name} {numbers.percent(count / total)}" for name, count in languages.items())
    near = (card.get("duplicates") or {}).get("near_kept")
    return {
        "facts": [(words(f"data.{name}"), figures.figure(f"data/{name}")) for name in names if figures.has(f"data/{name}")],
        "splits": [
            (words.get(f"split.{name}", name), numbers.plain(count)) for name, count in (card.get("splits") or {}).items()
        ],
        "quarantine": [
            (words.get("reason." + name.replace("_", "-"), name.replace("_", " ")), numbers.plain(count))
            for name, count in (card.get("quarantine") or {}).items()
        ],
        "languages": (", " if words.language == "en" else "，").join(listed),
        "provenance": [{key: item.get(key) for key in _PROVENANCE} for item in card.get("provenance") or []],
        "near_kept": numbers.plain(near) if near else None,
    }


def route(run: Run, figures: Figures) -> dict[str, Any]:
    words, numbers = figures.words, figures.numbers
    metric = run.metric or ""
    name = figures.name(metric)
    decision = run.decision or {}
    candidates = decision.get("candidates") or []
    rows = [
        (
            item,
            figures.figure(f"evaluate/{item}/validation/{metric}", interval=True),
            figures.figure(f"evaluate/{item}/test/{metric}", interval=True),
            *(figures.figure(f"evaluate/{item}/{what}") for what in ("latency-p95", "cost-per-1000", "size")),
            figures.figure(f"train/{item}/time"),
        )
        for item in run.routes
    ]
    columns = [words("route.route"), words("route.validation", metric=name), words("route.test", metric=name)]
    columns += [words(f"route.{key}") for key in ("latency", "cost", "size", "train")]
    asked = [
        (key, limit) for key, limit in conditions(run, figures) if any(key in (item.get("meets") or {}) for item in candidates)
    ]
    condition_columns = [words("route.route")]
    condition_columns += [words(f"route.condition.{key}", metric=name, limit=limit) for key, limit in asked]
    condition_columns += [words(f"route.{key}") for key in ("as-good", "p-value", "front")]
    agreed = decision.get("confirmed_on_test")
    confirmed = "route.unconfirmed" if agreed is None else "route.confirmed" if agreed else "route.not-confirmed"

    def said(value: bool | None) -> Markup:
        return words("unknown" if value is None else "yes" if value else "no")

    verdicts = [
        (
            item["route"],
            *(said((item.get("meets") or {}).get(key)) for key, _ in asked),
            said(item.get("as_good")),
            "–" if item.get("p_value") is None else numbers.ratio(item["p_value"]),
            said(item.get("front")),
        )
        for item in candidates
    ]
    keys = ("epochs", "steps", "rate", "precision", "parameters", "stopped")
    return {
        "columns": columns,
        "rows": rows,
        "condition_columns": condition_columns,
        "conditions": verdicts,
        "confirmed": words(confirmed),
        "training_columns": [words("route.route"), *(words(f"route.{key}") for key in keys)],
        "training": [(name, *_training(result, figures)) for name, result in run.results.items()],
        "result_paths": [f"train/{name}/result.json" for name in run.results],
    }


def _training(result: Mapping[str, Any], figures: Figures) -> Row:
    numbers = figures.numbers
    values = [result.get(key) for key in ("epochs", "steps", "samples_per_second")]
    count = result.get("parameters")
    words = [result.get("precision") or "–", "–" if count is None else numbers.plain(count)]
    stopped = result.get("stopped_by") or "–"
    return (
        *("–" if value is None else numbers.plain(value) for value in values),
        *words,
        figures.words.get(f"stopped.{stopped}", stopped),
    )


def conditions(run: Run, figures: Figures) -> list[tuple[str, str]]:
    """The conditions that the project set, with their limits as written."""
    decision = run.decision or {}
    asked = decision.get("conditions") or {}
    found = []
    for key in ("at_least", "latency_ms_p95", "cost_per_1000"):
        limit = asked.get(key)
        if limit is None:
            continue
        if isinstance(limit, Mapping):  # money carries its currency
            unit = limit.get("currency") or next(
                (item["currency"] for item in decision["candidates"] if item.get("currency")), "USD"
            )
            found.append((key, figures.numbers.write(limit["value"], unit)))
        else:
            unit = {"at_least": "1", "latency_ms_p95": "ms"}.get(key, "")
            found.append((key, f"{limit:g}" if unit == "1" else figures.numbers.write(limit, unit)))
    return found


def quality(run: Run, figures: Figures) -> dict[str, Any] | None:
    name = shown_route(run)
    if name is None:
        return None
    words = figures.words
    metrics = dict.fromkeys(
        record.rpartition("/")[2]
        for record in run.evidence
        if record.startswith((f"evaluate/{name}/test/", f"evaluate/{name}/validation/"))
    )
    rows: list[Row] = [
        (
            figures.name(metric),
            *(figures.figure(f"evaluate/{name}/{split}/{metric}", interval=True) for split in ("validation", "test")),
        )
        for metric in metrics
    ]
    if figures.has(f"evaluate/{name}/chance"):
        title = f"{figures.name(run.metric or '')}: {words('quality.chance')}"
        rows.append((title, "", figures.figure(f"evaluate/{name}/chance")))
    mistakes = [_mistake(item, figures) for item in (run.evaluations[name].get("mistakes") or [])[:_MOST_MISTAKES]]
    return {
        "sentence": words("quality.of" if name == run.chosen else "quality.of-best", route=name),
        "columns": (words("quality.metric"), words("split.validation"), words("split.test")),
        "rows": rows,
        "mistakes": mistakes,
        "path": f"evaluate/{name}/evaluation.json",
    }


def _mistake(item: Mapping[str, Any], figures: Figures) -> dict[str, Any]:
    words = figures.words
    text = " ".join(str(item["input"]).split())
    cut = len(text) if len(text) <= _START else text.rfind(" ", _START - 40, _START)
    cut = _START if cut <= 0 else cut
    said = {"predicted": _labels(item["predicted"], words), "truth": _labels(item["truth"], words)}
    sure = item.get("probability")
    if sure is None:
        sentence = words("quality.mistake.bare", **said)
    else:
        sentence = words("quality.mistake", probability=figures.numbers.percent(sure), **said)
    rest = text[cut:_TEXT_LIMIT] + ("…" if len(text) > _TEXT_LIMIT else "")
    return {
        "start": text[:cut].rstrip(" .,;") + "…" if rest.strip() else text[:cut],
        "rest": rest.strip(),
        "sentence": sentence,
        "row_id": item["row_id"],
        "image": image if (image := str(item.get("image", ""))).startswith("data:image/") else "",
    }


def _labels(value: Any, words: Any) -> str:
    """One label, or several of a multi-label row."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return str(value)
    return ", ".join(map(str, value)) or words.plain("quality.nothing")


def cost(run: Run, figures: Figures) -> dict[str, Any]:
    """Forecast, actual and error of time, memory, money, energy, for each route that has either."""
    words = figures.words

    def rows(what: str) -> list[Row]:
        found = []
        for name in run.routes:
            pair = f"forecast/{name}/{what}", f"train/{name}/{what}"
            if any(record in run.evidence for record in pair):
                found.append(
                    (name, figures.figure(pair[0], interval=what == "time"), figures.figure(pair[1]), error(*pair, figures))
                )
        return found

    others = [(words(f"cost.{what}"), rows(what)) for what in ("memory", "money", "energy")]
    columns = (words("route.route"), words("cost.forecast"), words("cost.actual"), words("cost.error"))
    return {"columns": columns, "rows": rows("time"), "others": [item for item in others if item[1]]}


def error(forecast: str, actual: str, figures: Figures) -> Markup:
    """By how much the forecast was off, as a share of the actual value."""
    expected, came = figures.value(forecast), figures.value(actual)
    if expected is None or not came:
        return figures.missing()
    return figures.derived(figures.numbers.signed_percent(expected / came - 1), forecast, actual)


def compression(run: Run, figures: Figures) -> dict[str, Any]:
    words = figures.words
    content = run.variants or {}
    metric = content.get("metric") or ""
    reason = content.get("reason") or {}
    rows = [
        (
            item["name"],
            *(figures.figure(f"compress/{item['name']}/{what}") for what in ("size", "latency-p95")),
            *(figures.figure(f"compress/{item['name']}/{split}/{metric}", interval=True) for split in ("validation", "test")),
        )
        for item in content.get("variants") or []
    ]
    name = figures.name(metric)
    columns = [words("compression.variant"), words("route.size"), words("route.latency")]
    columns += [words("route.validation", metric=name), words("route.test", metric=name)]
    text = reason.get(words.language) or reason.get("en") or ""
    return {"reason": text, "columns": columns, "rows": rows, "chosen": content.get("chosen")}


def speed(run: Run, figures: Figures) -> dict[str, Any]:
    words = figures.words
    names = (
        ("cold-start", "rehearse/cold-start"),
        ("memory", "rehearse/memory"),
        ("cost", "rehearse/cost-per-1000"),
        ("size", "release/size"),
    )
    levels = [level["connections"] for level in (run.load or {}).get("levels") or []]
    keys = ("throughput", "p50", "p95", "p99")
    rows = [(f"{level}", *(figures.figure(f"rehearse/{level}/{key}") for key in keys)) for level in levels]
    server = (run.load or {}).get("server") or {}
    errors = sum(level.get("errors") or 0 for level in (run.load or {}).get("levels") or [])
    known = {key: server.get(key, "–") for key in ("processes", "threads", "max_batch")}
    return {
        "facts": [(words(f"speed.{label}"), figures.figure(name)) for label, name in names if figures.has(name)],
        "columns": (words("speed.connections"), words("speed.throughput"), "p50", "p95", "p99"),
        "rows": rows,
        "server": words("speed.server", errors=errors, **known),
    }


def named(names: Sequence[str]) -> Markup:
    """Names as a list in a sentence, marked as names: digits in them are no figures."""
    return Markup(", ").join(Markup('<span class="name">{}</span>').format(name) for name in names)


def unconfirmed(sources: Any) -> list[str]:
    """Sources without a licence, or whose licence carries a caveat."""
    return [
        str(item.get("name") or item.get("source")) for item in sources if not item.get("licence") or item.get("licence_note")
    ]
