"""Warnings name the user's own line, once."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from highmark.sklearn import HighmarkClassifier
from highmark.tabular.all import TabularDataLoaders, TabularPandas

# A constant column is told of.
ODD = {"a": [1.0] * 12, "b": np.arange(12.0) ** 2, "y": ["p", "q"] * 6}
SCRIPT = """\
from highmark.tabular.all import *
table = {"a": [1.0] * 12, "b": [0.5, 3.0] * 6, "y": ["p", "q"] * 6}
for _ in range(2):
    TabularPandas(table, [Normalize], [], ["a", "b"], "y", splits=(range(8), range(8, 12)))
TabularDataLoaders.from_df(table, procs=[Normalize], y_names="y")
"""


def test_a_script_is_told_its_lines(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    places = [line.partition(": UserWarning")[0] for line in done.stderr.splitlines() if "column `a`" in line]
    assert places == [f"{script}:4", f"{script}:5"], done.stderr


@pytest.mark.parametrize("make", [TabularPandas, TabularDataLoaders.from_df])
def test_a_function_is_told_its_line(make):
    with pytest.warns(UserWarning, match="column `a`") as caught:
        options = {"splits": (range(8), range(8, 12))} if make is TabularPandas else {}
        make(ODD, procs=["normalize"], cat_names=[], cont_names=["a", "b"], y_names="y", **options)
    assert caught[0].filename == __file__


def test_a_cross_validation_is_told_once():
    x, y = np.column_stack([ODD["a"], np.sqrt(ODD["b"])]), np.array(ODD["y"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        scores = cross_val_score(HighmarkClassifier(layers=(4,), epochs=1), x, y, cv=3)
        again = cross_val_score(HighmarkClassifier(layers=(4,), epochs=1), x, y, cv=3)
    assert np.array_equal(scores, again)
    told = [w for w in caught if "column `x0`" in str(w.message)]
    assert [w.filename for w in told] == [__file__] * 2
    assert told[0].lineno + 1 == told[1].lineno
