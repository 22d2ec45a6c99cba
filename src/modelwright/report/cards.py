"""Cards that travel with a release: the model card (hub metadata and Markdown), the data card, the list of licences.

Needs no library of an extra: a release is made even where the page can't be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from modelwright.report.numbers import Numbers
from modelwright.report.words_cards import CARDS, DATA_CARD, LOADED_GRAPH, LOADING

UNSTATED = "unknown"
"""What a licence list says where nobody stated one."""


def licences(
    card: Mapping[str, Any], start: str | None = None, checkpoint: Mapping[str, Any] | None = None
) -> list[dict[str, str | None]]:
    """Whose rights a release stands on.

    Args:
        card: data/card.json.
        start: the checkpoint reference the route starts from; None from scratch.
        checkpoint: what is known of it: {"name", "licence", "citation"}; left out, its licence is unknown.

    Returns:
        One entry per right: {"what": "data" | "checkpoint" | "code", "name", "licence", "note", "source", "citation"}.
    """
    entries: list[dict[str, str | None]] = [
        {
            "what": "data",
            "name": item.get("name"),
            "licence": item.get("licence") or UNSTATED,
            "note": item.get("licence_note"),
            "source": " ".join(str(item[key]) for key in ("source", "version") if item.get(key)),
            "citation": item.get("citation"),
        }
        for item in card.get("provenance", [])
    ]
    if start is not None:
        known = checkpoint or {}
        entries.append(
            {
                "what": "checkpoint",
                "name": known.get("name") or start,
                "licence": known.get("licence") or UNSTATED,
                "note": None if known.get("licence") else "read the licence at its source before you ship",
                "source": start,
                "citation": known.get("citation"),
            }
        )
    code = {
        "what": "code",
        "name": "modelwright",
        "licence": "Apache-2.0",
        "note": None,
        "source": "modelwright",
        "citation": None,
    }
    return [*entries, code]


def terms(service: Mapping[str, Any]) -> dict[str, str | None]:
    """The right to what a bought model's service answers: {"base_url", "model"} of release.json. No list knows its terms."""
    note = "read the service's terms before you ship: what it keeps of what is sent, and what its answers may be used for"
    return {
        "what": "service",
        "name": service["model"],
        "licence": UNSTATED,
        "note": note,
        "source": service["base_url"],
        "citation": None,
    }


def model_card(
    about: Mapping[str, Any],
    decision: Mapping[str, Any],
    card: Mapping[str, Any],
    language: str = "en",
    start: str | None = None,
    checkpoint: Mapping[str, Any] | None = None,
) -> str:
    """Markdown with the hub's YAML metadata in front.

    Args:
        about: release.json: name, task, route, variant, created, metrics by split.
        decision: choose/decision.json.
        card: data/card.json.
        language: "en" or "zh".
        start, checkpoint: as `licences`.
    """
    say = {key: pair[language == "zh"] for key, pair in CARDS.items()}
    numbers = Numbers(language)
    rights, service = licences(card, start, checkpoint), about.get("service")
    rights += [terms(service)] if service else []
    name, labels = about["name"], list(card.get("labels", {}))
    parts = [
        f"---\n{yaml.safe_dump(_metadata(about, card, rights, start), allow_unicode=True, sort_keys=False)}---\n",
        f"# {_plain(name)}\n",
        say["intro"].format(task=about["task"], route=about["route"], variant=about["variant"], created=about["created"][:10]),
        f"\n## {say['use']}\n\n{say['use.text']}",
        f"{say['labels'].format(count=len(labels))} "
        + ", ".join(f"`{_code(label)}`" for label in labels[:50])
        + ("…" if len(labels) > 50 else ""),
        f"\n## {say['training']}\n\n{_training(card, say, numbers)}",
        f"\n## {say['evaluation']}\n\n{say['evaluation.bought' if service else 'evaluation.text']}\n\n{_metrics(about, say, numbers)}",
        f"\n{say['decision']} {_plain(decision.get('reason', {}).get(language, ''))}",
        f"\n## {say['limits']}\n\n{_limits(card, decision, rights, say)}",
        f"\n## {say['load']}\n\n{LOADING.format(example=say['example'])}\n\n{_behind(service, say)}",
        f"\n## {say['licences']}\n\n{_rights(rights, say)}",
    ]
    return "\n".join(parts) + "\n"


def data_card(card: Mapping[str, Any], language: str = "en") -> str:
    """The data card as Markdown: counts, splits, labels, what was set aside, provenance."""
    say = {key: pair[language == "zh"] for key, pair in {**CARDS, **DATA_CARD}.items()}
    numbers = Numbers(language)
    kept = max(1, card.get("rows_kept", 0))
    lines = [f"# {say['data.title']}\n", _training(card, say, numbers), f"\n## {say['data.labels']}\n"]
    rows = [(f"`{_code(label)}`", f"{count:,}", numbers.percent(count / kept)) for label, count in card.get("labels", {}).items()]
    lines.append(_table((say["data.label"], say["data.rows"], say["data.share"]), rows))
    if card.get("quarantine"):
        lines.append(f"\n## {say['data.quarantine']}\n")
        aside = [(_plain(reason), f"{count:,}") for reason, count in card["quarantine"].items()]
        lines.append(_table((say["data.reason"], say["data.rows"]), aside))
    lines.append(f"\n## {say['licences']}\n\n{_rights(licences(card)[:-1], say)}")
    return "\n".join(lines) + "\n"


def _metadata(
    about: Mapping[str, Any], card: Mapping[str, Any], rights: Sequence[Mapping[str, Any]], start: str | None
) -> dict[str, Any]:
    """The hub's fields. `license` is the base checkpoint's where that is known; else it points at LICENSES.json."""
    base = next((item["licence"] for item in rights if item["what"] == "checkpoint"), UNSTATED)
    known = {"license": base.lower()} if base != UNSTATED else {"license": "other", "license_name": "see-licenses-json"}
    test = (about.get("metrics") or {}).get("test") or {}
    datasets = [item["name"] for item in card.get("provenance", []) if item.get("name")]
    results = [
        {
            "task": {"type": about["task"]},
            "dataset": {
                "name": ", ".join(datasets) or about["name"],
                "type": datasets[0] if datasets else about["name"],
                "split": "test",
            },
            "metrics": [{"type": metric, "value": round(figure["value"], 4), "name": metric} for metric, figure in test.items()],
        }
    ]
    metadata: dict[str, Any] = {
        **known,
        **({"license_link": "LICENSES.json"} if "license_name" in known else {}),
        "language": list(card.get("languages", {})),
        "library_name": "modelwright",
        "pipeline_tag": about["task"],
        "tags": ["modelwright", "onnx", about["route"], about["variant"]],
        "datasets": datasets,
        "metrics": list(test),
        "model-index": [{"name": about["name"], "results": results}] if test else None,
        "base_model": start.removeprefix("hf://").partition("@")[0] if start and start.startswith("hf://") else None,
    }
    return {key: value for key, value in metadata.items() if value not in (None, [])}


def _training(card: Mapping[str, Any], say: Mapping[str, str], numbers: Numbers) -> str:
    splits = card.get("splits", {})
    text = [say["rows"].format(read=f"{card['rows_read']:,}", kept=f"{card['rows_kept']:,}")] if "rows_kept" in card else []
    if splits:
        counts = ", ".join(f"{say[f'split.{name}']} {count:,}" for name, count in splits.items() if f"split.{name}" in say)
        text.append(say["splits"].format(counts=counts))
    if card.get("languages"):
        total = max(1, sum(card["languages"].values()))
        text.append(
            say["languages"].format(
                list=", ".join(f"{_plain(name)} {numbers.percent(n / total)}" for name, n in card["languages"].items())
            )
        )
    for item in card.get("provenance", []):
        text.append(
            say["source"].format(**{key: _plain(item.get(key) or "–") for key in ("name", "source", "version", "licence")})
        )
    return " ".join(text)


def _metrics(about: Mapping[str, Any], say: Mapping[str, str], numbers: Numbers) -> str:
    splits = about.get("metrics") or {}
    names = dict.fromkeys(name for split in ("test", "validation") for name in splits.get(split) or {})
    if not names:
        return say["no-metrics"]

    def cell(split: str, name: str) -> str:
        figure = (splits.get(split) or {}).get(name)
        if figure is None:
            return "–"
        ends = [figure.get("low"), figure.get("high")]
        return numbers.ratio(figure["value"]) + ("" if None in ends else f" [{numbers.ratio(ends[0])}–{numbers.ratio(ends[1])}]")

    rows = [(name, cell("test", name), cell("validation", name)) for name in names]
    return _table((say["metric"], say["split.test"], say["split.validation"]), rows)


def _limits(
    card: Mapping[str, Any], decision: Mapping[str, Any], rights: Sequence[Mapping[str, Any]], say: Mapping[str, str]
) -> str:
    limits = [say["limit.domain"], say["limit.labels"], say["limit.people"]]
    if card.get("languages"):
        limits.append(say["limit.language"].format(list=", ".join(_plain(name) for name in card["languages"])))
    if decision.get("confirmed_on_test") is False:
        limits.append(say["limit.unconfirmed"])
    if decision.get("conditions_met") is False:
        limits.append(say["limit.conditions"])
    if any(item["note"] or item["licence"] == UNSTATED for item in rights):
        limits.append(say["limit.licence"])
    return "\n".join(f"- {limit}" for limit in limits)


def _behind(service: Mapping[str, Any] | None, say: Mapping[str, str]) -> str:
    """What answers in the folder's name."""
    if service is None:
        return LOADED_GRAPH
    return say["load.bought"].format(model=_plain(service["model"]), url=_plain(service["base_url"]))


def _rights(rights: Sequence[Mapping[str, Any]], say: Mapping[str, str]) -> str:
    rows = [
        (say[f"right.{item['what']}"], _plain(item["name"] or "–"), _plain(item["licence"]), _plain(item["note"] or ""))
        for item in rights
    ]
    return _table((say["right"], say["right.name"], say["right.licence"], say["right.note"]), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _plain(text: Any) -> str:
    """Foreign text inside Markdown: one line, no markup, no table bars."""
    line = " ".join(str(text).split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("[", "\\[").replace("`", "\\`")


def _code(text: Any) -> str:
    """Foreign text inside a code span, which shows everything but backticks as it is."""
    return " ".join(str(text).split()).replace("`", "'").replace("|", "\\|")
