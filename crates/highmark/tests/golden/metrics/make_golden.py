"""Writes metrics.json next to this file: predictions, targets and what scikit-learn makes of them.

Needs numpy and scikit-learn (made with 1.9.1). Usage: python make_golden.py
"""
import json
import warnings
from pathlib import Path

import numpy as np
from sklearn import metrics as sk

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20)


def softmax(raw):
    e = np.exp(raw - raw.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def sigmoid(raw):
    return (1 / (1 + np.exp(-raw.astype(np.float64)))).astype(np.float32)


def undefined(f):
    """Not defined: NaN, or scikit-learn refuses."""
    try:
        value = float(f())
    except ValueError:
        return None
    return None if np.isnan(value) else value


def case(name, activation, raw, metrics, classes=None, values=None):
    return {
        "name": name,
        "activation": activation,
        "outputs": raw.shape[1],
        "raw": [float(x) for x in raw.ravel()],
        "classes": None if classes is None else [int(x) for x in classes],
        "values": None if values is None else [float(x) for x in values.ravel()],
        "metrics": metrics,
    }


def averaged(y, p, averages, default, **more):
    out = {}
    for suffix, average in [("", default)] + [(f":{a}", a) for a in averages]:
        kw = dict(average=average, zero_division=0, **more)
        out["f1" + suffix] = sk.f1_score(y, p, **kw)
        out["fbeta:2" + suffix] = sk.fbeta_score(y, p, beta=2, **kw)
        out["fbeta:0.5" + suffix] = sk.fbeta_score(y, p, beta=0.5, **kw)
        out["precision" + suffix] = sk.precision_score(y, p, **kw)
        out["recall" + suffix] = sk.recall_score(y, p, **kw)
    return out


def classification(name, raw, y, ks=()):
    """Softmax over several outputs, or the sigmoid of one."""
    raw = raw.astype(np.float32)
    if raw.shape[1] == 1:
        positive = sigmoid(raw)[:, 0]
        prob = np.stack([1 - positive, positive], 1)
        p = (raw[:, 0] > 0).astype(int)
    else:
        prob = softmax(raw)
        p = raw.argmax(1)
    n = prob.shape[1]
    labels = list(range(n))
    onehot = np.eye(n, dtype=int)[y]
    binary = n == 2
    m = {
        "accuracy": sk.accuracy_score(y, p),
        "error_rate": 1 - sk.accuracy_score(y, p),
        "balanced_accuracy": sk.balanced_accuracy_score(y, p),
        "mcc": sk.matthews_corrcoef(y, p),
        "kappa": undefined(lambda: sk.cohen_kappa_score(y, p, labels=labels)),
        "log_loss": sk.log_loss(y, prob, labels=labels),
        **averaged(y, p, (["binary"] if binary else []) + ["macro", "micro", "weighted"], "binary" if binary else "macro"),
    }
    if binary:
        m["roc_auc"] = undefined(lambda: sk.roc_auc_score(y, prob[:, 1]))
        m["average_precision"] = sk.average_precision_score(y, prob[:, 1]) if y.any() else None
        m["brier"] = sk.brier_score_loss(y, prob[:, 1], labels=labels)
    else:
        m["roc_auc"] = undefined(lambda: sk.roc_auc_score(onehot, prob, average="macro"))
        missing = any(not (y == c).any() for c in labels)
        m["average_precision"] = None if missing else sk.average_precision_score(onehot, prob, average="macro")
        m["brier"] = sk.brier_score_loss(y, prob.astype(np.float64) / prob.astype(np.float64).sum(1, keepdims=True), labels=labels)
    for k in ks:
        m[f"top_k_accuracy:{k}"] = sk.top_k_accuracy_score(y, raw, k=k, labels=labels)
    # scikit-learn's own names lead to the same numbers.
    m["roc_auc_score"], m["accuracy_score"] = m["roc_auc"], m["accuracy"]
    return case(name, "sigmoid" if raw.shape[1] == 1 else "softmax", raw, {k: undefined(lambda: v) if v is not None else None for k, v in m.items()}, classes=y)


def multi_label(name, raw, y):
    raw = raw.astype(np.float32)
    prob, p = sigmoid(raw), (raw > 0).astype(int)
    q = np.clip(prob.astype(np.float64), np.finfo(np.float32).eps, 1 - np.finfo(np.float32).eps)
    m = {
        "accuracy": float((p == y).mean()),
        "error_rate": float((p != y).mean()),
        "roc_auc": undefined(lambda: sk.roc_auc_score(y, prob, average="macro")),
        "average_precision": sk.average_precision_score(y, prob, average="macro") if y.any(0).all() else None,
        "log_loss": float(-(y * np.log(q) + (1 - y) * np.log(1 - q)).mean()),
        "brier": float(((prob.astype(np.float64) - y) ** 2).mean()),
        **averaged(y, p, ["macro", "micro", "weighted"], "macro"),
    }
    return case(name, "sigmoid", raw, m, values=y)


def regression(name, p, y):
    p, y = p.astype(np.float32), y.astype(np.float32)
    a, b = y.astype(np.float64), p.astype(np.float64)
    m = {
        "mse": sk.mean_squared_error(a, b),
        "rmse": sk.mean_squared_error(a, b) ** 0.5,
        "mae": sk.mean_absolute_error(a, b),
        "r2": sk.r2_score(a, b),
        "explained_variance": sk.explained_variance_score(a, b),
    }
    return case(name, "identity", p, m, values=y)


y2 = rng.integers(0, 2, 40)
y3 = rng.integers(0, 3, 40)
raw2 = rng.normal(size=(40, 2)) + np.eye(2)[y2]
raw3 = rng.normal(size=(40, 3)) + np.eye(3)[y3]
labels = (rng.random((30, 3)) < [0.5, 0.3, 0.7]).astype(int)
labels[0] = [1, 1, 1]
labels[1] = [0, 0, 0]
numbers = rng.normal(size=(30, 2)) * 3 + 5
cases = [
    classification("binary", raw2, y2),
    # Few different scores: many ties.
    classification("binary with ties", np.round(raw2), y2),
    classification("one output", (raw2[:, 1:] - raw2[:, :1]), y2),
    classification("one output with ties", np.round(raw2[:, 1:] - raw2[:, :1]), y2),
    classification("certain and wrong", np.array([[200.0, 0], [0, 200], [0, 1]]), np.array([1, 1, 0])),
    classification("only negatives", raw2[:9], np.zeros(9, int)),
    classification("only positives", raw2[:9], np.ones(9, int)),
    classification("always the same guess", np.tile([1.0, 0.0], (10, 1)), y2[:10]),
    classification("three classes", raw3, y3, ks=[1, 2, 3]),
    # Every row twice: other ties would hang on the last bit of an exponential.
    classification("three classes with ties", np.tile(raw3[:20], (2, 1)), y3),
    classification("a class never seen", raw3[:12], np.minimum(y3[:12], 1), ks=[2]),
    # The last class is in neither targets nor predictions.
    classification("a class never seen or guessed", raw3[:12] - [0, 0, 50], np.minimum(y3[:12], 1), ks=[2]),
    multi_label("labels", rng.normal(size=(30, 3)) + labels, labels),
    multi_label("a label never seen or guessed", np.array([[1.0, -1], [-1, -2], [2, -3]]), np.array([[1, 0], [0, 0], [0, 0]])),
    regression("numbers", numbers[:, :1] + rng.normal(size=(30, 1)), numbers[:, :1]),
    regression("two outputs", numbers + rng.normal(size=(30, 2)), numbers),
    regression("far from zero", 1e5 + numbers + rng.normal(size=(30, 2)), 1e5 + numbers),
    regression("constant target", numbers[:, :1], np.full((30, 1), 2.0)),
    regression("constant and right", np.full((30, 1), 2.0), np.full((30, 1), 2.0)),
]
path = Path(__file__).with_name("metrics.json")
path.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
