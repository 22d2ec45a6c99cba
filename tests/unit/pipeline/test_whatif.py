"""What-if: the plan alone again, from a made run's measurements; quick, and nothing is written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

import modelwright as mw
import processor_time
from modelwright.base.errors import DataError, SpecError
from modelwright.base.evidence import Ledger, Source
from modelwright.base.store import write_json
from modelwright.cli import main
from modelwright.pipeline.readiness import read_artefacts, readiness, what_matters, with_plan
from modelwright.pipeline.whatif import read, replan, scenario
from modelwright.spec.load import load
from modelwright.tasks.contract import TASKS
from modelwright.venture.figures import Figure

TODAY = date(2026, 11, 22)
RUN = "2026-11-22-090000-abc"


def made_run(project: Path, name: str, cost: float, status: str = "finished") -> Path:
    run = project / "runs" / name
    (run / "rehearse").mkdir(parents=True)
    write_json(run / "project.json", load(project, TASKS).resolved)
    write_json(run / "run.json", {"id": name, "status": status, "hash": "x", "created": "2026-11-22T09:00:00+00:00"})
    write_json(run / "rehearse" / "load.json", {"best": {"throughput": 200.0, "p95_ms": 20.0, "errors": 0}, "levels": []})
    write_json(run / "rehearse" / "manifest.json", {})
    write_json(run / "choose" / "decision.json", {"route": "bilstm"})
    ledger = Ledger(run / "evidence.jsonl", Source(name, "rehearse", "c", "h", "2026-11-22T09:00:00+00:00"))
    ledger.record("rehearse/cost-per-1000", cost, "USD", "estimated", low=cost * 0.9, high=cost * 1.1)
    ledger.record("train/bilstm/money", 0.5, "USD", "estimated")
    ledger.record("train/bilstm/time", 100, "s", "measured")
    return run


@pytest.fixture
def project(tmp_path: Path, examples: Path) -> Path:
    folder = tmp_path / "desk"
    folder.mkdir()
    shutil.copy(examples / "news-desk" / "modelwright.yaml", folder)
    made_run(folder, RUN, 0.0005)
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_higher_price_lasts_longer_and_nothing_is_written(project):
    before = snapshot(project)
    made = replan(project, ["venture.price=99"], TODAY, compare=True)
    assert made.run.name == RUN and made.changed == {"venture.price.plan.value": 99.0, "venture.price.plan.period": None}
    found = made.differences()
    assert found["final-cash"]["difference"] > 0 and found["ruin-probability"]["difference"] <= 0
    assert found["final-customers"]["difference"] == 0
    assert snapshot(project) == before


def test_python_face(project):
    made = mw.plan(project / "runs" / RUN, **{"venture.price.plan": 99})
    assert isinstance(made.gross_margin, Figure) and made.gross_margin.basis != "measured"
    assert made.gross_margin.low <= made.gross_margin.value <= made.gross_margin.high
    assert made.runway_months == made.figure("runway") and made.runway == made.figure("runway")
    assert isinstance(made.runway, Figure | str)
    with pytest.raises(AttributeError, match="gross_margin"):
        made.gros_margin  # noqa: B018


def test_missing_assumptions_are_named_and_their_figures_are_none(project):
    made = replan(project, ["venture.cash=null"], TODAY)
    assert made.content["missing"] == ["venture.cash"] and made.runway is None


def test_the_newest_finished_run_counts(project):
    made_run(project, "2026-11-22-100000-def", 0.5)
    made_run(project, "2026-11-22-110000-ghi", 0.9, status="failed")
    assert replan(project, today=TODAY).run.name == "2026-11-22-100000-def"
    assert replan(project / "runs" / RUN, today=TODAY).run.name == RUN


def test_the_machine_can_be_priced_and_filled_otherwise(project):
    measured, loaded = read(project / "runs" / RUN), load(project, TASKS)
    same, spent, capacity = measured.inputs(loaded.project.venture, loaded.project.compute, TODAY)
    assert same.value == 0.0005 and spent.value == 0.5 and capacity.value == pytest.approx(200 * 365.25 / 12 * 86400)
    busier = load(project, TASKS, ["compute.utilisation=0.8"]).project
    assert measured.inputs(busier.venture, busier.compute, TODAY)[0].value == pytest.approx(0.00025)
    dearer = load(project, TASKS, ["compute.price_per_hour=3.6 USD"]).project
    each, spent, _ = measured.inputs(dearer.venture, dearer.compute, TODAY)
    assert each.value == pytest.approx(1000 * 3.6 / (3600 * 200 * 0.4)) and spent.value == pytest.approx(0.1)
    euros = load(project, TASKS, ["venture.currency=EUR", "venture.exchange={USD: 0.5}"]).project
    assert measured.inputs(euros.venture, euros.compute, TODAY)[0].value == pytest.approx(0.00025)
    assert measured.inputs(euros.venture, euros.compute, TODAY)[0].unit == "EUR"


@pytest.mark.parametrize("named", ["", f"runs/{RUN}"])
def test_the_services_own_records_count_here_too(project, named):
    (project / "customers.csv").write_text(
        "start,end\n" + "2026-01-01,2026-02-01\n" * 40 + "2026-01-01,\n2026-06-01,\n", encoding="utf-8"
    )
    made = replan(project / named, ["venture.records=customers.csv"], TODAY, compare=True)
    assert made.differences()["final-customers"]["difference"] < 0


def test_scenario_files(project, tmp_path):
    flat, nested = tmp_path / "flat.yaml", tmp_path / "nested.yaml"
    flat.write_text("venture.price.plan: 99 per month\nventure.customers.churn: 2% ± 1% per month\n", encoding="utf-8")
    nested.write_text("venture:\n  price: {plan: 99 per month}\n  customers: {churn: 2% ± 1% per month}\n", encoding="utf-8")
    assert scenario(flat) == scenario(nested)
    one, two = (replan(project, scenario(file), TODAY).content["figures"] for file in (flat, nested))
    assert one == two
    for text in ("- a\n", "", "a: [\n"):
        flat.write_text(text, encoding="utf-8")
        with pytest.raises(SpecError, match="scenario"):
            scenario(flat)
    with pytest.raises(SpecError, match="can't be read"):
        scenario(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("train.seed=3", "no setting that a plan alone can answer"),
        ("compute.grid=DE", "no setting that a plan alone can answer"),
        ("venture.prise=3", "is not a setting"),
        ("venture.price=-3", "-3"),
        ("venture.customers.churn=120%", "between 0 and 1"),
    ],
)
def test_settings_that_cannot_be(project, setting, told):
    with pytest.raises(SpecError) as caught:
        replan(project, [setting], TODAY)
    assert told in str(caught.value)


def test_without_a_run_it_says_what_to_do(project, tmp_path):
    shutil.rmtree(project / "runs")
    with pytest.raises(DataError, match="no run of a project is here"):
        replan(project, today=TODAY)
    with pytest.raises(DataError, match="no such project or run"):
        replan(tmp_path / "nothing", today=TODAY)
    run = made_run(project, RUN, 0.1)
    shutil.rmtree(run / "rehearse")
    with pytest.raises(DataError, match="did not get as far"):
        replan(run, today=TODAY)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_command(project, capsys, monkeypatch, language):
    monkeypatch.chdir(project)
    assert main(["plan", "venture.price=99", "--compare", "--set", f"language={language}"]) == 0
    printed = capsys.readouterr().out
    assert {"en": "ruin probability", "zh": "破产概率"}[language] in printed and RUN in printed
    assert main(["plan", f"runs/{RUN}", "venture.price=99", "--json", "--compare"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"run", "changed", "plan", "before", "differences"} and answer["run"] == RUN
    assert main(["plan", ".", "--compare", "--json", "venture.price=99"]) == 0
    assert json.loads(capsys.readouterr().out)["differences"] == answer["differences"]
    for setting in ("train.seed=1", "venture.data.cost_per_row=1"):
        assert main(["plan", "--json", setting]) == 2
        assert json.loads(capsys.readouterr().out)["error"] == "SpecError"


def test_a_what_if_takes_less_than_a_second(project):
    """Of processor time, start-up included. Libraries that would spoil it stay out."""
    processor_time.assert_within_a_second("-m", "modelwright", "plan", str(project), "venture.price=99", "--compare", "--json")
    script = f"import sys, modelwright as mw; mw.plan({str(project)!r}); print([m for m in ('torch', 'scipy', 'plotly', 'pandas') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


def test_readiness_puts_risks_and_compliance_side_by_side(project):
    run, loaded = project / "runs" / RUN, load(project, TASKS, ["risk.owners={legal: Ada}", "compliance.markets=[EU]"])
    measured = read(run)
    inputs = measured.inputs(loaded.project.venture, loaded.project.compute, TODAY)
    content = replan(project, today=TODAY).content
    evidence = with_plan(measured.records, content, Source(RUN, "plan", "c", "h", "2026-11-22T09:00:00+00:00"))
    artefacts = read_artefacts({"rehearse": run / "rehearse"}, run)
    assert {"run.json", "rehearse/load.json"} <= artefacts.keys()
    found = readiness(loaded.project, loaded.resolved, evidence, artefacts, TODAY)
    rows = {row["id"]: row for row in found["risks"]["risks"]}
    assert rows["ruin"]["trigger"]["found"]["value"] == evidence["plan/ruin-probability"].value
    assert rows["rules-change"]["owner"] == "Ada" and rows["errors-under-load"]["state"] == "no evidence"
    assert found["compliance"]["markets"] == ["EU"] and found["documentation"]["zh"].startswith("# 技术文档")
    more = what_matters(loaded.project, *inputs, TODAY, content)
    assert {row["id"] for row in more["responses"]} >= {"halve-inference-cost", "cut-burn", "raise-price"}
    assert more["sensitivity"]["of"] == "final-cash" and more["sensitivity"]["inputs"][0]["total"] > 0
    assert what_matters(loaded.project, *inputs, TODAY, {**content, "missing": ["x"]}) == {"responses": [], "sensitivity": {}}
    json.dumps({**found, **more}, allow_nan=False)
