"""scikit-learn's own checks, and a pipeline with a search."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from highmark.sklearn import HighmarkClassifier, HighmarkRegressor
from highmark.tabular.all import SGD, Adam, RAdam


# None of scikit-learn's checks is excepted; it skips by itself those that ask for what is not installed.
@parametrize_with_checks([HighmarkClassifier(), HighmarkRegressor()])
def test_checks(estimator, check):
    check(estimator)


def test_in_a_search(columns):
    x = np.column_stack([np.nan_to_num(columns["age"], nan=40.0), columns["hours"]])
    pipeline = make_pipeline(StandardScaler(), HighmarkClassifier(layers=(8,), epochs=40))
    search = GridSearchCV(pipeline, {"highmarkclassifier__lr": [1e-5, 1e-2]}, cv=2)
    search.fit(x, columns["rich"])
    assert search.best_params_ == {"highmarkclassifier__lr": 1e-2} and search.best_score_ > 0.6


def test_frames_with_categories(columns):
    frame = pd.DataFrame({name: columns[name] for name in ("age", "hours", "city")})
    model = HighmarkClassifier(layers=(8,), epochs=10, random_state=1).fit(frame, columns["rich"])
    assert model.score(frame, columns["rich"]) > 0.8
    assert list(model.feature_names_in_) == ["age", "hours", "city"]
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(frame), model.predict_proba(frame))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["hours", "age", "city"]])
    assert "best" in repr(model.report_)


def numbers(columns):
    return np.column_stack([np.nan_to_num(columns["age"], nan=40.0), columns["hours"]])


def test_probabilities_sum_to_one(columns):
    x = numbers(columns)
    p = HighmarkClassifier(layers=(8,), epochs=2).fit(x, columns["city"]).predict_proba(x)
    assert np.abs(p.sum(axis=1) - 1).max() <= 4 * np.finfo(float).eps
    assert log_loss(columns["city"], p) > 0


def test_warnings_have_the_users_classes(columns):
    x = pd.DataFrame(numbers(columns), columns=["y", "z"])
    rare = columns["city"].copy()
    rare[3] = "Moss"
    for table, target in ((x.to_numpy(), "y"), (x, "the target y")):
        with pytest.warns(UserWarning, match=f"target `{target}`: the class `Moss` in data row 4 has a single row"):
            model = HighmarkClassifier(layers=(8,), epochs=2).fit(table, rare)
    assert list(model.classes_) == sorted(set(rare))


def test_classes_of_every_kind_keep_their_order(columns):
    x = numbers(columns)
    for classes in ([10, 2], ["", "b"], [True, False], ["nan", "NA"]):
        y = np.where(columns["rich"] == "yes", *classes)
        model = HighmarkClassifier(layers=(8,), epochs=20).fit(x, y)
        assert list(model.classes_) == sorted(classes) and model.score(x, y) > 0.7


def test_a_search_over_activations(columns):
    activations = ["relu", "Mish", "swish", "leaky-relu"]
    search = GridSearchCV(HighmarkClassifier(layers=(8,), epochs=4, batch_size=16), {"activation": activations}, cv=2)
    search.fit(numbers(columns), columns["rich"])
    assert search.best_params_["activation"] in activations
    assert len(set(search.cv_results_["mean_test_score"])) > 1
    assert "mish" in HighmarkClassifier(layers=(8,), epochs=1, activation="Mish").fit(
        numbers(columns), columns["rich"]
    )._model.describe()


@pytest.mark.parametrize("optimizer", ["sgd", "RAdam", Adam, partial(SGD, mom=0.9), RAdam(eps=1e-6)])
def test_optimizers(columns, optimizer):
    model = HighmarkRegressor(layers=(8,), epochs=2, lr=0.03, optimizer=optimizer, weight_decay=0.1)
    again = clone(model)
    assert repr(again.get_params()) == repr(model.get_params())
    x = numbers(columns)
    y = x.sum(axis=1)
    predicted = [m.fit(x, y).predict(x[:5]) for m in (model, again, pickle.loads(pickle.dumps(model)))]
    assert np.array_equal(*predicted[:2]) and np.array_equal(*predicted[1:])
    assert not np.array_equal(predicted[0], clone(model).set_params(optimizer="rmsprop").fit(x, y).predict(x[:5]))
    assert not np.array_equal(predicted[0], clone(model).set_params(weight_decay=0.0).fit(x, y).predict(x[:5]))


def test_class_weights(columns):
    rare = np.where(columns["hours"] > 57, 7, 3)
    x = numbers(columns)
    x[:, 1] += np.random.default_rng(1).normal(0, 5, len(x))

    def share(class_weight):
        model = HighmarkClassifier(layers=(8,), epochs=30, batch_size=32, class_weight=class_weight)
        return np.mean(model.fit(x, rare).predict(x) == 7)

    plain, balanced = share(None), share("balanced")
    assert plain < 0.1 < balanced and share({3: 1.0, 7: 100.0}) > balanced
    n = np.bincount(rare)[[3, 7]]
    assert share({3: len(x) / 2 / n[0], 7: len(x) / 2 / n[1]}) == balanced


WRONG = {
    "layers": [100, None, "200", (8, -1), (8, 0), (8, 0.5), (8, "8"), float("nan")],
    "dropout": [-0.1, 1.0, float("nan"), "0.1", None],
    "epochs": [-3, 0, 2.5, float("nan"), "3", True, None],
    "lr": [-1e-3, 0.0, float("nan"), float("inf"), "fast", None],
    "batch_size": [-64, 0, 1, 2.5, float("nan"), "64"],
    "patience": [-1, 1.5, float("nan"), "10"],
    "valid_fraction": [-0.2, 0.0, 1.0, 20, float("nan"), "0.2", None],
    "random_state": [-1, 1.5, float("nan"), "42"],
    "threads": [-1, 0, 1.5, float("nan"), "2"],
    "activation": ["rely", 3, None],
    "optimizer": ["adm", 3, None, HighmarkClassifier, Adam(lr=0.1)],
    "weight_decay": [-0.1, float("nan"), "0.1"],
    "cat_features": [3, "city", [1.5], [None], [True]],
    "class_weight": ["balance", 3, [1.0, 2.0], {"no": -1.0}, {"no": float("nan")}, {"no": "1"}, {"no": 0, "yes": 0}],
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_parameters_are_named(columns, name):
    for value in WRONG[name]:
        model = HighmarkClassifier(**{"layers": (8,), "epochs": 1, name: value})
        with pytest.raises((ValueError, TypeError)) as caught:
            model.fit(numbers(columns), columns["rich"])
        assert str(caught.value).startswith(f"{name}: "), (value, caught.value)
    # Weights of classes that are not there are scikit-learn's to refuse.
    with pytest.raises(ValueError, match="class_weight"):
        HighmarkClassifier(class_weight={"maybe": 1.0}).fit(numbers(columns), columns["rich"])


def test_threads_share_an_estimator(columns):
    x = np.tile(numbers(columns), (300, 1))
    model = HighmarkClassifier(layers=(64,), epochs=1).fit(x[:640], columns["rich"])
    expected = model.predict_proba(x)
    with ThreadPoolExecutor(3) as threads:
        for predicted in threads.map(lambda _: model.predict_proba(x), range(6)):
            assert np.array_equal(predicted, expected)
