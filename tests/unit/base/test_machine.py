"""Facts are read, peaks are measured."""

from __future__ import annotations

import os

import pytest

from modelwright.base import machine


def test_the_machine_is_described_in_one_line() -> None:
    facts = machine.describe()
    assert facts.cores >= 1
    assert facts.memory_bytes > 2**28
    assert facts.processor
    assert str(facts.cores) in facts.line
    assert "GiB" in facts.line
    assert "\n" not in facts.line


def test_memory_of_this_process_and_of_another() -> None:
    assert machine.resident_bytes() == pytest.approx(machine.resident_bytes(os.getpid()), rel=0.5)
    assert machine.resident_bytes() > 5 * 2**20


def test_peaks_are_of_a_plausible_size() -> None:
    """Wide bounds: a busy test machine is slow, but no processor is a thousand times off."""
    assert 1e-3 < machine.gemm_gflops(seconds=0.02, size=128) < 1e6
    assert 1e-3 < machine.copy_gbytes(seconds=0.02, size=1 << 20) < 1e5
    assert machine.gemm_gflops(seconds=0, size=8) > 0, "measured at least once"
    assert machine.copy_gbytes(seconds=0, size=8) > 0
