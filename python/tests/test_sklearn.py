"""scikit-learn's own checks, and a pipeline with a search."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from highmark.sklearn import HighmarkClassifier, HighmarkRegressor


# None of scikit-learn's checks is excepted; it skips by itself those that ask for what is not installed.
@parametrize_with_checks([HighmarkClassifier(epochs=20), HighmarkRegressor(epochs=40)])
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
