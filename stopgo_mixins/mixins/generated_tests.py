"""Makes the test methods that a class of the assertions' mixin is given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from parameterized import parameterized

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's

OF_THE_RUN = ("resume_point", "number_of_steps", "train_val_init_consumed_samples", "additional_callbacks")
"""What is asked about the run as a whole, a test for each."""

OF_A_CONTROL_ARM = {"determinism": "noise_floor"}
"""What is asked about the run where a class asks for a control arm, and by which attribute it does."""

OF_A_SHARED_PROCESS = "process_state"
"""What is asked where all phases run in the process of the tests."""

_NOT_SHOWN = 'phases in one process hide what hash() and the order of sets change; isolation = "process" shows it'
"""The one place where a class says what its phases in one process do not show; ``unittest -v`` prints it."""

_GENERATED = "_stopgo_generated"


def is_generated(attribute: object) -> bool:
    """Whether a class attribute is a test that was made here."""
    return getattr(attribute, _GENERATED, False) is True


def generate_tests(cls: type, metrics: Collection[str], *, shares_process: bool) -> None:
    """Gives a class its tests: one for each metric, those of the run, and those of the control arms that it has.

    One more where its phases share a process.

    Raises:
        TypeError: where something else than a test stands in the place of one.
    """
    of_arms = [check for check, attribute in OF_A_CONTROL_ARM.items() if getattr(cls, attribute)]
    of_process = [OF_A_SHARED_PROCESS] if shares_process else []
    tests = _fresh_tests(metrics, (*OF_THE_RUN, *of_arms, *of_process))
    remove_generated_tests(cls, keep=tests)
    for name, test in tests.items():
        if not _is_written_by_hand(cls, name):
            setattr(cls, name, test)


def remove_generated_tests(cls: type, keep: Collection[str] = ()) -> None:
    """Takes away inherited tests of metrics that the class does not have."""
    for name in dir(cls):
        if name.startswith("test_") and name not in keep and is_generated(getattr(cls, name)):
            setattr(cls, name, None)


def _is_written_by_hand(cls: type, name: str) -> bool:
    """Whether a class has a test of its user under the name of a generated one, which then wins.

    Raises:
        TypeError: where the user's attribute of that name is no test, so that there would be none.
    """
    found = [vars(base)[name] for base in cls.__mro__ if name in vars(base)]
    if not found or is_generated(found[0]):
        return False
    if callable(getattr(cls, name)) and not isinstance(found[0], type):
        return True
    if found[0] is None and (name not in vars(cls) or None in found[1:]):
        return False  # taken away from a base that did not have the metric
    raise TypeError(
        f"{cls.__name__}.{name} is {found[0]!r}, where a test of the library belongs: only a method can stand in its "
        f"place. Give it another name{_instead(name.removeprefix('test_'))}."
    )


def _instead(test: str) -> str:
    """How to do without a test, if that is possible."""
    if test in OF_THE_RUN:
        return ""
    without = f"{OF_A_CONTROL_ARM[test]} = False" if test in OF_A_CONTROL_ARM else f"metrics = {{{test!r}: None}}"
    return f", or write {without} to do without that test"


def _fresh_tests(metrics: Collection[str], checks: Collection[str]) -> dict[str, Any]:
    """The tests by name; new functions at every call, since pytest drops tests that several classes share."""
    tests: dict[str, Any] = {}

    def metric_template(self: Any, metric: str) -> None:
        self._assert_metric(metric)

    def run_template(self: Any, check: str) -> None:
        getattr(self, f"_assert_{check}")()

    _expand(list(metrics), metric_template, tests)
    _expand(list(checks), run_template, tests)
    for name, test in tests.items():
        tests[name] = _without_foreign_frames(test)
        setattr(tests[name], _GENERATED, True)
    return tests


def _without_foreign_frames(test: Callable[[Any], None]) -> Callable[[Any], None]:
    """The test, whose failures show their message only: nothing on the way to it tells about the user's run."""

    def run(self: Any) -> None:
        try:
            self._demand_phases()
            test(self)
        except AssertionError as failure:
            raise failure.with_traceback(None) from None

    run.__name__ = test.__name__
    run.__doc__ = _NOT_SHOWN if test.__name__ == f"test_{OF_A_SHARED_PROCESS}" else None
    return run


def _expand(names: Sequence[str], template: Callable[..., None], namespace: dict[str, Any]) -> None:
    expand = parameterized.expand(
        [(name,) for name in names],
        name_func=lambda _function, _number, parameters: f"test_{parameters.args[0]}",
        doc_func=lambda _function, _number, _parameters: None,  # unittest -v would show it beside the name
        namespace=namespace,
    )
    expand(template)
