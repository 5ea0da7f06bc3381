"""Metrics of fastai for numbers, and of probabilities, that the library has not: numpy over all validation rows at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from .metrics import AccumMetric, makes_metric

__all__ = [
    "PearsonCorrCoef",
    "Perplexity",
    "SpearmanCorrCoef",
    "exp_rmspe",
    "msle",
    "perplexity",
]


@makes_metric
def Perplexity() -> AccumMetric:
    """The exponential of the mean negative logarithm of the probability of the true class."""

    def exponential(pred: np.ndarray, y: np.ndarray) -> float:
        probabilities = np.maximum(pred[np.arange(len(y)), y], np.finfo(np.float32).tiny)
        return float(np.exp(-np.log(probabilities, dtype=np.float64).mean()))

    return AccumMetric(exponential, activation="softmax", flatten=False, name="perplexity", lower_is_better=True)


@makes_metric
def PearsonCorrCoef(dim_argmax: int | None = None, **kwargs: Any) -> AccumMetric:
    """The correlation of predictions and targets."""
    return AccumMetric(_correlation, dim_argmax, name="pearsonr", lower_is_better=False, **kwargs)


@makes_metric
def SpearmanCorrCoef(
    dim_argmax: int | None = None, axis: int = 0, nan_policy: str = "propagate", **kwargs: Any
) -> AccumMetric:
    """The correlation of their ranks, equal values at the mean of theirs; NaN if a value is."""
    if nan_policy != "propagate":
        raise ValueError(f"nan_policy: what is not a number makes the whole NaN here (propagate), not {nan_policy!r}")
    return AccumMetric(_rank_correlation, dim_argmax, name="spearmanr", lower_is_better=False, **kwargs)


def _rank_correlation(pred: np.ndarray, y: np.ndarray) -> float:
    if np.isnan(pred).any() or np.isnan(y).any():
        return float("nan")
    return _correlation(_ranks(pred), _ranks(y))


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
