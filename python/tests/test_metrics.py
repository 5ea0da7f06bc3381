"""Every metric has fastai's column, goes the right way, and agrees with scikit-learn and scipy."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from highmark.tabular import all as names
from highmark.tabular.metrics import Batch, metric_of

random = np.random.default_rng(3)
LOGITS = random.normal(size=(200, 2)).astype(np.float32)
CLASSES = (LOGITS[:, 1] - LOGITS[:, 0] + random.normal(size=200) > 0).astype(np.int64)[:, None]
VALUES = random.uniform(1, 2, size=(200, 1)).astype(np.float32)
NEAR = (VALUES + random.normal(scale=0.1, size=(200, 1))).astype(np.float32)
P = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True)
Y, HARD = CLASSES[:, 0], LOGITS.argmax(axis=1)
V, N = VALUES[:, 0].astype(float), NEAR[:, 0].astype(float)


def value(metric, pred, y):
    metric = metric_of(metric)
    if callable(metric):
        return metric(pred, y)
    metric.reset()
    for start in range(0, len(y), 64):
        metric.accumulate(Batch(None, pred[start : start + 64], y[start : start + 64]))
    return metric.value


@pytest.mark.parametrize(
    ("metric", "column", "expected"),
    [
        (names.accuracy, "accuracy", sk.accuracy_score(Y, HARD)),
        (names.error_rate, "error_rate", 1 - sk.accuracy_score(Y, HARD)),
        (names.F1Score(), "f1_score", sk.f1_score(Y, HARD)),
        (names.FBeta(2), "fbeta_score", sk.fbeta_score(Y, HARD, beta=2)),
        (names.Precision(), "precision_score", sk.precision_score(Y, HARD)),
        (names.Recall(average="macro"), "recall_score", sk.recall_score(Y, HARD, average="macro")),
        (names.RocAucBinary(), "roc_auc_score", sk.roc_auc_score(Y, P[:, 1])),
        (names.APScoreBinary(), "average_precision_score", sk.average_precision_score(Y, P[:, 1])),
        (names.BalancedAccuracy(), "balanced_accuracy_score", sk.balanced_accuracy_score(Y, HARD)),
        (names.BrierScore(), "brier_score_loss", sk.brier_score_loss(Y, P[:, 1])),
        (names.CohenKappa(), "cohen_kappa_score", sk.cohen_kappa_score(Y, HARD)),
        (names.MatthewsCorrCoef(), "matthews_corrcoef", sk.matthews_corrcoef(Y, HARD)),
        (names.HammingLoss(), "hamming_loss", sk.hamming_loss(Y, HARD)),
        (names.Jaccard(), "jaccard_score", sk.jaccard_score(Y, HARD)),
        (names.Jaccard(average="macro"), "jaccard_score", sk.jaccard_score(Y, HARD, average="macro")),
        (names.Perplexity(), "perplexity", np.exp(sk.log_loss(Y, P))),
        (names.LogLoss(), "log_loss", sk.log_loss(Y, P)),
        (names.skm_to_fastai(sk.zero_one_loss), "zero_one_loss", sk.zero_one_loss(Y, HARD)),
    ],
)
def test_classes(metric, column, expected):
    assert metric_of(metric).name == column
    assert value(metric, LOGITS, CLASSES) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("metric", "column", "expected"),
    [
        (names.mse, "mse", sk.mean_squared_error(V, N)),
        (names.mae, "mae", sk.mean_absolute_error(V, N)),
        (names.rmse, "_rmse", sk.root_mean_squared_error(V, N)),
        (names.msle, "msle", sk.mean_squared_log_error(V, N)),
        (names.exp_rmspe, "_exp_rmspe", np.sqrt(np.mean(((np.exp(V) - np.exp(N)) / np.exp(V)) ** 2))),
        (names.R2Score(), "r2_score", sk.r2_score(V, N)),
        (names.ExplainedVariance(), "explained_variance_score", sk.explained_variance_score(V, N)),
        (names.PearsonCorrCoef(), "pearsonr", stats.pearsonr(V, N)[0]),
        (names.SpearmanCorrCoef(), "spearmanr", stats.spearmanr(V, N)[0]),
    ],
)
def test_numbers(metric, column, expected):
    assert metric_of(metric).name == column
    assert value(metric, NEAR, VALUES) == pytest.approx(expected, rel=1e-5)


def test_directions():
    for metric in (names.HammingLoss(), names.Perplexity(), names.msle, names.exp_rmspe):
        assert metric.lower_is_better
    for metric in (names.Jaccard(), names.PearsonCorrCoef(), names.SpearmanCorrCoef()):
        assert not metric.lower_is_better
    top = metric_of(names.partial(names.top_k_accuracy, k=1))
    assert value(top, LOGITS, CLASSES) == pytest.approx(sk.accuracy_score(Y, HARD))


def test_what_is_no_number_is_told_with_the_metrics_name(dls):
    class Spread(names.Metric):
        def accumulate(self, learn):
            pass

        @property
        def value(self):
            return np.arange(2.0)

    def quantiles(pred, y):
        return np.quantile(pred, [0.1, 0.9])

    def ragged(pred, y):
        return [[1], [1, 2]]

    def nothing(pred, y):
        pass

    def one(pred, y):
        return np.array([[3.0]])

    for metric, words in [
        (Spread(), r"`spread` must give one number, not an object of the type ndarray and the shape \(2,\)"),
        (quantiles, "`quantiles` must give one number"),
        (ragged, "`ragged` must give one number, not an object of the type list"),
        (nothing, "the metric `nothing` must give one number, not None"),
        (names.skm_to_fastai(quantiles), "`quantiles` must give one number"),
    ]:
        learn = names.tabular_learner(dls, layers=[4], metrics=metric)
        with learn.no_logging(), pytest.raises(TypeError, match=words):
            learn.fit(1)
        with pytest.raises(TypeError, match=words):
            learn.validate(0)
    assert names.tabular_learner(dls, layers=[4], metrics=one).validate()[1] == 3


def test_losses_can_be_called():
    clipped = np.clip(P, 1e-12, 1)
    cross_entropy = names.CrossEntropyLossFlat()
    assert cross_entropy(LOGITS, CLASSES) == pytest.approx(sk.log_loss(Y, clipped), rel=1e-5)
    weighted = names.CrossEntropyLossFlat(weight=[1.0, 3.0])
    each, weight = -np.log(clipped[np.arange(200), Y]), np.where(Y == 1, 3.0, 1.0)
    assert weighted(LOGITS, CLASSES) == pytest.approx((each * weight).sum() / weight.sum(), rel=1e-5)
    assert names.MSELossFlat()(NEAR, VALUES) == pytest.approx(sk.mean_squared_error(V, N), rel=1e-5)
    assert names.L1LossFlat()(NEAR, VALUES) == pytest.approx(sk.mean_absolute_error(V, N), rel=1e-5)
    labels = np.stack([Y, 1 - Y], axis=1)
    bce = names.BCEWithLogitsLossFlat(thresh=0.3)
    expected = np.mean(np.log1p(np.exp(LOGITS.astype(float))) - LOGITS * labels)
    assert bce(LOGITS, labels) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(cross_entropy.activation(LOGITS), P, rtol=1e-5)
    np.testing.assert_array_equal(cross_entropy.decodes(P), HARD)
    np.testing.assert_array_equal(bce.decodes(bce.activation(LOGITS)), 1 / (1 + np.exp(-LOGITS)) > 0.3)
    assert names.MSELossFlat().decodes(NEAR) is NEAR


def test_a_threshold_decides_in_the_learner_and_in_its_file(tmp_path):
    table = {"x": np.arange(60.0) * 7 % 11, "tall": np.arange(60) % 2 > 0, "old": np.arange(60) % 3 > 0}
    dls = names.TabularDataLoaders.from_df(table, tmp_path, cont_names=["x"], y_names=["tall", "old"], bs=16, valid_idx=range(20))
    learn = names.tabular_learner(dls, layers=[4])
    thresh = float(np.median(learn.get_preds()[0]))
    for loss, above in ((names.BCEWithLogitsLossFlat(thresh=thresh), thresh), (names.BCEWithLogitsLossFlat, 0.5)):
        learn.loss_func = loss
        preds, _, decoded = learn.get_preds(with_decoded=True)
        expected = preds > above
        assert np.array_equal(decoded, expected) and learn.loss_func.thresh == pytest.approx(above)
        row = {"x": 3.0}
        loaded = names.load_learner(learn.export())
        assert np.array_equal(loaded.get_preds(dl=loaded.dls.test_dl(table), with_decoded=True)[2][:20], expected)
        assert np.array_equal(loaded.predict(row)[1], learn.predict(row)[1])
    for wrong, error in ((2, ValueError), ("half", TypeError)):
        with pytest.raises(error, match="thresh"):
            learn.loss_func = names.BCEWithLogitsLossFlat(thresh=wrong)
            learn.validate()


def test_what_a_loss_cannot_be_of():
    with pytest.raises(ValueError, match="class 7 does not exist in a model of 2 outputs"):
        names.CrossEntropyLossFlat()(LOGITS, np.full(200, 7))
    with pytest.raises(ValueError, match="label_smoothing"):
        names.CrossEntropyLossFlat(label_smoothing=2)(LOGITS, CLASSES)
    with pytest.raises(ValueError, match="rows"):
        names.MSELossFlat()(NEAR, VALUES[:7])
