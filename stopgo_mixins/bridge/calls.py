"""Which calls a bridge has made, so that one that it leaves out is named and does not become a test that passes."""

from __future__ import annotations

from stopgo_mixins.exceptions import BridgeError

_PAIRS = {
    "micro_batch_ended": "micro_batch_started",
    "validation_ended": "validation_started",
    "validation_batch_ended": "validation_batch_started",
}
"""A call that ends something, and the call that began it."""

_WITHIN = {"validation_batch_started": "validation_ended"}
"""A call, and the end of what it must happen within; all others happen where nothing has been begun."""


class CallLog:
    """The calls of one phase."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._awaited: list[str] = []

    def seen(self, call: str) -> bool:
        """Whether the call was made in this phase."""
        return call in self._seen

    def require(self, call: str, *after: str) -> None:
        """Notes a call that may come in the midst of anything, once the calls ``after`` which it comes were made.

        Raises:
            BridgeError: when one of those has not been made.
        """
        for earlier in after:
            if earlier not in self._seen:
                raise left_out(earlier, f"before {call}")
        self._seen.add(call)

    def note(self, call: str, *after: str) -> None:
        """Notes a call that comes where nothing else is unfinished.

        Raises:
            BridgeError: as :meth:`require`, or when something that was begun has not been ended.
        """
        awaited = self._awaited[-1] if self._awaited else None
        if awaited != _WITHIN.get(call):
            raise left_out(awaited or _PAIRS[_WITHIN[call]], f"before {call}")
        self.require(call, *after)

    def begin(self, call: str, *after: str) -> None:
        """Notes a call that begins something, which its counterpart ends."""
        self.note(call, *after)
        self._awaited.append(next(end for end, start in _PAIRS.items() if start == call))

    def end(self, call: str) -> None:
        """Notes a call that ends what was begun last.

        Raises:
            BridgeError: when it was not begun.
        """
        if not self._awaited or self._awaited[-1] != call:
            raise left_out(self._awaited[-1] if call in self._awaited else _PAIRS[call], f"before {call}")
        self._awaited.pop()
        self._seen.add(call)

    def demand(self, *calls: str) -> None:
        """Looks back at the end of a phase.

        Raises:
            BridgeError: when one of the calls has never been made.
        """
        for call in calls:
            if call not in self._seen:
                raise left_out(call, "in the whole phase")


def left_out(call: str, when: str) -> BridgeError:
    """What is raised for a call that was not made."""
    return BridgeError(f"the bridge did not call {call} {when}: what it tells would be lost, and no test could fail.")
