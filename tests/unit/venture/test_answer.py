"""`modelwright compute`: the answer's parts, what it refuses, and the page of published trainings."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from modelwright.base.errors import SpecError
from modelwright.cli import main
from modelwright.spec.compute import Compute
from modelwright.venture.answer import Question, answer
from modelwright.venture.compute import device
from modelwright.venture.memory import Load, serving, training_memory, what_fits
from modelwright.venture.published import as_table, compare
from modelwright.venture.shapes import published, typical

PAGE = Path(__file__).parents[3] / "docs" / "compute.md"
H100 = device("h100")


def ask(**changes):
    return answer(
        Question(**{"device": H100, "model": "llama-3-8b", "tokens": 1e12, "count": 64, "mfu": 0.4, **changes}),
        date(2026, 11, 22),
    )


def figures(found):
    return {item["name"]: item for item in found["figures"]}


def test_a_training_in_numbers():
    found = figures(ask(goodput=1.0, compute=Compute.model_validate({"price_per_hour": "2 USD", "pue": 1.2, "grid": "DE"})))
    hours = 6 * 8_030_261_248 * 1e12 / (989e12 * 0.4 * 3600)
    assert found["device-hours"]["value"] == pytest.approx(hours)
    assert found["money"]["value"] == pytest.approx(2 * hours)
    assert found["energy"]["value"] == pytest.approx(hours * 0.7 * 1.2)
    assert found["carbon"]["value"] == pytest.approx(hours * 0.7 * 1.2 * 0.381)
    assert found["time"]["value"] == pytest.approx(hours * 3600 / 64)
    assert found["money"]["basis"] == "assumed", "everything in it was stated"


def test_stale_and_unchecked_prices_say_so():
    note = figures(answer(Question(device=H100, model="llama-3-8b", tokens=1e12), date(2028, 1, 1)))["money"]["note"]
    assert "H100-SXM of 2026-05-31 † (stale: 20 months old)" in note


def test_what_nobody_knows_is_missing_not_zero():
    found = ask(device=device("L4"))
    assert "money" not in figures(found) and any("price of L4" in item for item in found["missing"])
    assert "energy" in figures(found)
    assert ask(tokens=None)["figures"] == [] and "tokens" in ask(tokens=None)["missing"][0]


def test_memory_by_part():
    shape = published("llama-3-8b")
    parts = ask(count=1)["memory"]["parts"]
    assert parts["weights"] == parts["gradients"] == 2 * shape.parameters and parts["optimizer"] == 12 * shape.parameters
    assert not ask(count=1)["memory"]["fits"]
    needed = ask(count=1)["memory"]["devices_needed"]
    assert training_memory(shape, shape.parameters, Load(), H100, needed, 3)["fits"]
    assert not training_memory(shape, shape.parameters, Load(), H100, needed - 1, 3)["fits"]
    adapted = ask(count=1, load=Load(method="lora", rank=16))["memory"]
    assert adapted["fits"] and adapted["parts"]["frozen weights"] == 2 * shape.parameters
    assert training_memory(shape, shape.parameters, Load(batch=64), H100, 8)["devices_needed"] is None


def test_experts_fill_memory_but_not_time():
    found = ask(model="deepseek-v3")
    assert found["parameters"] == 671_026_419_200 and found["active_parameters"] == pytest.approx(37.55e9, rel=1e-3)
    assert figures(found)["flops"]["value"] == pytest.approx(6 * found["active_parameters"] * 1e12)


def test_no_ceiling_for_what_does_not_fit():
    rows = {row["precision"]: row for row in serving(published("llama-3-70b"), 70.6e9, H100, 1, 4096)}
    assert rows["bfloat16"]["sequences"] == 0 and rows["bfloat16"]["tokens_per_s_alone"] is None
    assert rows["int4"]["sequences"] > 0 and rows["int4"]["tokens_per_s_full"] > rows["int4"]["tokens_per_s_alone"]


def test_what_fits_on_a_device():
    rows = {row["use"]: row for row in what_fits(device("h200"), Load())}
    full = rows["training, all weights, Adam in mixed precision"]
    assert full["parameters"] == pytest.approx(141e9 * 0.9 / 16) and full["largest"] == "llama-2-7b"
    assert rows["serving in int8"]["largest"] == "llama-3-70b"
    assert {row["largest"] for row in what_fits(device("T4"), Load())} >= {"gpt2-xl"}


def test_a_typical_shape_has_about_so_many_parameters():
    for parameters in (1e8, 1e9, 7e9, 7e10):
        assert typical(parameters).parameters == pytest.approx(parameters, rel=0.15)


def test_the_scaling_law_beside_the_choice():
    scaling = ask(inference_tokens=1e13)["scaling"]
    best = {item["name"]: item for item in scaling["optimum"]}
    assert best["loss"]["value"] < scaling["chosen_loss"], "the optimum is the best for the same operations"
    assert best["parameters"]["low"] < best["parameters"]["value"] < best["parameters"]["high"]
    assert scaling["with_inference"]["parameters"] < 8.03e9, "serving much makes a smaller model the cheaper way"


@pytest.mark.parametrize(
    "changes, came, expected",
    [
        ({"mfu": 1.2}, "--mfu is 1.2", "faster than the hardware's peak"),
        ({"mfu": None, "tokens_per_s": 5e6}, "5,000,000 tokens/s is claimed", "at most 1,313,"),
        ({"decode_tokens_per_s": 1000, "count": 1}, "1,000 tokens/s is claimed", "at most 202"),
        ({"within_days": 1.0}, "operations in 1 days on 64", "even at 100 % of their peak"),
        ({"parameters": 7e9}, "both a model and a number", "either"),
        ({"model": None}, "no model", "either"),
        ({"tokens_per_s": 1e5}, "--mfu and --tokens-per-s", "one of the two"),
        ({"tokens": -1.0}, "--tokens is -1", "positive"),
        ({"model": "llama-9"}, "'llama-9' is not known", "llama-3-8b"),
    ],
)
def test_what_is_impossible_is_refused(changes, came, expected):
    with pytest.raises(SpecError) as caught:
        ask(**changes)
    assert came in caught.value.came and expected in caught.value.expected
    assert caught.value.remedy and caught.value.where


def test_a_measured_throughput_gives_the_share_of_the_peak():
    found = ask(mfu=None, goodput=1.0, tokens_per_s=64 * 8000)
    assert figures(found)["time"]["value"] == pytest.approx(1e12 / (64 * 8000))


def test_published_trainings_lie_in_the_band():
    rows = {row.model: row for row in compare()}
    assert [name for name, row in rows.items() if not row.inside] == ["llama-3-8b"], "its card hours hold more than 6ND explains"
    assert {name: round(row.deviation, 3) for name, row in rows.items() if row.inside} == {
        "llama-2-7b": 0.085,
        "llama-2-13b": 0.048,
        "llama-2-70b": 0.19,
        "llama-3-70b": -0.226,
        "deepseek-v3": -0.023,
    }
    assert rows["llama-2-7b"].implied == pytest.approx(0.391, abs=5e-4) and rows["llama-2-70b"].implied == pytest.approx(
        0.428, abs=5e-4
    )
    assert as_table() in PAGE.read_text(encoding="utf-8"), "docs/compute.md is out of step with published.as_table()"


def test_the_commands_of_the_page_answer(capsys):
    commands = re.findall(r"^modelwright (compute .+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        assert main(command.split()) == 0
        spoken = capsys.readouterr().out
        assert len(spoken.splitlines()) > 3
        assert main([*command.split(), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)


def test_this_machine_and_wrong_words(capsys):
    assert main(["compute", "--params", "1M", "--tokens", "1M", "--device", "here", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["device"] == "here" and found["figures"][0]["value"] == 6e12
    assert "energy" not in figures(found) and len(found["missing"]) == 2
    for words, said in (
        (["--params", "7x"], "7B"),
        (["--params", "7B", "--price", "2 XYZ"], "2 USD"),
        (["--params", "7B", "--batch", "0"], "at least 1"),
        (["--params", "7B", "--device", "abacus"], "A100-80"),
        (["--params", "7B", "--tokens", "1B", "--grid", "XX"], "DE"),
    ):
        assert main(["compute", *words]) == 2
        assert said in capsys.readouterr().err
