"""A draft of technical documentation in the shape of the AI Act's Annex IV, filled from the run. What is absent says so.

The sections and what fills them are data (`documentation.yaml`). A draft is no document: people finish, check and sign it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from modelwright.base.console import amount
from modelwright.base.evidence import Evidence
from modelwright.venture.compliance.check import STATEMENT, check
from modelwright.venture.facts import Facts

_WORDS = {
    "en": {
        "title": "Technical documentation (draft)",
        "shape": "In the shape of Annex IV of Regulation (EU) 2024/1689.",
        "absent": "**absent**",
        "open": "Absent: {count} of {all} entries. People must supply them.",
        "colon": ": ",
        "and": ", ",
    },
    "zh": {
        "title": "技术文档（草稿）",
        "shape": "按 (EU) 2024/1689 号条例附件四的结构。",
        "absent": "**缺失**",
        "open": "缺失：{all} 项中的 {count} 项，须由人补充。",
        "colon": "：",
        "and": "、",
    },
}
_STATES = {
    "pass": "通过",
    "fail": "未通过",
    "stale": "已过期",
    "no evidence": "无证据",
    "human attestation": "人工确认",
    "not applicable": "不适用",
}
_BASES = {"measured": "实测", "estimated": "估计", "assumed": "假设", "fallback": "默认值"}
_MOST = 12  # items of a list that are written out


@cache
def _sections() -> list[dict[str, Any]]:
    text = files("modelwright.venture.compliance").joinpath("documentation.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["sections"]


def draft(
    settings: Mapping[str, Any],
    evidence: Mapping[str, Evidence],
    artefacts: Mapping[str, Any],
    today: date,
    language: str = "en",
) -> str:
    """The draft as Markdown.

    Args:
        settings, evidence, artefacts, today: as `check` takes them.
        language: "en" or "zh".
    """
    words, facts = _WORDS[language], Facts(settings, evidence, artefacts)
    found = check(settings, evidence, artefacts, today)
    states = {item["id"]: item["state"] for item in found["items"]}
    lines, absent, total = [], 0, 0
    for section in _sections():
        lines += ["", f"## {section['title'][language]}", ""]
        for label, reference in section["lines"]:
            shown = _shown(reference.replace("{language}", language), facts, states, language)
            total, absent = total + 1, absent + (shown is None)
            lines.append(f"- {label[language]}{words['colon']}{words['absent'] if shown is None else shown}")
    head = [f"# {words['title']}", "", words["shape"], "", f"> {STATEMENT[language]}", ""]
    return "\n".join([*head, words["open"].format(count=absent, all=total), *lines, ""])


def _shown(reference: str, facts: Facts, states: Mapping[str, str], language: str) -> str | None:
    if not reference:
        return None
    if reference.startswith("item:"):
        state = states.get(reference[5:], "not applicable")
        return None if state == "no evidence" else state if language == "en" else _STATES[state]
    found = facts.find(reference)
    if found is None or found.value in ("", [], {}):
        return None
    text = _plain(found.value, language)
    if found.basis is not None:
        ends = [facts.find(f"{reference}@{end}") for end in ("low", "high")]
        interval = [_plain(end.value, language) for end in ends if end is not None]
        unit = "" if found.unit == "1" else f" {found.unit}"
        text += f" [{'–'.join(interval)}]{unit}" if len(interval) == 2 else unit
        text += f" ({found.basis})" if language == "en" else f"（{_BASES[found.basis]}）"
    return text


def _plain(value: Any, language: str) -> str:
    """One line that cannot break the Markdown around it."""
    comma, colon = _WORDS[language]["and"], _WORDS[language]["colon"]
    if isinstance(value, Mapping):
        return comma.join(f"{_plain(key, language)}{colon}{_plain(item, language)}" for key, item in value.items())
    if isinstance(value, list):
        rest = f"{comma}… ({len(value)})" if len(value) > _MOST else ""
        return comma.join(_plain(item, language) for item in value[:_MOST]) + rest
    if isinstance(value, float):
        return amount(value, 4)
    text = " ".join(str(value).split())
    for mark in "\\`*_<>[]#|":
        text = text.replace(mark, "\\" + mark)
    return text
