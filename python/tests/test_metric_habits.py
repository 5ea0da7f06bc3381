"""Losses, metrics and classes as scripts for fastai use them."""

import numpy as np
import pytest

from highmark.tabular.all import (
    BCEWithLogitsLossFlat,
    Callback,
    Categorify,
    CrossEntropyLossFlat,
    F1Score,
    FillMissing,
    FocalLossFlat,
    LabelSmoothingCrossEntropyFlat,
    MSELossFlat,
    Normalize,
    TabularDataLoaders,
    accuracy,
    accuracy_multi,
    json,
    mae,
    noop,
    partial,
    plt,
    rmse,
    tabular_learner,
    tensor,
)
from highmark.tabular.metrics import metrics_of

PROCS = [Categorify, FillMissing, Normalize]


def test_metrics_are_drawn(columns):
    dls = TabularDataLoaders.from_df(columns, procs=PROCS, cat_names=["city"], cont_names=["age"], y_names="hours", bs=32)
    learn = tabular_learner(dls, layers=[4], metrics=[rmse, mae])
    with learn.no_logging():
        learn.fit(1)
    axes = learn.recorder.plot_metrics()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["rmse", "mae"]
    assert all(line.get_marker() == "o" for line in axes.get_lines()), "one epoch is a point"
    plt.close("all")


def test_metrics_of_one_name(dls):
    learn = tabular_learner(dls, layers=[4], metrics=[F1Score(average="macro"), F1Score(average="weighted"), accuracy, accuracy])
    learn.fit(1)
    names = ["f1_score", "f1_score_2", "accuracy", "accuracy_2"]
    assert learn.recorder.metric_names[3:-1] == names
    values = learn.recorder.values[0][2:]
    assert values[0] != values[1] and values[2] == values[3]
    low, high = (partial(accuracy_multi, thresh=thresh) for thresh in (0.2, 0.8))
    raw, targets = np.array([[0.0, 2.0]]), np.array([[1, 1]])
    assert low(raw, targets) == 1 and high(raw, targets) == 0.5
    assert [metric.name for metric in metrics_of([low, high])] == ["accuracy_multi", "accuracy_multi_2"]


def test_losses_and_metrics_answer_to_torchs_names(dls, columns):
    def rmse_(pred, targ):
        return ((pred - targ) ** 2).mean().sqrt()

    def acc_(pred, targ):
        return (pred.argmax(1) == targ.squeeze()).sum().float() / len(targ)

    class Looks(Callback):
        order = 61

        def after_batch(self):
            self.total = self.loss.detach().cpu() + self.smooth_loss.detach()

        def after_epoch(self):
            self.seen = [metric.value for metric in self.recorder.metrics]

    looks, axis = Looks(), partial(accuracy, axis=1)
    learn = tabular_learner(dls, layers=[8], metrics=[acc_, axis, accuracy])
    learn.fit(1, cbs=looks)
    recorder, row = learn.recorder, learn.recorder.values[0]
    assert recorder.metric_names[3:-1] == ["acc_", "accuracy", "accuracy_2"] and row[3] == row[4] == pytest.approx(row[2])
    assert looks.seen == row[2:] and not hasattr(accuracy, "value") and looks.total > 0
    assert recorder.losses[-1].cpu().item() == recorder.smooth_loss.value == row[0] and recorder.loss.value == row[1]
    assert recorder.losses and len(recorder.losses + [1]) == 17 and json.dumps(recorder.losses)
    preds, targs = learn.get_preds(act=noop)
    assert accuracy(preds, targs).item() == axis(preds, targs) == row[4] and learn.loss_func(preds, targs).item() > 0
    _, decided, probabilities = learn.predict({"age": 30, "hours": 40, "city": "Oslo"})
    assert decided.numpy().shape == probabilities[0].numpy().shape == probabilities.max().cpu().numpy().shape == ()

    with pytest.raises(TypeError, match="axes"):
        tabular_learner(dls, metrics=partial(accuracy, axes=1))
    with pytest.raises(ValueError, match="axis: classes are along the last axis, not 0"):
        accuracy(preds, targs, axis=0)
    with pytest.raises(ValueError, match="axis: classes are along the last axis, not 0"):
        metrics_of(partial(accuracy, axis=0))
    hours = TabularDataLoaders.from_df(columns, procs=PROCS, cat_names=["city"], cont_names=["age"], y_names="hours", bs=32)
    learn = tabular_learner(hours, layers=[4], metrics=[rmse_, rmse], scale_target=True)
    learn.fit(1)
    assert learn.recorder.values[0][2] == pytest.approx(learn.recorder.values[0][3], rel=0.05)


# What fastai 2.8 gave.
@pytest.mark.parametrize(
    ("loss", "targets", "each"),
    [
        (CrossEntropyLossFlat(reduction="none", weight=tensor([1.0, 3.0])), [0, 1], [1.3133, 12.0544]),
        (LabelSmoothingCrossEntropyFlat(reduction="none"), [0, 1], [1.2633, 3.8181]),
        (FocalLossFlat(reduction="none"), [0, 1], [0.7019, 3.8749]),
        (MSELossFlat(reduction="none"), [[0.0, 1], [2, 3]], [1, 1, 1, 16]),
        (BCEWithLogitsLossFlat(reduction="none"), [[0.0, 1], [1, 1]], [1.3133, 0.1269, 0.0486, 1.3133]),
    ],
)
def test_the_loss_of_each_row(loss, targets, each, dls):
    raw = tensor([[1.0, 2.0], [3.0, -1.0]])
    assert loss(raw, tensor(targets)).tolist() == pytest.approx(each, abs=1e-4) and loss.y_int == (len(each) == 2)
    with pytest.raises(ValueError, match="reduction='none': there are . predictions and . targets"):
        loss(raw, tensor([*targets, targets[0]]))
    loss.reduction = "sum"
    assert loss(raw, tensor(targets)).item() == pytest.approx(sum(each), abs=1e-3)
    with pytest.raises(ValueError, match="the mean over rows is learned from, not reduction='sum'"):
        tabular_learner(dls, loss_func=loss)
    with pytest.raises(ValueError, match="reduction: 'all' is not mean, sum or none"):
        type(loss)(reduction="all")


def test_classes_of_several_codes(learn):
    vocab, cities = learn.dls.vocab, learn.dls.classes["city"]
    assert vocab == ["no", "yes"] and vocab[tensor([1, 0, 1])] == ["yes", "no", "yes"] and vocab[tensor([1])[0]] == "yes"
    assert vocab[np.array([False, True])] == ["yes"] and vocab[:1] == ["no"] and json.dumps(vocab) == '["no", "yes"]'
    assert vocab.o2i == {"no": 0, "yes": 1} and vocab.map_objs(["yes"]) == [1] and vocab.map_ids(tensor([0])) == ["no"]
    assert cities[[1, 2]] == ["Bergen", "Oslo"] and cities.o2i["Oslo"] == 2 and cities.o2i["Paris"] == 0
    with pytest.raises(IndexError):
        vocab[[2]]
