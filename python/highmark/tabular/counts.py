"""Scores of decisions: precision, recall and what lies between them, out of what was predicted and what was there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["counted", "f_beta", "jaccard", "precision", "recall", "row_weights"]

#: Of hits, false alarms and misses, an array of each.
Score = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def f_beta(beta: float) -> Score:
    """The harmonic mean of precision and recall, of which recall counts ``beta`` times as much."""
    squared = beta * beta
    return lambda hits, alarms, misses: _share((1 + squared) * hits, (1 + squared) * hits + squared * misses + alarms)


def precision(hits: np.ndarray, alarms: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """The share of what was predicted that was there."""
    return _share(hits, hits + alarms)


def recall(hits: np.ndarray, alarms: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """The share of what was there that was predicted."""
    return _share(hits, hits + misses)


def jaccard(hits: np.ndarray, alarms: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """What was predicted and there, as a share of what was either."""
    return _share(hits, hits + alarms + misses)


def counted(
    score: Score,
    pred: np.ndarray,
    y: np.ndarray,
    average: str,
    labels: Any = None,
    pos_label: Any = 1,
    sample_weight: Any = None,
) -> float:
    """``score`` of classes (arrays of one axis) or of labels (rows × labels, truth values), averaged as scikit-learn does it.

    ``labels`` are the classes, or the numbers of the labels, that count; where nothing can be shared the score is 0.
    """
    if y.ndim == 1:
        occurring = np.union1d(pred, y)
        if average == "binary":
            if len(occurring) > 2:
                raise ValueError(f"average: binary is of two classes, and there are {len(occurring)}; take macro")
            if len(occurring) == 2 and pos_label not in occurring.tolist():
                first, second = occurring.tolist()
                raise ValueError(f"pos_label: there is no class {pos_label!r}; the classes are {first!r} and {second!r}")
            occurring = np.array([pos_label])
        elif labels is not None:
            occurring = np.asarray(labels)
        pred, y = pred[:, None] == occurring, y[:, None] == occurring
    elif labels is not None:
        pred, y = pred[:, list(labels)], y[:, list(labels)]
    weights = row_weights(sample_weight, len(y))
    each = np.stack([pred & y, pred & ~y, ~pred & y]) * weights[:, None]
    if average == "samples":
        return float(np.average(score(*each.sum(axis=2)), weights=weights))
    sums = each.sum(axis=1)
    if average == "micro":
        return float(score(*sums.sum(axis=1)))
    support = sums[0] + sums[2]
    if average == "weighted":
        return float((score(*sums) * support).sum() / support.sum()) if support.sum() else 0.0
    return float(score(*sums).mean())


def row_weights(sample_weight: Any, rows: int) -> np.ndarray:
    """A weight for each row, 1 if none are given."""
    if sample_weight is None:
        return np.ones(rows)
    weights = np.asarray(sample_weight, dtype=np.float64).reshape(-1)
    if len(weights) != rows:
        raise ValueError(f"sample_weight: {len(weights)} given for {rows} validation rows; give one for each")
    return weights


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), 0.0)
