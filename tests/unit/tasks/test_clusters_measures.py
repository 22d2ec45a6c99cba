"""Figures of clusterings against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.tasks.measures import clusters

metrics = pytest.importorskip("sklearn.metrics")


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    return draw.normal(size=(90, 3)).astype(np.float32), draw.integers(0, 4, 90)


def test_silhouettes_are_those_of_the_paper(rows):
    points, own = rows
    np.testing.assert_allclose(clusters.silhouettes(points, own), metrics.silhouette_samples(points, own), atol=1e-5)


def test_a_row_alone_lies_neither_well_nor_ill_and_rows_of_none_are_left_out(rows):
    points, own = rows
    own[0], own[1:5] = 9, -1
    found = clusters.silhouettes(points, own)
    assert found[0] == 0
    assert np.isnan(found[1:5]).all() and not np.isnan(found[5:]).any()
    assert np.isnan(clusters.silhouettes(points, np.zeros(len(points), int))).all()


def test_of_many_rows_some_are_compared(rows, monkeypatch):
    monkeypatch.setattr(clusters, "MOST_ROWS", 30)
    assert np.count_nonzero(~np.isnan(clusters.silhouettes(*rows))) == 30


@pytest.mark.parametrize("other", ["same", "random", "one", "coarse"])
def test_agreement(rows, other):
    own = rows[1]
    theirs = {"same": own, "random": np.random.default_rng(1).integers(0, 3, 90), "one": own * 0, "coarse": own // 2}[other]
    assert clusters.adjusted_rand(own, theirs) == pytest.approx(metrics.adjusted_rand_score(own, theirs))
    assert clusters.mutual_information(own, theirs) == pytest.approx(metrics.normalized_mutual_info_score(own, theirs), abs=1e-12)
