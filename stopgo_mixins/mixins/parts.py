"""What a phase is built of: the hooks that a user defines, and what is asked of what they return."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from typing_extensions import final

from stopgo_mixins.mixins.legs import LegsMixin
from stopgo_mixins.mixins.registry import Callbacks
from stopgo_mixins.mixins.used_objects import UsedObjects, stateful_parts
from stopgo_mixins.mode import Mode

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class PhasePartsMixin(LegsMixin):
    """Builds model, data and trainer anew for each phase.

    Attributes:
        val_check_interval: for ``setup_trainer`` to use: training batches, as the trainer counts them, between
            validations, across epochs; ``None`` for no validation.
        limit_val_batches: for ``setup_trainer`` to use: validation batches per validation.
        lr: for ``setup_model`` to use.
        precision: for ``setup_trainer`` to use: ``"32"`` for float32, ``"16-mixed"`` for float16 beside it with a
            gradient scaler, ``"bf16-mixed"`` for bfloat16 beside it, whatever the trainer calls them.
    """

    val_check_interval: ClassVar[int | None] = None
    limit_val_batches: ClassVar[int] = 2
    lr: ClassVar[float] = 1e-4
    precision: ClassVar[Any] = "32"

    callbacks: ClassVar[Callbacks]

    _what_is_trained: ClassVar[Mapping[str, str]] = {"setup_model": "return Model(lr=cls.lr), DataModule()"}
    """The hooks by which a class says what it trains, of which it must define one, with an example of each."""

    _used: ClassVar[UsedObjects]
    _skip: ClassVar[BaseException | None] = None

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        """Returns ``(model, data)`` or ``(model, data, optimizer)``: fresh objects at every call."""
        raise NotImplementedError

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Any:
        """Returns the trainer, with ``cls.callbacks[mode].values()`` among its callbacks."""
        raise NotImplementedError

    @classmethod
    def get_default_callbacks(cls) -> Callbacks:
        """Returns the registry; see :class:`~stopgo_mixins.mixins.registry.CallbackRegistryMixin`."""
        raise NotImplementedError

    @classmethod
    def _make_callbacks(cls) -> Callbacks:
        """Makes the registry for a phase."""
        return cls.get_default_callbacks()

    @classmethod
    def train(cls, mode: Mode) -> None:
        """Builds everything for one phase and trains; each backend implements it."""
        raise NotImplementedError

    @classmethod
    def make_model(cls, mode: Mode) -> tuple[Any, ...]:
        """Returns what ``setup_model`` returns, for a backend.

        Raises:
            TypeError: when it returns anything else than it should, or what an earlier phase has used: its state would
                survive in this process, and nothing would have to be restored from the checkpoint.
        """
        made = cls._ask(cls.setup_model, mode)
        if not isinstance(made, tuple) or len(made) not in (2, 3):
            found = f"a tuple of {len(made)}" if isinstance(made, tuple) else f"a {type(made).__name__}"
            raise TypeError(
                f"{cls.__name__}.setup_model returned {found}: return (model, data) or (model, data, optimizer)."
            )
        for name, part in stateful_parts(*made):
            cls.require_new(name, part, mode, "setup_model")
        return made

    @classmethod
    @final
    def require_new(cls, name: str, part: object, mode: Mode, hook: str) -> None:
        """Demands that what a hook returned is not that of an earlier phase.

        Raises:
            TypeError: naming the hook and the part.
        """
        if not cls._used.take(part, (mode, cls._leg)):
            raise TypeError(
                f"{cls.__name__}.{hook} returned the {name} of an earlier phase: build a new one each time."
            )

    @classmethod
    def make_trainer(cls, mode: Mode) -> Any:
        """Returns what ``setup_trainer`` returns, for a backend."""
        return cls._ask(cls.setup_trainer, mode)

    @classmethod
    def _ask(cls, hook: Callable[[Mode], Any], mode: Mode) -> Any:
        """Calls a hook, which may skip the class; once a phase has begun to train, nobody may.

        A later phase that skips is one that fails: what the class needs was there in the first.
        """
        try:
            return hook(mode)
        except skip_types() as skip:
            cls._skip = skip
            raise

    @classmethod
    def _may_skip(cls, mode: Mode) -> bool:
        """Whether it is a phase with which training begins."""
        return mode is (Mode.STOP if cls.stop_phase else Mode.CONTINUOUS)


def skip_types() -> tuple[type[BaseException], ...]:
    """What skips a test: an exception of ``unittest``, or of pytest, which is no ``Exception``."""
    pytest = sys.modules.get("pytest")
    return (unittest.SkipTest,) if pytest is None else (unittest.SkipTest, pytest.skip.Exception)
