"""A setting of the process: how it is read, and how it is put back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Switch:
    """One setting.

    Attributes:
        name: for people.
        read: returns its value, which later changes do not touch.
        write: gives it a value that was read.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], None]

    @classmethod
    def of_attribute(cls, owner: object, name: str) -> Switch:
        """One that is an attribute of an object, a module or a class."""
        return cls(name, lambda: getattr(owner, name), lambda value: setattr(owner, name, value))

    def put_back(self, value: Any) -> None:
        """Gives it a value that was read, if it has another one."""
        if self.read() != value:
            self.write(value)


@contextmanager
def put_back(switches: Iterable[Switch]) -> Iterator[None]:
    """Gives the switches, in their order, the values that they have now, where the body has changed them."""
    with ExitStack() as stack:
        for switch, value in reversed([(switch, switch.read()) for switch in switches]):
            stack.callback(switch.put_back, value)
        yield
