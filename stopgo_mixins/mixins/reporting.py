"""The report of each class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import final, override

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.isolation.ending import formatted_traceback
from stopgo_mixins.isolation.output import progress
from stopgo_mixins.isolation.run_directory import KeptDirectory
from stopgo_mixins.mixins.phases import TrainingPhasesMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.report.broken_run import BrokenRun
from stopgo_mixins.report.environment import environment
from stopgo_mixins.report.files import REPORT_VARIABLE, report_directory, report_file, step_summary
from stopgo_mixins.report.run import report_of_run
from stopgo_mixins.report.subject import Subject
from stopgo_mixins.trace.store import Trace

if TYPE_CHECKING:
    from stopgo_mixins.comparison.examination import Examination

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class ReportMixin(TrainingPhasesMixin):
    """Writes a report when the tests of a class are over, passed or failed, where the environment asks for one."""

    _report_directory: ClassVar[Path | None] = None
    _leaves_report: ClassVar[bool] = True

    @override
    @classmethod
    def setUpClass(cls) -> None:
        cls._report_directory = report_directory()
        try:
            super().setUpClass()
        except PhaseError as failure:
            raise cls._reported(failure) from failure.__cause__
        cleanup: Callable[..., Any] = cls.addClassCleanup  # type: ignore[attr-defined]  # of TestCase
        cleanup(cls._write_report)

    @classmethod
    def examination(cls) -> Examination:
        """All that is asked of the run."""
        raise NotImplementedError

    @classmethod
    @final
    def _report_path(cls) -> Path | None:
        """Where the report of the class will lie; ``None`` where nobody asked for one."""
        if cls._report_directory is not None:
            return report_file(cls._report_directory, cls._full_name())
        return Path(cls.tempdir.name) / "report.html" if isinstance(cls.tempdir, KeptDirectory) else None

    @classmethod
    @final
    def _where_to_look(cls) -> str:
        """What shows more than a message does."""
        path = cls._report_path()
        return f"report: {path}" if path else f"for a full report, set {REPORT_VARIABLE}=DIR"

    @classmethod
    @final
    def _full_name(cls) -> str:
        return f"{cls.__module__}.{cls.__qualname__}"

    @classmethod
    @final
    def _is_asked_for(cls) -> bool:
        """Whether anybody wants a report, and from this rank."""
        wanted = cls._report_path() is not None or step_summary() is not None
        return wanted and cls._leaves_report and (cls._world is None or cls._world.rank == 0)

    @classmethod
    def _write_report(cls) -> None:
        if not cls._is_asked_for():
            return
        with progress(f"{cls.__name__}: report ..."):
            subject = Subject(cls._full_name(), cls.examination(), environment())
            if isinstance(cls.tempdir, KeptDirectory):
                subject.keep(cls.metadata_dir)
            report_of_run(subject).write(cls._report_path())

    @classmethod
    def _reported(cls, failure: PhaseError) -> PhaseError:
        """Writes a report of what there is when a phase has failed, and returns the error with its path."""
        if not cls._is_asked_for():
            return failure
        traces = {cls._phase_name(leg): Trace(path) for leg, (_, path) in enumerate(cls.legs())}
        cause = failure.__cause__
        BrokenRun(
            cls._full_name(),
            str(failure),
            formatted_traceback(cause) if cause else "",
            {**traces, "continuous phase": cls.trace(Mode.CONTINUOUS)},
            cls.num_steps,
            environment(),
        ).report().write(cls._report_path())
        return PhaseError(f"{failure}\n  {cls._where_to_look()}")
