"""What callbacks and metrics of one's own find as in fastai: the learner, where a fit is, trackers to extend."""

import numpy as np
import pytest

from highmark.tabular.all import (
    AvgMetric,
    Callback,
    EarlyStoppingCallback,
    Metric,
    MSELossFlat,
    ReduceLROnPlateau,
    SaveModelCallback,
    TabularDataLoaders,
    TrackerCallback,
    tabular_config,
    tabular_learner,
)


class Scripted(Metric):
    """As many of fastai's own metrics are written: by what the learner is at."""

    def __init__(self, values):
        self.values, self.seen = values, []

    def reset(self):
        self.rows = 0

    def accumulate(self, learn):
        self.rows += len(learn.to_detach(learn.pred))
        self.seen.append((learn.epoch, learn.iter, learn.training, len(learn.xb), float(learn.loss), learn.dls is not None))
        self.at = learn.epoch

    @property
    def value(self):
        assert self.rows == 128
        return self.values[self.at]


def test_a_metric_sees_the_learner(learn, dls):
    scripted = Scripted([0.1, 0.3, 0.2])
    learn.metrics = [scripted]
    learn.fit(3, cbs=SaveModelCallback("scripted", comp=np.greater))
    assert [row[2] for row in learn.recorder.values] == [0.1, 0.3, 0.2]
    assert [seen[:4] for seen in scripted.seen] == [(epoch, i, False, 2) for epoch in range(3) for i in range(4)]
    del scripted.seen[:]
    # At rest and of other rows too, where no batch is under way.
    assert learn.validate()[1] == 0.2 and [seen[1] for seen in scripted.seen] == [0, 1, 2, 3]
    with pytest.raises(AttributeError, match="no attribute `xyz`"):
        learn.metrics = [AvgMetric(lambda pred, targ: 1.0), type("Odd", (Scripted,), {"accumulate": lambda self, learn: learn.xyz})([1])]
        learn.validate()


def test_metrics_are_named_as_in_fastai():
    names = [type(name, (Scripted,), {})([]).name for name in ("MyScore", "MeanAbsMetric", "Metric", "AUC")]
    assert names == ["my_score", "mean_abs", "metric", "auc"]
    error = Scripted([])
    assert not error.lower_is_better
    error.lower_is_better = True
    assert error.lower_is_better


def test_where_a_fit_is(learn):
    told = []
    names = ("before_fit", "before_epoch", "before_train", "after_train", "after_epoch", "after_fit")
    spy = Callback(**{name: lambda self, name=name: told.append((name, learn.epoch, learn.pct_train)) for name in names})
    for _ in range(2):
        del told[:]
        learn.fit(2, cbs=spy)
        assert told == [
            ("before_fit", 0, 0.0),
            ("before_epoch", 0, 0.0),
            ("before_train", 0, 0.0),
            ("after_train", 0, 0.5),
            ("after_epoch", 0, 0.5),
            ("before_epoch", 1, 0.5),
            ("before_train", 1, 0.5),
            ("after_train", 1, 1.0),
            ("after_epoch", 1, 1.0),
            ("after_fit", 1, 1.0),
        ]
    assert (learn.epoch, learn.pct_train) == (1, 1.0)


def test_what_is_not_wanted_of_predictions_is_none(learn):
    preds, none = learn.get_preds(with_targs=False)
    assert none is None and preds.shape == (128, 2)
    none, targs = learn.get_preds(with_preds=False)
    assert none is None and targs.shape == (128, 1)
    with pytest.raises(ValueError, match="cbs: predictions call no callbacks"):
        learn.get_preds(cbs=Callback())


def test_a_best_model_of_an_earlier_fit_is_handed_back(learn):
    save = SaveModelCallback(reset_on_fit=False)
    learn.fit(3, 1e-2, cbs=save)
    before, file = learn.validate()[0], save.last_saved_path
    learn.fit(2, 0.9, cbs=save)
    assert learn.validate()[0] == before == save.best and save.last_saved_path == file and file.exists()
    learn.fit(1, 0.9, cbs=SaveModelCallback())
    assert learn.validate()[0] != before


def test_a_built_in_callback_is_not_changed_in_the_middle(learn):
    stop = EarlyStoppingCallback(patience=1, min_delta=100)
    with pytest.raises(RuntimeError, match="patience: cannot be changed in the middle of a fit"):
        learn.fit(3, cbs=[stop, Callback(before_epoch=lambda: setattr(stop, "patience", 3))])
    assert stop.patience == 1
    stop.patience = 2
    learn.fit(6, cbs=[stop, Callback(before_epoch=lambda: setattr(stop, "note", "mine"))])
    assert len(learn.recorder.values) == 3 and stop.note == "mine"


def test_a_tracker_of_ones_own(learn):
    class Mine(TrackerCallback):
        def before_fit(self):
            super().before_fit()
            self.best = 0.25

        def after_epoch(self):
            super().after_epoch()
            told.append((self.recorder.values[-1][self.idx], self.new_best))

    told = []
    mine = Mine("accuracy")
    learn.fit(2, 1e-9, cbs=mine)
    assert [value for value, _ in told] == [row[2] for row in learn.recorder.values]
    assert mine.best == max(0.25, *(value for value, _ in told))
    mine.best = -np.inf
    assert mine.best == -np.inf
    plateau = ReduceLROnPlateau(min_delta=100, patience=5)
    learn.fit(4, cbs=plateau)
    assert plateau.wait == 3


def test_fastais_modules_give_its_names():
    from highmark.callback.data import Callback as callback
    from highmark.layers import MSELossFlat as loss
    from highmark.tabular.data import TabularDataLoaders as loaders
    from highmark.tabular.learner import tabular_learner as learner
    from highmark.tabular.model import tabular_config as config

    assert (callback, loss, loaders, learner, config) == (
        Callback, MSELossFlat, TabularDataLoaders, tabular_learner, tabular_config
    )  # fmt: skip
    with pytest.raises(ImportError, match="no_such"):
        from highmark.tabular.learner import no_such  # noqa: F401


def test_weights_are_copies_that_cannot_be_written(learn):
    for parameter in learn.model.parameters():
        with pytest.raises(ValueError, match="read-only"):
            parameter.data.fill(2.0)
        assert parameter.data is parameter
