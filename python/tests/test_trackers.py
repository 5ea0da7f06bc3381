"""Scripted runs of fastai's and Keras's own callbacks, replayed through both of the package's interfaces.

The file is ``crates/highmark/tests/golden/trackers/trackers.json``; docs/differences.md says where highmark differs on purpose.
"""

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from conftest import ScriptedMetric

import highmark.callbacks as keras
from highmark.tabular.all import (
    SGD,
    Callback,
    EarlyStoppingCallback,
    ReduceLROnPlateau,
    SaveModelCallback,
    TabularDataLoaders,
    tabular_config,
    tabular_learner,
)

FILE = Path(__file__).parents[2] / "crates/highmark/tests/golden/trackers/trackers.json"
CASES = json.loads(FILE.read_text())["cases"]
COMP = {None: None, "less": np.less, "greater": np.greater}


class Stamp(Callback):
    """Writes the epoch into the weights, and notes the rate of each."""

    def __init__(self):
        super().__init__()
        self.rates = []

    def before_epoch(self):
        self.rates.append(self.learn.opt.hypers[0]["lr"])

    def after_train(self):
        stamp(self.learn, self.learn.epoch)


def stamp(learn, value):
    learn.model.load_state_dict({k: np.full_like(v, value) for k, v in learn.model.state_dict().items()})


def fastai_callbacks(options):
    made = []
    if "early_stopping" in options:
        made.append(EarlyStoppingCallback(**renamed(options["early_stopping"])))
    if "reduce_lr" in options:
        made.append(ReduceLROnPlateau(**renamed(options["reduce_lr"])))
    if "save_model" in options:
        made.append(SaveModelCallback(**renamed(options["save_model"])))
    return made


def renamed(options):
    return {**options, "comp": COMP[options["comp"]]}


def keras_callbacks(options, folder):
    made = [getattr(keras, name)(**given) for name, given in options.items() if name != "ModelCheckpoint"]
    if "ModelCheckpoint" in options:
        given = dict(options["ModelCheckpoint"])
        made.append(keras.ModelCheckpoint(folder / given.pop("filepath"), **given))
    return made


@pytest.fixture(scope="module")
def one_row():
    x = np.zeros(8, dtype=np.float32)
    return {"x": x, "y": x}


def replay(case, data, folder, capsys):
    values = [math.nan if value is None else value for value in case["values"]]
    monitor = case.get("monitor") or "x"
    lower = case["mode"] == "min" if "mode" in case else ("loss" in monitor or "error" in monitor)
    dls = TabularDataLoaders.from_df(
        data, path=folder, y_names="y", cat_names=[], cont_names=["x"], valid_idx=range(4), bs=4
    )
    config = tabular_config(bn_cont=False, use_bn=False)
    learn = tabular_learner(dls, [], config=config, opt_func=SGD, metrics=ScriptedMetric(monitor, lower, values))
    stamp(learn, -1)
    mark = Stamp()
    if case["system"] == "fastai":
        given = {k: {**v, "monitor": monitor} for k, v in case["callbacks"].items()}
        trackers = fastai_callbacks(given)
    else:
        trackers = keras_callbacks(case["callbacks"], folder)
    capsys.readouterr()
    learn.remove_cb(next(cb for cb in learn.cbs if cb.name == "progress"))
    learn.fit(case["epochs"], case["lr"][0] if case["lr"] else 1e-3, cbs=[mark, *trackers])
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if line and not line.lstrip().startswith(("epoch ", *"0123456789"))]
    saved = next((cb.saved for cb in trackers if isinstance(cb, keras.ModelCheckpoint)), None)
    files = [path.name for path in saved] if saved is not None else []
    if case["system"] == "fastai":
        models = folder / "models"
        files = sorted(path.stem for path in models.iterdir()) if models.exists() else []
    weights = {float(v) for tensor in learn.model.state_dict().values() for v in tensor.reshape(-1)}
    assert len(weights) == 1
    return {"epochs": len(mark.rates), "rates": mark.rates, "weights": weights.pop(), "files": files, "lines": lines}


def recorded(case):
    files = case.get("files") or case.get("saved") or []
    lines = [line for line in case["printed"] if line]
    if case["system"] == "fastai":
        files = sorted(name.removesuffix(".pth") for name in files)
    return {
        "epochs": case["epochs_run"],
        "rates": case["lr"],
        "weights": case["weights_of_epoch"],
        "files": files,
        "lines": lines,
    }


def differences(ours, theirs):
    wrong = [k for k in ("epochs", "weights", "files") if ours[k] != theirs[k]]
    if not np.allclose(ours["rates"], theirs["rates"], rtol=1e-6) if ours["epochs"] == theirs["epochs"] else True:
        wrong.append("rates")
    if len(ours["lines"]) != len(theirs["lines"]) or not all(map(same_line, ours["lines"], theirs["lines"])):
        wrong.append("lines")
    return wrong


def same_line(a, b):
    if a == b:
        return True
    head, tail = "learning rate to ", "."
    if head in a and head in b:  # Keras's rate has 32 bits.
        split_a, split_b = a.split(head), b.split(head)
        return split_a[0] == split_b[0] and math.isclose(
            float(split_a[1].removesuffix(tail)), float(split_b[1].removesuffix(tail)), rel_tol=1e-6
        )
    return False


def by_design(case):
    values = case["values"]
    if case["system"] == "fastai":
        if case["error"] == "FileNotFoundError" and all(v is None for v in values[: case["epochs_run"]]):
            return "nothing-saved-nothing-loaded"
        return None
    starts = [case["callbacks"].get("EarlyStopping", {}).get("start_from_epoch", 0), 0]
    return "nan-is-never-better" if any(values[start] is None for start in starts if start < len(values)) else None


# Of a constant: what is trained on does not matter here.
@pytest.mark.filterwarnings("ignore:column `x`")
def test_all_cases(one_row, tmp_path, capsys):
    named, wrong = Counter(), []
    for number, case in enumerate(CASES):
        folder = tmp_path / str(number)
        folder.mkdir()
        ours, theirs = replay(case, one_row, folder, capsys), recorded(case)
        found = differences(ours, theirs)
        if not found:
            named["agree"] += 1
        elif by_design(case):
            named[by_design(case)] += 1
        else:
            wrong.append((number, found, ours, theirs))
    assert not wrong, wrong[:3]
    assert named["agree"] > 200 and sum(named.values()) == 240, named
