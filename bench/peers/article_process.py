"""article_process.py PACKAGE CSV EPOCHS: the article's third run as a whole process, of `fastai` or of `highmark`, which
differ in the import alone. Prints the epochs, the best accuracy, and the seconds from the first import to the last line."""

import time

begin = time.perf_counter()

import importlib
import json
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")

import pandas as pd

package = importlib.import_module(f"{sys.argv[1]}.tabular.all")
if sys.argv[1] == "fastai":
    import torch

    torch.set_num_threads(2)
    torch.manual_seed(42)
with tempfile.TemporaryDirectory() as folder:
    frame = pd.read_csv(sys.argv[2])
    cont, cat = package.cont_cat_split(frame, 20, dep_var="salary")
    loaders = package.TabularDataLoaders.from_df(
        frame, folder, procs=[package.FillMissing, package.Categorify, package.Normalize], cat_names=cat,
        cont_names=cont, y_names="salary", valid_idx=list(range(1024, 1260)), bs=64,
    )
    learner = package.tabular_learner(loaders, layers=[200, 100], metrics=package.accuracy)
    stop = package.EarlyStoppingCallback(monitor="accuracy", min_delta=0.01, patience=3)
    save = package.SaveModelCallback(monitor="accuracy", min_delta=0.01)
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(int(sys.argv[3]), cbs=[stop, save])
        epochs = len(learner.recorder.values)
        best = learner.validate()[1]
seconds = time.perf_counter() - begin
print(json.dumps({"epochs": epochs, "accuracy": float(best), "seconds": seconds}))
