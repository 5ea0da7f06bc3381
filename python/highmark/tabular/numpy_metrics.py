"""Metrics of fastai that the library has not: numpy over all validation rows at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from .metrics import AccumMetric

__all__ = [
    "HammingLoss",
    "Jaccard",
    "PearsonCorrCoef",
    "Perplexity",
    "SpearmanCorrCoef",
    "exp_rmspe",
    "msle",
    "perplexity",
]


def HammingLoss(axis: int = -1, **_: Any) -> AccumMetric:
    """The share of rows whose class is not predicted."""
    return AccumMetric(lambda pred, y: np.mean(pred != y), 1, name="hamming_loss", lower_is_better=True)


def Jaccard(axis: int = -1, pos_label: int = 1, average: str = "binary", **_: Any) -> AccumMetric:
    """The predicted positives that are positive, as a share of all that are either. ``average``: binary or macro."""
    if average not in ("binary", "macro"):
        raise ValueError(f"average: {average!r} is not binary or macro")

    def of(label: int, pred: np.ndarray, y: np.ndarray) -> float:
        either = np.sum((pred == label) | (y == label))
        return float(np.sum((pred == label) & (y == label)) / either) if either else 0.0

    def jaccard(pred: np.ndarray, y: np.ndarray) -> float:
        labels = [pos_label] if average == "binary" else np.union1d(pred, y).tolist()
        return float(np.mean([of(label, pred, y) for label in labels]))

    return AccumMetric(jaccard, 1, name="jaccard_score", lower_is_better=False)


def Perplexity() -> AccumMetric:
    """The exponential of the mean negative logarithm of the probability of the true class."""

    def exponential(pred: np.ndarray, y: np.ndarray) -> float:
        probabilities = np.maximum(pred[np.arange(len(y)), y], np.finfo(np.float32).tiny)
        return float(np.exp(-np.log(probabilities, dtype=np.float64).mean()))

    return AccumMetric(exponential, activation="softmax", flatten=False, name="perplexity", lower_is_better=True)


def PearsonCorrCoef(**_: Any) -> AccumMetric:
    """The correlation of predictions and targets."""
    return AccumMetric(_correlation, name="pearsonr", lower_is_better=False)


def SpearmanCorrCoef(**_: Any) -> AccumMetric:
    """The correlation of their ranks, equal values at the mean of theirs."""
    return AccumMetric(lambda pred, y: _correlation(_ranks(pred), _ranks(y)), name="spearmanr", lower_is_better=False)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64) - a.mean(dtype=np.float64), b.astype(np.float64) - b.mean(dtype=np.float64)
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / scale) if scale > 0 else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]


def _msle(pred: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean((np.log1p(pred, dtype=np.float64) - np.log1p(y, dtype=np.float64)) ** 2))


def _exp_rmspe(pred: np.ndarray, y: np.ndarray) -> float:
    pred, y = np.exp(pred, dtype=np.float64), np.exp(y, dtype=np.float64)
    return float(np.sqrt(np.mean(((y - pred) / y) ** 2)))


perplexity = Perplexity()
msle = AccumMetric(_msle, name="msle", lower_is_better=True)
exp_rmspe = AccumMetric(_exp_rmspe, name="_exp_rmspe", lower_is_better=True)
