from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from modelwright.serve.chat.sampling import Chooser, Sampling

LOGITS = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))


def drawn(times: int = 4000, **settings) -> Counter[int]:
    chooser = Chooser(Sampling(seed=3, **settings))
    return Counter(chooser.choose(LOGITS) for _ in range(times))


def test_frequencies_follow_probabilities_temperature_and_nucleus() -> None:
    plain = drawn()
    assert [round(plain[token] / 4000, 1) for token in range(4)] == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.051)
    assert set(drawn(temperature=0.0)) == {0}
    assert drawn(temperature=2.0)[3] > plain[3] * 1.5
    assert set(drawn(top_p=0.5)) == {0}
    assert set(drawn(top_p=0.79)) == {0, 1}
    narrow = drawn(top_p=0.8)
    assert narrow[0] / narrow[1] == pytest.approx(5 / 3, rel=0.15)


def test_the_nucleus_is_the_whole_sort_s_at_any_size() -> None:
    random = np.random.default_rng(0)
    for top_p in (0.1, 0.6, 0.95, 0.999):
        logits = random.normal(size=500).astype(np.float32) * 3
        weights = np.exp(logits.astype(np.float64) - logits.max())
        order = np.argsort(-weights, kind="stable")
        sums = weights[order].cumsum() / weights.sum()
        nucleus = set(order[: int((sums < top_p).sum()) + 1].tolist())
        chooser = Chooser(Sampling(top_p=top_p, seed=1))
        assert {chooser.choose(logits) for _ in range(3000)} <= nucleus


def test_penalties_and_biases_change_the_most_likely_token() -> None:
    chooser = Chooser(Sampling(temperature=0, frequency_penalty=0.4, presence_penalty=0.2))
    assert [chooser.choose(LOGITS) for _ in range(3)] == [0, 1, 0]  # log 0.5 − 0.6 < log 0.3; then log 0.3 − 0.6 < log 0.5 − 0.6
    assert Chooser(Sampling(temperature=0, bias={3: 5.0})).choose(LOGITS) == 3
    assert Chooser(Sampling(bias={0: -100.0, 1: -100.0, 2: -100.0}, seed=1)).choose(LOGITS) == 3


def test_one_seed_gives_one_text_and_a_damaged_model_is_noticed() -> None:
    for seed in (7, -7, 2**63):
        first, second = (Chooser(Sampling(seed=seed)) for _ in range(2))
        assert [first.choose(LOGITS) for _ in range(20)] == [second.choose(LOGITS) for _ in range(20)]
    with pytest.raises(ValueError, match="finite"):
        Chooser(Sampling()).choose(np.full(4, np.nan, np.float32))
