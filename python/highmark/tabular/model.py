"""The model and the optimizer of a learner, as users hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..fastai_modules import of_fastai
from .checks import real
from .tensor import Tensor

if TYPE_CHECKING:
    from .learner import Learner

__all__ = ["Embedding", "Hypers", "Model", "Optimizer"]


class Hypers(dict[str, float]):
    """The hypers of one parameter group; setting one sets it in the optimizer."""

    def __init__(self, learn: Learner, group: int, values: Mapping[str, float]) -> None:
        super().__init__(values)
        self._learn, self._group = learn, group

    def __setitem__(self, name: str, value: float) -> None:
        values = [group.get(name, value) for group in self._learn._trainer.hypers]
        values[self._group] = real(name, value)
        self._learn._trainer.set_hyper(name, values)
        super().__setitem__(name, value)


class Optimizer:
    """The optimizer of a learner."""

    def __init__(self, learn: Learner) -> None:
        self._learn = learn

    @property
    def hypers(self) -> list[Hypers]:
        """The hypers of each parameter group: ``lr``, ``mom``, ``sqr_mom``, ``eps``, ``wd``."""
        return [Hypers(self._learn, i, group) for i, group in enumerate(self._learn._trainer.hypers)]

    def set_hyper(self, name: str, value: float | Iterable[float]) -> None:
        """Sets a hyper of all groups, or of each its own."""
        values = list(value) if isinstance(value, Iterable) else [value]
        self._learn._trainer.set_hyper(name, [real(name, v) for v in values])

    def set_hypers(self, **kwargs: float | Iterable[float]) -> None:
        """Sets several hypers."""
        for name, value in kwargs.items():
            self.set_hyper(name, value)

    def __repr__(self) -> str:
        return f"Optimizer({', '.join(f'{k}={v:g}' for k, v in self.hypers[-1].items())})"


@dataclass(frozen=True, eq=False)
class Embedding:
    """The embedding of one categorical column: a row for each of its ``classes``, the first of them for what is unknown. It
    is a copy that cannot be written; ``load_state_dict`` changes weights."""

    weight: Tensor

    @property
    def num_embeddings(self) -> int:
        """Rows."""
        return int(self.weight.shape[0])

    @property
    def embedding_dim(self) -> int:
        """Numbers a row."""
        return int(self.weight.shape[1])

    def __repr__(self) -> str:
        return f"Embedding({self.num_embeddings}, {self.embedding_dim})"


def read_only(array: np.ndarray) -> Tensor:
    """A copy of weights, in which writing would change nothing, so that it is an error."""
    array.setflags(write=False)
    return array.view(Tensor)


class Model:
    """The model of a learner: its parameters and gradients as numpy, under fastai's names."""

    def __init__(self, learn: Learner) -> None:
        self._learn = learn

    def to(self, *args: Any, **kwargs: Any) -> Model:
        """The same. There is one device, and learner and trainer decide themselves when dropout is on."""
        return self

    eval = train = cpu = to

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of all parameters and running statistics."""
        return self._learn._trainer.state_dict()

    @property
    def embeds(self) -> list[Embedding]:
        """The embeddings, in the order of ``dls.cat_names``."""
        found = []
        for name, value in self.state_dict().items():
            if name.startswith("embeds."):
                found.append(Embedding(read_only(value)))
        return found

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """A copy of each parameter under its name, without running statistics. It cannot be written: ``load_state_dict``
        changes weights."""
        state = self.state_dict()
        return ((name, read_only(state[name])) for name, *_ in self._learn._trainer.layout())

    def parameters(self) -> Iterator[Tensor]:
        """The same without the names."""
        return (parameter for _, parameter in self.named_parameters())

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Replaces parameters and statistics; unless ``strict``, those that are missing stay as they are."""
        own = self.state_dict()
        missing = [name for name in own if name not in state_dict]
        if strict and missing:
            raise KeyError(f"the state has no `{missing[0]}`; it is of another model")
        state: dict[str, Any] = {}
        for name, value in state_dict.items():
            array = np.asarray(value)
            if name in own and array.shape != own[name].shape:
                raise ValueError(f"`{name}` has the shape {array.shape}, and {own[name].shape} in this model")
            state[name] = array
        self._learn._trainer.load_state_dict(state)

    def grads(self) -> dict[str, np.ndarray]:
        """The gradient of each parameter, from ``after_backward`` on: the model's own memory, which can be changed."""
        flat = self._learn._trainer.array("grads")
        if flat is None:
            return {}
        return {name: flat[start:end].reshape(shape) for name, start, end, shape in self._learn._trainer.layout()}

    def layers(self) -> list[tuple[str, int, int]]:
        """Its layers: kind, outputs a row, parameters."""
        return self._learn._trainer.layers()

    def __repr__(self) -> str:
        lines = [f"  {kind} ({parameters:,} parameters)" for kind, _, parameters in self.layers()]
        return "\n".join(["TabularModel(", *lines, ")"])


def __getattr__(name: str) -> Any:
    return of_fastai(__name__, name)
