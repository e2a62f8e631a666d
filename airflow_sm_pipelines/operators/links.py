"""The buttons of a task's page that lead to AWS, to what the step runs and to its log, and the log's own lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import XCom
from airflow.sdk import BaseOperatorLink
from typing_extensions import override

from airflow_sm_pipelines.jobs.job_log import JobLog, LogPlace, LogTail, last_lines
from airflow_sm_pipelines.jobs.observers import JobObserver
from airflow_sm_pipelines.operators.console import Console, filled

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.jobs.job_run import StepJobRun
    from airflow_sm_pipelines.jobs.step_run import TaskOutput
    from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations


class _PushedLink(BaseOperatorLink):
    """A link whose address the task itself knows.

    Airflow's API server reads it from XCom, and Airflow asks the operator for it when a try ends or defers. The task
    pushes it as soon as there is something to see.
    """

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        addresses: Mapping[str, str] = getattr(operator, "link_addresses", {})
        if addresses:
            return addresses.get(self.xcom_key, "")
        # A step that comes back from its trigger need not know what it has pushed before.
        return XCom.get_value(key=self.xcom_key, ti_key=ti_key) or ""


class AwsConsoleLink(_PushedLink):
    """The page of what a step runs in the AWS console."""

    name = "AWS console"


class JobLogLink(_PushedLink):
    """The log of what a step runs: its CloudWatch streams, or its folder in S3."""

    name = "Job log"


LINKS = (AwsConsoleLink(), JobLogLink())


class ConsoleLinks:
    """Where a step's task shows what the step runs; ``addresses`` are what its links show, by their XCom keys."""

    def __init__(self, locations: ConsoleLocations, output: TaskOutput) -> None:
        self.locations = locations
        self.addresses: Mapping[str, str] = {}
        self._output = output

    def log_place(self, values: Mapping[str, str]) -> LogPlace | None:
        """The CloudWatch streams of what the step runs."""
        group = filled(self.locations.log_group, values)
        streams = filled(self.locations.log_streams, values)
        return None if group is None or streams is None else LogPlace(group, streams)

    def show(
        self,
        client: Any,
        values: Mapping[str, str],
        log_address: Callable[[Console], str | None] = lambda console: None,  # noqa: ARG005 # for those who have one
    ) -> None:
        """Let the task's page lead to what the step runs.

        :param client: one of boto3's, whose region is meant
        :param values: what the names in :class:`ConsoleLocations` stand for
        :param log_address: gives the page of a log that is at no place in CloudWatch
        """
        console = Console(client.meta.region_name, client.meta.partition)
        place = self.log_place(values)
        log = log_address(console) if place is None else console.log(place.group, place.streams)
        shown = zip(LINKS, (console.page(self.locations, values), log), strict=True)
        self.addresses = {link.xcom_key: address for link, address in shown if address}
        for key, address in self.addresses.items():
            self._output.push(key, address)

    @property
    def note(self) -> Sequence[str]:
        """The line of a failure's message that leads to the console."""
        address = self.addresses.get(AwsConsoleLink().xcom_key)
        return () if address is None else (f"Console: {address}",)


class JobLinks(JobObserver):
    """The links of a job's task, the job's log in the task's own, and its last lines in a failure's message."""

    def __init__(self, links: ConsoleLinks, tail_lines: int) -> None:
        self.links = links
        self._tail_lines = tail_lines
        self._tail: LogTail | None = None

    @override
    def job_known(self, run: StepJobRun) -> None:
        self.links.show(run.client(), run.adapter.console_values(), run.adapter.log_address)

    @override
    def polled(self, run: StepJobRun) -> None:
        place = self.links.log_place(run.adapter.console_values())
        if place is None or self._tail_lines <= 0:
            return
        if self._tail is None:
            self._tail = LogTail(JobLog(run.aws, place))
        self._tail()

    @override
    def failure_notes(self, run: StepJobRun, *, with_log: bool) -> Sequence[str]:
        if not with_log:
            return self.links.note
        place = self.links.log_place(run.adapter.console_values())
        return (*self.links.note, *log_note(place, self._tail_lines, lambda: self._last_lines(run.aws, place)))

    def _last_lines(self, access: AwsAccess, place: LogPlace | None) -> tuple[list[str], str | None]:
        return ([], None) if place is None else last_lines(access, place, self._tail_lines)


def log_note(place: LogPlace | None, count: int, read: Callable[[], tuple[list[str], str | None]]) -> Sequence[str]:
    """The lines of a failure's message that show the end of the log; ``read`` gives it, or why it cannot be read."""
    if place is None or count <= 0:
        return ()
    lines, fault = read()
    if fault is not None:
        return (f"Its log in {place.group} could not be read: {fault}",)
    if not lines:
        return (f"Its log in {place.group} is empty.",)
    return (f"Last lines of its log in {place.group}:", *(f"  {line}" for line in lines))
