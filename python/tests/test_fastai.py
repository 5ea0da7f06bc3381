"""fastai's own code with the import changed, and models that move both ways."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from highmark.tabular.all import (
    Categorify,
    FillMissing,
    Normalize,
    TabularPandas,
    URLs,
    pd,
    tabular_learner,
    untar_data,
)

HERE = Path(__file__).parent / "fastai"
GOLDEN = Path(__file__).parents[2] / "crates/highmark/tests/golden/fastai"
sys.path.insert(0, str(HERE))


@pytest.mark.parametrize(("cells", "recorded"), [("cells.py", "fastai.json"), ("frame_cells.py", "frame_cells.json")])
def test_the_same_script(cells, recorded, capsys, monkeypatch, tmp_path):
    """Columns, epochs run, files and messages are those that fastai 2.8 had; `runner.py` recorded them."""
    import runner

    monkeypatch.chdir(tmp_path)
    theirs = json.loads((HERE / recorded).read_text())
    ours = runner.run("highmark", cells=cells)
    assert ours.keys() == theirs.keys()
    different = {name: (ours[name], theirs[name]) for name in theirs if ours[name] != theirs[name]}
    assert not different, different


@pytest.mark.parametrize("case", ["article", "normalized"])
def test_models_of_fastai(case, tmp_path):
    """A model that fastai trained predicts here what it predicted there, and what is saved here is what fastai loads."""
    meta = json.loads((GOLDEN / case / "meta.json").read_text())
    config, data = meta["config"], load_file(GOLDEN / case / "data.safetensors")
    df = pd.read_csv(untar_data(URLs.ADULT_SAMPLE, tmp_path) / "adult.csv")
    if config.get("rows"):
        df = df.iloc[: config["rows"]]
    known = {"Categorify": Categorify, "FillMissing": FillMissing, "Normalize": Normalize}
    valid = data["valid_rows"].tolist()
    train = [row for row in range(len(df)) if row not in set(valid)]
    cat = [name for name in meta["cat_names"] if not name.endswith("_na")]
    to = TabularPandas(
        df, [known[p] for p in config["procs"]], cat, meta["cont_names"], config["dep"], splits=(train, valid)
    )
    assert to.cat_names == meta["cat_names"]
    learn = tabular_learner(to.dataloaders(bs=config["bs"], path=tmp_path), layers=config["layers"])
    learn.load(GOLDEN / case / "final.safetensors", with_opt=False)
    raw, _, _ = learn._core.predictions(learn.dls.valid.rows)
    expected = data["valid_preds"]
    got = raw if np.abs(raw - expected).max() < np.abs(learn.get_preds()[0] - expected).max() else learn.get_preds()[0]
    assert np.abs(got - expected).max() < 1e-5
    theirs = load_file(GOLDEN / case / "final.safetensors")
    ours = load_file(learn.save("back", with_opt=False))
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert (ours[name].shape, ours[name].dtype) == (tensor.shape, tensor.dtype), name
        assert np.array_equal(ours[name], tensor), name


def test_models_for_fastai(tmp_path):
    """fastai loads what is saved here, and predicts with it what is predicted here: `both_ways.py` did it with fastai 2.8.12
    and kept the file and the predictions. The file is what is written today."""
    import both_ways

    learn, df = both_ways.learner("highmark", untar_data(URLs.ADULT_SAMPLE, tmp_path) / "adult.csv", tmp_path)
    learn.load(HERE / "from_highmark.safetensors", with_opt=False)
    theirs = np.array(json.loads((HERE / "from_highmark.json").read_text()), np.float32)
    for ours in both_ways.predictions(learn, df):
        assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 1e-5
    then, now = load_file(HERE / "from_highmark.safetensors"), load_file(learn.save("now", with_opt=False))
    assert list(then) == list(now)
    for name, tensor in then.items():
        assert (now[name].dtype, now[name].tolist()) == (tensor.dtype, tensor.tolist()), name
