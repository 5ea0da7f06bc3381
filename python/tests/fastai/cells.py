# fastai code, run under both packages with only this import changed: the article's cells and those of fastai's own tutorial
# for tabular data. `note` is given; it keeps what is to be compared.
from fastai.tabular.all import *

set_seed(7)
path = untar_data(URLs.ADULT_SAMPLE)
note("sample", sorted(p.name for p in path.ls() if p.suffix == ".csv"))
df = pd.read_csv(path / "adult.csv", skipinitialspace=True).iloc[:2000]
note("split", cont_cat_split(df, 50, dep_var="salary"))
cat_names = ["workclass", "education", "marital-status", "occupation", "relationship", "race"]
cont_names = ["age", "fnlwgt", "education-num"]
procs = [Categorify, FillMissing, Normalize]

# The tutorial.
splits = RandomSplitter(valid_pct=0.2)(range_of(df))
to = TabularPandas(df, procs=procs, cat_names=cat_names, cont_names=cont_names, y_names="salary", splits=splits)
note("encoded", [list(to.xs.columns), len(to.xs), list(to.ys.columns), len(to.train.xs), len(to.valid.ys)])
dls = to.dataloaders(bs=64)
note("names", [list(dls.cat_names), list(dls.cont_names), list(dls.y_names), list(dls.vocab)])
note("classes", {name: len(values) for name, values in dls.classes.items()})
dls.show_batch()
learn = tabular_learner(dls, metrics=accuracy)
learn.fit_one_cycle(1)
note("fit", [list(learn.recorder.metric_names), len(learn.recorder.values), len(learn.recorder.lrs)])
learn.show_results()
row, clas, probs = learn.predict(df.iloc[0])
row.show()
note("predict", [list(probs.shape), int(clas) in (0, 1)])
test_df = df.copy()
test_df = test_df.drop(["salary"], axis=1)
dl = learn.dls.test_dl(test_df)
preds, targets = learn.get_preds(dl=dl)
note("get_preds", [list(preds.shape), targets is None])
note("validate", len(learn.validate()))

# The article: as it is, with early stopping, and with early stopping and the best model kept.
dls = TabularDataLoaders.from_df(
    df,
    path=folder,
    procs=procs,
    cat_names=cat_names,
    cont_names=cont_names,
    y_names="salary",
    valid_idx=list(range(1024, 1260)),
    bs=64,
)
note("loaders", [len(dls.train), len(dls.valid), dls.bs, dls.c])


def run(name, epochs, cbs, **kwargs):
    learn = tabular_learner(dls, layers=[200, 100], metrics=[accuracy, error_rate], **kwargs)
    learn.fit_one_cycle(epochs, 1e-2, cbs=cbs)
    files = (
        sorted(p.stem for p in (learn.path / learn.model_dir).iterdir()) if (learn.path / learn.model_dir).exists() else []
    )
    note(name, [list(learn.recorder.metric_names), len(learn.recorder.values), files])
    return learn


run("plain", 2, None)
run("early stopping", 6, EarlyStoppingCallback(monitor="accuracy", min_delta=1.0, patience=2))
learn = run(
    "early stopping and the best",
    6,
    [
        EarlyStoppingCallback(monitor="accuracy", min_delta=1.0, patience=2),
        SaveModelCallback(monitor="accuracy", min_delta=1.0, fname="best"),
    ],
    model_dir="kept",
)
run("every epoch", 3, SaveModelCallback(every_epoch=2, fname="each"), model_dir="each")
run("error rate", 4, EarlyStoppingCallback(monitor="error_rate", min_delta=1.0, patience=1))
learn = tabular_learner(dls, layers=[8], metrics=accuracy, opt_func=partial(SGD, mom=0.9), wd=0.1)
learn.fit(3, 0.1, cbs=ReduceLROnPlateau(monitor="accuracy", min_delta=1.0, patience=1))
note("rates", [round(float(lr), 6) for lr in learn.recorder.lrs[:: len(dls.train)]])
learn.fit_flat_cos(1, 1e-3)
note("flat cos", [round(float(lr), 9) for lr in learn.recorder.lrs])
learn.fit_one_cycle(1, 1e-3)
note("one cycle", [round(float(lr), 9) for lr in learn.recorder.lrs])


class Trace(Callback):
    def __init__(self):
        self.seen = []

    def before_fit(self):
        self.seen.append(f"{self.name} {self.learn.n_epoch}")

    def before_batch(self):
        if self.iter == 0:
            self.seen.append(f"batch {self.epoch} {self.training} {len(self.learn.xb)} {self.learn.yb[0].shape[0]}")

    def after_epoch(self):
        self.seen.append(f"epoch {self.epoch}")
        if self.epoch == 1:
            raise CancelFitException()

    def after_cancel_fit(self):
        self.seen.append("cancelled")

    def after_fit(self):
        self.seen.append("end")


trace = Trace()
tabular_learner(dls, layers=[8]).fit(5, cbs=trace)
note("trace", trace.seen)
learn.save("saved")
learn.load("saved")
learn.export("model.pkl")
again = load_learner(learn.path / "model.pkl")
note("again", [list(again.predict(df.iloc[3])[2].shape), sorted(p.stem for p in folder.iterdir() if p.is_file())])
