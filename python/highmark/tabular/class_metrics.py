"""Metrics of one class a row, and of numbers, under fastai's names and with its arguments.

Without arguments they are the library's, computed in Rust while validation goes on. Of the options that the library has not,
those of precision, recall and the like are computed here; the others are left to scikit-learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .counts import Score, counted, f_beta, jaccard, precision, recall, row_weights
from .metrics import AccumMetric, CoreMetric, Metric, makes_metric, skm_to_fastai

__all__ = [
    "APScoreBinary",
    "BalancedAccuracy",
    "BrierScore",
    "CohenKappa",
    "ExplainedVariance",
    "F1Score",
    "FBeta",
    "HammingLoss",
    "Jaccard",
    "LogLoss",
    "MatthewsCorrCoef",
    "Precision",
    "R2Score",
    "Recall",
    "RocAuc",
    "RocAucBinary",
    "by_sklearn",
    "check_average",
]


def check_average(average: Any, known: tuple[str, ...]) -> None:
    """A :class:`ValueError` if ``average`` is none of those."""
    if average not in known:
        raise ValueError(f"average: {average!r} is not {', '.join(known[:-1])} or {known[-1]}")


def by_sklearn(score: str, activation: str | None = None, flatten: bool = True, **options: Any) -> AccumMetric:
    """scikit-learn's function of that name, with these options: of decided classes, unless there is an ``activation``."""
    try:
        from sklearn import metrics
    except ImportError:
        given = ", ".join(name for name, value in options.items() if value is not None)
        raise ImportError(f"{score} with {given} is computed by scikit-learn; install it, or leave them out") from None
    function = getattr(metrics, score)
    return skm_to_fastai(
        function, activation is None, activation=activation, flatten=flatten, lower_is_better="loss" in score, **options
    )


def _of_counts(
    core: str, score: Score, labels: Any, pos_label: Any, average: str, sample_weight: Any
) -> CoreMetric | AccumMetric:
    check_average(average, ("binary", "macro", "micro", "weighted"))
    name = core.partition(":")[0]
    if labels is None and pos_label == 1 and sample_weight is None and name != "jaccard_score":
        return CoreMetric(name, core=core if average == "binary" else f"{core}:{average}")

    def compute(pred: np.ndarray, y: np.ndarray) -> float:
        return counted(score, pred, y, average, labels, pos_label, sample_weight)

    return AccumMetric(compute, -1, to_np=True, name=name, lower_is_better=False)


@makes_metric
def F1Score(
    axis: int = -1, labels: Any = None, pos_label: int = 1, average: str = "binary", sample_weight: Any = None
) -> Metric | CoreMetric:
    """The harmonic mean of precision and recall.

    ``average``: binary (of the class ``pos_label``), macro, micro or weighted; ``labels``: the classes that count, all by
    default; ``sample_weight``: a weight for each validation row.
    """
    return _of_counts("f1_score", f_beta(1), labels, pos_label, average, sample_weight)


@makes_metric
def FBeta(
    beta: float,
    axis: int = -1,
    labels: Any = None,
    pos_label: int = 1,
    average: str = "binary",
    sample_weight: Any = None,
) -> Metric | CoreMetric:
    """The same with recall counting ``beta`` times as much; arguments as for :func:`F1Score`."""
    return _of_counts(f"fbeta_score:{float(beta)}", f_beta(beta), labels, pos_label, average, sample_weight)


@makes_metric
def Precision(
    axis: int = -1, labels: Any = None, pos_label: int = 1, average: str = "binary", sample_weight: Any = None
) -> Metric | CoreMetric:
    """The share of predicted positives that are positive; arguments as for :func:`F1Score`."""
    return _of_counts("precision_score", precision, labels, pos_label, average, sample_weight)


@makes_metric
def Recall(
    axis: int = -1, labels: Any = None, pos_label: int = 1, average: str = "binary", sample_weight: Any = None
) -> Metric | CoreMetric:
    """The share of positives that are predicted; arguments as for :func:`F1Score`."""
    return _of_counts("recall_score", recall, labels, pos_label, average, sample_weight)


@makes_metric
def Jaccard(
    axis: int = -1, labels: Any = None, pos_label: int = 1, average: str = "binary", sample_weight: Any = None
) -> Metric | CoreMetric:
    """The predicted positives that are positive, as a share of all that are either; arguments as for :func:`F1Score`."""
    return _of_counts("jaccard_score", jaccard, labels, pos_label, average, sample_weight)


@makes_metric
def HammingLoss(axis: int = -1, sample_weight: Any = None) -> AccumMetric:
    """The share of rows whose class is not predicted."""

    def compute(pred: np.ndarray, y: np.ndarray) -> float:
        return float(np.average(pred != y, weights=row_weights(sample_weight, len(y))))

    return AccumMetric(compute, -1, to_np=True, name="hamming_loss", lower_is_better=True)


@makes_metric
def RocAuc(
    axis: int = -1,
    average: str = "macro",
    sample_weight: Any = None,
    max_fpr: float | None = None,
    multi_class: str = "ovr",
) -> Metric | CoreMetric:
    """The area under the ROC curve; of several classes each against the rest, or (``multi_class="ovo"``) each pair.
    ``max_fpr``, of two classes, is where the area ends."""
    if multi_class not in ("ovr", "ovo"):
        raise ValueError(f"multi_class: {multi_class!r} is not ovr or ovo")
    if sample_weight is None and (average, max_fpr, multi_class) == ("macro", None, "ovr"):
        return CoreMetric("roc_auc_score")
    options = {"average": average, "sample_weight": sample_weight, "max_fpr": max_fpr, "multi_class": multi_class}
    metric = by_sklearn("roc_auc_score", "softmax", flatten=False, **options)
    area = metric.func

    def compute(y: np.ndarray, p: np.ndarray, max_fpr: float | None, **options: Any) -> float:
        # Of two classes scikit-learn takes the probability of the last alone.
        if p.shape[1] == 2:
            return float(area(y, p[:, 1], max_fpr=max_fpr, **options))
        if max_fpr is not None:
            raise ValueError(f"max_fpr: is of two classes, and there are {p.shape[1]}; leave it out")
        return float(area(y, p, **options))

    metric.func = compute
    return metric


@makes_metric
def RocAucBinary(
    axis: int = -1,
    average: str = "macro",
    sample_weight: Any = None,
    max_fpr: float | None = None,
    multi_class: str = "raise",
) -> Metric | CoreMetric:
    """The area under the ROC curve of two classes; ``max_fpr`` is where the area ends."""
    if sample_weight is None and max_fpr is None:
        return CoreMetric("roc_auc_score")
    return by_sklearn("roc_auc_score", "binary_softmax", sample_weight=sample_weight, max_fpr=max_fpr)


@makes_metric
def APScoreBinary(
    axis: int = -1, average: str = "macro", pos_label: int = 1, sample_weight: Any = None
) -> Metric | CoreMetric:
    """The average precision of two classes."""
    if pos_label == 1 and sample_weight is None:
        return CoreMetric("average_precision_score")
    options = {"average": average, "pos_label": pos_label, "sample_weight": sample_weight}
    return by_sklearn("average_precision_score", "binary_softmax", **options)


@makes_metric
def BalancedAccuracy(axis: int = -1, sample_weight: Any = None, adjusted: bool = False) -> Metric | CoreMetric:
    """The mean of the recalls of all classes; ``adjusted``, 0 is what guessing has."""
    if sample_weight is None and not adjusted:
        return CoreMetric("balanced_accuracy_score")
    return by_sklearn("balanced_accuracy_score", sample_weight=sample_weight, adjusted=adjusted)


@makes_metric
def BrierScore(axis: int = -1, sample_weight: Any = None, pos_label: int | None = None) -> Metric | CoreMetric:
    """The mean squared error of the probability of the last class."""
    if sample_weight is None and pos_label in (None, 1):
        return CoreMetric("brier_score_loss")
    return by_sklearn("brier_score_loss", "binary_softmax", sample_weight=sample_weight, pos_label=pos_label)


@makes_metric
def CohenKappa(
    axis: int = -1, labels: Any = None, weights: str | None = None, sample_weight: Any = None
) -> Metric | CoreMetric:
    """Cohen's kappa; ``weights`` are linear or quadratic in the distance of the classes, or none."""
    if labels is None and weights is None and sample_weight is None:
        return CoreMetric("cohen_kappa_score")
    return by_sklearn("cohen_kappa_score", labels=labels, weights=weights, sample_weight=sample_weight)


@makes_metric
def MatthewsCorrCoef(sample_weight: Any = None, **kwargs: Any) -> Metric | CoreMetric:
    """Matthews's correlation coefficient."""
    if sample_weight is None and not kwargs:
        return CoreMetric("matthews_corrcoef")
    return by_sklearn("matthews_corrcoef", sample_weight=sample_weight, **kwargs)


@makes_metric
def LogLoss() -> CoreMetric:
    """The mean negative logarithm of the probability of the true class."""
    return CoreMetric("log_loss")


@makes_metric
def R2Score(sample_weight: Any = None) -> Metric | CoreMetric:
    """The share of the variance that is explained, the bias counted as unexplained."""
    if sample_weight is None:
        return CoreMetric("r2_score", "identity")
    return by_sklearn("r2_score", "no", sample_weight=sample_weight)


@makes_metric
def ExplainedVariance(sample_weight: Any = None) -> Metric | CoreMetric:
    """The share of the variance that is explained."""
    if sample_weight is None:
        return CoreMetric("explained_variance_score", "identity")
    return by_sklearn("explained_variance_score", "no", sample_weight=sample_weight)
