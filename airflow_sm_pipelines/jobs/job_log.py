"""Reading a job's CloudWatch log: as it grows while a worker waits, and its last lines after a failure.

A log that cannot be read never fails a step: what is wrong is logged in one line.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct, field

from airflow_sm_pipelines.aws.calls import is_missing
from airflow_sm_pipelines.aws.failures import CallError, ExceptionType, is_connection_error, type_of_call_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_sm_pipelines.aws.access import AwsAccess

log = logging.getLogger(__name__)

SERVICE = "logs"
# A log is not worth a long wait.
CLIENT_CONFIG = {"connect_timeout": 3, "read_timeout": 5, "retries": {"mode": "standard", "total_max_attempts": 1}}
# One late answer ends nothing. A service that cannot be reached would hold up every look at the job.
MAX_UNANSWERED_LOOKS = 3
MAX_STREAMS = 10
MAX_PAGES_AT_ONCE = 5
MAX_LINES_OF_PAGE = 1000
# CloudWatch may answer with an empty page where there are earlier lines.
MAX_EMPTY_PAGES = 3
MAX_LINE_LENGTH = 1000
# A stream's name ends with the time at which its host began.
BEGAN = re.compile(r"[-/]\d{9,}$")


class LogPlace(Struct, frozen=True):
    """The streams of a log group whose names begin with ``streams``."""

    group: str
    streams: str


class Line(Struct, frozen=True):
    """One line of a log: ``time`` in milliseconds since the epoch, and the stream it stands in."""

    time: int
    stream: str
    text: str


class JobLog:
    """The log of one job. Its methods raise botocore's errors."""

    def __init__(self, access: AwsAccess, place: LogPlace) -> None:
        self._access = access
        self.place = place
        self._client: Any = None

    @property
    def client(self) -> Any:
        if self._client is None:
            config = {**(self._access.botocore_config or {}), **CLIENT_CONFIG}
            self._client = self._access.configured(config).client(SERVICE)
        return self._client

    def streams(self) -> list[str]:
        """The names of the streams, at most so many, those that were last written to."""
        asked = {"logGroupName": self.place.group}
        if self.place.streams:
            asked["logStreamNamePrefix"] = self.place.streams
        found = self.client.describe_log_streams(**asked)["logStreams"]
        latest = sorted(found, key=lambda stream: stream.get("lastEventTimestamp", 0), reverse=True)[:MAX_STREAMS]
        return sorted(stream["logStreamName"] for stream in latest)

    def lines_after(self, stream: str, token: str | None) -> tuple[list[Line], str | None]:
        """The next page of a stream's lines, and the token of the page after it."""
        page = self._page(stream, startFromHead=True, limit=MAX_LINES_OF_PAGE, nextToken=token)
        return self._lines(stream, page), page.get("nextForwardToken")

    def last_lines(self, count: int) -> list[str]:
        """The last lines of all streams together."""
        streams = self.streams()
        lines = [line for stream in streams for line in self._last_of(stream, count)]
        return shown(lines, self.place, streams)[-count:]

    def _last_of(self, stream: str, count: int) -> list[Line]:
        token: str | None = None
        for _ in range(MAX_EMPTY_PAGES):
            page = self._page(stream, startFromHead=False, limit=count, nextToken=token)
            following = page.get("nextBackwardToken")
            if page["events"] or following == token:
                return self._lines(stream, page)
            token = following
        return []

    def _page(self, stream: str, **asked: Any) -> dict[str, Any]:
        given = {name: value for name, value in asked.items() if value is not None}
        page: dict[str, Any] = self.client.get_log_events(logGroupName=self.place.group, logStreamName=stream, **given)
        return page

    @staticmethod
    def _lines(stream: str, page: dict[str, Any]) -> list[Line]:
        return [Line(event.get("timestamp", 0), stream, event["message"]) for event in page["events"]]


def shown(lines: Sequence[Line], place: LogPlace, streams: Sequence[str]) -> list[str]:
    """Lines in the order of their time, with the host that wrote them where there are several."""
    ordered = sorted(lines, key=lambda line: line.time)
    return [f"{_host(line, place) if len(streams) > 1 else ''}{_cut(line.text)}" for line in ordered]


def _host(line: Line, place: LogPlace) -> str:
    return f"[{BEGAN.sub('', line.stream.removeprefix(place.streams))}] "


def _cut(text: str) -> str:
    text = text.rstrip()
    return text if len(text) <= MAX_LINE_LENGTH else f"{text[:MAX_LINE_LENGTH]}… ({len(text)} characters)"


def last_lines(access: AwsAccess, place: LogPlace, count: int) -> tuple[list[str], str | None]:
    """The last lines of a job's log, and why there are none where it could not be read."""
    try:
        return JobLog(access, place).last_lines(count), None
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and is_missing(error):
            return [], None
        return [], str(CallError.of(error))


class LogTail(Struct):
    """Copies a job's log into the task's, what is new each time it is asked to, each line once."""

    job_log: JobLog
    _tokens: dict[str, str | None] = field(default_factory=dict)
    _was_late: bool = False
    _unanswered: int = 0
    _ended: bool = False

    def __call__(self) -> None:
        if self._ended:
            return
        streams: list[str] = []
        lines: list[Line] = []
        try:
            streams = self.job_log.streams()
            for page in self._new_pages(streams):
                lines += page
            self._unanswered = 0
        except (ClientError, BotoCoreError) as error:
            self._log_error(error)
        for line in shown(lines, self.job_log.place, streams):
            log.info("%s", line)

    def _new_pages(self, streams: Sequence[str]) -> Iterator[list[Line]]:
        for stream in streams:
            for _ in range(MAX_PAGES_AT_ONCE):
                token = self._tokens.get(stream)
                lines, following = self.job_log.lines_after(stream, token)
                self._tokens[stream] = following
                yield lines
                if following == token or not lines:
                    break

    def _log_error(self, error: ClientError | BotoCoreError) -> None:
        # A job that waits for its instances has no log yet.
        if isinstance(error, ClientError) and is_missing(error):
            return
        self._unanswered = self._unanswered + 1 if is_connection_error(error) else 0
        may_pass = type_of_call_error(error) is ExceptionType.THROTTLING or is_connection_error(error)
        if not may_pass or self._unanswered >= MAX_UNANSWERED_LOOKS:
            self._ended = True
            log.warning("The job's log is not shown here: %s", CallError.of(error))
        elif not self._was_late:
            self._was_late = True
            log.warning("The job's log comes late: %s", CallError.of(error))
