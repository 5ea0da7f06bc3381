"""fastai_one_cycle.py DATA: an epoch of `fit_one_cycle` a turn, with its validation, on 2 threads."""

import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import fastai
import pandas as pd
import torch
from fastai.tabular.all import (
    Categorify, FillMissing, Normalize, TabularDataLoaders, accuracy, cont_cat_split, tabular_learner,
)

from encoded import serve

torch.set_num_threads(2)
torch.manual_seed(42)
folder = Path(sys.argv[1])
frame = pd.read_csv(folder / "adult.csv")
cont, cat = cont_cat_split(frame, 20, dep_var="salary")
loaders = TabularDataLoaders.from_df(
    frame, folder, procs=[FillMissing, Categorify, Normalize], cat_names=cat, cont_names=cont,
    y_names="salary", valid_idx=list(range(1024, 1260)), bs=64,
)
learner = tabular_learner(loaders, layers=[200, 100], metrics=accuracy)


def turn():
    begin = time.perf_counter()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(1)
    return time.perf_counter() - begin


def right():
    test = loaders.test_dl(pd.read_csv(folder / "adult-test.csv"), with_labels=True)
    with learner.no_bar(), learner.no_logging():
        return float(learner.validate(dl=test)[1])


turn()
serve(fastai.__version__, turn, right)
