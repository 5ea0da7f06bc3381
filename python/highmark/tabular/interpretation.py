"""What a classifier confuses, under fastai's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .tensor import Tensor, tensor_of

if TYPE_CHECKING:
    from .data import DataLoader
    from .learner import Learner

__all__ = ["ClassificationInterpretation", "Interpretation"]


class Interpretation:
    """Predictions for the validation rows (or other rows with targets) and the loss of each."""

    def __init__(self, learn: Learner, dl: DataLoader) -> None:
        self.learn, self.dl = learn, dl
        self.preds, self.targs, self.decoded, self.losses = learn.get_preds(dl=dl, with_decoded=True, with_loss=True)
        if self.targs is None:
            raise ValueError("these rows have no targets")

    @classmethod
    def from_learner(cls, learn: Learner, ds_idx: int = 1, dl: DataLoader | None = None, act: Any = None) -> Any:
        """Of the rows of ``dls[ds_idx]``, or of a loader."""
        return cls(learn, learn.dls[ds_idx] if dl is None else dl)

    def top_losses(self, k: int | None = None, largest: bool = True) -> tuple[Tensor, Tensor]:
        """The ``k`` highest (or lowest) losses, and their rows."""
        order = np.argsort(-self.losses if largest else self.losses, kind="stable")[:k]
        return tensor_of(self.losses[order]), tensor_of(order)


class ClassificationInterpretation(Interpretation):
    """The same of a classifier, with what it takes for what."""

    def __init__(self, learn: Learner, dl: DataLoader) -> None:
        if learn.dls._info.task != "classification":
            raise ValueError("the model is no classifier")
        super().__init__(learn, dl)
        self.vocab = learn.dls.vocab

    def confusion_matrix(self) -> np.ndarray:
        """Rows by their class (down) and by the class that is predicted (across)."""
        n = len(self.vocab)
        pairs = np.asarray(self.targs).reshape(-1) * n + np.asarray(self.decoded).reshape(-1)
        return np.bincount(pairs, minlength=n * n).reshape(n, n)

    def most_confused(self, min_val: int = 1) -> list[tuple[Any, Any, int]]:
        """Class, prediction and how often, where they differ at least ``min_val`` times; the most frequent first."""
        matrix = self.confusion_matrix()
        np.fill_diagonal(matrix, 0)
        found = [(self.vocab[i], self.vocab[j], int(matrix[i, j])) for i, j in np.argwhere(matrix >= max(min_val, 1))]
        return sorted(found, key=lambda entry: entry[2], reverse=True)

    def plot_confusion_matrix(
        self,
        normalize: bool = False,
        title: str = "Confusion matrix",
        cmap: str = "Blues",
        norm_dec: int = 2,
        plot_txt: bool = True,
        **kwargs: Any,
    ) -> None:
        """Draws the confusion matrix; ``normalize`` as shares of each class."""
        import matplotlib.pyplot as plt

        matrix: Any = self.confusion_matrix()
        if normalize:
            matrix = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        names = [str(name) for name in self.vocab]
        axes = plt.subplots(**kwargs)[1]
        axes.imshow(matrix, interpolation="nearest", cmap=cmap)
        axes.set(title=title, xlabel="Predicted", ylabel="Actual")
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        for (i, j), value in np.ndenumerate(matrix) if plot_txt else []:
            color = "white" if value > matrix.max() / 2 else "black"
            axes.text(j, i, f"{value:.{norm_dec}f}" if normalize else value, ha="center", va="center", color=color)

    def print_classification_report(self) -> None:
        """Precision and recall of each class, by scikit-learn."""
        from sklearn.metrics import classification_report

        targets, decided = (np.asarray(part).reshape(-1) for part in (self.targs, self.decoded))
        names = [str(name) for name in self.vocab]
        print(classification_report(targets, decided, labels=list(range(len(names))), target_names=names, zero_division=0))
