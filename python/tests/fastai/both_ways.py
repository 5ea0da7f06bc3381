"""A model moves from highmark to fastai and from fastai to highmark, and predicts the same there.

``python both_ways.py FOLDER`` does it with both packages and says how far predictions differ; it fails above 1e-5. It also
writes, into FOLDER, what the tests keep of it beside this script: ``from_highmark.safetensors``, a model that highmark saved,
and ``from_highmark.json``, what fastai 2.8.12 predicted with it. Needs both packages, and safetensors.
"""

import json
import random
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

ROWS, VALID, LAYERS = 2000, range(1600, 2000), [20, 10]
CAT = ["workclass", "education", "marital-status", "occupation", "relationship", "race"]
CONT = ["age", "fnlwgt", "education-num"]


def learner(package, csv, folder, layers=LAYERS):
    """A learner of ``package.tabular.all`` on the first rows of Adult."""
    import importlib

    import pandas as pd

    names = importlib.import_module(f"{package}.tabular.all")
    df = pd.read_csv(csv, skipinitialspace=True).iloc[:ROWS]
    procs = [names.Categorify, names.FillMissing, names.Normalize]
    dls = names.TabularDataLoaders.from_df(
        df,
        path=folder,
        procs=procs,
        cat_names=list(CAT),
        cont_names=list(CONT),
        y_names="salary",
        valid_idx=list(VALID),
        bs=64,
    )
    learn = names.tabular_learner(dls, layers=layers, metrics=names.accuracy)
    return learn, df


def predictions(learn, df):
    """Probabilities for the validation rows, and for the same as a test set without targets."""
    with learn.no_bar(), learn.no_logging():
        valid = np.asarray(learn.get_preds()[0], np.float32)
        test = df.iloc[list(VALID)].drop(columns="salary")
        return valid, np.asarray(learn.get_preds(dl=learn.dls.test_dl(test))[0], np.float32)


def main(out):
    import torch
    from fastai.tabular.model import TabularModel
    from safetensors.torch import load_file, save_file

    import highmark.tabular.all as highmark

    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    csv = highmark.untar_data(highmark.URLs.ADULT_SAMPLE, tempfile.mkdtemp()) / "adult.csv"
    folder = Path(tempfile.mkdtemp())
    worst = {}

    def compare(name, ours, theirs):
        worst[name] = max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))

    # There: saved by highmark, loaded by fastai into the model of its own learner, and into a bare one.
    ours, df = learner("highmark", csv, folder)
    theirs, _ = learner("fastai", csv, folder)
    with ours.no_logging():
        ours.fit_one_cycle(3, 1e-2)
    file = ours.save("from_highmark", with_opt=False)
    theirs.model.load_state_dict(load_file(file), strict=True)
    expected = predictions(theirs, df)
    compare("highmark → fastai's learner", predictions(ours, df), expected)
    sizes = [tuple(v.shape) for k, v in ours.model.state_dict().items() if k.startswith("embeds.")]
    bare = TabularModel(sizes, len(ours.dls.cont_names), ours.dls.c, LAYERS)
    bare.load_state_dict(load_file(file), strict=True)
    bare.eval()
    cat, cont, _ = ours.dls.valid.dataset.arrays()
    with torch.no_grad():
        raw = torch.softmax(bare(torch.from_numpy(cat.astype(np.int64)), torch.from_numpy(cont)), 1).numpy()
    compare("highmark → fastai's TabularModel", [raw], predictions(ours, df)[:1])
    state = {name: torch.from_numpy(np.asarray(value)) for name, value in ours.model.state_dict().items()}
    theirs.model.load_state_dict(state, strict=True)
    compare("highmark's state_dict → fastai", predictions(theirs, df), expected)
    # A model with everything else: other layers, an optimizer's state in the file.
    for layers in ([], [30]):
        ours, _ = learner("highmark", csv, folder, layers)
        theirs, _ = learner("fastai", csv, folder, layers)
        with ours.no_logging():
            ours.fit(1)
        loaded = load_file(ours.save("with_opt"))
        loaded = {name: value for name, value in loaded.items() if not name.startswith("optim.")}
        theirs.model.load_state_dict(loaded, strict=True)
        compare(f"layers {layers}", predictions(ours, df), predictions(theirs, df))

    # And back: trained and saved by fastai, loaded by highmark.
    theirs, _ = learner("fastai", csv, folder)
    with theirs.no_bar(), theirs.no_logging():
        theirs.fit_one_cycle(1, 1e-2)
    save_file(theirs.model.state_dict(), folder / "from_fastai.safetensors")
    ours, _ = learner("highmark", csv, folder)
    ours.load(folder / "from_fastai.safetensors", with_opt=False)
    compare("fastai → highmark", predictions(ours, df), predictions(theirs, df))
    ours, _ = learner("highmark", csv, folder)
    ours.model.load_state_dict(theirs.model.state_dict())
    compare("fastai's state_dict → highmark", predictions(ours, df), predictions(theirs, df))

    for name, difference in worst.items():
        print(f"{name}: {difference:.2e}")
    assert max(worst.values()) < 1e-5
    out = Path(out)
    (out / "from_highmark.safetensors").write_bytes(file.read_bytes())
    (out / "from_highmark.json").write_text(json.dumps([[round(float(p), 8) for p in row] for row in expected[0]]) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1])
