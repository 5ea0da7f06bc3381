"""Metrics with options are those of fastai, which `fastai/metric_cases.py` recorded."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from highmark.tabular import all as names
from highmark.tabular.metrics import CoreMetric, metric_of

HERE = Path(__file__).parent / "fastai"
sys.path.insert(0, str(HERE))
import metric_cases  # noqa: E402

THEIRS = json.loads((HERE / "metric_cases.json").read_text())
DATA = metric_cases.data()
CASES = [(kind, case) for kind, (cases, *_) in DATA.items() for case in cases]


def value(metric, pred, y):
    metric = metric_of(metric)
    return metric(pred, y) if isinstance(metric, CoreMetric) else metric_cases.value(metric, pred, y)


@pytest.mark.parametrize(("kind", "case"), CASES, ids=[case for _, case in CASES])
def test_as_in_fastai(kind, case):
    _, pred, y = DATA[kind]
    made = eval(case, {**vars(names), "WEIGHTS": metric_cases.WEIGHTS})
    ours = made(pred, y) if "Loss" in case and "Hamming" not in case else value(made, pred, y)
    assert ours == pytest.approx(THEIRS[f"{kind}: {case}"], rel=2e-6)


def test_what_is_mended():
    """fastai has no Matthews of labels, its Brier score is of decisions, and `sigmoid=False` fails for areas."""
    _, pred, y = DATA["labels"]
    p, there = 1 / (1 + np.exp(-pred.astype(np.float64))), y > 0.5
    flat = sk.matthews_corrcoef(there.reshape(-1), p.reshape(-1) >= 0.3)
    assert value(names.MatthewsCorrCoefMulti(thresh=0.3), pred, y) == pytest.approx(flat)
    weights = np.repeat(metric_cases.WEIGHTS, 4)
    flat = sk.matthews_corrcoef(there.reshape(-1), p.reshape(-1) >= 0.5, sample_weight=weights)
    assert value(names.MatthewsCorrCoefMulti(sample_weight=metric_cases.WEIGHTS), pred, y) == pytest.approx(flat)
    assert value(names.MatthewsCorrCoefMulti(thresh=2.0), pred, y) == 0
    assert value(names.BrierScoreMulti(), pred, y) == pytest.approx(np.mean((p - y) ** 2), rel=1e-6)
    assert value(names.BrierScoreMulti(sigmoid=False), p, y) == pytest.approx(np.mean((p - y) ** 2))
    area = sk.roc_auc_score(there, pred, average="weighted")
    assert value(names.RocAucMulti(sigmoid=False, average="weighted"), pred, y) == pytest.approx(area)
    assert value(names.APScoreMulti(sigmoid=False), pred, y) == pytest.approx(THEIRS["labels: APScoreMulti()"])
    # Weights of classes leave the probability alone, which fastai raises to their power.
    _, pred, classes = DATA["three"]
    p = np.exp(pred) / np.exp(pred).sum(axis=1, keepdims=True)
    p, weight = p[np.arange(len(p)), classes[:, 0]], np.array([1.0, 2.0, 0.5])[classes[:, 0]]
    focal = names.FocalLossFlat(gamma=1.5, weight=[1.0, 2.0, 0.5])
    assert focal(pred, classes) == pytest.approx(np.mean(-weight * (1 - p) ** 1.5 * np.log(p)), rel=1e-5)
    assert focal.decodes(focal.activation(pred)).tolist() == pred.argmax(axis=1).tolist()


def test_wrong_options():
    _, pred, y = DATA["labels"]
    for wrong, message in {
        "F1ScoreMulti(average='binary')": "average: 'binary' is not macro, micro, weighted or samples",
        "F1Score(average=None)": "average: None is not binary",
        "JaccardMulti(pos_label=0)": "pos_label",
        "BrierScoreMulti(thresh=0.2)": r"HammingLossMulti\(thresh=0.2\)",
        "BrierScoreMulti(pos_label=0)": "pos_label",
        "RocAuc(multi_class='raise')": "multi_class",
        "SpearmanCorrCoef(nan_policy='omit')": "nan_policy",
    }.items():
        with pytest.raises(ValueError, match=message):
            eval(wrong, vars(names))
    with pytest.raises(TypeError, match="labels"):
        names.LogLoss(labels=[0, 1])
    with pytest.raises(ValueError, match="sample_weight: 2 given for 150 validation rows"):
        value(names.HammingLossMulti(sample_weight=[1, 2]), pred, y)
    _, pred, y = DATA["three"]
    with pytest.raises(ValueError, match="binary is of two classes, and there are 3"):
        value(names.Jaccard(), pred, y)
    pred, y = pred[:, :2], np.minimum(y, 1)
    for metric in (names.F1Score(pos_label=2), names.FBeta(2, pos_label="yes"), names.Jaccard(pos_label=-1)):
        with pytest.raises(ValueError, match="pos_label: there is no class .*; the classes are 0 and 1"):
            value(metric, pred, y)
    # Where one class alone occurs scikit-learn says nothing either.
    assert value(names.Precision(pos_label=2), pred * [0, 1] + [0, 100], np.ones_like(y)) == 0


def test_weights_in_an_array():
    weights = np.linspace(0.5, 2, 150)
    _, pred, y = DATA["three"]
    p = np.exp(pred.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    ovr = sk.roc_auc_score(y[:, 0], p, multi_class="ovr", sample_weight=weights)
    assert value(names.RocAuc(sample_weight=weights), pred, y) == pytest.approx(ovr, rel=1e-5)
    _, pred, y = DATA["labels"]
    for ours, theirs in ((names.RocAucMulti, sk.roc_auc_score), (names.APScoreMulti, sk.average_precision_score)):
        expected = theirs(y > 0.5, pred, sample_weight=weights)
        assert value(ours(sample_weight=weights), pred, y) == pytest.approx(expected, rel=1e-5)


def test_the_area_of_two_classes():
    pred, y = DATA["three"][1][:, :2], DATA["three"][2] > 0
    weights, last = np.linspace(0.5, 2, 150), pred[:, 1] - pred[:, 0]
    for options in ({"max_fpr": 0.5}, {"sample_weight": weights}, {"max_fpr": 0.3, "sample_weight": weights}):
        metric = names.RocAuc(**options)
        assert value(metric, pred, y.astype(np.int64)) == pytest.approx(sk.roc_auc_score(y[:, 0], last, **options), rel=1e-5)
        assert metric.name == "roc_auc_score" and not metric.lower_is_better
    with pytest.raises(ValueError, match="max_fpr: is of two classes, and there are 3"):
        value(names.RocAuc(max_fpr=0.5), *DATA["three"][1:])


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match="cohen_kappa_score with weights is computed by scikit-learn"):
        names.CohenKappa(weights="linear")
    assert value(names.JaccardMulti(), *DATA["labels"][1:]) == pytest.approx(THEIRS["labels: JaccardMulti()"])


def test_the_best_threshold():
    _, pred, y = DATA["labels"]
    best = names.optim_metric(names.accuracy_multi, "thresh", (0.1, 0.9), get_x=True)
    assert best.__name__ == "opt_accuracy_multi"
    accuracy, thresh = best(pred, y)
    assert accuracy == names.accuracy_multi(pred, y, thresh=thresh) >= names.accuracy_multi(pred, y) and 0.1 < thresh < 0.9
    lowest = names.optim_metric(lambda p, y, k: (k - 3) ** 2, "k", (0, 10), do_neg=False)(None, None)
    assert lowest == pytest.approx(0, abs=1e-3)


def test_extreme_outputs_are_quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        far = names.tensor([-1e4, -200.0, 0.0, 200.0, 1e4])
        assert far.sigmoid().tolist() == pytest.approx([0, 0, 0.5, 1, 1]) and far.sigmoid().dtype == np.float32
        assert names.tensor([0, 1]).sigmoid().tolist() == pytest.approx([0.5, 0.7310586])
        assert np.isnan(names.tensor([np.nan]).sigmoid()[0])
        assert names.accuracy_multi(np.array([[-1e4, 1e4]]), np.array([[0, 1]])) == 1
        assert value(names.F1ScoreMulti(thresh=0.2), np.array([[-1e4, 1e4]]), np.array([[0.0, 1.0]])) == 0.5


def test_in_a_fit(tmp_path):
    """All of them are columns of a fit, and agree with what its predictions say."""
    _, pred, y = DATA["labels"]
    columns = {f"x{i}": pred[:, i] for i in range(4)} | {f"y{i}": y[:, i].astype(bool) for i in range(4)}
    dls = names.TabularDataLoaders.from_df(
        columns,
        path=tmp_path,
        cat_names=[],
        cont_names=[f"x{i}" for i in range(4)],
        y_names=[f"y{i}" for i in range(4)],
        y_block=names.MultiCategoryBlock(encoded=True, vocab=[f"y{i}" for i in range(4)]),
        procs=[names.Normalize],
        valid_idx=range(50),
        bs=25,
    )
    metrics = [
        names.JaccardMulti,
        names.HammingLossMulti(),
        names.FBetaMulti(2),
        names.F1ScoreMulti(thresh=0.3),
        names.APScoreMulti(),
        names.RocAucMulti(),
        names.MatthewsCorrCoefMulti(),
        names.BrierScoreMulti(),
        names.HammingLossMulti(thresh=0.3),
    ]
    learn = names.tabular_learner(dls, layers=[8], metrics=metrics)
    learn.fit(1, 0.01)
    columns = [*"jaccard_score hamming_loss fbeta_score f1_score average_precision_score roc_auc_score".split()]
    columns += ["matthews_corrcoef", "brier_score_loss", "hamming_loss_2"]
    assert learn.recorder.metric_names[3:-1] == columns
    raw, _, _ = learn._core.predictions(learn.dls.valid.rows)
    wanted = [value(metric, raw, y[:50]) for metric in metrics]
    assert learn.recorder.values[-1][2:] == pytest.approx(wanted) == learn.validate()[1:]
    learn.fit(1, 0.01, cbs=names.EarlyStoppingCallback("hamming_loss"))


def test_the_focal_loss_in_a_fit(dls):
    learn = names.tabular_learner(dls, layers=[8], loss_func=names.FocalLossFlat(gamma=1.0), metrics=names.accuracy)
    learn.fit(8, 0.05)
    loss, accuracy = learn.validate()
    probabilities, targets = learn.get_preds()
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(128)) and accuracy > 0.8
    p = probabilities[np.arange(128), np.asarray(targets).reshape(-1)]
    assert loss == pytest.approx(float(np.mean(-(1 - p) * np.log(p))), rel=1e-4)
    learn.export("focal.pkl")
    again = names.load_learner(learn.path / "focal.pkl")
    row = {"age": 30.0, "hours": 20.0, "city": "Oslo"}
    assert again.predict(row)[2] == pytest.approx(learn.predict(row)[2])
