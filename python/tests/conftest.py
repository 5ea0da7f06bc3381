"""A small table, and learners on it."""

import os
import signal

import numpy as np
import pytest

from highmark.tabular.all import (
    Categorify,
    FillMissing,
    Metric,
    Normalize,
    TabularDataLoaders,
    accuracy,
    set_seed,
    tabular_learner,
)

os.environ.setdefault("MPLBACKEND", "Agg")
# A shell's background jobs ignore Ctrl-C, and so would what the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
PROCS = [Categorify, FillMissing, Normalize]


class ScriptedMetric(Metric):
    """Says in each epoch what it was told."""

    def __init__(self, name, lower, values):
        self._name, self._lower, self.values, self.begun = name, lower, values, 0

    name = property(lambda self: self._name)
    lower_is_better = property(lambda self: self._lower)

    def reset(self):
        self.begun += 1

    def accumulate(self, learn):
        pass

    @property
    def value(self):
        return self.values[self.begun - 1]


@pytest.fixture(autouse=True)
def seed():
    set_seed(42)


@pytest.fixture(scope="session")
def columns():
    """640 rows of four columns, some of them missing, and a target that depends on them."""
    random = np.random.default_rng(0)
    n = 640
    age = random.normal(40, 10, n)
    hours = random.integers(10, 60, n)
    city = random.choice(["Bergen", "Oslo", "Tromsø"], n)
    score = (age - 40) / 10 + (hours - 35) / 20 + (city == "Oslo") + random.normal(0, 0.3, n)
    age[::50] = np.nan
    return {"age": age, "hours": hours, "city": city, "rich": np.where(score > 0, "yes", "no")}


@pytest.fixture
def dls(columns, tmp_path):
    return TabularDataLoaders.from_df(
        columns,
        path=tmp_path,
        y_names="rich",
        cat_names=["city"],
        cont_names=["age", "hours"],
        procs=PROCS,
        valid_idx=range(128),
        bs=32,
    )


@pytest.fixture
def learn(dls):
    return tabular_learner(dls, layers=[16], metrics=accuracy)
