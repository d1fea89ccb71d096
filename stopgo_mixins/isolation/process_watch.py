"""Finds what training changes in a process and nobody puts back."""

from __future__ import annotations

from collections.abc import Sequence

from stopgo_mixins.isolation.left_behind import LeftBehind
from stopgo_mixins.isolation.library_functions import LibraryFunctions, library_functions, replaced_functions
from stopgo_mixins.isolation.user_state import UserState, changes_of_user_state, user_state


class ProcessWatch:
    """From before the first phase of a class until the first resume phase, which inherits what was changed.

    What a phase sets up before it trains is none of it: after a restart, it would be set up again.

    Args:
        test_class: whose modules are the user's.
    """

    def __init__(self, test_class: type) -> None:
        self._test_class = test_class
        self._left_before = LeftBehind.now()
        self._before: tuple[UserState, LibraryFunctions] | None = None

    def phase_start(self, _state: object) -> None:
        """Training begins: looks at everything, in the first phase."""
        if self._before is None:
            self._before = user_state(self._test_class), library_functions()

    def end(self) -> Sequence[str]:
        """The first phase is over: says what was changed, one sentence each."""
        if self._before is None:  # it was run by another class
            return ()
        state, functions = self._before
        found = (
            *changes_of_user_state(state, user_state(self._test_class)),
            *(f"{name}: replaced by another function" for name in replaced_functions(functions, library_functions())),
            *LeftBehind.now().since(self._left_before),
        )
        return tuple(dict.fromkeys(found))  # an attribute is found on its class as well
