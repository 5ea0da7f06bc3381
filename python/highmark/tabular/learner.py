"""The learner, under fastai's names."""

from __future__ import annotations

import json
import os
import sys
from collections import namedtuple
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _highmark
from ..fastai_modules import of_fastai
from ..notices import notice
from ..screen import Screen, clock
from ..seed import seed_for
from .builtin import SkipToEpoch
from .callback import Callback
from .callback_list import CallbackList, listed
from .checks import count, real
from .data import DataLoader, DataLoaders
from .files import Files
from .fit_options import FitOptions, fit_options, seed_advised, seed_taken_over, words_of_seed
from .groups import Groups
from .inference import Inference
from .losses import loss_spec
from .metrics import Metric, OwnMetrics, metrics_of
from .model import Model, Optimizer
from .optimizers import Adam, optimizer_spec
from .recorder import ProgressCallback, Recorder
from .report import Report
from .settings import Settings
from .view import View

if sys.version_info >= (3, 11):
    from typing import Unpack
elif TYPE_CHECKING:
    from typing_extensions import Unpack
else:

    class Unpack:
        """Python 3.10 has none. What asks for the types of a fit at run time gets those of its options there."""

        def __class_getitem__(cls, options: Any) -> Any:
            return options

__all__ = ["Learner", "SuggestionMethod"]


class SuggestionMethod:
    """How :meth:`Learner.lr_find` suggests a rate."""

    Valley = "valley"
    Slide = "slide"
    Minimum = "minimum"
    Steep = "steep"


valley, slide, minimum, steep = "valley", "slide", "minimum", "steep"


class Learner(Inference, Settings, CallbackList, Files, Groups, View):
    """A model, its data, its optimizer and its callbacks."""

    def __init__(
        self,
        dls: DataLoaders,
        model: Mapping[str, Any] | None = None,
        loss_func: Any = None,
        opt_func: Any = Adam,
        lr: float = 1e-3,
        splitter: Any = None,
        cbs: Any = None,
        metrics: Any = None,
        path: str | os.PathLike[str] | None = None,
        model_dir: str | os.PathLike[str] = "models",
        wd: float | None = None,
        wd_bn_bias: bool = False,
        train_bn: bool = True,
        moms: tuple[float, float, float] = (0.95, 0.85, 0.95),
        default_cbs: bool = True,
        *,
        seed: int | None = None,
        threads: int | None = None,
        scale_target: bool = False,
    ) -> None:
        if not isinstance(dls, DataLoaders):
            raise TypeError(f"dls: loaders are needed, TabularDataLoaders.from_df(...) for one, not {dls!r}")
        if splitter is not None:
            raise ValueError("splitter: a tabular model has one parameter group")
        self.dls = dls
        self.path = Path(path if path is not None else dls.path)
        self.model_dir = Path(model_dir)
        self.moms = moms
        self.opt_func = opt_func
        self.wd = None if wd is None else real("wd", wd)
        self.metrics = metrics_of(metrics)
        self.logger: Any = print
        self._cbs: list[Callback] = []
        self._logging = True
        self._seed_given = seed is not None
        spec = optimizer_spec(opt_func)
        self.lr = spec.lr if spec.lr is not None else _rate(lr)
        if wd is not None:
            spec["wd"] = self.wd
        self._config = {
            "model": dict(model or {}),
            "batch_size": dls.bs,
            "loss": loss_spec(loss_func),
            "optimizer": {**spec, "wd_bn_bias": bool(wd_bn_bias)},
            "scale_target": bool(scale_target),
            "lr": self.lr,
            "seed": seed_for(dls) if seed is None else count("seed", seed),
            "threads": None if threads is None else count("threads", threads),
            "shuffle": dls.shuffle,
            "drop_last": dls.drop_last,
            "model_dir": os.fspath(self.path / self.model_dir),
        }
        self.model = Model(self)
        self.opt = Optimizer(self)
        self._found: dict[str, Any] | None = None
        self._make()
        if default_cbs:
            self.add_cbs([Recorder(), ProgressCallback()])
        self.add_cbs(cbs)

    # Fitting.

    def fit(
        self,
        n_epoch: int | None = None,
        lr: Any = None,
        wd: float | None = None,
        cbs: Any = None,
        reset_opt: bool = False,
        start_epoch: int = 0,
        **options: Unpack[FitOptions],
    ) -> Report:
        """Trains for ``n_epoch`` epochs at a constant rate. For ``options`` (``checkpoint``, ``resume``, ``max_time``,
        ``max_usd``, ``usd_per_hour``, ``non_finite``), which every kind of fit has, see :class:`FitOptions`."""
        return self._fit(n_epoch, lr, {"name": "flat"}, wd, cbs, reset_opt, start_epoch, options)

    def fit_one_cycle(
        self,
        n_epoch: int | None = None,
        lr_max: Any = None,
        div: float = 25.0,
        div_final: float = 1e5,
        pct_start: float = 0.25,
        wd: float | None = None,
        moms: tuple[float, float, float] | None = None,
        cbs: Any = None,
        reset_opt: bool = False,
        start_epoch: int = 0,
        **options: Unpack[FitOptions],
    ) -> Report:
        """Trains for ``n_epoch`` epochs in one cycle: up to ``lr_max`` along a cosine, and down again."""
        schedule = {
            "name": "one-cycle",
            "div": real("div", div),
            "div_final": real("div_final", div_final),
            "pct_start": real("pct_start", pct_start),
            "moms": [real("moms", mom) for mom in moms or self.moms],
        }
        return self._fit(n_epoch, lr_max, schedule, wd, cbs, reset_opt, start_epoch, options)

    def fit_flat_cos(
        self,
        n_epoch: int | None = None,
        lr: Any = None,
        div_final: float = 1e5,
        pct_start: float = 0.75,
        wd: float | None = None,
        cbs: Any = None,
        reset_opt: bool = False,
        start_epoch: int = 0,
        **options: Unpack[FitOptions],
    ) -> Report:
        """Trains at a flat rate that falls along a cosine from ``pct_start`` on."""
        schedule = {
            "name": "flat-cos",
            "div_final": real("div_final", div_final),
            "pct_start": real("pct_start", pct_start),
        }
        return self._fit(n_epoch, lr, schedule, wd, cbs, reset_opt, start_epoch, options)

    def fit_sgdr(
        self,
        n_cycles: int,
        cycle_len: int,
        lr_max: Any = None,
        cycle_mult: int = 2,
        cbs: Any = None,
        reset_opt: bool = False,
        wd: float | None = None,
        start_epoch: int = 0,
        **options: Unpack[FitOptions],
    ) -> Report:
        """Trains in ``n_cycles`` cycles, each down to 0 along a cosine and ``cycle_mult`` times as long as the one before."""
        n_epoch = sum(cycle_len * cycle_mult**cycle for cycle in range(count("n_cycles", n_cycles)))
        schedule = {"name": "cosine-restarts", "cycle_len": cycle_len, "cycle_mult": cycle_mult}
        return self._fit(n_epoch, lr_max, schedule, wd, cbs, reset_opt, start_epoch, options)

    def _fit(
        self,
        n_epoch: Any,
        lr: Any,
        schedule: dict[str, Any],
        wd: float | None,
        cbs: Any,
        reset_opt: bool,
        start_epoch: int,
        options: Any,
    ) -> Report:
        epochs = None if n_epoch is None else count("n_epoch", n_epoch)
        rate = self.lr if lr is None else _rate(lr)
        self._schedule = schedule["name"]
        extra = listed(cbs)
        self.dls._refuse_written()
        if start_epoch:
            extra.append(SkipToEpoch(start_epoch))
        with self.added_cbs(extra):
            progress = any(isinstance(cb, ProgressCallback) for cb in self.cbs)
            screen = Screen(bar=progress) if self._logging else None
            if screen is not None and self.logger is not print and callable(self.logger):
                screen = _Logged(self.logger)
            bar = screen is not None and screen.wants_bar

            for cb in self._ordered():
                if cb.run:
                    cb._prepare()

            def attempt(any_seed: bool) -> dict[str, Any]:
                core, chosen = self._core, json.dumps(fit_options(options, self.path, self.cbs, any_seed))
                if reset_opt:
                    self._trainer.reset_optimizer([self._start_hypers[k] for k in ("lr", "mom", "sqr_mom", "eps", "wd")])
                if wd is not None or self.wd is not None:
                    self._trainer.set_hyper("wd", [real("wd", self.wd if wd is None else wd)])
                with seed_advised():
                    return core.fit(epochs, rate, json.dumps(schedule), chosen, self._handles(), screen, bar, True)

            said = attempt(not self._seed_given)
            taken = said.get("seed")
            if taken is not None:
                with seed_taken_over(self, taken):
                    said = attempt(False)
            for cb in self.cbs:
                try:
                    cb._ended()
                except OSError as error:
                    # The fit is done: a file that stays behind is no reason to keep its report.
                    notice(f"{cb.name}: {error}")
            if taken is not None:
                notice(words_of_seed(taken))
            return self._report(said)

    def _report(self, said: dict[str, Any]) -> Report:
        completed = bool(said.pop("completed"))
        names = ["train_loss", "valid_loss", *self._metric_names]
        tracked = [cb._watched for cb in reversed(self.cbs)]
        monitor = next((name for name in tracked if name in names), "valid_loss")
        tracker = _highmark.Monitor(json.dumps({"name": monitor, "direction": None}))
        tracker.start(self._core, True)
        best_epoch = None
        values = [row[names.index(monitor)] for row in self.recorder_values()]
        for epoch, value in enumerate(values):
            if value is not None and tracker.update(value):
                best_epoch = epoch
        last = next((value for value in reversed(values) if value is not None), None)
        return Report(completed=completed, monitor=monitor, best_epoch=best_epoch, best=tracker.best, last=last, **said)

    def recorder_values(self) -> list[list[float | None]]:
        """Losses and metrics of the last fit, a row an epoch."""
        none = [None] * len(self.metrics)
        # An epoch that was skipped has no metrics at all.
        rows = self._trainer.history()["rows"]
        return [[train, valid, *(metrics or none)] for _, train, valid, metrics, _ in rows]

    def _handles(self, cbs: list[Callback] | None = None, everywhere: bool = False) -> list[Any]:
        """What the library calls, in fastai's order."""
        handles, taken = [], {"progress", "interrupt", "param_scheduler", "own_metrics"}
        given = list(self.cbs if cbs is None else cbs)
        companions = [] if everywhere else [companion for cb in given for companion in cb._companions()]
        for companion in {type(companion): companion for companion in companions}.values():
            companion.learn = self
            given.append(companion)
        for cb in sorted(given, key=lambda cb: cb._place()):
            if type(cb) in (Recorder, ProgressCallback):
                continue
            name, base, n = cb.name, cb.name, 2
            while name in taken:
                name, n = f"{base}_{n}", n + 1
            taken.add(name)
            handles.extend(cb._handles(name, everywhere))
        if any(isinstance(metric, Metric) for metric in self.metrics):
            handles.append(_highmark.Hook(OwnMetrics(self), "own_metrics", ["after_loss"], 64, False, True, True))
        return handles

    def lr_find(
        self,
        start_lr: float = 1e-7,
        end_lr: float = 10,
        num_it: int = 100,
        stop_div: bool = True,
        show_plot: bool = True,
        suggest_funcs: Any = SuggestionMethod.Valley,
    ) -> Any:
        """Trains on a fork of everything with a growing rate, and suggests one. Nothing of it stays in the learner."""
        self.dls._refuse_written()
        found = self._core.lr_find(
            real("start_lr", start_lr), real("end_lr", end_lr), count("num_it", num_it), bool(stop_div)
        )
        names = [getattr(f, "__name__", f) for f in listed(suggest_funcs)]
        for name in names:
            if name not in ("valley", "slide", "minimum", "steep"):
                raise ValueError(f"there is no suggestion `{name}`. There are: valley, slide, minimum, steep")
        self._found = found
        if show_plot:
            from .. import plot

            plot.lr_find(found, {name: found[name][1] for name in names if found[name] is not None})
        if not names:
            return None
        suggested: Any = namedtuple("SuggestedLRs", names)  # type: ignore[misc]
        return suggested(*(None if found[name] is None else found[name][0] for name in names))

    # Looking.

    def validate(self, ds_idx: int | DataLoader = 1, dl: DataLoader | None = None, cbs: Any = None) -> list[float]:
        """Mean loss and metrics of the validation rows, of the training rows (``ds_idx=0``), or of a loader. Leaves no
        trace in the learner, in a hook of a fit (``after_epoch``) neither; there it takes no ``cbs``."""
        if listed(cbs) and self._trainer.in_hook:
            raise ValueError("cbs: within a fit they cannot be called; leave them out, or validate when the fit has ended")
        if dl is None and ds_idx == 1 and not self._trainer.in_hook and not self.dls.valid.dataset._written:
            extra = listed(cbs)
            for cb in extra:
                cb.learn = self
            return [value for _, value in self._core.validate(self._handles(extra, everywhere=True))]
        # By batches as a fit has them.
        return self._scores(self._loader(ds_idx, dl), self.dls.bs)

    def _outputs(self, rows: _highmark.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        return self._core.predictions(rows)

    def summary(self) -> Lines:
        """Layers, shapes, parameters, loss, optimizer and callbacks."""
        text = self._core.summary()
        return Lines(text[: text.rindex("Callbacks:")] + "Callbacks:\n" + "".join(f"  - {cb!r}\n" for cb in self._ordered()))

    def to_fp32(self) -> Learner:
        """The same: everything is computed in 32 bits."""
        return self

    def show_training_loop(self) -> None:
        """Shows which callback answers to which event."""
        print(self._core.describe_loop(self._handles()))

    def _ordered(self) -> list[Callback]:
        return sorted(self.cbs, key=lambda cb: cb._place())

    @property
    def final_record(self) -> list[Any]:
        """Losses and metrics of the last epoch."""
        values = self.recorder_values()
        return values[-1] if values else []

    @property
    def _metric_names(self) -> list[str]:
        return [metric.name for metric in self.metrics]

    def __reduce__(self) -> Any:
        raise TypeError("a learner is not copied or pickled; learn.save and learn.export write its model, as data alone")

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {self.dls!r}"

    def _repr_html_(self) -> str:
        from html import escape

        from ..screen import html_table

        layers = self._trainer.layers()
        table = html_table(
            {
                "layer": [layer[0] for layer in layers],
                "outputs": [layer[1] for layer in layers],
                "parameters": [f"{layer[2]:,}" for layer in layers],
            }
        )
        return f"<p>{escape(repr(self))}; {escape(repr(self.opt))}</p>{table}"


class Lines(str):
    """Text that a notebook shows as it is."""

    def __repr__(self) -> str:
        return str(self)


class _Logged(Screen):
    """A screen whose rows go to the user's ``learn.logger``."""

    def __init__(self, logger: Any) -> None:
        super().__init__(bar=False)
        self._logger = logger

    def begin(self, metrics: Any) -> None:
        self.names = ["epoch", "train_loss", "valid_loss", *metrics, "time"]

    def row(self, epoch: int, values: Any, seconds: float) -> None:
        self._logger([epoch, *values, clock(seconds)])

    def end(self) -> None:
        pass


def _rate(lr: Any) -> float:
    # fastai's rates of parameter groups; a tabular model has one group.
    if isinstance(lr, (list, tuple, np.ndarray)) and np.size(lr) == 1:
        lr = np.asarray(lr).item()
    return real("lr", lr.stop if isinstance(lr, slice) else lr)


def __getattr__(name: str) -> Any:
    return of_fastai(__name__, name)
