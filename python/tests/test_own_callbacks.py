"""Callbacks and metrics that users write."""

import traceback

import numpy as np
import pytest

from highmark.tabular import callback as callback_module
from highmark.tabular.all import (
    AccumMetric,
    Callback,
    CancelBatchException,
    CancelEpochException,
    CancelFitException,
    CancelStepException,
    CancelTrainException,
    CancelValidException,
    Categorify,
    CrossEntropyLossFlat,
    EarlyStoppingCallback,
    FillMissing,
    GradientAccumulation,
    GradientClip,
    Metric,
    Normalize,
    TabularDataLoaders,
    TrackerCallback,
    accuracy,
    error_rate,
    tabular_learner,
)


def traced(events=callback_module.EVENTS, **extra):
    """A callback that notes its events, and its class."""
    seen = []

    def hook(event):
        def method(self):
            seen.append(event)
            if event in extra:
                extra[event](self)

        return method

    return type("Traced", (Callback,), {event: hook(event) for event in events})(), seen


def test_every_event_in_fastais_order(learn):
    cb, seen = traced()
    with learn.no_logging():
        learn.fit(1, cbs=cb)
    train = ["before_batch", "after_pred", "after_loss", "before_backward", "after_backward", "before_step"]
    train += ["after_step", "after_batch"]
    valid = ["before_batch", "after_pred", "after_loss", "after_batch"]
    assert seen == [
        *("before_fit", "before_epoch", "before_train"),
        *train * 16,
        *("after_train", "before_validate"),
        *valid * 4,
        *("after_validate", "after_epoch", "after_fit"),
    ]


def raising(exception):
    def hook(self):
        raise exception

    return hook


@pytest.mark.parametrize(
    ("event", "exception", "expected"),
    [
        ("after_epoch", CancelFitException("enough"), ["after_cancel_fit", "after_fit"]),
        ("before_epoch", CancelEpochException(), ["after_cancel_epoch", "after_epoch"]),
        ("before_batch", CancelTrainException(), ["after_cancel_train", "after_train"]),
        ("before_validate", CancelValidException(), ["after_cancel_validate", "after_validate"]),
        ("before_batch", CancelBatchException(), ["after_cancel_batch", "after_batch"]),
        ("before_step", CancelStepException(), ["after_cancel_step", "after_step"]),
    ],
)
def test_cancels(learn, event, exception, expected):
    cb, seen = traced(**{event: raising(exception)})
    cb.run_valid = False
    with learn.no_logging():
        report = learn.fit(1, cbs=cb)
    place = seen.index(event)
    assert seen[place + 1 : place + 3] == expected
    if event == "after_epoch":
        assert report.stop_reason == "traced: enough"


def test_the_batch_is_the_last_one_until_another_begins(learn):
    """As in fastai, where it is set at a batch's beginning and by nothing else."""
    seen = {}

    class Look(Callback):
        def before_batch(self):
            seen.setdefault(("before", self.training), []).append(self.iter)

        def after_batch(self):
            seen.setdefault(("after", self.training), []).append(self.iter)

        def after_train(self):
            seen["train"] = (self.iter, self.n_iter, self.train_iter)

    with learn.no_logging():
        learn.fit(1, 0.01, cbs=Look())
    for when in ("before", "after"):
        assert seen[when, True] == list(range(16)) and seen[when, False] == list(range(4))
    assert seen["train"] == (15, 16, 16)


def test_parameters_have_their_gradients_in_hooks(learn):
    class Clips(Callback):
        def before_fit(self):
            self.norms = []

        def before_step(self):
            for p in self.model.parameters():
                p.grad.data.clamp_(-0.001, 0.001)
            self.norms.append(max(p.grad.abs().max().item() for p in self.model.parameters() if p.grad is not None))

    clips = Clips()
    with learn.no_logging():
        learn.fit(1, cbs=clips)
    assert len(clips.norms) == 16 and clips.norms == pytest.approx([0.001] * 16)
    first = next(learn.model.parameters())
    assert first.grad is None
    with pytest.raises(AttributeError, match="in hooks alone"):
        first.grad = 1


def test_what_hooks_can_read(learn):
    seen = {}

    class Look(Callback):
        def after_loss(self):
            if self.training and self.train_iter == 3:
                seen["progress"] = (self.epoch, self.n_epoch, self.iter, self.n_iter, self.pct_train)
                seen["x"] = [part.shape for part in self.learn.xb]
                seen["y"] = (self.y.shape, self.learn.yb[0].max())
                seen["pred"] = self.pred
                seen["copy"] = self.pred.copy()
                seen["same"] = np.shares_memory(self.pred, self.learn.pred)
                seen["loss"] = (self.loss, self.learn.opt.hypers[-1]["lr"])
                seen["grad"] = self.grad.shape

        def after_backward(self):
            if self.train_iter == 3:
                grads = self.learn.model.grads()
                seen["grads"] = {name: float(np.abs(g).sum()) for name, g in grads.items()}

        def after_epoch(self):
            seen["recorder"] = self.recorder.values[-1]
            seen["preds"] = self.learn.get_preds()[0].shape

    with learn.no_logging():
        learn.fit(1, 0.01, cbs=Look())
    assert seen["progress"] == (0, 1, 3, 16, 3 / 16)
    assert seen["x"] == [(32, 2), (32, 2)] and seen["y"] == ((32, 1), 1)
    assert seen["pred"].shape == (32, 2) and seen["same"] and seen["grad"] == (32, 2)
    # What is kept beyond the hook stays as it was.
    assert np.array_equal(seen["pred"], seen["copy"])
    assert seen["loss"][0] > 0 and seen["loss"][1] == 0.01
    assert set(seen["grads"]) <= set(learn.model.state_dict()) and all(v > 0 for v in seen["grads"].values())
    assert seen["recorder"] == learn.recorder.values[-1] and seen["preds"] == (128, 2)
    assert learn.pred is None and learn.loss is None


def test_what_hooks_can_change(dls):
    class NoGradients(Callback):
        def after_backward(self):
            for gradient in self.learn.model.grads().values():
                gradient[...] = 0

    class Noise(Callback):
        def before_batch(self):
            codes, numbers = self.learn.xb
            self.learn.xb = (codes, numbers + 1)

        def before_fit(self):
            self.learn.opt.set_hyper("wd", 0.0)

    def run(*cbs):
        learn = tabular_learner(dls, layers=[16])
        before = learn.model.state_dict()["layers.0.0.weight"]
        with learn.no_logging():
            learn.fit(1, 0.01, cbs=list(cbs))
        return before, learn.model.state_dict()["layers.0.0.weight"], learn

    before, after, learn = run(NoGradients(), Noise())
    assert np.array_equal(before, after) and learn.opt.hypers[0]["wd"] == 0
    assert not np.array_equal(run(Noise())[1], run()[1])

    class Wrong(Callback):
        def after_pred(self):
            self.learn.pred = np.zeros((3, 2))

    with pytest.raises(ValueError, match=r"6 numbers cannot replace an array of shape \[32, 2\]"):
        run(Wrong())


def test_predictions_before_there_are_any(columns):
    """fastai has those of the batch before, and no attribute before the first batch."""
    seen = []

    class Early(Callback):
        def before_fit(self):
            seen.append(hasattr(self, "pred"))

        def before_batch(self):
            try:
                seen.append(self.pred.shape if hasattr(self, "pred") else None)
            except RuntimeError as error:
                seen.append(str(error))

    options = {"procs": [Categorify, FillMissing, Normalize], "cat_names": ["city"], "cont_names": ["age"], "y_names": "rich"}
    dls = TabularDataLoaders.from_df(columns, valid_idx=[*range(256), *range(300, 400)], bs=128, **options)
    learn = tabular_learner(dls, layers=[4])
    learn.fit(1, cbs=Early())
    # Two batches of 128 rows to train on; 356 rows validate, in batches of 128, 128 and 100.
    assert seen[:5] == [False, None, (128, 2), (128, 2), (128, 2)]
    assert "from after_pred on" in seen[5] and len(seen) == 6 and learn.pred is None


def test_exceptions_arrive_as_they_are(learn):
    class Broken(Callback):
        def after_epoch(self):
            return {}["nothing"]

    with pytest.raises(KeyError, match="nothing") as caught:
        learn.fit(3, cbs=Broken())
    assert "after_epoch" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    notes = getattr(caught.value, "__notes__", ["in the callback `broken` at after_epoch"])
    assert notes == ["in the callback `broken` at after_epoch"]
    # The learner lives on.
    with learn.no_logging():
        assert learn.fit(1).completed


def test_a_fit_cannot_start_another(learn):
    cb, _ = traced(["after_epoch"], after_epoch=lambda self: self.learn.fit(1))
    with pytest.raises(RuntimeError, match="a callback cannot start another fit"):
        learn.fit(1, cbs=cb)
    cb, _ = traced(["before_batch"], before_batch=lambda self: self.learn.get_preds())
    with pytest.raises(RuntimeError, match="would disturb it"):
        learn.fit(1, cbs=cb)


@pytest.mark.parametrize("loss_func", [None, CrossEntropyLossFlat(weight=[1.0, 3.0])])
def test_validation_within_a_fit(dls, loss_func):
    """The same as the fit's own and as outside of it, also where the mean depends on the batches."""
    learn = tabular_learner(dls, layers=[8], loss_func=loss_func, metrics=[accuracy, lambda pred, y: float(y[0, 0])])
    seen = []
    cb, _ = traced(["after_epoch"], after_epoch=lambda self: seen.append([self.learn.validate(), self.learn.validate(cbs=[])]))
    with learn.no_logging():
        learn.fit(2, cbs=cb)
    for epoch, (first, second) in enumerate(seen):
        assert first == second == pytest.approx(learn.recorder.values[epoch][1:])
    assert learn.validate(dl=learn.dls.valid) == pytest.approx(learn.validate())
    cb, _ = traced(["after_epoch"], after_epoch=lambda self: self.learn.validate(cbs=Callback()))
    with pytest.raises(ValueError, match="cbs: within a fit they cannot be called"):
        learn.fit(1, cbs=cb)


def test_gradients_and_losses_have_their_own_place(learn):
    def scale(self):
        for parameter in self.learn.model.parameters():
            parameter.grad *= 0

    def assign(self):
        self.learn.loss = self.loss * 2

    cb, _ = traced(["after_loss"], after_loss=assign)
    with pytest.raises(AttributeError, match="loss: it is the library's number.* a hook changes learn.grad in after_loss"):
        learn.fit(1, cbs=cb)
    before = [parameter.copy() for parameter in learn.model.parameters()]
    cb, _ = traced(["after_backward"], after_backward=scale)
    with learn.no_logging():
        learn.fit(1, wd=0, cbs=cb)
    assert all(np.array_equal(*pair) for pair in zip(before, learn.model.parameters(), strict=True)), "nothing to learn from"
    with pytest.raises(AttributeError, match="gradients in hooks alone"):
        next(learn.model.parameters()).grad = 0
    assert not hasattr(learn.get_preds()[0], "grad")


def test_only_events_that_are_defined_are_heard(learn, capsys):
    cb, _ = traced(["after_epoch"])
    with learn.added_cbs([cb]):
        learn.show_training_loop()
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].split() == ["after_epoch", "traced", "(User)"]
    assert lines[-1].endswith("yes")


def test_where_and_when(learn):
    cb, seen = traced(["before_batch"])
    cb.run_valid = False
    with learn.no_logging():
        learn.fit(1, cbs=cb)
        assert len(seen) == 16
        cb.run = False
        learn.fit(1, cbs=cb)
        assert len(seen) == 16
    cb.run = cb.run_valid = True
    learn.validate(cbs=cb)
    assert len(seen) == 20


def test_functions_by_event(learn):
    epochs = []
    learn.add_cb(Callback(after_epoch=lambda: epochs.append(learn.epoch)))
    with learn.no_logging():
        learn.fit(2)
    assert epochs == [0, 1]
    seen = []
    given = Callback(before_epoch=lambda self, at=seen: at.append(self.n_epoch), after_epoch=seen.append)
    learn.fit(1, cbs=given)
    assert seen == [1, given]
    with pytest.raises(ValueError, match="there is no event `after_epok`"):
        Callback(after_epok=print)


def test_trackers(learn, capsys):
    class Tell(TrackerCallback):
        def after_epoch(self):
            super().after_epoch()
            if self.new_best:
                print(f"{self.epoch}: {self.monitor} {self.best:.6f}")

    learn.fit(2, cbs=Tell("accuracy"))
    rows = learn.recorder.values
    assert f"0: accuracy {rows[0][2]:.6f}" in capsys.readouterr().out

    class Patient(EarlyStoppingCallback):
        seen = 0

        def after_epoch(self):
            self.seen += 1
            super().after_epoch()

    stop = Patient("accuracy", min_delta=0.9, patience=2)
    report = learn.fit(9, cbs=stop)
    assert (stop.seen, report.epochs_run, stop.wait) == (3, 3, 2)
    assert report.stop_reason == "patient: accuracy has not improved for 2 epochs"


def test_gradients_gathered_and_clipped(dls):
    def run(*cbs):
        learn = tabular_learner(dls, layers=[16])
        steps, _ = traced(["after_step"]), None
        with learn.no_logging():
            learn.fit(1, 0.01, cbs=[*cbs, steps[0]])
        return len(steps[1]), learn.model.state_dict()["layers.0.0.weight"]

    assert run()[0] == 16
    steps, gathered = run(GradientAccumulation(64))
    assert steps == 8
    assert run(GradientAccumulation(32))[0] == 16
    assert not np.array_equal(run(GradientClip(1e-3))[1], gathered)


def test_metrics(dls, capsys):
    def right(pred, y):
        assert pred.shape[1] == 2 and y.shape[1] == 1
        return (pred.argmax(axis=1) == y[:, 0]).mean()

    class Count(Metric):
        def reset(self):
            self.rows = 0

        def accumulate(self, learn):
            self.rows += len(learn.y)

        @property
        def value(self):
            return self.rows

    both = AccumMetric(lambda pred, y: (pred == y).mean(), dim_argmax=1, name="whole_error")
    learn = tabular_learner(dls, layers=[16], metrics=[accuracy, right, Count(), both, "f1_score"])
    learn.fit(1, cbs=EarlyStoppingCallback("right"))
    assert learn.recorder.metric_names[3:-1] == ["accuracy", "right", "count", "whole_error", "f1_score"]
    _, _, *values = learn.recorder.values[-1]
    assert values[1] == pytest.approx(values[0]) and values[2] == 128 and values[3] == pytest.approx(values[0])
    assert both.lower_is_better and not learn.metrics[1].lower_is_better

    def broken(pred, y):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        tabular_learner(dls, metrics=broken).fit(1)

    class Late(Count):
        @property
        def value(self):
            raise OverflowError("late")

    learn = tabular_learner(dls, metrics=Late())
    with pytest.raises(OverflowError, match="late"):
        learn.fit(5)
    assert len(learn.recorder.values) <= 1


def test_state_in_checkpoints(learn):
    class Remembers(Callback):
        def __init__(self):
            super().__init__()
            self.n = 0

        def after_epoch(self):
            self.n += 1

        def state_dict(self):
            return {"n": self.n}

        def load_state_dict(self, state):
            self.n = state["n"]

    cb = Remembers()
    with learn.no_logging():
        learn.fit(2, cbs=cb)
    assert cb.state_dict() == {"n": 2}


def test_smoothed_losses_in_every_batch(learn):
    seen = []

    def look(self):
        if self.training:
            losses = self.recorder.losses
            seen.append(losses[-1])
            losses.clear()

    for epochs in (2, 1, 3):
        seen.clear()
        learn.fit(epochs, cbs=Callback(after_batch=look))
        assert learn.recorder.losses == seen and type(seen[0]) is type(learn.recorder.losses[-1]) is not float
        assert len(seen) == 16 * epochs


def test_metrics_that_were_not_there_have_no_value(learn):
    learn.fit(1)
    value = learn.recorder.metrics[0].value
    learn.metrics = [error_rate, accuracy]
    assert value is not None and [metric.value for metric in learn.recorder.metrics] == [None, value]


def test_a_large_embedding_is_seen_as_it_is(tmp_path):
    """Between batches a callback sees every step made; without one they wait, and the fit is the same."""
    random = np.random.default_rng(0)
    ids = [f"id{i}" for i in random.integers(0, 1600, 8000)]
    numbers = random.normal(size=8000)
    columns = {"id": ids, "x": numbers, "y": np.where(numbers + random.normal(size=8000) > 0, "yes", "no")}
    seen, class_metric = [], AccumMetric(lambda preds, targs: float((preds.argmax(-1) == targs).mean()))

    class Looks(Callback):
        def after_batch(self):
            if self.training:
                seen.append(np.array(next(iter(self.learn.model.parameters()))))

    def fitted(cbs):
        dls = TabularDataLoaders.from_df(
            columns, path=tmp_path, y_names="y", cat_names=["id"], cont_names=["x"], procs=[Categorify, Normalize], bs=64
        )
        learn = tabular_learner(dls, layers=[8], metrics=class_metric, seed=5)
        learn.fit_one_cycle(2, cbs=cbs)
        return [np.array(p) for p in learn.model.parameters()]

    looked_at, plain = fitted([Looks()]), fitted([])
    assert looked_at[0].size >= 100_000
    assert all((a == b).all() for a, b in zip(looked_at, plain))
    # The decay moves all rows in every step, and the last step is the model.
    assert all((a != b).mean() > 0.9 for a, b in zip(seen, seen[1:10]))
    assert (seen[-1] == plain[0]).all()
