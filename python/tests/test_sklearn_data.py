"""What the estimators make of the tables that they are given."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from highmark.sklearn import HighmarkClassifier, HighmarkRegressor


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
        with pytest.warns(UserWarning, match="HighmarkClassifier: these rows differ") as caught:
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
