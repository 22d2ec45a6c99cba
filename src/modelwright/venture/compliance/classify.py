"""Which duties concern this venture: by market, role, use and measured operations. What is not ruled out by evidence applies.

A condition is True, False or None (nobody knows). Only False takes an item off the list, and every False rests on something
that was stated or measured: taking evidence away never makes the list shorter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from modelwright.spec.compliance import Attestation, Compliance
from modelwright.venture.compliance.checks import State
from modelwright.venture.facts import Facts
from modelwright.venture.tables import table

MARKETS = ("EU", "CN", "US")
GENERAL_PURPOSE_FLOPS = 1e23  # † Commission's guidelines of July 2025 on general-purpose models
SYSTEMIC_FLOPS = 1e25  # AI Act art. 51(2)
MODIFIER_SHARE = 1 / 3  # † the same guidelines: who adds less than a third of the operations is no new provider
GENERATIVE_TASKS = ("text-generation", "text-to-image", "text-to-speech", "image-to-text", "summarization", "translation")
NOT_GENERATIVE_TASKS = (
    "text-classification",
    "image-classification",
    "tabular-classification",
    "tabular-regression",
    "time-series-forecasting",
    "recommendation",
    "token-classification",
)


@dataclass(frozen=True)
class Classification:
    """What is known of the venture.

    Args:
        markets: those stated, or all.
        conditions: by name (`catalogue.CONDITIONS`); None where nobody knows.
        flops: {"value": operations at most or estimated, "kind": "estimate" | "at most", "note"}; None: not measured.
        reasons: why each condition is as it is, by name.
        asked: settings that would settle what nobody knows.
    """

    markets: tuple[str, ...]
    conditions: Mapping[str, bool | None]
    flops: Mapping[str, Any] | None
    reasons: Mapping[str, Mapping[str, str]]
    asked: tuple[str, ...] = field(default=())

    @property
    def model_class(self) -> str:
        known = self.conditions
        if known["systemic"]:
            return "general-purpose, systemic risk"
        if known["general-purpose"]:
            return "general-purpose"
        return "unknown" if known["general-purpose"] is None else "not general-purpose"


def classify(section: Compliance, facts: Facts, today: date) -> Classification:
    """Read what was stated and measured."""
    reasons: dict[str, Mapping[str, str]] = {}
    asked: list[str] = []

    def note(name: str, english: str, chinese: str, ask: str = "") -> None:
        reasons[name] = {"en": english, "zh": chinese}
        if ask:
            asked.append(ask)

    if section.markets is None:
        note(
            "market",
            "markets are not stated: every market's items are listed",
            "未声明市场：列出所有市场的条目",
            "compliance.markets",
        )
    conditions: dict[str, bool | None] = {
        role: None if section.role is None else section.role == role for role in ("provider", "deployer")
    }
    if section.role is None:
        note("provider", "the role is not stated", "未声明角色", "compliance.role")
    conditions["public"] = section.public is not False
    conditions["high-risk"] = _high_risk(section, today, note)
    conditions["generative"] = _generative(section, facts, note)
    conditions["personal-data"] = _personal_data(section, facts, note)
    flops = _operations(facts)
    conditions["general-purpose"] = _general_purpose(section, facts, conditions["generative"], flops, note)
    conditions["systemic"] = _systemic(section, conditions["general-purpose"], flops)
    return Classification(tuple(section.markets or MARKETS), conditions, flops, reasons, tuple(asked))


def holds(attestation: Attestation | None, today: date) -> State:
    """State of a person's word: "human attestation", "stale", or "no evidence" (none, or dated in the future)."""
    if attestation is None or attestation.given > today:
        return "no evidence"
    given = attestation.given
    months = (today.year - given.year) * 12 + today.month - given.month - (today.day < given.day)
    return "stale" if months >= attestation.months else "human attestation"


def _high_risk(section: Compliance, today: date, note: Any) -> bool | None:
    if section.use is None:
        note(
            "high-risk",
            "the use is not stated: nobody can say that it is not high-risk",
            "未声明用途：无法排除高风险",
            "compliance.use",
        )
        return None
    if set(section.use) != {"none"}:
        areas = ", ".join(area for area in section.use if area != "none")
        note("high-risk", f"meant for: {areas}", f"用途：{areas}")
        return True
    if holds(section.attestations.get("role-and-class"), today) != "human attestation":
        note(
            "high-risk",
            "stated as no high-risk use, but nobody attests it",
            "声明为非高风险用途，但无人确认",
            "compliance.attestations.role-and-class",
        )
        return None
    note("high-risk", "attested: none of the areas of Annex III", "已确认：不属于附件三所列领域")
    return False


def _generative(section: Compliance, facts: Facts, note: Any) -> bool | None:
    task = str(facts.settings.get("task", ""))
    if task in GENERATIVE_TASKS or section.generative:
        note("generative", f"the task {task} makes content", f"任务 {task} 生成内容")
        return True
    if section.generative is False or task in NOT_GENERATIVE_TASKS:
        note("generative", f"the task {task} makes no content", f"任务 {task} 不生成内容")
        return False
    note("generative", "nobody said whether it makes content", "未说明是否生成内容", "compliance.generative")
    return None


def _personal_data(section: Compliance, facts: Facts, note: Any) -> bool | None:
    searched = facts.find("evidence:data/personal-data-found")
    if section.personal_data is False and searched is not None and searched.value == 0:
        note("personal-data", "stated, and a search of the rows found none", "已声明，且检索未发现个人信息")
        return False
    if section.personal_data is False:
        note("personal-data", "stated as none, but no search of the rows shows it", "声明为无，但没有检索结果佐证")
        return None
    note("personal-data", "taken as processed until stated and shown otherwise", "在声明并证明之前视为处理个人信息")
    return section.personal_data


def _operations(facts: Facts) -> Mapping[str, Any] | None:
    """Operations of the chosen route's training: recorded, and never more than its devices can do in the time measured."""
    recorded = facts.find("evidence:train/{route}/flops")
    found = None
    if recorded is not None and isinstance(recorded.value, int | float) and recorded.basis in ("measured", "estimated"):
        found = {"value": float(recorded.value), "kind": "estimate", "note": recorded.name}
    seconds, devices = facts.find("evidence:train/{route}/time"), facts.find("evidence:train/{route}/devices")
    known = [item.value for item in (seconds, devices) if item is not None and item.basis == "measured"]
    if len(known) == 2 and all(isinstance(value, int | float) for value in known):
        peak = max(entry.more["tflops"] for entry in table("devices").values()) * 1e12
        most = known[0] * known[1] * peak
        if found is None or most < found["value"]:
            note = f"measured time × devices × the fastest accelerator listed ({peak:.2g} FLOP/s)"
            found = {"value": most, "kind": "at most", "note": note}
    return found


def _general_purpose(
    section: Compliance, facts: Facts, generative: bool | None, flops: Mapping[str, Any] | None, note: Any
) -> bool | None:
    name, route = "general-purpose", facts.chosen.get("route")
    if generative is False:
        note(name, "it makes no content", "不生成内容")
        return False
    if flops is None or route is None:
        note(name, "training was not measured", "训练计算量没有测量")
        return None
    base = section.base_model_flops
    if facts.settings.get("routes", {}).get(route, {}).get("from") is not None and base is None:
        note(
            name,
            "it starts from a checkpoint whose operations are not stated",
            "起始检查点的计算量未声明",
            "compliance.base_model_flops",
        )
        return None
    if base is not None and flops["value"] < base * MODIFIER_SHARE:
        note(name, "it adds less than a third of the checkpoint's operations †", "新增计算量不足检查点的三分之一 †")
        return False
    total = flops["value"] + (base or 0.0)
    if total <= GENERAL_PURPOSE_FLOPS:
        note(name, f"{total:.2g} operations {flops['kind']}, 1e23 or fewer", f"计算量 {total:.2g}，不超过 1e23")
        return False
    exact = flops["kind"] == "estimate"
    note(name, f"{total:.2g} operations, more than 1e23", f"计算量 {total:.2g}，超过 1e23")
    return True if generative and exact else None


def _systemic(section: Compliance, general: bool | None, flops: Mapping[str, Any] | None) -> bool | None:
    if general is False:
        return False
    if flops is None:
        return None
    total = flops["value"] + (section.base_model_flops or 0.0)
    if total <= SYSTEMIC_FLOPS:
        return False if general else None
    return True if general and flops["kind"] == "estimate" else None
