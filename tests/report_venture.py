"""The venture's artefacts for tests of the report, made by the venture room itself from stated assumptions.

What the report reads is thus what the plan step writes. Hostile text goes in where founders write freely.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from modelwright.base.evidence import Evidence, Source
from modelwright.spec.compute import Compute
from modelwright.spec.financing import Financing
from modelwright.spec.risk import RiskSection
from modelwright.spec.venture import Venture
from modelwright.venture import capacity, learning, register, responses, route_choice
from modelwright.venture.compliance import check
from modelwright.venture.facts import Facts
from modelwright.venture.figures import Figure
from modelwright.venture.financing import finance
from modelwright.venture.plan import plan
from modelwright.venture.service_alarms import Limit, watch_service

TODAY = date(2026, 11, 22)
MILLION = 1_000_000
COST = Figure(0.00021, "USD", "estimated", note="measured at best throughput")


def _venture(bad: str) -> dict[str, Any]:
    return {
        "price": {
            "tiers": [
                {"name": "basic" + bad, "plan": "9 per month", "share": 0.7, "included_requests": 500, "overage": 0.01},
                {"name": "pro", "plan": "49 per month", "share": 0.3, "included_requests": 5000, "overage": 0.005},
            ],
            "enterprise": {"contracts": "0.5 per month", "value": "2000 per month", "start": 2, "sales_cycle_months": 4},
            "advertising": {"impressions": 2, "rpm": "3", "free_users": "20", "free_requests": "100 per month"},
        },
        "pricing": {
            "target_margin": 0.8,
            "customer_saving": "400 ± 150 per month",
            "value_share": 0.2,
            "competitors": [{"name": "Rival" + bad, "price": "39 per month", "as_of": "2026-10-01", "source": "its site"}],
            "willingness": [{"price": 9, "share": 0.7}, {"price": 49, "share": 0.4}, {"price": 99, "share": 0.1}],
        },
        "customers": {
            "start": 60,
            "growth": "6% ± 2% per month",
            "churn": "4% ± 1% per month",
            "requests": "3000 ± 500 per month",
            "acquisition_cost": "60 ± 20 USD",
            "expansion": "1% per month",
        },
        "marketing": {
            "channels": [
                {"name": "search" + bad, "spend": "1500 per month", "cost_per_visit": "1.2 ± 0.3 USD"},
                {"name": "partners", "spend": "900 per month", "acquisition_cost": "120 ± 40 USD"},
            ],
            "signup": "6% ± 2%",
            "trial": "100%",
            "paid": "22% ± 5%",
        },
        "team": [
            {"role": "founder" + bad, "salary": "5500 per month", "skills": ["product", "sales", "finance"]},
            {
                "role": "engineer",
                "salary": "5500 per month",
                "count": 2,
                "skills": ["machine-learning", "software-engineering", "operations"],
            },
            {"role": "seller", "salary": "4000 per month", "start_month": 7, "ramp_months": 3, "skills": ["sales", "marketing"]},
        ],
        "payroll_load": 0.25,
        "support_share": 0.06,
        "other_costs": "1200 ± 300 per month",
        "cash": 90000,
        "months": 36,
        "paths": 512,
    }


FINANCING = {
    "founders": {"ann": 4 * MILLION, "bo": 4 * MILLION},
    "pool": {"granted": {"cy": 200_000}, "size": MILLION},
    "instruments": [{"holder": "angel", "amount": 500_000, "cap": 5 * MILLION}],
    "rounds": [
        {
            "name": "seed",
            "month": 8,
            "pre_money": 12 * MILLION,
            "investors": {"fund": 3 * MILLION},
            "pool": "10%",
        },
        {"name": "A", "after": "seed", "pre_money": 30 * MILLION, "investors": {"big": 8 * MILLION}, "pro_rata": ["fund"]},
    ],
    "exits": [{"proceeds": 5 * MILLION, "month": 48}, {"proceeds": 50 * MILLION, "month": 60}, {"proceeds": 200 * MILLION}],
}
RISK = {
    "owners": {"market": "founder"},
    "responses": [{"id": "raise-price", "title": "Raise the price", "changes": [{"key": "venture.cash", "times": 1.5}]}],
}


def replan(venture: Venture, cost: Figure | None, routes: tuple[str, ...] = ("fit",)) -> dict[str, Any]:
    return plan(
        venture,
        compute=Compute(),
        cost_per_1000=cost,
        training_money=Figure(0.01, "USD", "estimated"),
        capacity_requests_per_month=Figure(5e8, "requests/month", "measured"),
        today=TODAY,
        routes=routes,
    )


@cache
def _made(bad: str, levels: str) -> str:
    venture = Venture.model_validate(_venture(bad))
    content = replan(venture, COST)
    source = Source("2026-11-22-1412-k3f", "plan", "modelwright run", "2 cores", "2026-11-22T14:13:40Z")
    evidence = {
        f"plan/{item['name']}": Evidence(f"plan/{item['name']}", item["value"], item["unit"], item["basis"], source)
        for item in content["figures"]
    }
    settings: Mapping[str, Any] = {
        "task": "text-classification",
        "compliance": {"markets": ["EU", "CN"], "role": "provider", "use": ["none"], "owners": {"role-and-class": "ann" + bad}},
    }
    risk = RiskSection.model_validate(RISK)
    risks = register.assess(risk, Facts(settings, evidence, {}), TODAY)
    risks["responses"] = responses.compare(risk, venture, COST, replan, 256)
    risks["alarms"] = {
        "time": "2026-11-22T14:12:09+00:00",
        **watch_service(
            {"operate/error-share": Figure(0.03, "1", "measured"), "operate/silent-days": Figure(0.1, "days", "measured")},
            [
                Limit("operate/error-share", None, 0.01, "assumed", "risk.alarms.error_share"),
                Limit("operate/silent-days", None, 1.0, "fallback", "every day", "warning"),
                Limit("operate/latency-p95", None, 50.0, "assumed", "choose.latency_ms_p95"),
            ],
        ),
    }
    price = Figure(0.12, "USD/h", "fallback", note="prices of 2026-05")
    made = {
        "plan": content,
        "risks": risks,
        "compliance": check(settings, evidence, {"run.json": {"created": "2026-11-22T14:12:09Z"}}, TODAY),
        "capacity": capacity.plan(json.loads(levels), 2e8, 120.0, price, peak_to_mean=3.0, reserved_price_per_hour=0.08),
        "route": route_choice.choose(_ways(), 2e6, 36),
        "learning": learning.more_data(
            [(372, 0.951), (744, 0.966), (1488, 0.9741)], "macro-f1", price_per_row=Figure(0.2, "USD", "assumed")
        ),
        "financing": finance(
            Financing.model_validate(FINANCING),
            currency="USD",
            cash=content["fan"]["cash"],
            cash_start=90_000.0,
        ),
    }
    return json.dumps(made)


def _ways() -> list[route_choice.Way]:
    free, quality = Figure(0.0, "USD", "assumed"), Figure(0.974, "1", "measured", 0.961, 0.986)
    return [
        route_choice.Way("tfidf-linear", "build", quality, Figure(0.01, "USD", "estimated"), COST),
        route_choice.Way(
            "finetune",
            "fine-tune",
            Figure(0.978, "1", "measured", 0.965, 0.989),
            Figure(0.02, "USD", "estimated"),
            Figure(0.0084, "USD", "estimated"),
        ),
        route_choice.Way("bought-model", "buy", None, free, Figure(0.12, "USD", "assumed"), 0.3),
    ]


def artefacts(bad: str, levels: list[dict[str, Any]]) -> dict[str, Any]:
    """By name: plan, risks, compliance, capacity, route, learning, financing."""
    return json.loads(_made(bad, json.dumps(levels)))
