"""One dial: a size becomes width, depth, batch, rate and horizon by published rules, each with its reason, and each can be set instead."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from modelwright.spec.routes import decoder_dial as dial
from modelwright.spec.routes.decoder import Decoder, derived

SIZES = {"vocabulary": 4096, "context": 256}


@pytest.mark.parametrize(
    ("size", "vocabulary"), [("6M", 4096), ("30M", 4096), ("124M", 50_304), ("350M", 50_304), ("1.3B", 50_304)]
)
def test_the_model_has_about_as_many_parameters_as_asked_for(size, vocabulary):
    body = Decoder.model_validate({"size": size}).body(vocabulary)
    assert abs(body.whole / dial.parameters(size) - 1) < 0.08
    assert 30 < body.width / body.layers < 130
    assert body.heads * body.head_width == body.width
    assert body.heads % body.key_heads == 0
    assert body.head_width % dial.HEAD_STEP == 0


@pytest.mark.parametrize(
    ("settings", "head_width"),
    [({"heads": 3}, 112), ({"width": 100}, 96), ({"width": 100, "heads": 3}, 32), ({"width": 32, "heads": 8}, 16)],
)
def test_heads_are_as_wide_as_the_runtime_takes_them_whatever_is_set(settings, head_width):
    route = Decoder.model_validate({"size": "6.5M", **settings})
    assert route.body(4096).head_width == head_width
    if "width" in settings:
        _built(route)


def test_the_count_is_the_modules_own():
    _built(Decoder.model_validate({"size": "0.3M"}))


def _built(route):
    import torch

    from modelwright.models.decoder import build

    module = build(route, {"vocabulary": 600, "context": 32, "begin": 0, "end": 2, "padding": 0}, None)
    body = route.body(600)
    norms = body.layers * 2 * body.head_width  # of queries and keys, which the dial leaves out
    assert sum(parameter.numel() for parameter in module.parameters()) == body.whole + norms == module.shape.parameters
    assert torch.isfinite(module.table).all()


def test_batch_rate_and_horizon_follow_the_rules():
    found = {one.name: one.value for one in derived(Decoder(), SIZES, 0)}
    body = Decoder().body(4096)
    assert found["horizon"] == 20 * body.whole
    assert found["batch_size"] == round(0.58 * found["horizon"] ** 0.571 / 256)
    law = 1.79 * body.inside**-0.713 * found["horizon"] ** 0.307
    adamw = {one.name: one for one in derived(Decoder(optimizer="adamw"), SIZES, 0)}["learning_rate"]
    assert adamw.value == pytest.approx(min(0.01, law), rel=0.05)
    assert found["learning_rate"] == pytest.approx(min(0.012, 3 * law), rel=0.05)
    assert "Muon" not in adamw.reason


def test_muons_rate_is_three_times_the_laws_where_neither_is_cut():
    large = [
        {one.name: one.value for one in derived(Decoder(size="1B", optimizer=optimizer), SIZES, 0)}
        for optimizer in ("muon", "adamw")
    ]
    assert large[0]["learning_rate"] == pytest.approx(3 * large[1]["learning_rate"], rel=0.05)


def test_a_small_corpus_is_read_four_times_and_takes_smaller_steps():
    whole, small = ({one.name: one.value for one in derived(Decoder(), SIZES, tokens)} for tokens in (0, 1_000_000))
    assert (small["horizon"], small["epochs"]) == (4_000_000, 4)
    assert small["batch_size"] < whole["batch_size"]
    assert small["learning_rate"] <= whole["learning_rate"]


def test_everything_can_be_set_and_says_so():
    given = {"width": 96, "layers": 3, "heads": 3, "key_heads": 1, "head_width": 16, "feed_forward": 200, "horizon": 10_000}
    given |= {"epochs": 7, "batch_size": 5, "learning_rate": 0.001}
    found = derived(Decoder.model_validate(given), SIZES, 1000)
    assert {one.name: one.value for one in found} == given
    assert {one.reason for one in found} == {"set in the project"}


def test_reasons_name_their_source():
    found = {one.name: one.reason for one in derived(Decoder(), SIZES, 0)}
    assert "Hoffmann" in found["horizon"]
    assert "Muennighoff" in {one.name: one.reason for one in derived(Decoder(), SIZES, 1000)}["horizon"]
    assert all(found.values())


def test_settled_decides_what_was_left_open_and_nothing_else():
    route = Decoder.model_validate({"learning_rate": 0.001}).settled(SIZES, 1_000_000)
    assert (route.learning_rate, route.epochs) == (0.001, 4)
    assert None not in (route.batch_size, route.width, route.layers, route.horizon)
    assert route.settled(SIZES, 5) == route
    assert Decoder.model_validate(route.model_dump(mode="json", by_alias=True)) == route


@pytest.mark.parametrize(
    "settings",
    [
        {"size": "big"},
        {"size": "6 millions"},
        {"heads": 3, "key_heads": 2},
        {"head_width": 15},
        {"head_width": 24},
        {"warmup": 1.0},
    ],
)
def test_what_can_not_be_built_is_refused(settings):
    with pytest.raises(ValidationError):
        Decoder.model_validate(settings)
