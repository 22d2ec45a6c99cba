"""Tokens on disk: what was written is read, windows keep documents apart, damage is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.base.errors import DataError
from modelwright.base.shards import open_shards, write_shards


def numbered(lists: list[list[int]], context: int) -> list[tuple[list[int], list[int]]]:
    """Windows by the definition, read slowly."""
    flat = [(number, token) for number, ids in enumerate(lists) for token in ids]
    windows = []
    for start in range(0, len(flat), context):
        piece = flat[start : start + context]
        if len(piece) < 2:
            continue
        seen = list(dict.fromkeys(number for number, _ in piece))
        lacking = [0] * (context - len(piece))
        windows.append(([token for _, token in piece] + lacking, [seen.index(number) + 1 for number, _ in piece] + lacking))
    return windows


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 400), max_size=9), min_size=1, max_size=12), st.integers(2, 8))
def test_windows_are_those_of_the_definition(tmp_path: Path, lists: list[list[int]], context: int) -> None:
    if not any(lists):
        lists = [[1]]
    shards = write_shards(lists, tmp_path / "shards", 401)
    kept = [ids for ids in lists if ids]
    assert [found.tolist() for found in shards] == kept
    packed = shards.pack(context)
    came = [(window.input_ids.tolist(), window.attention_mask.tolist()) for window in packed]
    assert came == numbered(kept, context)
    assert [window.input_ids.tolist() for window in packed[1:]] == [ids for ids, _ in came[1:]]


@pytest.mark.parametrize(("vocabulary", "kind"), [(65_536, np.uint16), (65_537, np.uint32)])
def test_ids_take_the_bytes_that_they_need(tmp_path: Path, vocabulary: int, kind: type) -> None:
    write_shards([[0, vocabulary - 1], [5]], tmp_path, vocabulary)
    shards = open_shards(tmp_path)
    assert shards.tokens.dtype == kind
    assert [ids.tolist() for ids in shards] == [[0, vocabulary - 1], [5]]
    with pytest.raises(ValueError, match="vocabulary has"):
        write_shards([[vocabulary]], tmp_path / "more", vocabulary)


def test_damage_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no token"):
        write_shards([[]], tmp_path, 10)
    with pytest.raises(DataError, match="can't be read"):
        open_shards(tmp_path / "none")
    write_shards([[1, 2, 3]], tmp_path, 10)
    (tmp_path / "tokens.bin").write_bytes(b"\0\0\0")
    with pytest.raises(DataError, match="can't be read"):
        open_shards(tmp_path)
