"""What a cell of the fault matrix is, what is seen of it, and how that is judged."""

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from airflow_sm_pipelines.local.control import EndpointControl


class Column(Enum):
    """How a step waits for its job."""

    DEFERRABLE = "deferrable"
    SYNCHRONOUS = "synchronous"


@dataclass(frozen=True)
class Expected:
    """What has to come of a step.

    ``attempts`` are the names under which AWS was asked for a job, ``jobs`` those that it got. ``stopped`` is how
    many of them end as Stopped. ``delays`` are the least seconds, on the endpoint's clock, between one try's Create
    call and the next one's; ``calls`` is how many of them there are in all, None where that is not asked.
    """

    attempts: int = 1
    jobs: int = 1
    state: str = "success"
    stopped: int = 0
    delays: tuple[float, ...] = ()
    calls: int | None = None


@dataclass(frozen=True, eq=False)
class Row:
    """A fault: its title in the table, and what has to come of a step that meets it, in either column.

    ``key`` is part of the names of the row's steps: letters and digits only.
    """

    key: str
    title: str
    expected: Expected
    columns: tuple[Column, ...] = tuple(Column)


@dataclass(frozen=True)
class Cell:
    """A row in one column: one step of one Dag."""

    row: Row
    column: Column

    @property
    def step(self) -> str:
        """The step's name; no other's begins with it and a hyphen."""
        return f"{self.column.value[0]}{self.row.key}"

    @property
    def jobs(self) -> str:
        """A glob for the names of the step's jobs."""
        return f"*-{self.step}-*"

    @property
    def id(self) -> str:
        """The cell's name in pytest."""
        return f"{self.row.key}-{self.column.value}"


@dataclass(frozen=True)
class Seen:
    """What came of a step: see :class:`Expected`. ``orphans`` are the jobs that had not ended when all was over."""

    attempts: int
    jobs: int
    state: str
    stopped: int
    orphans: int
    delays: tuple[float, ...]
    calls: int = 0

    @classmethod
    def of(cls, cell: Cell, endpoint: EndpointControl, state: str) -> "Seen":
        """What the endpoint's log and jobs tell of a step that ended in ``state``."""
        mark = f"-{cell.step}-"
        created = [
            call
            for call in endpoint.requests("sagemaker", "CreateTrainingJob")
            if mark in call.parameters["TrainingJobName"]
        ]
        jobs = [job for job in endpoint.jobs("training") if mark in job.name]
        return cls(
            attempts=len({call.parameters["TrainingJobName"] for call in created}),
            jobs=len(jobs),
            state=state,
            stopped=sum(job.status == "Stopped" for job in jobs),
            orphans=sum(job.ended is None for job in jobs),
            delays=tuple(after.time - before.time for before, after in pairwise(created)),
            calls=len(created),
        )

    def faults(self, expected: Expected) -> list[str]:
        """What is not as it has to be; nothing where the cell holds."""
        pairs = [
            ("attempts", self.attempts, expected.attempts),
            ("jobs", self.jobs, expected.jobs),
            ("final state", self.state, expected.state),
            ("stopped jobs", self.stopped, expected.stopped),
            ("orphans", self.orphans, 0),
        ]
        if expected.calls is not None:
            pairs.append(("Create calls", self.calls, expected.calls))
        found = [f"{what}: {seen}, not {wanted}" for what, seen, wanted in pairs if seen != wanted]
        if expected.delays and (
            len(self.delays) != len(expected.delays)
            or any(seen < least for seen, least in zip(self.delays, expected.delays, strict=True))
        ):
            found.append(f"delays: {[round(delay, 2) for delay in self.delays]}, not at least {expected.delays}")
        return found
