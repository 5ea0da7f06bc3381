"""What is assigned to a learner counts, or says why it cannot."""

import numpy as np
import pytest

from highmark.tabular.all import (
    SGD,
    Callback,
    Categorify,
    CrossEntropyLossFlat,
    FillMissing,
    GradientClip,
    Normalize,
    RocAucBinary,
    TabularDataLoaders,
    accuracy,
    error_rate,
    load_learner,
    set_seed,
    tabular_learner,
)
from highmark.tabular.fit_options import fit_options
from highmark.tabular.tensor import Tensor


def test_metrics(learn):
    learn.fit(1)
    loss, share = learn.validate()
    rows = learn.recorder.values
    learn.metrics = [accuracy, error_rate]
    assert learn.recorder.values == rows
    assert learn.validate() == pytest.approx([loss, share, 1 - share])
    learn.metrics.append(RocAucBinary)
    learn.fit(1)
    assert learn.recorder.metric_names[3:] == ["accuracy", "error_rate", "roc_auc_score", "time"]
    assert len(learn.recorder.values[0]) == 5


def test_metrics_leave_training_as_it_is(dls):
    plain, changed = (tabular_learner(dls, layers=[8], seed=1) for _ in range(2))
    plain.fit(1)
    changed.metrics = accuracy
    changed.fit(1)
    assert np.array_equal(plain.get_preds()[0], changed.get_preds()[0])


def test_loss_and_optimizer(learn):
    learn.fit(1)
    state, (loss, share) = learn.model.state_dict(), learn.validate()
    learn.loss_func = CrossEntropyLossFlat(weight=[1.0, 9.0])
    weighted = learn.validate()
    assert weighted[0] != loss and weighted[1] == share
    learn.opt_func = SGD
    learn.fit(1, 1e-12)
    assert learn.opt.hypers[0]["wd"] == 0
    trained = learn.model.state_dict()
    assert all(np.allclose(trained[name], state[name]) for name in state if name.endswith("weight"))
    for name in ("loss_func", "opt_func"):
        with pytest.raises(TypeError, match=name):
            setattr(learn, name, 5)


def test_data(learn, columns, tmp_path):
    def loaders(**kwargs):
        names = {"y_names": "rich", "cat_names": ["city"], "cont_names": ["age", "hours"]}
        return TabularDataLoaders.from_df(columns, path=tmp_path, **names, procs=[Categorify, FillMissing, Normalize], **kwargs)

    learn.fit(1)
    learn.dls = loaders(valid_idx=range(500, 640), bs=10)
    learn.fit(1)
    assert len(learn.recorder.losses) == 50 and len(learn.get_preds()[0]) == 140
    columns = {**columns, "city": np.where(columns["city"] == "Oslo", "Moss", columns["city"])}
    with pytest.raises(ValueError, match="dls: their classes are not those"):
        learn.dls = loaders(valid_idx=range(128))


def test_what_cannot_be_assigned(learn):
    for name in ("splitter", "train_bn", "model", "opt", "seed"):
        with pytest.raises(AttributeError, match=name):
            setattr(learn, name, None)
    with pytest.raises(AttributeError, match=r"learn.validate\(0\)"):
        learn.recorder.train_metrics = True
    learn.cbs = [GradientClip]
    assert learn.cbs[0].learn is learn

    def change():
        learn.metrics = []

    with pytest.raises(RuntimeError, match="in the middle of a fit"):
        learn.fit(1, cbs=Callback(after_batch=change))


def test_an_ensemble_is_one(dls, tmp_path):
    def one(**kwargs):
        learn = tabular_learner(dls, layers=[8], path=tmp_path, **kwargs)
        learn.fit(1, checkpoint=tmp_path / "fit", resume=kwargs.get("resume", "never"))
        return learn.get_preds()[0]

    first, second, third = one(), one(), one()
    assert not np.array_equal(first, second) and not np.array_equal(second, third)
    assert np.array_equal(first, one(seed=42))
    set_seed(42)
    assert np.array_equal(first, one()) and np.array_equal(second, one())
    with pytest.raises(ValueError, match=r"tabular_learner\(dls, seed=\d+\)"):
        tabular_learner(dls, layers=[8], path=tmp_path, seed=7).fit(1, checkpoint=tmp_path / "fit", resume="auto")


def test_a_cell_that_is_run_again(dls, tmp_path, capsys, monkeypatch):
    """Its learner has another seed than the checkpoint that it left, and goes on with that one's."""

    class Cut(Exception):
        pass

    def cut():
        if learn.epoch == 1:
            raise Cut

    def locked(options, folder, cbs, any_seed):
        if not any_seed:
            raise BlockingIOError("another process is at work in it")
        return fit_options(options, folder, cbs, any_seed)

    whole = tabular_learner(dls, layers=[8])
    whole.fit(3)
    learn = tabular_learner(dls, layers=[8], seed=42, path=tmp_path)
    with pytest.raises(Cut):
        learn.fit(3, resume="auto", cbs=Callback(after_epoch=cut))
    capsys.readouterr()
    learn = tabular_learner(dls, layers=[8], path=tmp_path)
    own = learn._config["seed"]
    # Warnings are errors here: of a fit that does not come about there is none.
    with pytest.raises(ValueError, match="learning rate was 0.001 and is 0.5"):
        learn.fit(3, 0.5, resume="auto")
    assert learn._config["seed"] == own != 42
    with monkeypatch.context() as patched:
        patched.setattr("highmark.tabular.learner.fit_options", locked)
        with pytest.raises(BlockingIOError):
            learn.fit(3, resume="auto")
    assert learn._config["seed"] == own
    with pytest.warns(UserWarning, match="with its seed, 42"):
        assert learn.fit(3, resume="auto").epochs_run == 3
    assert capsys.readouterr().out.count("resumed") == 2
    assert np.array_equal(whole.get_preds()[0], learn.get_preds()[0])
    assert learn.recorder.losses == whole.recorder.losses


def test_embeddings(learn):
    city, _ = learn.model.embeds
    assert len(learn.dls.cat_names) == 2
    assert city.num_embeddings == len(learn.dls.classes["city"]) and city.embedding_dim == city.weight.shape[1]
    assert np.array_equal(city.weight, learn.model.state_dict()["embeds.0.weight"]) and repr(city) == "Embedding(4, 3)"
    # An equality of arrays would be no truth value.
    assert city == city != learn.model.embeds[0] and city in [city]
    with pytest.raises(ValueError, match="read-only"):
        city.weight[0] = 0


def test_parts_of_the_model(learn):
    model, state = learn.model, learn.model.state_dict()
    assert np.array_equal(model.layers[0][0].weight, state["layers.0.0.weight"]) and model.layers[0][0].weight.requires_grad
    assert model.layers[-1][0].weight.shape == (2, 16) and len(list(model.layers)) == 2
    assert np.array_equal(model.bn_cont.running_mean, state["bn_cont.running_mean"])
    assert (model.n_emb, model.n_cont, model.training) == (3 + 3, 2, False)
    with pytest.raises(AttributeError, match="nothing is ever frozen"):
        model.layers[0][0].weight.requires_grad = False
    with pytest.raises(AttributeError, match=r"no `wait`; it is Part\(weight \(16, 8\)"):
        model.layers[0][0].wait  # noqa: B018
    with pytest.raises(IndexError, match="nothing at 1 has numbers; there are 0, 2"):
        model.layers[0][1]
    assert tabular_learner(learn.dls, config={"bn_cont": False}).model.bn_cont is None

    # Weights are averaged.
    mean = {name: value.clone() for name, value in state.items()}
    learn.fit(1)
    for name, value in learn.model.state_dict().items():
        mean[name] = (mean[name] + value) / 2
    learn.model.load_state_dict(mean)
    assert np.array_equal(learn.model.state_dict()["layers.0.0.weight"], mean["layers.0.0.weight"])


def test_a_model_from_a_file_answers_as_its_learner(learn, columns):
    loaded = load_learner(learn.export())
    preds, targets, decoded = loaded.get_preds(dl=loaded.dls.test_dl(columns), with_decoded=True)
    assert isinstance(preds, Tensor) and np.array_equal(preds.argmax(dim=1), decoded)
    assert type(preds.numpy()) is np.ndarray and targets.squeeze().shape == decoded.shape
    theirs = learn.dls.test_dl(columns)
    assert np.array_equal(preds, learn.get_preds(dl=theirs)[0]) and np.array_equal(preds, loaded.get_preds(dl=theirs)[0])
    rows = loaded.dls.test_dl(columns)
    assert rows.xs.equals(theirs.xs) and rows.ys.equals(theirs.ys) and len(rows) == 10 and rows.n == 640
    assert loaded.dls.test_dl(columns, bs=None).bs == 64 and loaded.dls.test_dl(columns, bs=7).bs == 7
    assert loaded.dls.x_names == learn.dls.x_names and loaded.dls.vocab == ["no", "yes"]
