"""What scripts for fastai do beside the tutorials: tables looked at, arrays treated as tensors, schedules, fine-tuning."""

import gzip

import numpy as np
import pytest

from highmark.tabular.all import (
    AccumMetric,
    Adam,
    Callback,
    Categorify,
    ClassificationInterpretation,
    ColSplitter,
    CrossEntropyLossFlat,
    F,
    FillMissing,
    FillStrategy,
    FuncSplitter,
    MaskSplitter,
    Mish,
    MultiCategoryBlock,
    Normalize,
    ParamScheduler,
    RandomSplitter,
    RandomSubsetSplitter,
    SchedCos,
    SchedExp,
    SchedLin,
    SchedNo,
    SchedPoly,
    Swish,
    TabularDataLoaders,
    TabularPandas,
    Tensor,
    TrainTestSplitter,
    accuracy,
    combine_scheds,
    combined_cos,
    cont_cat_split,
    defaultdict,
    emb_sz_rule,
    first,
    flatten_check,
    get_emb_sz,
    json,
    load_learner,
    nn,
    noop,
    pd,
    plt,
    re,
    store_attr,
    tabular_config,
    tabular_learner,
    tensor,
    to_np,
    torch,
)
from highmark.tabular.builtin import SaveModelCallback as BuiltinSaveModel
from highmark.tabular.tensor import tensor_of

PROCS = [Categorify, FillMissing, Normalize]


@pytest.fixture
def to(columns):
    frame = pd.DataFrame(columns)
    cont, cat = cont_cat_split(frame, dep_var="rich")
    return TabularPandas(
        frame, PROCS, cat, cont, y_names="rich", splits=RandomSplitter(seed=1)(frame)
    )


def test_tables_are_looked_at(to, columns, capsys):
    assert list(to.xs.columns) == to.x_names == ["city", "age_na", "age", "hours"]
    assert list(to.items.columns) == list(to.all_cols.columns) == to.all_col_names == [*to.x_names, "rich"]
    assert list(to.cats.columns) == to.cat_names and list(to.conts.columns) == to.cont_names
    assert len(to.items) == len(to) == 640 and len(to.train.y) == to.split == 512
    assert (to.valid.y == to.valid.ys["rich"]).all() and to.targ.equals(to.ys)
    to.train.show(2)
    assert capsys.readouterr().out.splitlines()[0].split() == to.all_col_names

    assert [type(proc).__name__ for proc in to.procs] == ["FillMissing", "Categorify", "Categorize", "Normalize"]
    assert to.procs.categorify["city"] == to.procs.categorify.classes["city"] == ["#na#", "Bergen", "Oslo", "Tromsø"]
    assert to.procs.fill_missing.na_dict == to.na_dict and to.procs.normalize.means == to.means
    with pytest.raises(AttributeError, match="there is no proc `nonsense` among"):
        to.procs.nonsense  # noqa: B018

    dls = to.dataloaders()
    assert to.categorify.classes == dls.categorify.classes == to.classes and dls.categorify["city"] == to.classes["city"]
    assert to.fill_missing.na_dict == dls.na_dict and dls.normalize.means == dls.train.normalize.means == to.means
    assert dls.procs.categorize.vocab == dls.vocab == ["no", "yes"]
    plain = TabularPandas(columns, Categorify, ["city"], ["hours"], "rich", splits=RandomSplitter()(range(640)))
    with pytest.raises(AttributeError, match="normalize"):
        plain.normalize  # noqa: B018

    new = to.new({name: values[:5] for name, values in columns.items() if name != "rich"})
    new.process()
    assert list(new.items.columns) == list(new.xs.columns) == to.x_names and len(new) == 5
    with pytest.raises(ValueError, match="no targets"):
        new.ys  # noqa: B018
    dls = to.dataloaders(bs=64, val_bs=100)
    assert (dls.valid.bs, len(dls.valid), len(dls.train_ds.xs), len(dls.valid_ds.items)) == (100, 2, 512, 128)


def test_procs_keep_what_they_found(columns):
    fill, cat, norm = FillMissing(FillStrategy.constant, add_col=False, fill_vals={"age": -1}), Categorify(), Normalize()
    splits = RandomSplitter(seed=1)(range(640))
    to = TabularPandas(columns, [norm, cat, fill, noop], ["city"], ["age", "hours"], "rich", splits=splits)
    assert cat.classes == to.classes and fill.na_dict == {"age": -1} and (norm.means, norm.stds) == (to.means, to.stds)
    assert FillMissing().fill_strategy.__name__ == "median" and FillStrategy.mode.__name__ == "mode"
    assert FillStrategy.median(pd.Series([1, 3])) == 2 and FillStrategy.mode(pd.Series([1, 3, 3])) == 3
    # Those of a table make the next one as they made it.
    again = TabularPandas(columns, to.procs, ["city"], ["age", "hours"], "rich", splits=splits)
    assert again.xs.equals(to.xs) and again.x_names == ["city", "age", "hours"]
    with pytest.raises(ValueError, match="by another rule beforehand"):
        FillMissing(fill_strategy=lambda c, fill: c.mean())
    with pytest.raises(ValueError, match="filled with one number"):
        FillMissing(FillStrategy.constant, fill_vals={"a": -1, "b": -2})


def test_arrays_answer_to_torchs_names(learn):
    learn.fit(1)
    preds, targets = learn.get_preds()
    assert isinstance(preds, np.ndarray) and type(preds.numpy()) is np.ndarray
    assert np.array_equal(preds.argmax(dim=1, keepdim=True), preds.numpy().argmax(axis=1, keepdims=True))
    assert np.array_equal(preds.max(dim=1).indices, preds.argmax(1)) and preds.max() == preds.numpy().max()
    assert preds.sum(dim=-1).detach().cpu().tolist() == pytest.approx([1] * 128)
    assert preds.view(-1).shape == (256,) and preds.view(np.ndarray).base is not None
    assert targets.squeeze().unsqueeze(1).shape == targets.shape and preds.float().clone().numel() == 256
    assert np.allclose(preds.log().softmax(dim=1), preds, atol=1e-6) and tensor(0.0).sigmoid() == 0.5
    assert preds.clamp(0.2, 0.4).max() <= np.float32(0.4) and (preds.eq(preds)).all()
    row, decided, probabilities = learn.predict({"age": 30, "hours": 40, "city": "Oslo"})
    assert learn.dls.vocab[decided.item()] == row["rich"] and probabilities.argmax(dim=0) == decided
    assert tensor([1, 2]).dtype == np.int64 and tensor(1.0, 2.0).dtype == np.float32 and tensor_of(None) is None

    def share(inp, targ):
        return (inp.argmax(dim=-1) == targ.squeeze(-1)).float().mean()

    learn = tabular_learner(learn.dls, layers=[8], metrics=[share, accuracy, AccumMetric(share, flatten=False, name="all")])
    seen = []
    losses = Callback(after_batch=lambda: seen.append((learn.loss.item(), learn.smooth_loss.item(), learn.pred.float().mean())))
    learn.fit(1, cbs=losses)
    assert learn.recorder.values[0][2:] == pytest.approx([learn.recorder.values[0][3]] * 3) and len(seen) == 20
    weighted = tabular_learner(learn.dls, layers=[8], loss_func=CrossEntropyLossFlat(weight=tensor([1.0, 3.0])))
    assert weighted.loss_func.spec["weight"] == [1.0, 3.0]
    assert sum(p.numel() for p in weighted.model.parameters()) > 0
    assert dict(weighted.model.named_parameters())["layers.0.0.weight"].shape == (8, 8)


def test_what_one_parameter_group_means(learn):
    learn.freeze()
    learn.freeze_to(-1)
    learn.unfreeze()
    learn.create_opt()
    with pytest.raises(ValueError, match="one parameter group"):
        learn.freeze_to(1)
    learn.fine_tune(2, base_lr=1e-2)
    assert len(learn.recorder.values) == 2 and max(learn.recorder.lrs) == pytest.approx(5e-3, rel=1e-2)
    assert learn.recorder.lrs[0] == pytest.approx(1e-3) and learn.opt_func is Adam


def test_schedules(learn):
    for sched, middle in [
        (SchedLin(1, 3), 2),
        (SchedCos(1, 3), 2),
        (SchedNo(1, 3), 1),
        (SchedExp(1, 4), 2),
        (SchedPoly(1, 3, 2), 1.5),
        (combine_scheds([0.5, 0.5], [SchedNo(1, 1), SchedLin(2, 4)]), 2),
        (combined_cos(0.5, 1, 3, 2), 3),
    ]:
        assert sched(0.5) == pytest.approx(middle)
        assert sched(0) == 1
    assert combine_scheds([1, 0], [SchedLin(1, 2), SchedNo(9, 9)])(1) == 2
    with pytest.raises(ValueError, match="1 in all"):
        combine_scheds([0.5, 0.6], [SchedNo(1, 1)] * 2)
    learn.fit(1, cbs=ParamScheduler({"lr": SchedLin(1e-2, 0)}))
    assert learn.recorder.lrs == pytest.approx([1e-2 * (1 - i / 16) for i in range(16)])


def test_the_last_range_test_is_drawn(learn):
    with pytest.raises(ValueError, match="no range test yet"):
        learn.recorder.plot_lr_find()
    learn.lr_find(show_plot=False, num_it=20)
    assert learn.recorder.plot_lr_find(skip_end=2, log=True) is None, "a cell that ends with it shows no text"
    learn.recorder.plot_lr_find(suggestions=[(1e-3, 0.5)], nms=["mine"], ax=plt.gca())
    assert [text.get_text() for text in plt.gca().get_legend().get_texts()] == ["mine"]
    learn.recorder.plot_lr_find(skip_end=2, log=True)
    assert len(plt.gca().lines[0].get_xdata()) <= 18 and plt.gca().get_yscale() == "log"
    plt.close("all")


def test_splitters(columns):
    frame = pd.DataFrame({"is_valid": [True, False, False, True], "fold": [0, 1, 2, 1]})
    assert ColSplitter()(frame) == ([1, 2], [0, 3])
    assert ColSplitter("fold", on=[1])(frame) == ([0, 2], [1, 3])
    assert ColSplitter(1, on=2)(frame) == ([0, 1, 3], [2])
    assert MaskSplitter([False, True])(range(2)) == ([0], [1])
    assert FuncSplitter(lambda row: row > 7)(range(10)) == (list(range(8)), [8, 9])
    for share in (0.3, 0.9):
        train, valid = RandomSubsetSplitter(share, 0.1, seed=1)(range(1000))
        assert (len(train), len(valid), len({*train, *valid})) == (1000 * share, 100, 1000 * share + 100)
        assert max(train) > 900 and min(train) < 100, "rows from everywhere"
    for splitter in (RandomSplitter(seed=1), TrainTestSplitter(random_state=1)):
        train, valid = splitter(range(10))
        assert sorted(train + valid) == list(range(10)) and len(valid) == 2
    with pytest.raises(ValueError, match="at most 1 together"):
        RandomSubsetSplitter(0.6, 0.5)
    for name, shares in (("train_sz", (0.001, 0.2)), ("valid_sz", (0.2, 0.001))):
        with pytest.raises(ValueError, match=f"{name}: 0.001 of 200 rows is not one row"):
            RandomSubsetSplitter(*shares)(range(200))


def test_interpretation(learn, capsys):
    learn.fit(1)
    interpretation = ClassificationInterpretation.from_learner(learn)
    matrix = interpretation.confusion_matrix()
    assert matrix.sum() == 128 and matrix.trace() / 128 == pytest.approx(learn.validate()[1])
    confused = interpretation.most_confused()
    assert sum(count for *_, count in confused) == 128 - matrix.trace() and confused[0][2] >= confused[-1][2]
    losses, rows = interpretation.top_losses(3)
    assert losses.tolist() == sorted(interpretation.losses.tolist(), reverse=True)[:3] and len(rows) == 3
    interpretation.print_classification_report()
    assert "precision" in capsys.readouterr().out
    assert interpretation.plot_confusion_matrix(normalize=True) is None and plt.gca().get_xlabel() == "Predicted"
    plt.close("all")


def test_names_that_come_along(learn):
    class Mine(Callback):
        def __init__(self, a, b=2, *, c=3):
            store_attr(but="b", d=4)

    mine = Mine(1)
    assert (mine.a, mine.c, mine.d) == (1, 3, 4) and "b" not in vars(mine)
    learn.fit(1, cbs=mine)
    assert json.loads("1") == 1 and re.sub("a", "b", "a") == "b" and defaultdict(int)["a"] == 0


def test_small_names(columns, tmp_path, dls):
    assert first(dls.valid)[0].shape == (32, 2) and first([]) is None and noop(3) == 3
    names, columns = list(columns), list(columns.values())
    lines = ["\t".join(names), *("\t".join(str(column[row]) for column in columns) for row in range(100))]
    (tmp_path / "tabs.txt").write_text("\n".join(lines), encoding="utf-8")
    for delimiter in ("\t", "tab"):
        found = TabularDataLoaders.from_csv(tmp_path / "tabs.txt", delimiter=delimiter, y_names="rich", procs=[Categorify, FillMissing])
        assert found.cont_names == ["age", "hours"]
    with pytest.raises(KeyError, match="there is no column `rich`"):
        TabularDataLoaders.from_csv(tmp_path / "tabs.txt", y_names="rich", procs=Categorify)
    (tmp_path / "ragged.csv").write_text("a;b\n1,5;2\n")
    with pytest.raises(ValueError, match="try the delimiter ';'") as raised:
        TabularDataLoaders.from_csv(tmp_path / "ragged.csv", y_names="b")
    assert "--" not in str(raised.value)


def test_files_as_pandas_reads_them(columns, tmp_path):
    text = pd.DataFrame(columns).to_csv(sep=";", index=False).encode()
    (tmp_path / "x.csv").write_bytes(text)
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text))
    options = {"y_names": "rich", "procs": [Categorify, FillMissing]}
    with pytest.raises(TypeError, match="from_csv: there is no option `sep`; .* delimiter=';' here"):
        TabularDataLoaders.from_csv(tmp_path / "x.csv", sep=";", **options)
    plain, packed = (TabularDataLoaders.from_csv(tmp_path / name, delimiter=";", **options) for name in ("x.csv", "x.csv.gz"))
    assert packed.train.xs.equals(plain.train.xs)
    (tmp_path / "y.csv.gz").write_bytes(gzip.compress(text)[:200])
    (tmp_path / "z.csv.gz").write_bytes(text)
    for name in ("y.csv.gz", "z.csv.gz"):
        with pytest.raises(ValueError, match=f"{name}: cannot be unpacked"):
            TabularDataLoaders.from_csv(tmp_path / name, **options)
    (tmp_path / "ragged.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n3\n"))
    with pytest.raises(ValueError, match="ragged.csv.gz"):
        TabularDataLoaders.from_csv(tmp_path / "ragged.csv.gz", y_names="b")
    with pytest.raises(FileNotFoundError, match="no.csv.gz"):
        TabularDataLoaders.from_csv(tmp_path / "no.csv.gz", **options)


def test_text_as_objects(columns):
    """Equal texts in one object and in many, and pandas' marks of missing values, come to the same table."""
    shared = {"Oslo": "Oslo", "Bergen": "Bergen", "Tromsø": "Tromsø"}
    one = np.array([shared[str(city)] for city in columns["city"]], dtype=object)
    many = np.array(["".join(list(str(city))) for city in columns["city"]], dtype=object)
    one[::7], many[::7] = None, float("nan")
    many[::14] = pd.NA
    encoded = []
    for cities in (one, many):
        frame = pd.DataFrame({**columns, "city": pd.Series(cities, dtype=object)})
        dls = TabularDataLoaders.from_df(frame, cat_names=["city"], cont_names=["hours"], y_names="rich", procs=[Categorify, FillMissing])
        assert dls.classes["city"] == ["#na#", "Bergen", "Oslo", "Tromsø"]
        encoded.append(dls.train_ds.xs)
    assert encoded[0].equals(encoded[1]) and (encoded[0]["city"] == 0).sum() > 50


def test_activations_by_class(dls, tmp_path):
    class LeakyReLU:
        """As torch's, from its name."""

    def said(act_cls):
        learn = tabular_learner(dls, layers=[4], config=tabular_config(act_cls=act_cls))
        return load_learner(learn.export(tmp_path / "model.safetensors")).description["config"]["activation"]

    names = [said(act_cls) for act_cls in (Mish, Mish(), Swish, LeakyReLU, "GELU")]
    assert names == ["mish", "mish", "silu", "leaky-relu", "gelu"]
    with pytest.raises(ValueError, match="act_cls: there is no activation `misch`; did you mean `mish`"):
        tabular_config(act_cls="misch")


def test_options_of_the_model_can_be_changed(dls):
    config = tabular_config(ps=[0.1])
    config["embed_p"] = 0.2
    assert config["ps"] == [0.1]
    said = tabular_learner(dls, [5], config=config, y_range=(0, 1))._config["model"]
    assert (said["dropout"], said["embed_dropout"], said["y_range"]) == ([0.1], 0.2, [0.0, 1.0])
    with pytest.raises(TypeError, match="config: there is no option `embed_drop`. There are: ps, embed_p"):
        tabular_learner(dls, [5], config={"embed_drop": 0.2})


def test_decoded_labels_are_a_mask(columns):
    labels = columns | {"old": columns["hours"] > 30, "rich": columns["rich"] == "yes"}
    dls = TabularDataLoaders.from_df(
        labels,
        procs=PROCS,
        cat_names=["city"],
        cont_names=["hours"],
        y_names=["old", "rich"],
        y_block=MultiCategoryBlock(),
        bs=32,
    )
    learn = tabular_learner(dls, layers=[4])
    preds, targs, decoded = learn.get_preds(with_decoded=True)
    assert decoded.dtype == bool and np.array_equal(decoded, preds > 0.5) and preds[decoded].min(initial=1) > 0.5
    assert targs.dtype == np.float32 and ((~decoded) == (preds <= 0.5)).all()
    shown, one, _ = learn.predict({"city": "Oslo", "hours": 40})
    assert one.dtype == bool and set(shown) >= {"old", "rich"}


def test_a_summary_is_shown_as_lines(learn):
    assert repr(learn.summary()) == learn.summary() and "Callbacks:" in learn.summary().splitlines()


def test_fastais_modules():
    from highmark.callback.tracker import SaveModelCallback
    from highmark.data.external import URLs, untar_data  # noqa: F401
    from highmark.learner import load_learner as loader
    from highmark.tabular.core import TabularPandas as Table

    assert SaveModelCallback is BuiltinSaveModel and loader is load_learner and Table is TabularPandas
    import highmark.callbacks

    assert "BackupAndRestore" in highmark.callbacks.__all__
    with pytest.raises(ModuleNotFoundError):
        import highmark.vision  # noqa: F401
    with pytest.raises(NotImplementedError, match="CSVLogger"):
        highmark.callbacks.TensorBoard("logs")


def test_torchs_names(dls):
    for act, advice in [(lambda: F.mse_loss, "MSELossFlat"), (lambda: torch.stack, "np.stack"), (lambda: nn.Linear, "no torch")]:
        with pytest.raises(AttributeError, match=advice):
            act()

    class CrossEntropyLoss:
        """As torch's, from its name and module."""

        weight, reduction = np.array([1.0, 3.0]), "mean"

    CrossEntropyLoss.__module__ = "torch.nn.modules.loss"
    learn = tabular_learner(dls, layers=[4], loss_func=CrossEntropyLoss(), config={"ps": 0.1})
    assert learn.loss_func.spec["weight"] == [1.0, 3.0]
    assert learn.model.eval().cpu().to("cpu").train() is learn.model
    assert learn.to_fp32() is learn
    assert type(to_np(tensor([1]))) is np.ndarray


def test_what_would_be_ignored_is_refused(dls):
    class Theirs:
        """As torch's, from its module."""

    Theirs.__module__ = "torch.optim.adam"
    with pytest.raises(TypeError, match="opt_func: highmark has no torch; Adam"):
        tabular_learner(dls, opt_func=Theirs)


def test_flat_arrays_of_one_length(dls):
    inp, targ = flatten_check(np.zeros((2, 3)), [1, 2, 3, 4, 5, 6])
    assert inp.shape == targ.shape == (6,) and isinstance(inp, Tensor)
    with pytest.raises(AssertionError, match="6\n4"):
        flatten_check(inp, targ[:4])
    assert dls.cpu() is dls.to("cpu") is dls


def test_a_batch_is_shown(dls, capsys):
    batch = dls.valid.one_batch()
    dls.show_batch(batch, max_n=3)
    dls.valid.show_batch(batch[:2], max_n=2)
    dls.valid.show_batch(max_n=3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == lines[7:] and "rich" not in lines[4] and len(lines) == 11
    dls.show_batch(3)
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_small_things_of_learners(learn, capsys):
    learn.fit_one_cycle(1, lr_max=[1e-3])
    assert max(learn.recorder.lrs) == pytest.approx(1e-3)
    with pytest.raises(TypeError, match="lr"):
        learn.fit(1, [1e-3, 1e-2])
    late, early = Callback(after_fit=noop), Callback(after_fit=noop)
    early.order = -1
    learn.add_cbs([late, early])
    assert learn.ordered_cbs("after_fit") == [early, late] and learn.ordered_cbs("after_step") == []
    capsys.readouterr()
    with learn.validation_context(cbs=early):
        assert len(learn.cbs) == 5 and learn.fit(1).completed
    assert len(learn.cbs) == 4 and capsys.readouterr().out == ""


def test_embedding_sizes(to):
    assert [emb_sz_rule(n) for n in (2, 10, 10**6)] == [2, 6, 600]
    state = tabular_learner(to.dataloaders(bs=64)).model.state_dict()
    shapes = [state[f"embeds.{i}.weight"].shape for i in range(2)]
    assert get_emb_sz(to) == get_emb_sz(to.dataloaders()) == shapes and get_emb_sz(to, {"city": 7})[0] == (4, 7)
