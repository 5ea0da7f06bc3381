"""fastai_process.py CSV EPOCHS: the article's third run as a whole process. Prints the epochs and the best accuracy."""

import json
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")

import pandas as pd
import torch
from fastai.tabular.all import (
    Categorify, EarlyStoppingCallback, FillMissing, Normalize, SaveModelCallback, TabularDataLoaders, accuracy,
    cont_cat_split, tabular_learner,
)

torch.set_num_threads(2)
torch.manual_seed(42)
with tempfile.TemporaryDirectory() as folder:
    frame = pd.read_csv(sys.argv[1])
    cont, cat = cont_cat_split(frame, 20, dep_var="salary")
    loaders = TabularDataLoaders.from_df(
        frame, folder, procs=[FillMissing, Categorify, Normalize], cat_names=cat, cont_names=cont,
        y_names="salary", valid_idx=list(range(1024, 1260)), bs=64,
    )
    learner = tabular_learner(loaders, layers=[200, 100], metrics=accuracy)
    stop = EarlyStoppingCallback(monitor="accuracy", min_delta=0.01, patience=3)
    save = SaveModelCallback(monitor="accuracy", min_delta=0.01)
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(int(sys.argv[2]), cbs=[stop, save])
        best = learner.validate()[1]
print(json.dumps({"epochs": len(learner.recorder.values), "accuracy": float(best)}))
