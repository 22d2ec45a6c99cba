"""Names and sizes as people write them."""

from __future__ import annotations

from modelwright.base.console import amount

_CAPITALS = frozenset({"f1", "roc", "auc", "ece", "rmse", "mae", "mape", "map", "ndcg"})


def metric_name(name: str) -> str:
    """A metric as people write it: macro-F1, ROC-AUC, ECE."""
    return "-".join(word.upper() if word in _CAPITALS else word for word in name.split("-"))


def megabytes(size_bytes: float) -> str:
    """A size in MB (10⁶ bytes) with two or three significant figures: 0.43 MB, 23.4 MB, 1,230 MB."""
    size = size_bytes / 1e6
    return f"{amount(size, 2 if size < 10 else 3)} MB"


def ratio(value: float) -> str:
    """How many times: 1.3, 9.8, 40, 1,200."""
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"
