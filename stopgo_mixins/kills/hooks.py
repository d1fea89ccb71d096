"""Where a restart finds its checkpoint when nobody could say which."""

from __future__ import annotations

from typing import Any

from stopgo_mixins.mixins.phases import TrainingPhasesMixin

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class KillHooksMixin(TrainingPhasesMixin):
    """What a backend implements so that its runs can be killed while they save."""

    @classmethod
    def find_checkpoint(cls, trainer: Any) -> str | None:
        """The checkpoint that a restart finds by itself in ``run_directory(Mode.RESUME)``; ``None`` for none.

        A run that was killed could not say which checkpoint it is to be resumed from, so the trainer looks for one, or
        the script around it does. Each backend looks as its trainer does; override it where your script looks in
        another way.

        Args:
            trainer: of the restart, as ``setup_trainer`` returned it; ``None`` where there is none.
        """
        raise NotImplementedError(
            f"{cls.__name__}.find_checkpoint: nobody has said how a restart finds its checkpoint."
        )
