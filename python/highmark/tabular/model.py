"""The model and the optimizer of a learner, as users hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..fastai_modules import of_fastai
from .checks import real
from .tensor import Tensor, tensor_of

if TYPE_CHECKING:
    from .learner import Learner

__all__ = ["Embedding", "Hypers", "Model", "Optimizer", "Parameter", "Part"]


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


class Parameter(Tensor):
    """Weights of a model, a copy; in a hook with their gradient, which is the model's own memory."""

    _grad: Tensor | None = None

    @property
    def requires_grad(self) -> Any:
        """Whether it is trained: every parameter is, as nothing is ever frozen."""
        return True

    @requires_grad.setter
    def requires_grad(self, value: Any) -> None:
        if not value:
            raise AttributeError("requires_grad: nothing is ever frozen here, so every parameter is trained")

    @property
    def grad(self) -> Any:
        """The gradient, from ``after_backward`` on, which can be changed; ``None`` outside of hooks."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if self._grad is None:
            raise AttributeError("grad: there are gradients in hooks alone, from after_backward on")
        self._grad[...] = value


@dataclass(frozen=True, eq=False)
class Embedding:
    """The embedding of one categorical column: a row for each of its ``classes``, the first of them for what is unknown. It
    is a copy that cannot be written; ``load_state_dict`` changes weights."""

    weight: Parameter

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


def read_only(array: np.ndarray) -> Parameter:
    """A copy of weights, in which writing would change nothing, so that it is an error."""
    array.setflags(write=False)
    return array.view(Parameter)


class Part:
    """A part of a model, as a copy to look at: its numbers (``weight``, ``bias``, ``running_mean`` and so on) as attributes,
    and the parts in it by their places, which are torch's. What has no numbers, an activation for one, is not there."""

    def __init__(self, state: Mapping[str, np.ndarray]) -> None:
        within: dict[int, dict[str, np.ndarray]] = {}
        for name, value in state.items():
            place, _, rest = name.partition(".")
            if rest:
                within.setdefault(int(place), {})[rest] = value
            else:
                setattr(self, name, value)
        self._parts = {place: Part(numbers) for place, numbers in sorted(within.items())}

    def __getitem__(self, place: int) -> Part:
        if place < 0:
            return list(self._parts.values())[place]
        if place not in self._parts:
            raise IndexError(f"nothing at {place} has numbers; there are {', '.join(map(str, self._parts)) or 'no parts'}")
        return self._parts[place]

    def __len__(self) -> int:
        return len(self._parts)

    def __bool__(self) -> bool:
        return len(vars(self)) > 1 or bool(self._parts)

    def __iter__(self) -> Iterator[Part]:
        return iter(self._parts.values())

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name if name.startswith("_") else f"this part of the model has no `{name}`; it is {self!r}")

    def __repr__(self) -> str:
        own = [f"{name} {value.shape}" for name, value in vars(self).items() if name != "_parts"]
        return f"Part({', '.join(own + [f'{place}: {part!r}' for place, part in self._parts.items()])})"


class Model:
    """The model of a learner: its parameters and gradients as numpy, under fastai's names."""

    def __init__(self, learn: Learner) -> None:
        self._learn = learn

    def to(self, *args: Any, **kwargs: Any) -> Model:
        """The same. There is one device, and learner and trainer decide themselves when dropout is on."""
        return self

    eval = train = cpu = to

    @property
    def training(self) -> bool:
        """Whether a training batch is under way, and with it dropout."""
        return self._learn.training

    @property
    def n_emb(self) -> int:
        """Numbers a row that the embeddings give."""
        return sum(embedding.embedding_dim for embedding in self.embeds)

    @property
    def n_cont(self) -> int:
        """Continuous columns."""
        return len(self._learn.dls.cont_names)

    @property
    def layers(self) -> Part:
        """The layers: ``layers[0][0].weight`` is that of the first linear one, ``layers[-1]`` the last."""
        return self._part("layers")

    @property
    def bn_cont(self) -> Part | None:
        """The norm of the continuous columns, if there is one."""
        return self._part("bn_cont") or None

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of all parameters and running statistics."""
        return {name: tensor_of(value) for name, value in self._learn._trainer.state_dict().items()}

    @property
    def embeds(self) -> list[Embedding]:
        """The embeddings, in the order of ``dls.cat_names``."""
        found = []
        for name, value in self.state_dict().items():
            if name.startswith("embeds."):
                found.append(Embedding(read_only(value)))
        return found

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """A copy of each parameter under its name, without running statistics. It cannot be written: ``load_state_dict``
        changes weights."""
        state, grads = self.state_dict(), self.grads()
        for name, *_ in self._learn._trainer.layout():
            parameter = read_only(state[name])
            parameter._grad = grads.get(name)
            yield name, parameter

    def parameters(self) -> Iterator[Parameter]:
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

    def grads(self) -> dict[str, Tensor]:
        """The gradient of each parameter, from ``after_backward`` on: the model's own memory, which can be changed."""
        flat = self._learn._trainer.array("grads")
        if flat is None:
            return {}
        layout = self._learn._trainer.layout()
        return {name: tensor_of(flat[start:end].reshape(shape)) for name, start, end, shape in layout}

    def _part(self, name: str) -> Part:
        trained = {name for name, *_ in self._learn._trainer.layout()}
        state = {key: read_only(value) if key in trained else value for key, value in self.state_dict().items()}
        return Part({key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")})

    def __repr__(self) -> str:
        lines = [f"  {kind} ({parameters:,} parameters)" for kind, _, parameters in self._learn._trainer.layers()]
        return "\n".join(["TabularModel(", *lines, ")"])


def __getattr__(name: str) -> Any:
    return of_fastai(__name__, name)
