"""Alarms from live figures: what the log says, what founders keep, and what fires."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from made_project import settings
from modelwright import cli
from modelwright.base.errors import DataError, MachineError, SpecError
from modelwright.base.evidence import Ledger, Source
from modelwright.base.store import read_json, write_json
from modelwright.pipeline.live import alarms, lines, live_months
from modelwright.pipeline.traffic import figures_of, identity, read_log, records_of
from modelwright.spec.load import load
from modelwright.spec.risk import RiskSection
from modelwright.tasks.contract import TASKS
from modelwright.venture.facts import Facts
from modelwright.venture.figures import Figure
from modelwright.venture.register import assess
from modelwright.venture.service_alarms import Limit, shipped, stated_or_shipped, watch_service

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
START = date(2026, 8, 1)
DAY = 86400.0
PLAN = {
    "months": [1, 2, 3, 4, 5, 6],
    "currency": "USD",
    "fan": {
        "customers": {"p10": [90.0] * 6, "p50": [100.0] * 6, "p90": [110.0] * 6},
        "net_burn": {"p10": [10.0] * 6, "p50": [15.0] * 6, "p90": [20.0] * 6},
        "cash": {"p10": [0.0] * 6, "p50": [100.0] * 6, "p90": [900.0] * 6},
    },
    "unit": {"requests": 1000.0},
}


def entry(days_ago: float, status: int = 200, rows: int = 1, latency: float = 10.0) -> str:
    moment = NOW.timestamp() - days_ago * DAY
    return json.dumps({"time": moment, "release": "r", "status": status, "rows": rows, "latency_ms": latency}) + "\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a run that was rehearsed and planned, as far as alarms look at it."""
    choose = {"at_least": 0.8, "prefer": "cost", "latency_ms_p95": 50}
    compute = {"price_per_hour": "0.10 USD"}
    content = settings(choose=choose, compute=compute, serve={"log": "requests.jsonl"})
    (tmp_path / "modelwright.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    run = tmp_path / "runs" / "2026-08-01-000000-abc"
    write_json(run / "run.json", {"created": f"{START}T08:00:00+00:00", "status": "finished"})
    write_json(run / "rehearse" / "load.json", {})
    write_json(run / "rehearse" / "manifest.json", {})
    write_json(run / "plan" / "plan.json", PLAN)
    ledger = Ledger(run / "evidence.jsonl", Source(run.name, "rehearse", "c", "h", "2026-08-01T08:00:00+00:00"))
    ledger.record("rehearse/throughput", 100.0, "requests/s", "measured")
    ledger.record("rehearse/cost-per-1000", 0.5, "USD", "measured")
    return tmp_path


def write_log(project: Path, *entries: str) -> None:
    (project / "requests.jsonl").write_text("".join(entries), encoding="utf-8")


def found(project: Path, days: float = 7.0, log: Path | None = None) -> dict[str, Any]:
    return alarms(str(project), log, days, NOW, "modelwright alarms")[0]


def levels(content: dict[str, Any]) -> dict[str, str]:
    return {alarm["figure"]: alarm["level"] for alarm in content["alarms"]}


def test_a_healthy_service_is_quiet(project: Path) -> None:
    # 24,000 rows in a week, in batches of 240: about 104,000 a month, inside the plan's 90,000 to 110,000
    write_log(project, entry(30), *(entry(7 * number / 100, rows=240, latency=20) for number in range(100)))
    content = found(project)
    assert content["alarms"] == []
    assert set(content["quiet"]) == {
        "operate/error-share",
        "operate/silent-days",
        "operate/latency-p95",
        "operate/peak-throughput",
        "operate/cost-per-1000",
        "operate/requests-per-month",
    }
    assert content["missing"] == []
    assert content["figures"]["operate/log-days"]["value"] == pytest.approx(30)
    assert read_json(project / "live" / "alarms.json") == content


def test_errors_slow_answers_silence_and_too_little_demand_fire(project: Path) -> None:
    entries = [
        entry(3 + number / 100, status=500 if number < 5 else 200, latency=80 if number % 10 == 0 else 20)
        for number in range(100)
    ]
    write_log(project, *entries)
    content = found(project)
    assert levels(content) == {
        "operate/error-share": "alarm",
        "operate/latency-p95": "alarm",
        "operate/silent-days": "warning",
        "operate/cost-per-1000": "warning",
        "operate/requests-per-month": "warning",
    }
    assert [alarm["level"] for alarm in content["alarms"]][:2] == ["alarm", "alarm"], "worst first"
    (late,) = (alarm for alarm in content["alarms"] if alarm["figure"] == "operate/latency-p95")
    assert (late["high"], late["limit_from"], late["limit_basis"]) == (50, "choose.latency_ms_p95", "assumed")
    (share,) = (alarm for alarm in content["alarms"] if alarm["figure"] == "operate/error-share")
    assert share["value"] == pytest.approx(0.05)
    assert share["limit_basis"] == "fallback"
    assert all(alarm["text"]["en"] and alarm["text"]["zh"] for alarm in content["alarms"])


def test_a_peak_beyond_what_was_rehearsed(project: Path) -> None:
    write_log(project, entry(1), entry(0.5, rows=70 * 60 + 60))
    assert levels(found(project))["operate/peak-throughput"] == "alarm"


def test_stated_limits_win(project: Path) -> None:
    content = yaml.safe_load((project / "modelwright.yaml").read_text())
    content["risk"] = {"alarms": {"error_share": 0.2}}
    (project / "modelwright.yaml").write_text(yaml.safe_dump(content))
    write_log(project, *(entry(number / 10, status=503 if number % 10 == 0 else 200) for number in range(50)))
    assert "operate/error-share" not in levels(found(project))
    assert stated_or_shipped("error_share", 0.2) == (0.2, "assumed", "risk.alarms.error_share")


def test_only_the_last_days_count_and_half_a_line_is_left_out(project: Path) -> None:
    write_log(
        project, *(entry(20, status=500) for _ in range(50)), *(entry(1) for _ in range(50)), "what is this\n", entry(0.1)[:20]
    )
    traffic = read_log(project / "requests.jsonl", NOW.timestamp() - 7 * DAY)
    assert (traffic.requests, traffic.errors, traffic.unreadable) == (50, 0, 1)
    assert found(project)["unreadable"] == 1
    assert "operate/error-share" in found(project, days=30)["alarms"][0]["figure"]


def test_without_a_log_nothing_is_known_and_nothing_is_quiet(project: Path) -> None:
    content = yaml.safe_load((project / "modelwright.yaml").read_text())
    content["serve"] = {}
    (project / "modelwright.yaml").write_text(yaml.safe_dump(content))
    made = found(project)
    assert made["alarms"] == made["quiet"] == []
    assert "operate/error-share" in made["missing"]
    assert made["asked"] == ["serve.log", "venture.records", "risk.alarms.months"]
    with pytest.raises(MachineError, match="can't be read"):
        found(project, log=project / "absent.jsonl")


def test_an_hour_of_records_says_nothing_of_a_month() -> None:
    traffic = read_log_of(entry(0.01), entry(0.001))
    figures = figures_of(traffic, NOW.timestamp() - 7 * DAY, NOW.timestamp(), Figure(1.0, "USD/h", "assumed"))
    assert "operate/requests-per-month" not in figures
    assert "operate/latency-p95" in figures


def read_log_of(*entries: str):
    from modelwright.pipeline.traffic import Traffic, _count

    traffic = Traffic()
    for line in entries:
        _count(traffic, line, 0.0)
    return traffic


def test_cost_is_what_the_machine_costs_over_what_it_answered() -> None:
    traffic = read_log_of(entry(10, rows=1000), entry(0, rows=1000))
    figures = figures_of(traffic, NOW.timestamp() - 10 * DAY, NOW.timestamp(), Figure(0.1, "EUR/h", "assumed"))
    assert figures["operate/cost-per-1000"].value == pytest.approx(0.1 * 240 / 2)
    assert figures["operate/cost-per-1000"].unit == "EUR"


def customers(project: Path, churning: int) -> None:
    """100 from the start, of whom some leave in the third month."""
    left = [START + timedelta(days=75) if number < churning else None for number in range(100)]
    text = "start,end\n" + "".join(f"2026-07-01,{day or ''}\n" for day in left) + "2026-11-20,\n"
    (project / "customers.csv").write_text(text)
    content = yaml.safe_load((project / "modelwright.yaml").read_text())
    content["venture"]["records"] = "customers.csv"
    content["risk"] = {"alarms": {"months": "months.csv"}}
    (project / "modelwright.yaml").write_text(yaml.safe_dump(content))


def test_months_come_from_records_and_from_the_founders_table(project: Path) -> None:
    customers(project, churning=20)
    (project / "months.csv").write_text("month,net_burn,cash\n2,30,\n3,25,100\n")
    live = live_months(load(project, TASKS), START, NOW.date())
    assert [(month["month"], month["customers"]) for month in live] == [(1, 100), (2, 100), (3, 80)]
    assert live[2]["venture.customers.churn"] == pytest.approx(0.2)
    assert live[2]["cash"] == 100
    assert "cash" not in live[1], "what was left empty is not zero"
    write_log(project, entry(1))
    content = found(project)
    assert levels(content)["net_burn"] == "alarm", "two months on end"
    assert levels(content)["runway"] == "alarm"
    assert levels(content)["customers"] == "warning"
    assert levels(content)["venture.customers.churn"] == "warning"
    (project / "months.csv").write_text("month,net_burn\n2,much\n")
    with pytest.raises(DataError, match="much") as error:
        found(project)
    assert error.value.where.endswith("months.csv:2")


def test_live_figures_are_evidence_that_triggers_risks(project: Path) -> None:
    write_log(
        project, *(entry(number / 10, status=500, latency=1) for number in range(20)), *(entry(1, latency=90) for _ in range(20))
    )
    assert identity(project) is None
    found(project)
    records = records_of(project)
    assert records["operate/error-share"].source.stage == "live"
    assert records["operate/error-share"].source.input_hash
    assert identity(project) == NOW.isoformat(timespec="seconds")
    facts = Facts({"choose": {"latency_ms_p95": 50}}, records, {})
    states = {row["id"]: row["state"] for row in assess(RiskSection(), facts, NOW.date())["risks"]}
    assert (states["live-errors"], states["live-slow"], states["live-load"]) == ("triggered", "triggered", "no evidence")
    without = {row["id"]: row["state"] for row in assess(RiskSection(), Facts({}, {}, {}), NOW.date())["risks"]}
    assert {without[name] for name in ("live-errors", "live-slow", "live-load")} == {"no evidence"}


def test_the_command_checks(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write_log(project, *(entry(number / 10, status=500) for number in range(20)))
    days = str((datetime.now(UTC) - NOW).days + 30)
    assert cli.main(["alarms", str(project), "--days", days]) == 0
    assert "operate/error-share" in capsys.readouterr().out
    assert cli.main(["alarms", str(project), "--days", days, "--check", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["alarms"][0]["level"] == "alarm"
    assert cli.main(["alarms", str(project), "--days", "0"]) == SpecError.exit_code
    (project / "runs" / "2026-08-01-000000-abc" / "plan" / "plan.json").unlink()
    assert cli.main(["alarms", str(project)]) == DataError.exit_code


def test_lines_in_both_languages(project: Path) -> None:
    write_log(project, *(entry(number / 10, status=500) for number in range(20)))
    content = found(project)
    english, chinese = "\n".join(lines(content, "en")), "\n".join(lines(content, "zh"))
    assert "ALARM" in english
    assert "告警" in chinese
    assert "venture.records" in english


def test_every_shipped_limit_has_a_source() -> None:
    assert all(item["source"] and item["as_of"] and item["value"] > 0 for item in shipped().values())


def test_a_figure_on_its_limit_is_quiet() -> None:
    limit = Limit("x", 1.0, 2.0, "assumed", "here")
    assert watch_service({"x": Figure(2.0, "1", "measured")}, [limit])["quiet"] == ["x"]
    assert watch_service({"x": Figure(0.5, "1", "measured")}, [limit])["alarms"][0]["text"]["en"] == "x is 0.5, below 1 (here)"
