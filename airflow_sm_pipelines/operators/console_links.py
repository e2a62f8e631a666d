"""Steps that run something in AWS: where it is shown there, and the end of its log."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.jobs.console import Console, filled
from airflow_sm_pipelines.jobs.job_log import JobLog, LogPlace, LogTail, last_lines
from airflow_sm_pipelines.operators.links import LINKS, AwsConsoleLink, push_links
from airflow_sm_pipelines.operators.step import StepOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow.sdk import Context


class PlacedStepOperator(StepOperator):
    """The part of a step that shows where to look: the links of its task's page, and the end of a failure's message.

    ``link_addresses`` are what the links show, by their XCom keys.
    """

    # Any, since operators of the Amazon provider declare theirs by the very classes.
    operator_extra_links: Any = LINKS

    link_addresses: Mapping[str, str] = MappingProxyType({})

    def place_values(self) -> Mapping[str, str]:
        """What the names in :class:`ConsoleLocations` stand for."""
        raise NotImplementedError

    @property
    def log_place(self) -> LogPlace | None:
        """The CloudWatch streams of what the step runs."""
        values = self.place_values()
        group = filled(self.step_type.console.log_group, values)
        streams = filled(self.step_type.console.log_streams, values)
        return None if group is None or streams is None else LogPlace(group, streams)

    def log_address(self, console: Console) -> str | None:
        """The console's page of the log."""
        place = self.log_place
        return None if place is None else console.log(place.group, place.streams)

    def read_log_end(self, place: LogPlace, count: int) -> tuple[list[str], str | None]:
        """The last lines of the log, and why there are none where it could not be read."""
        return last_lines(self.access, place, count)

    def show_links(self, context: Context, client: Any) -> None:
        """Let the task's page lead to what the step runs; ``client`` is one of boto3's, whose region is meant."""
        console = Console(client.meta.region_name, client.meta.partition)
        page = console.page(self.step_type.console, self.place_values())
        self.link_addresses = push_links(context, page, self.log_address(console))

    def log_tail(self) -> Callable[[], None]:
        """What copies the lines that the log has got since the last time into the task's log."""
        place = self.log_place
        if place is None or self.settings.log_tail_lines <= 0:
            return lambda: None
        return LogTail(JobLog(self.access, place))

    def with_places(self, message: str) -> str:
        """A failure's message, with the address of the console and the last lines of the log below it."""
        return "\n".join((self.with_console(message), *self._log_lines()))

    def with_console(self, message: str) -> str:
        """A failure's message, with the address of the console below it."""
        address = self.link_addresses.get(AwsConsoleLink().xcom_key)
        return message if address is None else f"{message}\nConsole: {address}"

    def _log_lines(self) -> list[str]:
        place, count = self.log_place, self.settings.log_tail_lines
        if place is None or count <= 0:
            return []
        lines, fault = self.read_log_end(place, count)
        if fault is not None:
            return [f"Its log in {place.group} could not be read: {fault}"]
        if not lines:
            return [f"Its log in {place.group} is empty."]
        return [f"Last lines of its log in {place.group}:", *(f"  {line}" for line in lines)]
