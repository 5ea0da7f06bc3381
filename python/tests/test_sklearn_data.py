"""What the estimators make of the tables that they are given."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import has_fit_parameter

from highmark.sklearn import HighmarkClassifier, HighmarkRegressor
from highmark.tabular.all import Categorify, DataLoaders, FillMissing, Normalize, TabularPandas, tabular_learner


@pytest.fixture
def frame(columns):
    table = pd.DataFrame({name: columns[name] for name in ("age", "hours", "city")})
    return table.assign(age=table["age"].fillna(40.0))


def small(**options):
    return HighmarkClassifier(layers=(8,), epochs=2, random_state=1, **options)


def test_rows_unlike_those_of_training_are_told(columns, frame):
    model = make_pipeline(FunctionTransformer(), small()).fit(frame, columns["rich"])
    assert model[-1].drift_ == []
    model.predict_proba(frame)
    assert model[-1].drift_ == []
    other = frame.head(4).assign(city=["Rome", "Oslo", "Oslo", "Rome"], age=[39.0, np.nan, 30.0, 4e6])
    drift = [
        "column `city`: 2 of 4 rows hold values that training did not have, treated as missing: `Rome`",
        "column `age`: missing in 1 of 4 rows, in training in none",
    ]
    # What scikit-learn calls is told once a line.
    for predict in (model.predict, model[-1].predict_proba, lambda x: model.score(x, columns["rich"][:4])):
        with pytest.warns(UserWarning, match="HighmarkClassifier: rows to predict differ") as caught:
            predict(other)
        (told,) = caught
        assert told.filename == __file__
        assert model[-1].drift_[:2] == drift and "column `age`: 1 of 4 rows hold numbers far" in model[-1].drift_[2]
        assert str(told.message).split("\n  ")[1:] == model[-1].drift_
    model.predict(frame)
    assert model[-1].drift_ == []
    regressor = HighmarkRegressor(layers=(8,), epochs=2).fit(frame[["age"]], frame["hours"])
    with pytest.warns(UserWarning, match="column `age`: 1 of 1 rows hold numbers far"):
        regressor.predict(frame[["age"]].head(1) + 1e5)


def test_folds_of_one_kind_are_told_once(columns, frame):
    # The same row of its own is in the same fold whatever the parameters.
    frame.loc[3, "city"] = "Rome"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for lr in (1e-2, 1e-3):
            cross_val_score(small(lr=lr), frame, columns["rich"], cv=3)
    assert [str(w.message).count("Rome") for w in caught] in ([1], [1, 1])


def test_no_rows(columns, frame):
    model = small().fit(frame, columns["rich"])
    plain = small().fit(frame[["age", "hours"]], columns["rich"])
    for fitted, names in ((model, list(frame)), (plain, ["age", "hours"])):
        with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\) \(shape=\(0, \d\)\)"):
            fitted.predict(frame[names].head(0))
    with pytest.raises(ValueError, match=r"Found array with 0 sample"):
        small().fit(frame.head(0), [])


def categories_of(model):
    description = json.loads(model._model.pipeline.describe())
    return description["cat_names"], description["cont_names"]


def test_categories_that_are_said(columns, frame):
    # Codes without an order, as whole numbers and with missing ones as floats.
    zone = np.arange(len(frame)) * 7 % 5
    y = np.where((zone == 0) | (zone == 3), "yes", "no")
    plain = frame[["age", "hours"]].assign(zone=zone)
    model = HighmarkClassifier(layers=(8,), epochs=10, random_state=1, cat_features=["zone"])
    assert categories_of(model.fit(plain, y)) == (["zone"], ["age", "hours"]) and model.score(plain, y) > 0.95
    expected = model.predict_proba(plain)
    assert np.array_equal(model.predict_proba(plain.astype(float)), expected) and model.drift_ == []
    for places in ([2], (np.int64(2),)):
        for x in (plain, plain.to_numpy(), plain.to_numpy(dtype=object), plain.set_axis([5, 6, 7], axis=1)):
            again = clone(model).set_params(cat_features=places).fit(x, y)
            assert np.allclose(again.predict_proba(x), expected, atol=1e-5)
    # Beside those that are found.
    model.fit(frame.assign(zone=zone, night=zone > 2), y)
    assert categories_of(model) == (["city", "zone", "night"], ["age", "hours"])
    text = frame.to_numpy()
    assert categories_of(model.set_params(cat_features=[2]).fit(text, y)) == (["x2"], ["x0", "x1"])
    with pytest.raises(ValueError, match="column `x2`: could not convert .* name it in cat_features"):
        model.set_params(cat_features=[1]).fit(text, y)
    # Pipelines hand arrays on.
    make_pipeline(StandardScaler(), model.set_params(cat_features=[0])).fit(plain, y)
    assert categories_of(model)[0] == ["x0"]


def test_truth_values_are_categories_in_every_frame(columns, frame):
    model = small().fit(frame[["age"]].assign(night=frame["hours"] > 30), columns["rich"])
    assert categories_of(model) == (["night"], ["age"])


@pytest.mark.parametrize("wrong", ["citi", 3, -1])
def test_categories_that_are_not_there(columns, frame, wrong):
    for x in (frame, frame[["age", "hours"]].assign(city=1.0)):
        with pytest.raises(ValueError, match=f"cat_features: there is no column {wrong!r}.* age, hours, city$"):
            small(cat_features=["age", wrong]).fit(x, columns["rich"])
    with pytest.raises(ValueError, match=f"cat_features: there is no column {wrong!r}.* x0, x1$"):
        small(cat_features=[wrong]).fit(frame[["age", "hours"]].to_numpy(), columns["rich"])


def test_rows_to_validate_on_are_given(columns, frame):
    x, held, y, y_held = frame[:500], frame[500:], columns["rich"][:500], columns["rich"][500:]
    given = small(valid_fraction=0.9).fit(x, y, eval_set=(held, y_held))
    # As with the same rows in an order of one's own.
    splits = (range(500), range(500, 640))
    to = TabularPandas(
        {**columns, "age": frame["age"]}, [Categorify, FillMissing, Normalize], ["city"], ["age", "hours"], "rich", splits=splits
    )
    learn = tabular_learner(DataLoaders(to, bs=62), [8], lr=1e-2, seed=1)
    report = learn.fit_one_cycle(2, 1e-2)
    assert np.allclose(given.report_.best, min(row[1] for row in learn.recorder.values)) and report.epochs_run == 2
    listed = small().fit(x, y, eval_set=[(held, y_held)])
    assert np.array_equal(listed.predict_proba(held), given.predict_proba(held))
    assert not np.array_equal(small().fit(x, y).predict_proba(held), given.predict_proba(held))
    few = small().fit(x, y, eval_set=(held[:100], y_held[:100]))
    assert few.report_.best != given.report_.best


def test_a_regression_validates_on_given_rows(columns, frame):
    x, y = frame[["age", "hours"]].to_numpy(), columns["hours"] * 2.0 + frame["age"].to_numpy()
    model = HighmarkRegressor(layers=(8,), epochs=2, random_state=1)
    pipeline = make_pipeline(FunctionTransformer(), model)
    pipeline.fit(x[:500], y[:500], highmarkregressor__eval_set=(x[500:], y[500:]))
    model.fit(x[:500], y[:500], eval_set=(x[500:], y[500:]))
    assert np.array_equal(model.predict(x), pipeline.predict(x))
    with pytest.warns(UserWarning, match="HighmarkRegressor: rows of eval_set differ .*\n  column `x0`: 140 of 140 rows hold") as caught:
        model.fit(x[:500], y[:500], eval_set=(x[500:] + [1e4, 0], y[500:]))
    assert caught[0].filename == __file__ and len(model.drift_) == 1


def test_rows_to_validate_on_must_fit(columns, frame):
    x, y = frame, columns["rich"]

    def refused(eval_set, match, x=x):
        with pytest.raises((ValueError, TypeError), match=f"^eval_set: {match}"):
            small().fit(x, y, eval_set=eval_set)

    for wrong in (x, (x,), [], [x, y], [(x, y), (x, y)], (x, y, y), "x"):
        refused(wrong, "one pair")
    refused((x[["age", "hours"]], y), "The feature names should match")
    refused((x[["age", "hours"]].to_numpy(), y), "X has 2 features, but HighmarkClassifier", x[["age"]].to_numpy())
    refused((x, y[:5]), "Found input variables with inconsistent numbers")
    refused((x.head(0), []), "Found array with 0 sample")
    refused((x, None), "requires y")
    refused((x, np.where(y == "yes", "yes", "maybe")), r"y has the class 'maybe', .*: \['no', 'yes'\]")


def test_what_fit_does_not_take(columns, frame):
    with pytest.raises(TypeError, match="sample_weight.*class_weight says"):
        small().fit(frame, columns["rich"], sample_weight=np.ones(640))
    with pytest.raises(TypeError, match="sample_weight.*may be there twice"):
        HighmarkRegressor().fit(frame, columns["hours"], sample_weight=np.ones(640))
    with pytest.raises(TypeError, match="no option `verbose`. There are: X, y, eval_set"):
        small().fit(frame, columns["rich"], verbose=False)
    assert not has_fit_parameter(small(), "sample_weight")
