"""Waiting lines against known answers and against a replayed trace."""

from __future__ import annotations

import heapq
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.base.errors import SpecError
from modelwright.venture.queueing import erlang_b, erlang_c, mean_wait_s, servers_for, wait_beyond


def test_worked_cases():
    assert erlang_c(3, 2) == pytest.approx(4 / 9)
    assert erlang_b(2, 1) == pytest.approx(0.2)
    assert erlang_b(10, 5) == pytest.approx(0.018385, abs=1e-6)
    assert erlang_c(1, 0.7) == pytest.approx(0.7)  # one server: the share of time it is busy


@given(st.integers(1, 60), st.floats(0.01, 50))
def test_more_servers_block_less_and_waiting_is_likelier_than_loss(servers, offered):
    assert erlang_b(servers + 1, offered) < erlang_b(servers, offered) <= 1
    assert erlang_c(servers, offered) >= erlang_b(servers, offered)
    assert 0 <= wait_beyond(servers, offered, 1.0, 0.5) <= wait_beyond(servers, offered, 1.0, 0.0) <= 1


def test_an_overloaded_line_waits_for_ever():
    assert mean_wait_s(2, 10, 0.2) == inf
    assert wait_beyond(2, 11, 0.2, 100) == 1


def test_regular_arrivals_and_service_wait_less():
    poisson = mean_wait_s(4, 30, 0.1)
    assert poisson == pytest.approx(erlang_c(4, 3.0) * 0.1 / (4 - 3.0))
    assert mean_wait_s(4, 30, 0.1, 1, 0) == pytest.approx(poisson / 2)
    assert mean_wait_s(4, 30, 0.1, 0, 0) == 0


@given(st.floats(0.1, 500), st.floats(0.001, 2), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_servers_meet_the_target_and_one_fewer_does_not(arrivals, service, target, share):
    servers = servers_for(arrivals, service, target, share)
    assert wait_beyond(servers, arrivals, service, target) <= (1 - share) * (1 + 1e-9)
    if servers > 1:
        assert wait_beyond(servers - 1, arrivals, service, target) > (1 - share) * (1 - 1e-9)


def test_the_formulas_agree_with_a_replayed_trace():
    generator = np.random.default_rng(0)
    count, servers, arrivals, service = 200_000, 4, 34.0, 0.1
    at = np.cumsum(generator.exponential(1 / arrivals, count))
    lasts = generator.exponential(service, count)
    free = [0.0] * servers
    waits = np.empty(count)
    for place in range(count):
        start = max(heapq.heappop(free), at[place])
        waits[place] = start - at[place]
        heapq.heappush(free, start + lasts[place])
    assert waits.mean() == pytest.approx(mean_wait_s(servers, arrivals, service), rel=0.06)
    for beyond in (0.0, 0.1, 0.3):
        assert (waits > beyond).mean() == pytest.approx(wait_beyond(servers, arrivals, service, beyond), rel=0.06)


def test_impossible_targets_are_refused():
    with pytest.raises(SpecError, match="latency target"):
        servers_for(10, 0.1, -1)
    with pytest.raises(SpecError, match="do not meet"):
        servers_for(1000, 1.0, 0.01, limit=10)
    with pytest.raises(ValueError):
        erlang_b(-1, 2)
