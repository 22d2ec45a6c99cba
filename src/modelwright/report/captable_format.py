"""The cap table in Open Cap Format: a manifest and JSON files that other cap table software reads.

The format (Open Cap Table Coalition, version 1.2) records what was issued, converted and adjusted; percentages follow from it.
What the project file does not state and the format asks for is said in comments: founders' price (written as 0), exercise
prices (so grants stay in the plan's reserve, not issuances of their own). Rounds that lie ahead are marked as planned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from modelwright.base.errors import SpecError
from modelwright.spec.financing import Financing, Instrument

VERSION = "1.2.0"
_FILES = ("stakeholders", "stock_classes", "stock_plans", "transactions", "stock_legend_templates", "vesting_terms", "valuations")
_NO_PRICE = "the price that was paid is not stated; the format asks for one"
_PLANNED = "planned, not issued"


def write_captable(settings: Financing, found: Mapping[str, Any], start: date, today: date, out: Path) -> Path:
    """Write the folder.

    Args:
        settings: `financing:`; its `company` is needed.
        found: what `venture.financing.finance` returned for it.
        start: the day on which month 0 of the plan lies.
        today: what lies after it is planned.
        out: the folder to make.

    Returns:
        The manifest's path.

    Raises:
        SpecError: the company's facts are not stated.
    """
    if settings.company is None:
        raise SpecError(
            "the company is not described",
            expected="financing.company with legal_name, formed and country, which Open Cap Format asks for",
            where="financing.company",
            remedy="financing: {company: {legal_name: My Company Ltd, formed: 2026-03-01, country: US}}",
        )
    items = _Writer(settings, found, start, today).items()
    out.mkdir(parents=True, exist_ok=True)
    listed = {}
    for name in _FILES:
        file = out / f"{''.join(part.capitalize() for part in name.split('_'))}.ocf.json"
        content = {"file_type": f"OCF_{name.upper()}_FILE", "items": items.get(name, [])}
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        file.write_text(text, encoding="utf-8")
        digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # the format's own choice of checksum
        listed[f"{name}_files"] = [{"filepath": f"./{file.name}", "md5": digest}]
    company = settings.company
    manifest = {
        "ocf_version": VERSION,
        "file_type": "OCF_MANIFEST_FILE",
        "issuer": {
            "object_type": "ISSUER",
            "id": _id("issuer"),
            "legal_name": company.legal_name,
            "formation_date": company.formed.isoformat(),
            "country_of_formation": company.country,
        },
        "as_of": today.isoformat(),
        "generated_at": datetime.combine(today, time(), UTC).isoformat(),
        **listed,
        "comments": ["from the project file's financing section; transactions after as_of are planned"],
    }
    place = out / "Manifest.ocf.json"
    place.write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return place


def _id(*parts: object) -> str:
    """The same name has the same identifier in every export."""
    return str(uuid5(NAMESPACE_URL, "modelwright:" + "/".join(map(str, parts))))


def _number(value: float) -> str:
    """Fixed-point, at most ten decimals."""
    text = f"{value:.10f}"
    return text.rstrip("0").rstrip(".") or "0"


class _Writer:
    """Collects the objects of all files."""

    def __init__(self, settings: Financing, found: Mapping[str, Any], start: date, today: date) -> None:
        self.settings, self.found, self.today = settings, found, today
        self.first = start
        self.common = _id("class", "common")
        self.plan = _id("plan")
        self.transactions: list[dict[str, Any]] = []

    def items(self) -> dict[str, list[dict[str, Any]]]:
        self._founders()
        for number, item in enumerate(self.settings.instruments, 1):
            self._convertible(item, number)
        for before, step in zip(self.found["steps"], self.found["steps"][1:], strict=False):
            self._round(step, before)
        return {
            "stakeholders": self._stakeholders(),
            "stock_classes": self._classes(),
            "stock_plans": [
                {
                    "object_type": "STOCK_PLAN",
                    "id": self.plan,
                    "plan_name": "Options",
                    "initial_shares_reserved": str(self.settings.pool.size),
                    "stock_class_ids": [self.common],
                    "comments": [
                        f"granted or promised to {name}: {count}; exercise price not stated"
                        for name, count in self.settings.pool.granted.items()
                    ],
                }
            ],
            "transactions": sorted(self.transactions, key=lambda item: item["date"]),
        }

    def _date(self, month: int) -> str:
        """The same day of a later month, or that month's 28th."""
        years, index = divmod(self.first.month - 1 + month, 12)
        return date(self.first.year + years, index + 1, min(self.first.day, 28)).isoformat()

    def _money(self, value: float) -> dict[str, str]:
        return {"amount": _number(value), "currency": self.settings.currency}

    def _add(self, kind: str, month: int, name: str, comments: tuple[str, ...] = (), **fields: Any) -> None:
        when = self._date(month)
        marks = [*comments, *([_PLANNED] if when > self.today.isoformat() else [])]
        self.transactions.append({"object_type": kind, "id": _id(kind, name), "date": when, **fields, "comments": marks})

    def _issue(self, month: int, holder: str, name: str, class_id: str, price: float, shares: float, *comments: str) -> str:
        security = _id("security", name, holder)
        self._add(
            "TX_STOCK_ISSUANCE",
            month,
            f"{name}/{holder}",
            comments,
            security_id=security,
            custom_id=f"{name}-{holder}",
            stakeholder_id=_id("holder", holder),
            security_law_exemptions=[],
            stock_class_id=class_id,
            share_price=self._money(price),
            quantity=str(int(shares)),
            stock_legend_ids=[],
        )
        return security

    def _founders(self) -> None:
        for holder, shares in self.settings.founders.items():
            self._issue(0, holder, "common", self.common, 0.0, shares, _NO_PRICE)

    def _convertible(self, item: Instrument, number: int) -> None:
        name = f"convertible-{number}"
        self._add(
            "TX_CONVERTIBLE_ISSUANCE",
            item.month,
            name,
            security_id=_id("security", name),
            custom_id=name,
            stakeholder_id=_id("holder", item.holder),
            security_law_exemptions=[],
            investment_amount=self._money(item.amount.value),
            convertible_type="NOTE" if item.kind == "note" else "SAFE",
            conversion_triggers=[
                {
                    "trigger_id": _id("trigger", name),
                    "type": "AUTOMATIC_ON_CONDITION",
                    "trigger_condition": "the next priced round",
                    "conversion_right": {
                        "type": "CONVERTIBLE_CONVERSION_RIGHT",
                        "conversion_mechanism": self._mechanism(item),
                        "converts_to_future_round": True,
                    },
                }
            ],
            seniority=1,
        )

    def _mechanism(self, item: Instrument) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if item.discount:
            made["conversion_discount"] = _number(item.discount)
        if item.cap is not None:
            made["conversion_valuation_cap"] = self._money(item.cap.value)
        if item.kind != "note":
            timing = "POST_MONEY" if item.kind == "post-money-safe" else "PRE_MONEY"
            return {"type": "SAFE_CONVERSION", "conversion_mfn": False, "conversion_timing": timing, **made}
        rates = []
        if item.interest is not None:
            yearly = item.interest.value * (12 if item.interest.period == "month" else 1)
            rates = [{"rate": _number(yearly), "accrual_start_date": self._date(item.month)}]
        return {
            "type": "CONVERTIBLE_NOTE_CONVERSION",
            "interest_rates": rates,
            "day_count_convention": "30_360",
            "interest_payout": "DEFERRED",
            "interest_accrual_period": "MONTHLY",
            "compounding_type": "SIMPLE",
            **made,
        }

    def _round(self, step: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        month, name = step["month"], step["name"]
        for row in step["holders"]:
            if row["paid"]:
                self._issue(month, row["holder"], name, _id("class", name), step["price"], row["paid"] / step["price"])
        self._conversions(step, before["month"])
        if step["pool_increase"]:
            granted = sum(self.settings.pool.granted.values())
            self._add(
                "TX_STOCK_PLAN_POOL_ADJUSTMENT",
                month,
                name,
                stock_plan_id=self.plan,
                shares_reserved=str(step["unissued"] + granted),
            )
        for item in self.found["classes"]:
            if item["name"] in step["protected"]:
                self._add(
                    "TX_STOCK_CLASS_CONVERSION_RATIO_ADJUSTMENT",
                    month,
                    f"{name}/{item['name']}",
                    ("the price after all rounds of this file",),
                    stock_class_id=_id("class", item["name"]),
                    new_ratio_conversion_mechanism=self._ratio(item, item["conversion_price"]),
                )

    def _conversions(self, step: Mapping[str, Any], since: int) -> None:
        """Instruments whose money came since the last round, in the order in which the round converted them."""
        month, first = step["month"], step is self.found["steps"][1]
        numbers = [
            number
            for number, item in enumerate(self.settings.instruments, 1)
            if item.month <= month and (first or item.month > since)
        ]
        shadow = {round(item["price_paid"], 9): item["name"] for item in self.found["classes"] if item["round"] == step["name"]}
        for number, row in zip(numbers, step["converted"], strict=True):
            own = [item for item in shadow.items() if item[1] != step["name"]]
            _, class_name = min(own, key=lambda item: abs(item[0] - row["price"]))
            security = self._issue(
                month, row["holder"], f"{class_name}-convertible-{number}", _id("class", class_name), row["price"], row["shares"]
            )
            self._add(
                "TX_CONVERTIBLE_CONVERSION",
                month,
                f"convertible-{number}",
                security_id=_id("security", f"convertible-{number}"),
                trigger_id=_id("trigger", f"convertible-{number}"),
                reason_text=f"priced round {step['name']}",
                resulting_security_ids=[security],
            )

    def _ratio(self, item: Mapping[str, Any], price: float) -> dict[str, Any]:
        return {
            "type": "RATIO_CONVERSION",
            "conversion_price": self._money(price),
            "ratio": {"numerator": _number(item["price_paid"] / price), "denominator": "1"},
            "rounding_type": "FLOOR",
        }

    def _classes(self) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = [
            {
                "object_type": "STOCK_CLASS",
                "id": self.common,
                "name": "Common",
                "class_type": "COMMON",
                "default_id_prefix": "CS-",
                "initial_shares_authorized": "UNLIMITED",
                "votes_per_share": "1",
                "seniority": "0",
                "comments": ["authorised shares and votes are not stated"],
            }
        ]
        for item in self.found["classes"]:
            one: dict[str, Any] = {
                "object_type": "STOCK_CLASS",
                "id": _id("class", item["name"]),
                "name": f"Preferred {item['name']}",
                "class_type": "PREFERRED",
                "default_id_prefix": f"{item['name'].upper().replace(' ', '-')}-",
                "initial_shares_authorized": "UNLIMITED",
                "votes_per_share": "1",
                "price_per_share": self._money(item["price_paid"]),
                "seniority": str(item["rank"]),
                "conversion_rights": [
                    {
                        "type": "STOCK_CLASS_CONVERSION_RIGHT",
                        "conversion_mechanism": self._ratio(item, item["price_paid"]),
                        "converts_to_stock_class_id": self.common,
                    }
                ],
                "liquidation_preference_multiple": _number(item["multiple"]),
                "comments": ["authorised shares and votes are not stated"],
            }
            if item["participating"] and item["most"] is not None:
                one["participation_cap_multiple"] = _number(item["most"])
            elif item["participating"]:
                one["comments"].append("participates without a cap")
            made.append(one)
        return made

    def _stakeholders(self) -> list[dict[str, Any]]:
        people = {**dict.fromkeys(self.settings.founders, "FOUNDER"), **dict.fromkeys(self.settings.pool.granted, "EMPLOYEE")}
        people = {**people, **dict.fromkeys(self.settings.founders, "FOUNDER")}
        names = dict.fromkeys([*people, *(item.holder for item in self.settings.instruments)])
        names |= dict.fromkeys(row["holder"] for step in self.found["steps"] for row in step["holders"])
        return [
            {
                "object_type": "STAKEHOLDER",
                "id": _id("holder", name),
                "name": {"legal_name": name},
                "stakeholder_type": "INDIVIDUAL" if name in people else "INSTITUTION",
                "current_relationship": people.get(name, "INVESTOR"),
                "comments": [] if name in people else ["whether this investor is a person or an institution is not stated"],
            }
            for name in names
        ]
