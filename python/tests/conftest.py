"""A small table, and learners on it."""

import os
import signal

import numpy as np
import pytest

from highmark.tabular.all import (
    Categorify,
    FillMissing,
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
