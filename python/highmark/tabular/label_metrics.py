"""Metrics of several labels a row, under fastai's names and with its arguments.

``thresh`` is the probability from which on a label counts as predicted. With ``sigmoid`` off, predictions are compared as they
are. Those at the defaults are the library's, computed in Rust while validation goes on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .class_metrics import by_sklearn, check_average
from .counts import Score, counted, f_beta, jaccard, precision, recall, row_weights
from .metrics import AccumMetric, CoreMetric, Metric, makes_metric

__all__ = [
    "APScoreMulti",
    "BrierScoreMulti",
    "F1ScoreMulti",
    "FBetaMulti",
    "HammingLossMulti",
    "JaccardMulti",
    "MatthewsCorrCoefMulti",
    "PrecisionMulti",
    "RecallMulti",
    "RocAucMulti",
]


def _of_labels(name: str, compute: Any, thresh: float | None, sigmoid: bool, lower: bool = False) -> AccumMetric:
    def boolean(pred: np.ndarray, y: np.ndarray) -> float:
        return float(compute(pred, y > 0.5))

    activation = "sigmoid" if sigmoid else "no"
    return AccumMetric(boolean, None, activation, thresh, to_np=True, flatten=False, name=name, lower_is_better=lower)


def _of_counts(
    core: str, score: Score, thresh: float, sigmoid: bool, labels: Any, pos_label: Any, average: str, sample_weight: Any
) -> Metric | CoreMetric:
    check_average(average, ("macro", "micro", "weighted", "samples"))
    if pos_label != 1:
        raise ValueError(f"pos_label: a label is there or not, so there is no {pos_label!r}; leave it out")
    name = core.partition(":")[0]
    plain = thresh == 0.5 and sigmoid and labels is None and sample_weight is None
    if plain and average != "samples" and name != "jaccard_score":
        return CoreMetric(name, "sigmoid", core=f"{core}:{average}")

    def compute(pred: np.ndarray, y: np.ndarray) -> float:
        return counted(score, pred, y, average, labels, sample_weight=sample_weight)

    return _of_labels(name, compute, thresh, sigmoid)


@makes_metric
def F1ScoreMulti(
    thresh: float = 0.5,
    sigmoid: bool = True,
    labels: Any = None,
    pos_label: int = 1,
    average: str = "macro",
    sample_weight: Any = None,
) -> Metric | CoreMetric:
    """The harmonic mean of precision and recall.

    ``average``: macro, micro, weighted, or samples (the mean over the rows); ``labels``: the numbers of the labels that count,
    all by default; ``sample_weight``: a weight for each validation row.
    """
    return _of_counts("f1_score", f_beta(1), thresh, sigmoid, labels, pos_label, average, sample_weight)


@makes_metric
def FBetaMulti(
    beta: float,
    thresh: float = 0.5,
    sigmoid: bool = True,
    labels: Any = None,
    pos_label: int = 1,
    average: str = "macro",
    sample_weight: Any = None,
) -> Metric | CoreMetric:
    """The same with recall counting ``beta`` times as much; arguments as for :func:`F1ScoreMulti`."""
    core = f"fbeta_score:{float(beta)}"
    return _of_counts(core, f_beta(beta), thresh, sigmoid, labels, pos_label, average, sample_weight)


@makes_metric
def PrecisionMulti(
    thresh: float = 0.5,
    sigmoid: bool = True,
    labels: Any = None,
    pos_label: int = 1,
    average: str = "macro",
    sample_weight: Any = None,
) -> Metric | CoreMetric:
    """The share of predicted labels that are there; arguments as for :func:`F1ScoreMulti`."""
    return _of_counts("precision_score", precision, thresh, sigmoid, labels, pos_label, average, sample_weight)


@makes_metric
def RecallMulti(
    thresh: float = 0.5,
    sigmoid: bool = True,
    labels: Any = None,
    pos_label: int = 1,
    average: str = "macro",
    sample_weight: Any = None,
) -> Metric | CoreMetric:
    """The share of labels that are predicted; arguments as for :func:`F1ScoreMulti`."""
    return _of_counts("recall_score", recall, thresh, sigmoid, labels, pos_label, average, sample_weight)


@makes_metric
def JaccardMulti(
    thresh: float = 0.5,
    sigmoid: bool = True,
    labels: Any = None,
    pos_label: int = 1,
    average: str = "macro",
    sample_weight: Any = None,
) -> Metric | CoreMetric:
    """The labels that are there and predicted, as a share of all that are either; arguments as for :func:`F1ScoreMulti`."""
    return _of_counts("jaccard_score", jaccard, thresh, sigmoid, labels, pos_label, average, sample_weight)


@makes_metric
def HammingLossMulti(
    thresh: float = 0.5, sigmoid: bool = True, labels: Any = None, sample_weight: Any = None
) -> AccumMetric:
    """The share of labels that are not predicted as they are. ``labels`` says nothing, as in fastai."""

    def compute(pred: np.ndarray, y: np.ndarray) -> float:
        return float(np.average((pred != y).mean(axis=1), weights=row_weights(sample_weight, len(y))))

    return _of_labels("hamming_loss", compute, thresh, sigmoid, lower=True)


@makes_metric
def MatthewsCorrCoefMulti(thresh: float = 0.5, sigmoid: bool = True, sample_weight: Any = None) -> AccumMetric:
    """Matthews's correlation coefficient of all labels of all rows: in fastai an error of scikit-learn, which has none of
    several labels. 0 where all are predicted alike, or are alike."""

    def compute(pred: np.ndarray, y: np.ndarray) -> float:
        weights = np.repeat(row_weights(sample_weight, len(y)), y.shape[1])
        mean_pred, mean_y = (np.average(x.reshape(-1), weights=weights) for x in (pred, y))
        both = np.average((pred & y).reshape(-1), weights=weights)
        spread = mean_pred * (1 - mean_pred) * mean_y * (1 - mean_y)
        return float((both - mean_pred * mean_y) / np.sqrt(spread)) if spread > 0 else 0.0

    return _of_labels("matthews_corrcoef", compute, thresh, sigmoid)


@makes_metric
def BrierScoreMulti(
    thresh: float = 0.5, sigmoid: bool = True, sample_weight: Any = None, pos_label: int | None = None
) -> Metric | CoreMetric:
    """The mean squared error of the probabilities of labels. In fastai it is that of decisions at ``thresh``."""
    if thresh != 0.5:
        raise ValueError(f"thresh: this is of probabilities; of decisions at {thresh} it is HammingLossMulti(thresh={thresh})")
    if pos_label not in (None, 1):
        raise ValueError(f"pos_label: a label is there or not, so there is no {pos_label!r}; leave it out")
    if sigmoid and sample_weight is None:
        return CoreMetric("brier_score_loss", "sigmoid")

    def compute(pred: np.ndarray, y: np.ndarray) -> float:
        each = ((pred.astype(np.float64) - y) ** 2).mean(axis=1)
        return float(np.average(each, weights=row_weights(sample_weight, len(y))))

    return _of_labels("brier_score_loss", compute, None, sigmoid, lower=True)


@makes_metric
def APScoreMulti(
    sigmoid: bool = True, average: str = "macro", pos_label: int = 1, sample_weight: Any = None
) -> Metric | CoreMetric:
    """The average precision; ``average`` over the labels as for :func:`F1ScoreMulti`. ``sigmoid`` changes no order, and so
    nothing."""
    if sample_weight is None and (average, pos_label) == ("macro", 1):
        return CoreMetric("average_precision_score", "sigmoid")
    options = {"average": average, "pos_label": pos_label, "sample_weight": sample_weight}
    return by_sklearn("average_precision_score", "sigmoid" if sigmoid else "no", flatten=False, **options)


@makes_metric
def RocAucMulti(
    sigmoid: bool = True, average: str = "macro", sample_weight: Any = None, max_fpr: float | None = None
) -> Metric | CoreMetric:
    """The area under the ROC curve; arguments as for :func:`APScoreMulti`, and ``max_fpr``, where the area ends."""
    if sample_weight is None and (average, max_fpr) == ("macro", None):
        return CoreMetric("roc_auc_score", "sigmoid")
    options = {"average": average, "sample_weight": sample_weight, "max_fpr": max_fpr}
    return by_sklearn("roc_auc_score", "sigmoid" if sigmoid else "no", flatten=False, **options)
