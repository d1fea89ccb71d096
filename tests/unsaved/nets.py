"""What people keep on their modules, each in its own way."""

from __future__ import annotations

import collections
import dataclasses
import enum
import functools
import io
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tests.unsaved.keeping import Net

# What the training uses at once


class RecurrentState(Net):
    """The next output depends on it."""

    path = "model.hidden"

    def begin(self) -> None:
        self.hidden = torch.zeros(1)

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.layers(inputs) + self.hidden
        self.hidden = 0.5 * self.hidden + output.detach().mean()
        return output

    def kept(self) -> Any:
        return self.hidden

    def take_back(self, kept: Any) -> None:
        self.hidden = kept


class ReplayBuffer(Net):
    """The oldest of four outputs is added to the next."""

    path = "model.replay[0]"

    def begin(self) -> None:
        self.replay: collections.deque[Tensor] = collections.deque(maxlen=4)

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.layers(inputs)
        if self.replay:
            output = output + self.replay[0]
        self.replay.append(output.detach().mean(0))
        return output

    def kept(self) -> Any:
        return list(self.replay)

    def take_back(self, kept: Any) -> None:
        self.replay.extend(kept)


class Curriculum(Net):
    """A counter in an object of one's own decides how hard the task is."""

    path = "model.curriculum.seen"

    class Stage:
        __slots__ = ("seen",)

        def __init__(self) -> None:
            self.seen = 0

    def begin(self) -> None:
        self.curriculum = self.Stage()

    def forward(self, inputs: Tensor) -> Tensor:
        self.curriculum.seen += 1
        output: Tensor = self.layers(inputs * (1 + 0.1 * self.curriculum.seen))
        return output

    def kept(self) -> Any:
        return self.curriculum.seen

    def take_back(self, kept: Any) -> None:
        self.curriculum.seen = kept


class Noise(Net):
    """Drawn from a generator among others in a dict."""

    path = "model.generators['noise']"

    def begin(self) -> None:
        self.generators = {"noise": torch.Generator().manual_seed(3)}

    def forward(self, inputs: Tensor) -> Tensor:
        noise = torch.randn(inputs.shape, generator=self.generators["noise"])
        output: Tensor = self.layers(inputs + noise)
        return output

    def kept(self) -> Any:
        return self.generators["noise"].get_state()

    def take_back(self, kept: Any) -> None:
        self.generators["noise"].set_state(kept)


# What matters only later, or in the export


class _Value(Net):
    """Anything under a plain attribute."""

    def kept(self) -> Any:
        return self.value

    def take_back(self, kept: Any) -> None:
        self.value = kept


class Moment(_Value):
    path = "model.value"

    def begin(self) -> None:
        self.value = torch.zeros(4)

    def remember(self, output: Tensor) -> None:
        self.value = self.value + output.mean()


class Count(_Value):
    path = "model.value"

    def begin(self) -> None:
        self.value = 0

    def remember(self, output: Tensor) -> None:
        self.value += len(output)


class Best(_Value):
    path = "model.value"

    def begin(self) -> None:
        self.value = float("inf")

    def remember(self, output: Tensor) -> None:
        self.value = min(self.value, float(output.mean()) - (self.value == float("inf")))


class Phase(_Value):
    path = "model.value"

    def begin(self) -> None:
        self.value = "a"

    def remember(self, output: Tensor) -> None:
        self.value = self.value + "b"


class Mood(enum.Enum):
    CALM = 0
    EAGER = 1


class Moody(_Value):
    """Changes once and stays so."""

    path = "model.value"

    def begin(self) -> None:
        self.value, self.calls = Mood.CALM, 0

    def remember(self, output: Tensor) -> None:
        self.calls += 1
        self.value = Mood.EAGER if self.calls == 4 else self.value

    def kept(self) -> Any:
        return self.value, self.calls

    def take_back(self, kept: Any) -> None:
        self.value, self.calls = kept


class Average(_Value):
    """An EMA in a dict of tensors."""

    path = "model.value['layers.0.weight']"

    def begin(self) -> None:
        self.value = {name: found.detach().clone() for name, found in self.named_parameters()}

    def remember(self, output: Tensor) -> None:
        for name, found in self.named_parameters():
            self.value[name].lerp_(found.detach(), 0.1)


class Histogram(_Value):
    path = "model.value"

    def begin(self) -> None:
        self.value = np.zeros(3)

    def remember(self, output: Tensor) -> None:
        self.value[len(output) % 3] += 1


class History(_Value):
    path = "model.value.len()"

    def begin(self) -> None:
        self.value: list[float] = []

    def remember(self, output: Tensor) -> None:
        self.value.append(float(output.mean()))


class Seen(_Value):
    path = "model.value"

    def begin(self) -> None:
        self.value: set[int] = set()

    def remember(self, output: Tensor) -> None:
        self.value.add(len(self.value))


class Tally(_Value):
    """A Counter, whose keys come in the order of the first time."""

    path = "model.value[('batch', 2)]"

    def begin(self) -> None:
        self.value: collections.Counter[Any] = collections.Counter()

    def remember(self, output: Tensor) -> None:
        self.value["batch", len(output)] += 1


@dataclasses.dataclass
class Scaling:
    factor: float = 1.0
    history: list[float] = dataclasses.field(default_factory=list)


class Scaled(_Value):
    path = "model.value.factor"

    def begin(self) -> None:
        self.value = Scaling()

    def remember(self, output: Tensor) -> None:
        self.value.factor *= 1.5


class Bounds(NamedTuple):
    low: float
    high: float


class Bounded(_Value):
    path = "model.value.high"

    def begin(self) -> None:
        self.value = Bounds(0.0, 0.0)

    def remember(self, output: Tensor) -> None:
        self.value = self.value._replace(high=self.value.high + 1)


class Registry(dict[str, int]):
    """A dict with an attribute."""

    total = 0


class Registered(_Value):
    path = "model.value.total"

    def begin(self) -> None:
        self.value = Registry(a=1)

    def remember(self, output: Tensor) -> None:
        self.value.total += 1


class Outside(Net):
    """A module that is in a list, and so in no state dict."""

    path = "model.heads[0].weight"

    def begin(self) -> None:
        self.heads = [nn.Linear(2, 2)]

    def remember(self, output: Tensor) -> None:
        with torch.no_grad():
            self.heads[0].weight.add_(0.1)

    def kept(self) -> Any:
        return self.heads[0].state_dict()

    def take_back(self, kept: Any) -> None:
        self.heads[0].load_state_dict(kept)


class OptimizerOfItsOwn(Net):
    path = "model.inner.state[0]['momentum_buffer']"

    def begin(self) -> None:
        self.register_buffer("prompt", torch.ones(2))
        self.inner = torch.optim.SGD([self.prompt.requires_grad_()], lr=0.0, momentum=0.9)

    def remember(self, output: Tensor) -> None:
        self.prompt.grad = torch.ones(2)
        self.inner.step()

    def kept(self) -> Any:
        return self.inner.state_dict()

    def take_back(self, kept: Any) -> None:
        self.inner.load_state_dict(kept)


# Switches and settings of torch's own modules


class Frozen(Net):
    path = "model.layers.1.training"

    def begin(self) -> None:
        self.calls = 0

    def remember(self, output: Tensor) -> None:
        self.calls += 1
        self.layers[1].train(self.calls < 3)

    def kept(self) -> Any:
        return self.calls, self.layers[1].training

    def take_back(self, kept: Any) -> None:
        self.calls, training = kept
        self.layers[1].train(training)


class Annealed(Net):
    path = "model.layers.1.p"

    def remember(self, output: Tensor) -> None:
        self.layers[1].p *= 0.9

    def kept(self) -> Any:
        return self.layers[1].p

    def take_back(self, kept: Any) -> None:
        self.layers[1].p = kept


class Labelled(Net):
    """Something that the user has put on a module of torch."""

    path = "model.layers.0.calls"

    def begin(self) -> None:
        self.layers[0].calls = 0

    def remember(self, output: Tensor) -> None:
        self.layers[0].calls += 1

    def kept(self) -> Any:
        return self.layers[0].calls

    def take_back(self, kept: Any) -> None:
        self.layers[0].calls = kept


# Generators


class _Drawn(Net):
    """Draws from a generator at each output."""

    def draw(self) -> object:
        raise NotImplementedError

    def remember(self, output: Tensor) -> None:
        self.draw()

    def kept(self) -> Any:
        return self.held

    def take_back(self, kept: Any) -> None:
        self.held = kept


class NumpyGenerator(_Drawn):
    path = "model.held[0]['state']['state']"

    def begin(self) -> None:
        self.held = [np.random.default_rng(3)]

    def draw(self) -> object:
        return self.held[0].random()


class NumpyRandomState(_Drawn):
    path = "model.held.source['state']['pos']"

    @dataclasses.dataclass
    class Source:
        source: np.random.RandomState

    def begin(self) -> None:
        self.held = self.Source(np.random.RandomState(3))

    def draw(self) -> object:
        return self.held.source.rand()


class NumpyBitGenerator(_Drawn):
    path = "model.held['bits']['state']['state']"

    def begin(self) -> None:
        self.held = {"bits": np.random.PCG64(3)}

    def draw(self) -> object:
        return self.held["bits"].random_raw()


class NumpySeedSequence(_Drawn):
    path = "model.held[0]['spawned']"

    def begin(self) -> None:
        self.held = (np.random.SeedSequence(3),)

    def draw(self) -> object:
        return self.held[0].spawn(1)


class PythonRandom(_Drawn):
    path = "model.held['a'][0]['words']"

    def begin(self) -> None:
        self.held = {"a": (random.Random(3),)}

    def draw(self) -> object:
        return self.held["a"][0].random()


# Iterators


class Numbers(_Drawn):
    path = "model.held.over[0]"

    def begin(self) -> None:
        self.held = itertools.count()

    def draw(self) -> object:
        return next(self.held)


class Elements(_Drawn):
    path = "model.held.position[0]"

    def begin(self) -> None:
        self.held = iter([*range(99)])

    def draw(self) -> object:
        return next(self.held)


class Lines(Net):
    """How far a file was read."""

    path = "model.file"

    def begin(self) -> None:
        self.file = io.BufferedReader(io.BytesIO(b"a\n" * 99))

    def remember(self, output: Tensor) -> None:
        self.file.readline()

    def kept(self) -> Any:
        return self.file.tell()

    def take_back(self, kept: Any) -> None:
        self.file.seek(kept)


def countdown(start: int) -> Iterator[int]:
    number = start
    while number:
        yield number
        number -= 1


class Countdown(Net):
    path = "model.numbers.locals['number']"

    def begin(self) -> None:
        self.numbers = countdown(99)
        next(self.numbers)

    def remember(self, output: Tensor) -> None:
        self.last = next(self.numbers)

    def kept(self) -> Any:
        return self.last

    def take_back(self, kept: Any) -> None:
        while next(self.numbers) != kept:
            continue


# Code that remembers


Hook = Callable[..., None]


def counting() -> tuple[Hook, Callable[[], int], Callable[[int], None]]:
    count = 0

    def hook(*_: Any) -> None:
        nonlocal count
        count += 1

    def put(value: int) -> None:
        nonlocal count
        count = value

    return hook, lambda: count, put


class Closure(Net):
    path = "model.layers.0._forward_hooks[0].closure['count']"

    def begin(self) -> None:
        hook, get, put = counting()
        self.layers[0].register_forward_hook(hook)
        object.__setattr__(self, "__access", (get, put))

    def kept(self) -> Any:
        return vars(self)["__access"][0]()

    def take_back(self, kept: Any) -> None:
        vars(self)["__access"][1](kept)


class ParameterHook(Closure):
    path = "model.layers.0.weight._backward_hooks[0].closure['count']"

    def begin(self) -> None:
        hook, get, put = counting()
        self.layers[0].weight.register_hook(hook)
        object.__setattr__(self, "__access", (get, put))


def noting(notes: dict[str, int], module: nn.Module, *_: Any) -> None:
    notes["calls"] = notes.get("calls", 0) + 1


class Partial(Net):
    path = "model._forward_hooks[0].args[0]['calls']"

    def begin(self) -> None:
        self.register_forward_hook(functools.partial(noting, {}))

    @property
    def notes(self) -> dict[str, int]:
        (hook,) = self._forward_hooks.values()
        notes: dict[str, int] = hook.args[0]
        return notes

    def kept(self) -> Any:
        return self.notes

    def take_back(self, kept: Any) -> None:
        self.notes.update(kept)


class Observer:
    def __init__(self) -> None:
        self.calls = 0

    def hear(self, *_: Any) -> None:
        self.calls += 1


class BoundMethod(Net):
    path = "model._forward_hooks[0].__self__.calls"

    def begin(self) -> None:
        self.register_forward_hook(Observer().hear)

    @property
    def observer(self) -> Any:
        (hook,) = self._forward_hooks.values()
        return hook.__self__

    def kept(self) -> Any:
        return self.observer.calls

    def take_back(self, kept: Any) -> None:
        self.observer.calls = kept


class OwnAttribute(Net):
    """A function that counts on itself."""

    path = "model._forward_hooks[0].calls"

    def begin(self) -> None:
        def hook(*_: Any) -> None:
            hook.calls += 1  # type: ignore[attr-defined]

        hook.calls = 0  # type: ignore[attr-defined]
        self.register_forward_hook(hook)

    @property
    def hook(self) -> Any:
        (hook,) = self._forward_hooks.values()
        return hook

    def kept(self) -> Any:
        return self.hook.calls

    def take_back(self, kept: Any) -> None:
        self.hook.calls = kept


class MutableDefault(OwnAttribute):
    path = "model._forward_hooks[0].defaults[0].len()"

    def begin(self) -> None:
        def hook(module: nn.Module, inputs: Any, output: Any, calls: list[int] = []) -> None:  # noqa: B006 - the case
            calls.append(1)

        self.register_forward_hook(hook)

    def kept(self) -> Any:
        return self.hook.__defaults__[0]

    def take_back(self, kept: Any) -> None:
        self.hook.__defaults__[0].extend(kept)
