"""Names and sizes as people write them."""

from __future__ import annotations

import pytest

from modelwright.base.wording import megabytes, metric_name, ratio


@pytest.mark.parametrize(
    ("name", "shown"), [("macro-f1", "macro-F1"), ("roc-auc", "ROC-AUC"), ("ece", "ECE"), ("accuracy", "accuracy")]
)
def test_metrics(name, shown):
    assert metric_name(name) == shown


@pytest.mark.parametrize(
    ("size", "shown"), [(430_000, "0.43 MB"), (1_340_000, "1.3 MB"), (90_960_000, "91.0 MB"), (1_234_000_000, "1,234 MB")]
)
def test_sizes(size, shown):
    assert megabytes(size) == shown


@pytest.mark.parametrize(("value", "shown"), [(1.04, "1.0"), (9.94, "9.9"), (9.96, "10"), (40.3, "40"), (1234.0, "1,234")])
def test_ratios(value, shown):
    assert ratio(value) == shown
