"""The three training phases, run once per class."""

from __future__ import annotations

import signal
import threading
import unittest
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import ClassVar, Literal

from typing_extensions import final

from stopgo_mixins.bridge.plan import PhasePlan
from stopgo_mixins.exceptions import BridgeError, PhaseError, StopAndGoException
from stopgo_mixins.isolation.class_location import ClassLocation
from stopgo_mixins.isolation.ending import described
from stopgo_mixins.isolation.exit_guard import guarded_exit
from stopgo_mixins.isolation.garbage import collected_garbage
from stopgo_mixins.isolation.launcher import PhaseProcess, cores, demand_success, start_server
from stopgo_mixins.isolation.one_at_a_time import one_at_a_time
from stopgo_mixins.isolation.output import captured_output, last_lines, progress
from stopgo_mixins.isolation.process_settings import ProcessSettings
from stopgo_mixins.isolation.process_state import preserved_process_state
from stopgo_mixins.isolation.request import PhaseRequest, pickled
from stopgo_mixins.isolation.run_directory import BorrowedDirectory, KeptDirectory, make_run_directory
from stopgo_mixins.isolation.seeding import seed_everything, use_deterministic_algorithms
from stopgo_mixins.isolation.world import World, tasks_of_srun, world_of_the_suite
from stopgo_mixins.mixins.own_objects import own_objects
from stopgo_mixins.mixins.parts import PhasePartsMixin, skip_types
from stopgo_mixins.mixins.used_objects import UsedObjects
from stopgo_mixins.mode import Mode
from stopgo_mixins.recorders.recorder import Recorder
from stopgo_mixins.trace.leaves import PLAIN
from stopgo_mixins.trace.selection import LeftOut
from stopgo_mixins.trace.store import Trace

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class TrainingPhasesMixin(PhasePartsMixin):
    """Runs stop, resume and continuous, each from the same seed with everything built anew.

    Attributes:
        isolation: where the legs run: ``"process"``, each in a fresh one, beside the continuous phase in the process of
            the tests; or all phases in that, ``"in_process"``.
        devices: how many ranks train together. If more than one, each phase, the continuous one as well, is in a
            process of its own that launches them, and ``setup_trainer`` has to return a trainer for so many.
        resume_devices: how many ranks the resume phase trains on instead; then what all ranks have together is
            compared, and no longer what each has. Also where there are as many that share the model otherwise.
        phase_timeout: seconds after which a leg in a process of its own is ended; ``None`` for no limit.
        seed: of every phase.
        resume_seed: of the resume phase instead; then everything random must come from the checkpoint. The same as
            ``seed`` says that every restart gets it, so that what is right only because of it is not verified.
        deterministic: whether torch must use deterministic algorithms.
        value_budget: bytes of large values that each phase may keep on disk to show differences and apply tolerances.
        exp_name: the name of the class.
    """

    isolation: ClassVar[Literal["process", "in_process"]] = "in_process"
    devices: ClassVar[int] = 1
    resume_devices: ClassVar[int | None] = None
    phase_timeout: ClassVar[float | None] = None
    seed: ClassVar[int] = 42
    resume_seed: ClassVar[int | None] = None
    deterministic: ClassVar[bool] = True
    value_budget: ClassVar[int] = 64 * 2**20

    exp_name: ClassVar[str]

    _left_out: ClassVar[LeftOut] = {}
    _preload: ClassVar[tuple[str, ...]] = ("stopgo_mixins.stop_and_go",)
    _defined: ClassVar[frozenset[str]] = frozenset()
    _is_child: ClassVar[bool] = False
    _request: ClassVar[Callable[[Mode], PhaseRequest]]
    _world: ClassVar[World | None] = None
    _before_phase: ClassVar[Mapping[str, object] | None] = None
    """What was on the class before the phase at hand, where phases share the class."""
    _processes: ClassVar[list[PhaseProcess]]
    _cancelled: ClassVar[threading.Event]

    @classmethod
    def setUpClass(cls) -> None:
        """Runs the three phases."""
        super().setUpClass()  # type: ignore[misc]  # TestCase's, or that of the suite's own base
        cls.make_run_directory()
        cls.run_stop_and_go()

    @classmethod
    @final
    def make_run_directory(cls) -> None:
        """Makes what the phases write to: the run directory, and the registry of callbacks."""
        cls.exp_name = cls.__name__
        cls._world = world_of_the_suite()
        if cls._world is None:
            cls._demand_one_task()
            cls.tempdir = make_run_directory(cls.exp_name)
        else:
            cls._demand_ranks_of(cls._world)
            cls.tempdir = cls._world.make_run_directory(cls.exp_name)
        cls.addClassCleanup(cls.tempdir.cleanup)  # type: ignore[attr-defined]  # of TestCase
        if cls._world is not None:
            cls.addClassCleanup(cls._world.everyone)  # type: ignore[attr-defined]  # the same; who still reads it
        cls.metadata_dir = Path(cls.tempdir.name) / "metadata"
        cls.metadata_dir.mkdir(exist_ok=cls._world is not None)
        cls.callbacks = cls._make_callbacks()
        cls._used = UsedObjects()

    @classmethod
    def _demand_one_task(cls) -> None:
        tasks = tasks_of_srun()
        if tasks > 1 and cls._launches_ranks():
            raise TypeError(
                f"{cls.__name__} trains on {cls._most_ranks()} ranks, and srun has started these tests as {tasks} "
                "tasks, each of which would launch all of them. Start the tests once, without srun, and the class "
                "launches the ranks; or let srun start one torchrun on each node: srun --ntasks-per-node=1 torchrun "
                "--nnodes=$SLURM_NNODES --nproc-per-node=... --rdzv-backend=c10d --rdzv-endpoint=FIRST_NODE:29400 "
                "-m unittest ..."
            )

    @classmethod
    def _demand_ranks_of(cls, world: World) -> None:
        if cls.resume_devices is not None:
            raise TypeError(
                f"{cls.__name__}.resume_devices is {cls.resume_devices}, and these tests were started on {world.size} "
                "ranks, which are those of every phase: start the tests of this class without torchrun."
            )
        if cls.devices != world.size:
            raise TypeError(
                f"{cls.__name__}.devices is {cls.devices}, and these tests were started on {world.size} ranks: write "
                f"devices = {world.size} in the class, or start the tests without torchrun."
            )

    @classmethod
    def run_stop_and_go(cls) -> None:
        """Runs all three phases, or two of them; beside each other where they are in processes of their own."""
        cls._leg = 0
        cls._prepare_processes()
        with one_at_a_time("ranks") if cls._launches_ranks() else nullcontext():
            cls._run_phases()

    @classmethod
    def _prepare_processes(cls) -> None:
        if any(map(cls._is_apart, Mode)):
            cls._request = cls._make_request_maker()
            cls._cancelled = threading.Event()
            cls._processes = []
            start_server(cls._preload)

    @classmethod
    def _is_apart(cls, mode: Mode) -> bool:
        """Whether a phase runs in a process of its own."""
        in_process = mode is Mode.CONTINUOUS or cls.isolation != "process" or cls._world is not None
        return cls._launches_ranks() or not in_process

    @classmethod
    def _launches_ranks(cls) -> bool:
        return cls._most_ranks() > 1 and cls._world is None

    @classmethod
    def _most_ranks(cls) -> int:
        return max(map(cls.devices_of, Mode))

    @classmethod
    def _several_ranks(cls) -> str | None:
        """What the class says of its ranks, for a message; ``None`` where all phases train on one and the same."""
        if cls.devices > 1:
            return f"devices is {cls.devices}"
        return None if cls.resume_devices is None else f"resume_devices is {cls.resume_devices}"

    @classmethod
    @final
    def devices_of(cls, mode: Mode) -> int:
        """How many ranks a phase trains on."""
        return cls.resume_devices if mode is Mode.RESUME and cls.resume_devices is not None else cls.devices

    @classmethod
    def _run_phases(cls) -> None:
        if not cls.stop_phase:
            cls.continuous()
            cls._demand_interruption(cls._all_interruptions()[0])
            cls.resume()
        elif cls._is_apart(Mode.STOP) and cores() >= 2 * cls._most_ranks():
            cls._run_side_by_side()
        else:
            cls.stop()
            cls.resume()
            cls.continuous()

    @classmethod
    def _run_side_by_side(cls) -> None:
        """The continuous phase may need the process of the tests, the legs only somebody who waits for them."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="stopgo") as executor:
            legs = executor.submit(lambda: (cls.stop(), cls.resume()))
            try:
                cls.continuous()
            except BaseException as error:
                if isinstance(error.__cause__, skip_types()):
                    legs.result()  # skips the class if the stop phase, whose word it is, skips as well
                cls._cancelled.set()
                for process in cls._processes:
                    process.kill()
                raise
            legs.result()

    @classmethod
    def stop(cls) -> None:
        """Trains until the interruption.

        Raises:
            PhaseError: when the phase fails, ends without having been interrupted, or leaves no checkpoint.
        """
        cls._run_leg(0)

    @classmethod
    def resume(cls) -> None:
        """Builds everything anew, loads the checkpoint and trains on: to the end, or to the next interruption.

        Raises:
            PhaseError: when the phase fails, or is not interrupted although it should be again.
        """
        for leg in range(1, len(cls._all_interruptions()) + 1):
            cls._run_leg(leg)

    @classmethod
    def _run_leg(cls, leg: int) -> None:
        cls._leg = leg
        if leg > 1:  # the callbacks of the leg before are used up
            cls.callbacks = {**cls.callbacks, Mode.RESUME: cls._make_callbacks()[Mode.RESUME]}
        cls._run(Mode.RESUME if leg else Mode.STOP)
        if interruption := cls._interruption():
            cls._demand_interruption(interruption)

    @classmethod
    def continuous(cls) -> None:
        """Trains to the end without interruption.

        Raises:
            PhaseError: when the phase fails or makes fewer updates than ``num_steps``.
        """
        cls._run(Mode.CONTINUOUS)
        cls._demand_all_steps(cls.trace(Mode.CONTINUOUS), "continuous phase")

    @classmethod
    def plan(cls, mode: Mode) -> PhasePlan:
        """What the bridge is told about a phase."""
        before = [] if mode is Mode.STOP else Trace(cls._trace_directory(max(cls._leg - 1, 0))).events("interrupted")
        is_reference = mode is Mode.CONTINUOUS
        waypoints = cls._waypoints() if is_reference else ()
        return PhasePlan(
            mode=mode,
            num_steps=cls.num_steps,
            interruption=None if is_reference else cls._interruption(),
            recorders=[callback for callback in cls.callbacks[mode].values() if isinstance(callback, Recorder)],
            trace_directory=cls._files(mode),
            checkpoint_directory=cls.run_directory(mode) / "stopgo-checkpoints",
            value_budget=cls.value_budget,
            resume_point=before[-1]["saved_at"] if before else None,
            keep_first=cls.metrics_with_tolerance(),
            left_out=cls._left_out,
            interruptions=(*cls._all_interruptions(), *(waypoint.interruption for waypoint in waypoints)),
            waypoints=waypoints,
            own_process=cls._is_child,
            own_objects=cls._own_objects,
            worlds=None if cls.resume_devices is None else (cls.devices, cls.resume_devices),
        )

    @classmethod
    def _own_objects(cls) -> Mapping[str, object]:
        """What the user keeps on the class; where phases share it, only the objects that the phase at hand has made.

        All else goes on from phase to phase: that is state of the process.
        """
        found, before = own_objects(cls), cls._before_phase
        if before is None:
            return found
        made = ((name, value) for name, value in found.items() if not isinstance(value, PLAIN))
        return {name: value for name, value in made if value is not before.get(name)}

    @classmethod
    def _files(cls, mode: Mode) -> Path:
        """The beginning of the names of what a phase leaves: the directory of its trace, and files beside it."""
        return cls.metadata_dir / mode.value if mode is Mode.CONTINUOUS else cls._trace_directory(cls._leg)

    @classmethod
    def metrics_with_tolerance(cls) -> frozenset[str]:
        """The metrics whose recorded values are needed to be compared."""
        return frozenset()

    @classmethod
    @final
    def kept_in(cls) -> str:
        """Where traces and checkpoints stay, or how to keep them."""
        if isinstance(cls.tempdir, KeptDirectory):
            return f"traces and checkpoints are kept in {cls.tempdir.name}"
        return "to keep traces and checkpoints, set STOPGO_KEEP=DIR in the environment"

    @classmethod
    @final
    def _run(cls, mode: Mode) -> None:
        if cls._is_apart(mode):
            cls._run_in_process_of_its_own(mode)
            return
        rank = "" if cls._world is None else f"-rank-{cls._world.rank}"
        cls._before_phase = None if cls._is_apart(Mode.STOP) else own_objects(cls)
        files = cls._files(mode)
        log = files.with_name(f"{files.name}{rank}.log")
        try:
            with (
                progress(f"{cls.__name__}: {mode.value} phase ..."),
                collected_garbage(),
                preserved_process_state(),
                captured_output(log),
                guarded_exit(),
                nullcontext() if cls._world is None else cls._world.phase(),
            ):
                cls._train_from_seed(mode)
        except BaseException as error:  # SystemExit would end the suite, and with exit status 0
            if isinstance(error, KeyboardInterrupt) or (error is cls._skip and cls._may_skip(mode)):
                raise
            if isinstance(error.__context__, KeyboardInterrupt):  # some trainers exit upon Ctrl-C
                raise KeyboardInterrupt from error
            raise PhaseError(cls._phase_failure(mode, cls._described(error), log)) from error

    @classmethod
    def _described(cls, error: BaseException) -> str:
        if isinstance(error, PhaseError):  # such as that of another rank
            return str(error)
        return described(error) if cls._world is None else f"rank {cls._world.rank}: {described(error)}"

    @classmethod
    def _run_in_process_of_its_own(cls, mode: Mode) -> None:
        request = cls._request(mode)
        process = PhaseProcess(request, cls._cancelled)
        cls._processes.append(process)
        end = process.run(cls.phase_timeout)
        interruption = None if mode is Mode.CONTINUOUS else cls._interruption()
        try:
            demand_success(request, end, cls.phase_timeout, by=interruption and interruption.by)
        except unittest.SkipTest as skip:
            if cls._may_skip(mode):
                raise
            raise PhaseError(cls._phase_failure(mode, described(skip), request.log)) from skip
        except PhaseError as problem:
            raise PhaseError(cls._phase_failure(mode, str(problem), request.log)) from problem.__cause__

    @classmethod
    def _make_request_maker(cls) -> Callable[[Mode], PhaseRequest]:
        """Remembers how the process and the class are now, before any phase has changed either.

        Raises:
            TypeError: when no other process would find the class.
        """
        try:
            location = cls._location()
        except LookupError as problem:
            otherwise = 'isolation = "in_process"' if cls._most_ranks() == 1 else "devices = 1"
            raise TypeError(
                f"{cls.__name__} cannot be run in a process of its own: {problem}. Define it at the top of a module, "
                f"or write {otherwise}."
            ) from None
        settings = ProcessSettings.of_this_process()
        given = {name: value for name, value in vars(cls).items() if name not in {*cls._defined, "callbacks"}}
        given = {name: value for name, value in given.items() if not hasattr(TrainingPhasesMixin, name)}
        attributes = pickled({**given, "tempdir": BorrowedDirectory(cls.tempdir.name)})

        def request(mode: Mode) -> PhaseRequest:
            leg = 0 if mode is Mode.CONTINUOUS else cls._leg
            return PhaseRequest(location, settings, mode, leg, attributes, cls.devices_of(mode), cls._files(mode))

        return request

    @classmethod
    def _location(cls) -> ClassLocation:
        return ClassLocation.of(cls)

    @classmethod
    def _run_as_child(cls, request: PhaseRequest) -> None:
        """Runs a phase in this fresh process, for another one that waits for it."""
        cls._is_child, cls._leg, cls._used = True, request.leg, UsedObjects()
        cls.callbacks = cls._make_callbacks()
        cls._train_from_seed(request.mode)

    @classmethod
    @final
    def _train_from_seed(cls, mode: Mode) -> None:
        if cls.deterministic:
            use_deterministic_algorithms()
        seed_everything(cls._starting_seed(mode))
        try:
            cls._train_phase(mode)
        except BaseException as error:
            if mode is Mode.CONTINUOUS or not cls._is_as_planned(error):
                raise

    @classmethod
    def _train_phase(cls, mode: Mode) -> None:
        """Where something is to be done around all training, in whatever process."""
        cls.train(mode)

    @classmethod
    @final
    def seed_of(cls, mode: Mode) -> int:
        """The seed from which a phase starts."""
        return cls.resume_seed if mode is Mode.RESUME and cls.resume_seed is not None else cls.seed

    @classmethod
    def _starting_seed(cls, mode: Mode) -> int:
        """What the process is seeded with, whatever seed a trainer is told."""
        return cls.seed_of(mode)

    @classmethod
    def _is_as_planned(cls, error: BaseException) -> bool:
        """Whether this is how the leg at hand was to end: a signal ends it as the trainer answers it."""
        interruption = cls._interruption()
        if interruption is None or isinstance(error, StopAndGoException):
            return interruption is not None
        by_signal = isinstance(interruption.by, signal.Signals) and not isinstance(error, PhaseError | BridgeError)
        return by_signal and bool(Trace(cls._trace_directory(cls._leg)).events("interrupted"))

    @classmethod
    @final
    def _phase_failure(cls, mode: Mode, described: str, log: Path) -> str:
        printed = [f"    {line}" for line in last_lines(log)]
        name = f"{mode.value} phase" if mode is Mode.CONTINUOUS else cls._phase_name(cls._leg)
        to_load = [cls.resume_checkpoint()] if mode is Mode.RESUME else []
        return "\n".join(
            [
                f"{cls.__name__}: the {name} failed: {described}",
                *(f"  the checkpoint that it was to load: {path}" for path in to_load),
                *(["  the end of what it printed:", *printed] if printed else []),
                f"  {cls.kept_in()}",
            ]
        )
