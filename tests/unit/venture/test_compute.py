"""Parameters, operations, memory and rooflines against published numbers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.base.errors import SpecError
from modelwright.venture import compute
from modelwright.venture.figures import Figure
from modelwright.venture.shapes import Shape, published


@pytest.mark.parametrize(
    "name, parameters",
    [
        ("gpt2", 124_439_808),
        ("gpt2-xl", 1_557_611_200),
        ("bert-base", 109_482_240),
        ("llama-2-7b", 6_738_415_616),
        ("llama-2-13b", 13_015_864_320),
        ("llama-2-70b", 68_976_648_192),
        ("llama-3-8b", 8_030_261_248),
        ("llama-3-70b", 70_553_706_496),
        ("mixtral-8x7b", 46_702_792_704),
        ("deepseek-v3", 671_026_419_200),
    ],
)
def test_parameters_are_counted_exactly(name, parameters):
    assert published(name).parameters == parameters


def test_a_mixture_of_experts_holds_all_and_computes_with_few():
    deepseek, mixtral = published("deepseek-v3"), published("mixtral-8x7b")
    assert deepseek.active_parameters == pytest.approx(37e9, rel=0.02)
    assert mixtral.active_parameters == pytest.approx(12.9e9, rel=0.01)
    assert published("llama-3-8b").active_parameters == published("llama-3-8b").parameters


def test_operations_of_gpt3():
    gpt3 = published("gpt3")
    assert gpt3.parameters == pytest.approx(174.6e9, rel=1e-3)
    assert compute.training_flops(gpt3.parameters, 1) == pytest.approx(1.0476e12, rel=1e-4)
    assert compute.training_flops_per_token(gpt3, 2048) == pytest.approx(1.0764e12, rel=1e-4)
    halved = compute.training_flops_per_token(gpt3, 2048, causal=True)
    assert compute.training_flops_per_token(gpt3, 2048) - halved == pytest.approx(6 * 96 * 12288 * 2048)


@pytest.mark.parametrize(
    "name, card_hours, share",
    [("llama-2-7b", 184_320, 0.391), ("llama-2-70b", 1_720_320, 0.428)],
)
def test_llama_2_card_hours_give_the_share_of_the_a100s_peak(name, card_hours, share):
    flops = compute.training_flops(published(name).parameters, 2e12)
    a100 = compute.device("A100-80")
    mfu = flops / (card_hours * 3600 * a100.flops_per_s)
    assert mfu == pytest.approx(share, abs=5e-4)
    assert compute.device_hours(flops, a100.flops_per_s, mfu) == pytest.approx(card_hours)


def test_deepseek_v3_card_hours_are_plausible_on_an_h800():
    """14.8 T tokens in 2.664 M H800 hours of pre-training (2412.19437 †); the H800 computes like an H100 SXM in bf16, the
    model trained mostly in FP8: between 30 and 40 % of the bf16 peak."""
    flops = compute.training_flops(published("deepseek-v3").active_parameters, 14.8e12)
    assert 0.30 < flops / (2.664e6 * 3600 * compute.device("H100-SXM").flops_per_s) < 0.40


def test_cache_and_decode_floor():
    llama2, llama3, deepseek = (published(name) for name in ("llama-2-7b", "llama-3-8b", "deepseek-v3"))
    assert compute.cache_bytes_per_token(llama2) == 524_288
    assert compute.cache_bytes_per_token(llama3) == 131_072
    assert compute.cache_bytes_per_token(deepseek) == 61 * (512 + 64) * 2
    floor = compute.step_floor_s(llama3, compute.device("H100-SXM"), batch=1, context=0)
    assert floor * 1000 == pytest.approx(4.79, abs=5e-3)


def test_a_throughput_above_the_roofline_is_refused():
    llama3, h100 = published("llama-3-8b"), compute.device("H100-SXM")
    assert compute.check_decoding(150, llama3, h100, batch=1, context=1000) == pytest.approx(0.72, abs=0.01)
    with pytest.raises(SpecError, match="1,000 tokens/s is claimed") as caught:
        compute.check_decoding(1000, llama3, h100, batch=1, context=1000)
    assert "at most 207 tokens/s" in caught.value.expected
    with pytest.raises(SpecError, match="claimed"):
        compute.utilisation_of_peak(1e6, 6 * 8e9, 1, h100.flops_per_s)
    assert compute.utilisation_of_peak(1e4, 6 * 8e9, 1, h100.flops_per_s) == pytest.approx(0.485, abs=1e-3)


@given(st.integers(1, 512), st.integers(0, 100_000), st.integers(1, 8))
def test_no_step_beats_bandwidth_or_arithmetic(batch, context, devices):
    shape, on = published("llama-3-70b"), compute.device("H200")
    floor = compute.step_floor_s(shape, on, batch, context, devices=devices)
    assert floor * devices * on.flops_per_s >= batch * compute.inference_flops_per_token(shape, context) * (1 - 1e-12)
    assert floor * devices * on.bandwidth >= shape.active_parameters * 2 * (1 - 1e-12)
    assert floor <= compute.step_floor_s(shape, on, batch + 1, context, devices=devices)


def test_memory_of_training():
    psi = 7.5e9  # the example of the ZeRO paper: 120 GB whole, on 64 devices 31.4, 16.6 and 1.9 GB
    sizes = [compute.state_bytes(psi, stage, 64) / 1e9 for stage in (0, 1, 2, 3)]
    assert sizes == pytest.approx([120, 31.4, 16.6, 1.9], abs=0.05)
    with pytest.raises(ValueError, match="stage 4"):
        compute.state_bytes(psi, 4)
    llama = published("llama-2-7b")
    adapters = compute.adapter_parameters(llama, 8)
    assert adapters == 32 * 8 * 8 * 4096
    assert compute.state_bytes(adapters, frozen=llama.parameters) == pytest.approx(2 * llama.parameters + 16 * adapters)
    gpt = published("gpt3")
    whole, selective, full = (compute.activation_bytes(gpt, 1, 2048, kind) for kind in ("none", "selective", "full"))
    assert selective == 34 * 2048 * 12288 * 96 and full == 2 * 2048 * 12288 * 96
    assert whole / selective == pytest.approx((34 + 5 * 96 * 2048 / 12288) / 34)


def test_what_fits_on_a_device():
    llama3, big = published("llama-3-8b"), published("llama-3-70b")
    assert compute.fits(llama3, compute.device("L4"), batch=1, context=4096)
    assert not compute.fits(llama3, compute.device("T4"), batch=1, context=4096)
    assert compute.fits(llama3, compute.device("T4"), batch=1, context=4096, weight_bytes=1)
    assert not compute.fits(big, compute.device("H100-SXM"), batch=1, context=4096)


def test_what_a_7b_on_a_trillion_tokens_would_take():
    found = compute.training_estimate(
        7e9,
        1e12,
        compute.device("A100-80"),
        256,
        Figure(1.5, "USD/h", "assumed"),
        Figure(1.1, "1", "assumed"),
        mfu=Figure(0.4, "1", "measured", 0.35, 0.45),
        goodput=Figure(0.9, "1", "measured"),
        today=date(2026, 11, 22),
    )
    hours = 6 * 7e9 * 1e12 / (312e12 * 0.4 * 3600) / 0.9
    assert found["device-hours"].value == pytest.approx(hours)
    assert found["time"].value == pytest.approx(hours * 3600 / 256)
    assert found["money"].value == pytest.approx(hours * 1.5)
    assert found["energy"].value == pytest.approx(hours * 0.4 * 1.1)
    assert found["money"].low < found["money"].value < found["money"].high
    assert found["money"].basis == "assumed" and found["energy"].basis == "fallback"
    defaulted = compute.training_estimate(
        7e9, 1e12, compute.device("A100-80"), 256, Figure(1.5, "USD/h", "assumed"), Figure(1.1, "1", "assumed")
    )
    assert defaulted["time"].basis == "fallback"


def test_shapes_that_contradict_themselves_are_refused():
    with pytest.raises(SpecError, match="not a multiple of heads"):
        Shape(2, 100, 3, 400, 1000)
    with pytest.raises(SpecError, match="key heads"):
        Shape(2, 96, 3, 400, 1000, kv_heads=2)
    with pytest.raises(SpecError, match="experts are active"):
        Shape(2, 96, 3, 400, 1000, experts=2, active_experts=3)
    with pytest.raises(SpecError, match="gpt5"):
        published("gpt5")
    with pytest.raises(SpecError, match="H9000"):
        compute.device("H9000")
