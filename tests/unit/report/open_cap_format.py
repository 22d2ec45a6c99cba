"""The shapes of Open Cap Format 1.2 that the export uses, read off the published schemas: fields, which are required, and what they hold.

Every object is closed: a field that is not named here is a mistake. `problems` says what is wrong with one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

Check = Callable[[Any, str], Iterator[str]]


def text(pattern: str = "(?s).+") -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            yield f"{at}: {value!r} is not like {pattern}"

    return check


def one_of(*words: str) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if value not in words:
            yield f"{at}: {value!r} is none of {', '.join(words)}"

    return check


def either(*checks: Check) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        found = [list(one(value, at)) for one in checks]
        if sum(not part for part in found) != 1:
            yield f"{at}: {value!r} fits {sum(not part for part in found)} of {len(checks)} shapes: {found}"

    return check


def listed(inner: Check, least: int = 0) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list) or len(value) < least:
            yield f"{at}: {value!r} is no list of at least {least}"
            return
        for place, item in enumerate(value):
            yield from inner(item, f"{at}[{place}]")

    return check


def of_type(*kinds: type) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if type(value) not in kinds:
            yield f"{at}: {value!r} is no {kinds}"

    return check


def shape(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: {value!r} is no object"
            return
        known = {**required, **(optional or {})}
        yield from (f"{at}: {name} is missing" for name in required.keys() - value.keys())
        yield from (f"{at}: {name} is no field" for name in value.keys() - known.keys())
        for name in value.keys() & known.keys():
            yield from known[name](value[name], f"{at}.{name}")

    return check


def day(value: Any, at: str) -> Iterator[str]:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        yield f"{at}: {value!r} is no day"


def moment(value: Any, at: str) -> Iterator[str]:
    try:
        if datetime.fromisoformat(value).tzinfo is None:
            yield f"{at}: {value!r} has no time zone"
    except (TypeError, ValueError):
        yield f"{at}: {value!r} is no moment"


NUMERIC = text(r"[+-]?[0-9]+(\.[0-9]{1,10})?")
PERCENTAGE = text(r"0?(\.[0-9]{1,10})?|1(\.0{1,10})?")
MONEY = shape({"amount": NUMERIC, "currency": text("[A-Z]{3}")})
RATIO = shape({"numerator": NUMERIC, "denominator": NUMERIC})
AUTHORISED = either(one_of("NOT APPLICABLE", "UNLIMITED"), NUMERIC)
COMMENTS = {"comments": listed(of_type(str))}

SAFE = shape(
    {"type": one_of("SAFE_CONVERSION"), "conversion_mfn": of_type(bool)},
    {
        "conversion_discount": PERCENTAGE,
        "conversion_valuation_cap": MONEY,
        "conversion_timing": one_of("PRE_MONEY", "POST_MONEY"),
        "exit_multiple": RATIO,
        "capitalization_definition": text(),
    },
)
NOTE = shape(
    {
        "type": one_of("CONVERTIBLE_NOTE_CONVERSION"),
        "interest_rates": listed(shape({"rate": PERCENTAGE, "accrual_start_date": day}, {"accrual_end_date": day})),
        "day_count_convention": one_of("ACTUAL_365", "30_360"),
        "interest_payout": one_of("DEFERRED", "CASH"),
        "interest_accrual_period": one_of("DAILY", "MONTHLY", "QUARTERLY", "SEMI_ANNUAL", "ANNUAL"),
        "compounding_type": one_of("COMPOUNDING", "SIMPLE"),
    },
    {
        "conversion_discount": PERCENTAGE,
        "conversion_valuation_cap": MONEY,
        "conversion_mfn": of_type(bool),
        "exit_multiple": RATIO,
        "capitalization_definition": text(),
    },
)
BY_RATIO = shape(
    {
        "type": one_of("RATIO_CONVERSION"),
        "conversion_price": MONEY,
        "ratio": RATIO,
        "rounding_type": one_of("CEILING", "FLOOR", "NORMAL"),
    }
)
FUTURE = {"converts_to_future_round": of_type(bool), "converts_to_stock_class_id": text()}
TRIGGER = shape(
    {
        "trigger_id": text(),
        "type": one_of("AUTOMATIC_ON_CONDITION"),
        "trigger_condition": text(),
        "conversion_right": shape(
            {"type": one_of("CONVERTIBLE_CONVERSION_RIGHT"), "conversion_mechanism": either(SAFE, NOTE)}, FUTURE
        ),
    },
    {"nickname": text(), "trigger_description": text()},
)
STOCK_RIGHT = shape({"type": one_of("STOCK_CLASS_CONVERSION_RIGHT"), "conversion_mechanism": BY_RATIO}, FUTURE)

BASE: dict[str, Check] = {"id": text(), "object_type": text()}
EVENT = {**BASE, "date": day}
ISSUED = {
    **EVENT,
    "security_id": text(),
    "custom_id": text(),
    "stakeholder_id": text(),
    "security_law_exemptions": listed(shape({"description": text(), "jurisdiction": text()})),
}
ISSUED_TOO = {**COMMENTS, "board_approval_date": day, "stockholder_approval_date": day, "consideration_text": text()}
RELATIONS = [
    "ADVISOR",
    "BOARD_MEMBER",
    "CONSULTANT",
    "EMPLOYEE",
    "EX_ADVISOR",
    "EX_CONSULTANT",
    "EX_EMPLOYEE",
    "EXECUTIVE",
    "FOUNDER",
    "INVESTOR",
    "NON_US_EMPLOYEE",
    "OFFICER",
    "OTHER",
]

OBJECTS: dict[str, Check] = {
    "ISSUER": shape(
        {**BASE, "legal_name": text(), "formation_date": day, "country_of_formation": text("[A-Z]{2}")},
        {**COMMENTS, "dba": text(), "initial_shares_authorized": AUTHORISED},
    ),
    "STAKEHOLDER": shape(
        {
            **BASE,
            "name": shape({"legal_name": text()}, {"first_name": text(), "last_name": text()}),
            "stakeholder_type": one_of("INDIVIDUAL", "INSTITUTION"),
        },
        {**COMMENTS, "issuer_assigned_id": text(), "current_relationship": one_of(*RELATIONS)},
    ),
    "STOCK_CLASS": shape(
        {
            **BASE,
            "name": text(),
            "class_type": one_of("COMMON", "PREFERRED"),
            "default_id_prefix": text(),
            "initial_shares_authorized": AUTHORISED,
            "votes_per_share": NUMERIC,
            "seniority": NUMERIC,
        },
        {
            **COMMENTS,
            "par_value": MONEY,
            "price_per_share": MONEY,
            "conversion_rights": listed(STOCK_RIGHT),
            "liquidation_preference_multiple": NUMERIC,
            "participation_cap_multiple": NUMERIC,
            "board_approval_date": day,
        },
    ),
    "STOCK_PLAN": shape(
        {**BASE, "plan_name": text(), "initial_shares_reserved": NUMERIC, "stock_class_ids": listed(text(), 1)},
        {**COMMENTS, "board_approval_date": day},
    ),
    "TX_STOCK_ISSUANCE": shape(
        {**ISSUED, "stock_class_id": text(), "share_price": MONEY, "quantity": NUMERIC, "stock_legend_ids": listed(text())},
        {**ISSUED_TOO, "stock_plan_id": text(), "cost_basis": MONEY, "issuance_type": one_of("RSA", "FOUNDERS_STOCK")},
    ),
    "TX_CONVERTIBLE_ISSUANCE": shape(
        {
            **ISSUED,
            "convertible_type": one_of("NOTE", "SAFE", "CONVERTIBLE_SECURITY"),
            "investment_amount": MONEY,
            "conversion_triggers": listed(TRIGGER, 1),
            "seniority": of_type(int),
        },
        {**ISSUED_TOO, "pro_rata": NUMERIC},
    ),
    "TX_CONVERTIBLE_CONVERSION": shape(
        {
            **EVENT,
            "security_id": text(),
            "reason_text": text(),
            "trigger_id": text(),
            "resulting_security_ids": listed(text(), 1),
        },
        {**COMMENTS, "quantity_converted": NUMERIC, "balance_security_id": text()},
    ),
    "TX_STOCK_PLAN_POOL_ADJUSTMENT": shape(
        {**EVENT, "stock_plan_id": text(), "shares_reserved": NUMERIC}, {**COMMENTS, "board_approval_date": day}
    ),
    "TX_STOCK_CLASS_CONVERSION_RATIO_ADJUSTMENT": shape(
        {**EVENT, "stock_class_id": text(), "new_ratio_conversion_mechanism": BY_RATIO}, COMMENTS
    ),
}
_FILE = listed(shape({"filepath": text(), "md5": text("[0-9a-f]{32}")}))
FILES = ("stock_plans", "stock_legend_templates", "stock_classes", "vesting_terms", "valuations", "transactions", "stakeholders")
MANIFEST = shape(
    {
        "ocf_version": one_of("1.2.0"),
        "file_type": one_of("OCF_MANIFEST_FILE"),
        "issuer": OBJECTS["ISSUER"],
        "as_of": day,
        "generated_at": moment,
        **{f"{name}_files": _FILE for name in FILES},
    },
    COMMENTS,
)


def problems(item: Mapping[str, Any]) -> list[str]:
    """What is wrong with an object; nothing if it fits its published shape."""
    kind = str(item.get("object_type"))
    return list(OBJECTS[kind](item, kind)) if kind in OBJECTS else [f"{kind} is no object that the export may write"]
