"""The names that fastai's star brings beside its own classes, with what fastai 2.8 gave for them."""

import subprocess
import sys

import numpy as np
import pytest

from highmark.tabular import standard
from highmark.tabular.all import *  # noqa: F403
from highmark.tabular.all import (
    Callback,
    CategoricalDtype,
    Metric,
    SchedCos,
    ShortEpochCallback,
    Tensor,
    ValueMetric,
    accuracy,
    annealer,
    concat,
    csv,
    find_bs,
    ifnone,
    is_listy,
    is_numeric_dtype,
    listify,
    master_bar,
    one_hot,
    params,
    pd,
    pickle,
    progress_bar,
    range_of,
    sched_cos,
    sched_exp,
    sched_lin,
    sched_no,
    sigmoid_range,
    tabular_learner,
    tensor,
    test_close,
    to_concat,
    to_cpu,
    total_params,
    trainable_params,
    tuplify,
    zipfile,
)


def test_small_functions():
    for got, fastai in [
        (range_of(3), [0, 1, 2]),
        (range_of("abc"), [0, 1, 2]),
        (range_of(2, 6, 2), [2, 4]),
        (find_bs((tensor([1, 2]), 3)), 2),
        (find_bs({"x": [np.zeros((4, 2))]}), 4),
        (concat([1], [2, 3], (4,)), [1, 2, 3, 4]),
        (concat((1,), [2]), (1, 2)),
        (concat(np.array([1]), np.array([2])).tolist(), [1, 2]),
        (to_concat([(tensor([1]), tensor([2])), (tensor([3]), tensor([4]))]), (tensor([1, 3]), tensor([2, 4]))),
        (one_hot([1, 4], 5).tolist(), [0, 1, 0, 0, 1]),
        (to_cpu((1, "a")), (1, "a")),
        ([listify(x) for x in (None, "a", {"a": 1}, range(2), (1, 2))], [[], ["a"], [{"a": 1}], [0, 1], [1, 2]]),
        (tuplify([1]), (1,)),
        ([is_listy(x) for x in ((1,), [1], slice(3), range(3), {1: 2}, "a", iter([1]))], [True] * 3 + [False] * 4),
        (is_listy(i for i in [1]), True),
        (ifnone(None, 1), 1),
        ([sched(1, 4, 0.5) for sched in (sched_lin, sched_cos, sched_no, sched_exp)], [2.5, 2.5, 1, 2.0]),
        (sched_cos(1, 3, 0.25), 1.2928932188134525),
        (annealer(sched_cos)(1, 3)(0.25), SchedCos(1, 3)(0.25)),
        (sigmoid_range(tensor(0.0), 1, 3).item(), 2.0),
    ]:
        assert str(got) == str(fastai), got
    test_close([1, 2], [1, 2 + 1e-6])
    with pytest.raises(AssertionError, match="close"):
        test_close(1, 1.1)


def test_of_python_numpy_and_pandas():
    assert pickle.loads(pickle.dumps([1])) == [1] and next(csv.reader(["a,b"])) == ["a", "b"]
    assert zipfile.is_zipfile(__file__) is False and is_numeric_dtype(np.zeros(1)) and not is_numeric_dtype(pd.Series(["a"]))
    kind = pd.Series(["a"], dtype=CategoricalDtype(["a", "b"])).dtype
    assert isinstance(kind, CategoricalDtype) and not isinstance(np.dtype(int), CategoricalDtype)
    for name in standard.__all__:
        assert name in globals()
    code = "from highmark.tabular.all import *; assert not {'pandas', 'csv', 'requests', 'zipfile'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


class Rows(Metric):
    """As fastai's own metrics count rows."""

    def reset(self):
        self.rows = 0

    def accumulate(self, learn):
        self.rows += find_bs(learn.yb)

    @property
    def value(self):
        return self.rows


def test_late_modules_are_not_imported_by_a_look():
    code = """
from highmark.tabular.all import *
import inspect
from highmark.tabular.late import Late
absent = Late("no_such_module")
assert not hasattr(absent, "__wrapped__") and inspect.unwrap(scipy) is scipy
assert inspect.unwrap(CategoricalDtype) is CategoricalDtype
for same in (copy, deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
    assert repr(same(pd)) == repr(pd) and repr(same(CategoricalDtype)) == repr(CategoricalDtype)
assert "pandas" not in sys.modules and "scipy" not in sys.modules
import gc
gc.freeze()
frozen = gc.get_freeze_count()
assert pd.__version__ and copy(pd).DataFrame is pd.DataFrame and deepcopy(CategoricalDtype)(["a"]).categories[0] == "a"
assert gc.get_freeze_count() >= frozen - 1000
try:
    absent.get
except ModuleNotFoundError:
    print("done")
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "done\n"


def test_in_a_fit(dls):
    class Counts(Callback):
        def before_epoch(self):
            self.batches = 0

        def after_batch(self):
            self.batches += 1

    counts = Counts()
    learn = tabular_learner(dls, layers=[8], metrics=[Rows(), ValueMetric(lambda: counts.batches, "batches"), accuracy])
    with learn.no_logging():
        learn.fit(1, cbs=[counts])
        assert learn.recorder.values[0][2:4] == [128, 20]
        learn.fit(2, cbs=ShortEpochCallback(pct=0.5))
    assert learn.train_iter == 2 * 9, "fastai trains the batch that reaches the share, too"


@pytest.mark.parametrize(("short_valid", "batches"), [(True, 9 + 3), (False, 9 + 4)])
def test_a_short_epoch_ends_with_the_batch_at_the_share(dls, short_valid, batches):
    seen = []
    learn = tabular_learner(dls, layers=[8])
    learn.fit(1, cbs=[Callback(before_batch=lambda self: seen.append(self.iter)), ShortEpochCallback(0.5, short_valid)])
    assert len(seen) == batches


def test_parameters_are_counted(learn):
    counted = sum(p.numel() for p in learn.model.parameters() if p.requires_grad)
    assert total_params(learn.model) == (counted, True) and len(params(learn.model)) == len(trainable_params(learn.model))
    assert isinstance(params(learn.model)[0], Tensor) and not tensor([1]).requires_grad


def test_bars(capsys):
    outer = master_bar(range(2))
    for _ in outer:
        for _ in progress_bar(range(3), parent=outer):
            outer.child.comment = "three"
    outer.write(["a", 1], table=True)
    assert (len(outer), outer.child.comment, capsys.readouterr().out) == (2, "three", "a  1\n")
    assert list(progress_bar(iter([1, 2]))) == [1, 2]


def test_bars_are_drawn(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert list(progress_bar(range(2), comment="columns")) == [0, 1]
    assert capsys.readouterr().out.split("\r")[-1].rstrip() == f"|{'█' * 30}| 2/2 columns"
    for bar in (progress_bar(range(9999)), progress_bar(iter(range(9999)))):
        assert len(list(bar)) == 9999
        drawn = capsys.readouterr().out.split("\r")
        assert "9999/" in drawn[-1] and len(drawn) < 999, "not at every item"
