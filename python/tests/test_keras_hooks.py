"""Hooks that users write for Keras, what they are told, and the model that they hold."""

import copy
import pickle

import numpy as np
import pytest

import highmark.callbacks as keras


def test_every_hook_in_keras_order(learn):
    seen = []

    def noted(hook):
        return lambda self, *args: seen.append((hook, *args[:-1]))

    names = ["train", "epoch", "test", "train_batch", "test_batch", "predict", "predict_batch"]
    hooks = [f"on_{name}_{end}" for name in names for end in ("begin", "end")]
    every = type("Every", (keras.Callback,), {hook: noted(hook) for hook in hooks})()
    with learn.no_logging():
        learn.fit(1, cbs=every)

    def batches(name, count):
        return [(f"on_{name}_batch_{end}", n) for n in range(count) for end in ("begin", "end")]

    assert seen == [
        *(("on_train_begin",), ("on_epoch_begin", 0)),
        *batches("train", 16),
        ("on_test_begin",),
        *batches("test", 4),
        *(("on_test_end",), ("on_epoch_end", 0), ("on_train_end",)),
    ]


@pytest.mark.parametrize("test_alone", [False, True])
def test_batches_under_both_names(learn, capsys, test_alone):
    seen = []

    class Old(keras.Callback):
        def on_batch_end(self, batch, logs):
            seen.append(("train", batch, float(logs["loss"])))

    class Test(Old if not test_alone else keras.Callback):
        def on_test_batch_end(self, batch, logs):
            seen.append(("test", batch, float(logs["loss"])))

    with learn.no_logging():
        learn.fit(1, cbs=Test())
    counts = [sum(name == kind for kind, *_ in seen) for name in ("train", "test")]
    assert counts == [0 if test_alone else 16, 4]
    assert learn.recorder.values[0][1] == pytest.approx(np.mean([loss for kind, _, loss in seen if kind == "test"]))
    # What is not defined is not called.
    assert Test()._phases() == (not test_alone, True) and Old()._phases() == (True, False)


def test_hooks_that_would_never_be_called_are_refused():
    with pytest.raises(ValueError, match=r"Mine: there is no hook `on_epok_end`; did you mean `on_epoch_end`\? There"):
        type("Mine", (keras.Callback,), {"on_epok_end": print})
    for base in (keras.EarlyStopping, keras.ReduceLROnPlateau, keras.ModelCheckpoint, keras.TerminateOnNaN):
        with pytest.raises(ValueError, match="`on_epoch_end` would never be called.* here after_epoch"):
            type("Mine", (base,), {"on_epoch_end": print})


def test_logs_are_shared(learn, tmp_path):
    """As in Keras, by all who hear of an event, in the order of the list."""

    class Add(keras.Callback):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            logs["extra"] = 1.0 + epoch

    seen = []
    history, log = keras.History(), keras.CSVLogger(tmp_path / "log.csv")
    look = keras.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(logs["extra"]),
        on_train_end=lambda logs: seen.append(sorted(logs)),
    )
    with learn.no_logging():
        learn.fit(2, cbs=[log, history, Add(), look])
        assert history.history["extra"] == [1.0, 2.0]
        learn.fit(1, cbs=[log, history, Add(), look])
    ended = ["loss", "val_accuracy", "val_loss"]
    assert seen == [1.0, 2.0, ended, 1.0, ended] and history.history["extra"] == [1.0, 2.0, 1.0]
    assert (tmp_path / "log.csv").read_text().splitlines()[0] == "epoch,extra,loss,val_accuracy,val_loss"


def test_the_end_of_a_test_is_told_its_own_values(learn):
    seen = []
    tell = keras.LambdaCallback(on_test_end=seen.append)
    with learn.no_logging():
        learn.fit(2, cbs=tell)
    assert [[logs["loss"], logs["accuracy"]] for logs in seen] == [row[1:] for row in learn.recorder.values]
    assert all(set(logs) == {"loss", "accuracy"} for logs in seen)
    # A look alone leaves its values nowhere.
    learn.validate(cbs=tell)
    assert seen[2:] == [{}]


def test_the_model_under_keras_names(learn, tmp_path):
    seen = {}

    class Uses(keras.Callback):
        def on_train_begin(self, logs=None):
            seen["params"] = (self.params["steps"], self.model.count_params())
            self.first = self.model.get_weights()
            self.model.save_weights(tmp_path / "first.weights.h5")

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                rate = float(self.model.optimizer.learning_rate)
                self.model.optimizer.learning_rate = rate / 2
            if epoch == 2:
                self.model.optimizer.lr.assign(self.model.optimizer.lr.numpy() / 2)

        def on_train_end(self, logs=None):
            seen["iterations"] = self.model.optimizer.iterations
            trained = self.model.get_weights()
            self.model.set_weights(self.first)
            seen["same"] = [np.array_equal(a, b) for a, b in zip(self.first, self.model.get_weights(), strict=True)]
            self.model.set_weights(trained)
            self.model.load_weights(tmp_path / "first.weights.h5")
            seen["read"] = [np.array_equal(a, b) for a, b in zip(self.first, self.model.get_weights(), strict=True)]
            self.model.save(tmp_path / "whole.keras")

    cb = Uses()
    with learn.no_logging():
        learn.fit(3, 0.01, cbs=cb)
    assert learn.recorder.lrs[::16] == [0.01, 0.005, 0.0025]
    assert seen["params"] == (16, sum(p.numel() for p in learn.model.parameters()))
    assert seen["iterations"] == 48 and all(seen["same"]) and all(seen["read"])
    assert (tmp_path / "whole.keras").exists()
    assert cb.model.metrics is learn.metrics and repr(cb.model) == repr(learn)
    with pytest.raises(ValueError, match=r"weights: the model has \d+ arrays, and 1 are given"):
        cb.model.set_weights([1])
    with pytest.raises(AttributeError, match=r"optimizer.momentum: .* learn.opt.set_hyper"):
        cb.model.optimizer.momentum = 0.5
    with pytest.raises(FileExistsError, match="overwrite=False"):
        cb.model.save(tmp_path / "whole.keras", overwrite=False)


def test_what_is_made_for_keras_leads_to_its_like_here(learn):
    theirs = type("Callback", (), {"__module__": "keras.src.callbacks.callback"})
    stopping = type("EarlyStopping", (theirs,), {"__module__": "keras.src.callbacks.early_stopping"})
    of_fastai = type("Callback", (), {"__module__": "fastai.callback.core"})
    for made, meant in (
        (stopping(), "made for keras; highmark has highmark.callbacks.EarlyStopping$"),
        (type("Mine", (theirs,), {})(), "made for keras; highmark has highmark.callbacks.Callback$"),
        (type("Mine", (of_fastai,), {}), "made for fastai; highmark has highmark.tabular.all.Callback$"),
        (3, "a callback is needed, not 3$"),
    ):
        with pytest.raises(TypeError, match=meant):
            learn.fit(1, cbs=made)


def test_a_schedule_needs_a_fit_without_one(learn):
    scheduler = keras.LearningRateScheduler(lambda epoch: 0.1)
    with learn.no_logging():
        for fit in (learn.fit_one_cycle, learn.fit_flat_cos, learn.fine_tune):
            with pytest.raises(ValueError, match=r"has a schedule of its own .* learn.fit\(...\) keeps to this one"):
                fit(1, cbs=scheduler)
        learn.fit(1, cbs=scheduler)
    assert set(learn.recorder.lrs) == {0.1}


def test_names_of_files_are_checked_before_the_fit(learn, tmp_path):
    for name, options, meant in (
        ("{val_acc:.2f}", {}, r"`val_acc`; did you mean `val_accuracy`\? There are: epoch, loss, val_loss, val_accuracy$"),
        ("{batch}", {}, r"no `batch`\. There are: epoch, loss"),
        ("{val_loss}", {"save_freq": 5}, "no `val_loss`; .* There are: epoch, batch, loss$"),
    ):
        with pytest.raises(KeyError, match=meant):
            learn.fit(1, cbs=keras.ModelCheckpoint(tmp_path / name, **options))
        assert not learn.recorder.values


def test_its_files_can_be_loaded(learn, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with learn.no_logging():
        learn.fit(1, cbs=keras.ModelCheckpoint("ck.keras"))
        loss = learn.validate()[0]
        for file in ("ck.keras", tmp_path / "here" / "ck.keras"):
            learn.fit(1)
            assert learn.load(file).validate()[0] == loss
        # What learn.save left under this name comes first.
        learn.fit(1)
        learn.save("ck.keras")
        assert learn.load("ck.keras").validate()[0] != loss
    with pytest.raises(FileNotFoundError, match="none.safetensors"):
        learn.load("none")


def test_the_loop_is_shown_whatever_the_next_fit_is(learn, capsys):
    scheduler = keras.LearningRateScheduler(lambda epoch: 0.01)
    with learn.added_cbs([scheduler]):
        learn.show_training_loop()
        with learn.no_logging(), pytest.raises(ValueError, match="this kind of fit has a schedule of its own"):
            learn.fit_one_cycle(1)
        learn.show_training_loop()
    assert capsys.readouterr().out.count("fused step") == 2


def test_names_of_hooks_are_checked_in_classes_of_the_library_too():
    with pytest.raises(ValueError, match="`on_epok_end`; did you mean `on_epoch_end`"):
        type("Mine", (keras.EarlyStopping,), {"on_epok_end": lambda self, epoch, logs: None})
    with pytest.raises(ValueError, match="since EarlyStopping has no hooks"):
        mixin = type("Mixin", (), {})
        type("Mine", (mixin, keras.EarlyStopping), {"on_epoch_end": lambda self, epoch, logs: None})
    assert type("Flagged", (keras.Callback,), {"on_gpu": True}).on_gpu


def test_what_the_model_gives_is_kept_as_numbers(learn):
    kept = []

    class Keeps(keras.Callback):
        def on_epoch_end(self, epoch, logs):
            rate = self.model.optimizer.learning_rate
            kept.extend([copy.copy(rate), copy.deepcopy(rate), pickle.loads(pickle.dumps(rate))])
            for part in (self.model, self.model.optimizer):
                with pytest.raises(TypeError, match="neither copied nor pickled"):
                    copy.copy(part)

    callback = Keeps()
    assert callback.params == {} and callback.model is None
    callback.params = {"mine": 1}
    assert callback.params == {"mine": 1}
    with learn.no_logging():
        learn.fit(1, 0.01, cbs=callback)
    assert kept == [0.01] * 3 and {type(rate) for rate in kept} == {float}
