"""The clock of single calls."""

from __future__ import annotations

import gc
import time

import pytest

from modelwright.base.timing import latency_ms


def test_wall_time_and_processor_time_are_told_apart():
    sleeping = latency_ms(lambda _: time.sleep(0.005), [None], 0.2)
    assert sleeping["p50"] >= 5 and sleeping["cpu_s"] < 0.004
    assert sleeping["p50"] <= sleeping["p95"] <= sleeping["p99"] and sleeping["mean"] >= 5

    def work(_):
        until = time.process_time() + 0.005
        while time.process_time() < until:
            pass

    working = latency_ms(work, [None], 0.1)
    assert working["cpu_s"] >= 0.005


def test_arguments_come_in_turn_and_warm_up_is_not_counted():
    seen = []
    found = latency_ms(seen.append, ["a", "b", "c"], 0.0, least=4)
    assert seen == ["a", "b", "c", "a", "b"] and found["count"] == 4


def test_slow_calls_are_timed_at_least_so_often():
    assert latency_ms(lambda _: time.sleep(0.01), [0], 0.001, least=3)["count"] == 3


def test_the_collector_works_again_afterwards_even_after_a_failure():
    def fail(argument):
        if argument == "second":
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        latency_ms(fail, ["first", "second"], 0.01)
    assert gc.isenabled()


def test_nothing_to_call_with_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        latency_ms(print, [], 1.0)
