"""The shipped tables: every entry says where it comes from, from when, and whether anybody checked it."""

from __future__ import annotations

from datetime import date

import pytest

from modelwright.venture.tables import table, table_names


@pytest.mark.parametrize("name", table_names())
def test_every_entry_has_source_date_and_mark(name):
    entries = table(name)
    assert entries
    for entry in entries.values():
        assert entry.source.strip()
        assert date(2015, 1, 1) < entry.as_of
        assert isinstance(entry.confirmed, bool)
        assert entry.value is not None or entry.more
        if entry.low is not None:
            assert entry.low <= entry.value <= (entry.high or entry.value)


def test_an_old_default_says_that_it_is_stale():
    entry = table("grid")["US"]
    assert not entry.stale(date(2024, 12, 31))
    assert entry.stale(date(2025, 1, 1))
    fresh, old = entry.figure(date(2024, 6, 1)), entry.figure(date(2026, 11, 22))
    assert "stale" not in fresh.note
    assert "stale: 35 months old" in old.note
    assert old.basis == "fallback" and "†" in old.note and "2023-12-31" in old.note


def test_a_number_that_an_entry_does_not_have_is_not_zero():
    with pytest.raises(KeyError):
        table("devices")["T4"].figure(name="price")
    assert table("devices")["H200"].figure(name="bandwidth_gb_s", unit="GB/s").value == 4800
