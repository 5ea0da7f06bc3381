"""Metrics with options, and losses, as fastai computes them.

``python metric_cases.py > metric_cases.json`` made the file beside it, with fastai 2.8.12 and scikit-learn 1.9.1.
"""

import json
import sys
import warnings
from types import SimpleNamespace

import numpy as np

ROWS = 150
WEIGHTS = (np.arange(ROWS) % 7 + 0.5).tolist()
LABELS = [
    "accuracy_multi",
    "partial(accuracy_multi, thresh=0.3)",
    "partial(accuracy_multi, sigmoid=False)",
    "F1ScoreMulti()",
    "F1ScoreMulti(thresh=0.3)",
    "F1ScoreMulti(sigmoid=False)",
    "F1ScoreMulti(thresh=0.2, average='micro')",
    "F1ScoreMulti(average='samples')",
    "F1ScoreMulti(average='weighted', sample_weight=WEIGHTS)",
    "F1ScoreMulti(labels=[0, 2])",
    "FBetaMulti(2)",
    "FBetaMulti(0.5, thresh=0.7, average='weighted')",
    "FBetaMulti(beta=2, average='samples', sample_weight=WEIGHTS)",
    "PrecisionMulti(thresh=0.7)",
    "PrecisionMulti(0.3, average='samples')",
    "RecallMulti(thresh=0.7, average='micro')",
    "RecallMulti(0.999)",
    "JaccardMulti()",
    "JaccardMulti(thresh=0.3, average='samples')",
    "JaccardMulti(average='micro', sigmoid=False, thresh=1.0)",
    "JaccardMulti(average='weighted', labels=[1, 3])",
    "HammingLossMulti()",
    "HammingLossMulti(thresh=0.8)",
    "HammingLossMulti(sigmoid=False, sample_weight=WEIGHTS)",
    "APScoreMulti()",
    "APScoreMulti(average='micro')",
    "APScoreMulti(average='weighted', sample_weight=WEIGHTS)",
    "RocAucMulti()",
    "RocAucMulti(average='micro')",
    "RocAucMulti(max_fpr=0.3)",
]
TWO = [
    "F1Score(pos_label=0)",
    "F1Score(sample_weight=WEIGHTS)",
    "FBeta(2, average='weighted')",
    "Precision(pos_label=0, sample_weight=WEIGHTS)",
    "Recall(average='macro', labels=[0])",
    "Jaccard(pos_label=0)",
    "HammingLoss(sample_weight=WEIGHTS)",
    "RocAucBinary(max_fpr=0.2)",
    "APScoreBinary(pos_label=0)",
    "BalancedAccuracy(adjusted=True)",
    "MatthewsCorrCoef(sample_weight=WEIGHTS)",
]
THREE = [
    "F1Score(average='macro', labels=[1, 2])",
    "Precision(average='micro', labels=[0, 1])",
    "Recall(average='weighted', sample_weight=WEIGHTS)",
    "Jaccard(average='weighted')",
    "Jaccard(average='micro')",
    "CohenKappa(weights='quadratic')",
    "CohenKappa(weights='linear', sample_weight=WEIGHTS)",
    "RocAuc()",
    "RocAuc(multi_class='ovo')",
    "RocAuc(average='weighted')",
    "FocalLossFlat()",
    "FocalLossFlat(gamma=0.7)",
    "FocalLoss(gamma=5.0)",
    "CrossEntropyLossFlat()",
]
NUMBERS = [
    "R2Score(sample_weight=WEIGHTS)",
    "ExplainedVariance(sample_weight=WEIGHTS)",
    "SpearmanCorrCoef()",
    "PearsonCorrCoef()",
]


def data():
    """For each kind its cases, raw outputs and targets."""
    draw = np.random.default_rng(8)

    def raw(columns):
        return draw.normal(size=(ROWS, columns)).astype(np.float32)

    def classes(raw):
        return (raw + draw.normal(size=raw.shape)).argmax(axis=1)

    labels, two, three, numbers = raw(4), raw(2), raw(3), raw(1)
    return {
        "labels": (LABELS, labels, (labels + draw.normal(size=labels.shape) > 0.4).astype(np.float32)),
        "two": (TWO, two, classes(two)[:, None]),
        "three": (THREE, three, classes(three)[:, None]),
        "numbers": (NUMBERS, numbers, (numbers + 0.3 * raw(1)).astype(np.float32)),
    }


def value(metric, pred, y):
    """A metric's value over batches of 64 rows, seen as a validation shows them."""
    metric.reset()
    for start in range(0, len(y), 64):
        rows = slice(start, start + 64)
        metric.accumulate(SimpleNamespace(pred=pred[rows], y=y[rows], yb=(y[rows],), to_detach=lambda x: x))
    return float(metric.value)


def main():
    import fastai.losses
    import fastai.tabular.all as names
    import torch

    known = {**vars(names), **vars(fastai.losses), "WEIGHTS": WEIGHTS}
    found = {}
    for kind, (cases, pred, y) in data().items():
        pred, y = torch.tensor(pred), torch.tensor(y)
        y = y if kind == "labels" else y[:, 0]
        for case in cases:
            made = eval(case, known)
            if "Loss" in case and "Hamming" not in case:
                found[f"{kind}: {case}"] = float(made(pred, y))
                continue
            made = made if isinstance(made, names.Metric) else names.AvgMetric(made)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found[f"{kind}: {case}"] = value(made, pred, y)
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
