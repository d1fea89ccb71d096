"""The report of each class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import final, override

from stopgo_mixins.isolation.run_directory import KeptDirectory
from stopgo_mixins.mixins.phases import TrainingPhasesMixin
from stopgo_mixins.report.environment import environment
from stopgo_mixins.report.files import REPORT_VARIABLE, report_file, step_summary, write_report
from stopgo_mixins.report.subject import Subject

if TYPE_CHECKING:
    from stopgo_mixins.comparison.examination import Examination

__unittest = True  # keeps the frames of this module out of unittest's tracebacks


class ReportMixin(TrainingPhasesMixin):
    """Writes a report when the tests of a class are over, passed or failed, where the environment asks for one."""

    _report_directory: ClassVar[Path | None] = None

    @override
    @classmethod
    def setUpClass(cls) -> None:
        directory = os.environ.get(REPORT_VARIABLE)
        cls._report_directory = Path(directory).resolve() if directory else None
        super().setUpClass()
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
        return f"report: {path}" if path else f"for a report with everything, set {REPORT_VARIABLE}=DIR"

    @classmethod
    @final
    def _full_name(cls) -> str:
        return f"{cls.__module__}.{cls.__qualname__}"

    @classmethod
    def _write_report(cls) -> None:
        path = cls._report_path()
        if path is None and step_summary() is None:
            return
        subject = Subject(cls._full_name(), cls.examination(), environment())
        if isinstance(cls.tempdir, KeptDirectory):
            subject.keep(cls.metadata_dir)
        write_report(subject, path)
