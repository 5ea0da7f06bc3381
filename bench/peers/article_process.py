"""article_process.py PACKAGE CSV EPOCHS: the article's third run as a whole process, of `fastai` or of `highmark`, which
differ in the import alone. Prints the epochs, the best accuracy, and the seconds from the first import to the last line."""

import time

begin = time.perf_counter()

import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")

if sys.argv[1] == "fastai":
    from fastai.tabular.all import *

    torch.set_num_threads(2)
else:
    from highmark.tabular.all import *

# With this both train all six epochs: others stop one or the other sooner.
set_seed(42)

with tempfile.TemporaryDirectory() as folder:
    df = pd.read_csv(sys.argv[2])
    cont_names, cat_names = cont_cat_split(df, 20, dep_var="salary")
    dls = TabularDataLoaders.from_df(
        df, folder, procs=[FillMissing, Categorify, Normalize], cat_names=cat_names, cont_names=cont_names,
        y_names="salary", valid_idx=list(range(1024, 1260)), bs=64,
    )
    learn = tabular_learner(dls, layers=[200, 100], metrics=accuracy)
    stop = EarlyStoppingCallback(monitor="accuracy", min_delta=0.01, patience=3)
    save = SaveModelCallback(monitor="accuracy", min_delta=0.01)
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(int(sys.argv[3]), cbs=[stop, save])
        epochs = len(learn.recorder.values)
        best = learn.validate()[1]
seconds = time.perf_counter() - begin
print(json.dumps({"epochs": epochs, "accuracy": float(best), "seconds": seconds}))
