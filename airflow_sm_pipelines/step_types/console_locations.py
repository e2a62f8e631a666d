"""Where the AWS console shows what a step runs, and where CloudWatch keeps its log."""

from __future__ import annotations

import string

from msgspec import Struct

LOG_CALLS = ("logs:DescribeLogStreams", "logs:GetLogEvents")
"""The operations by which a log is read."""

STUDIO = "sagemaker/home?region={region}#/landing"
"""The page for what the console shows in SageMaker Studio alone, whose address no one outside of it knows."""


class ConsoleLocations(Struct, frozen=True):
    """The console's page and the CloudWatch log of what a step type runs, as texts with ``{names}`` to fill in.

    ``page`` is an address in the console, after its domain. The log is the streams of ``log_group`` whose names begin
    with ``log_streams``. The names are ``region``, ``name`` (of the job), those that AWS gave it, and the texts of the
    request. None where there is no such place.
    """

    page: str | None = None
    log_group: str | None = None
    log_streams: str = ""

    @property
    def log_group_pattern(self) -> str | None:
        """The log group as an IAM policy names it before the job has a name."""
        if self.log_group is None:
            return None
        return "".join(
            text + ("*" if name is not None else "") for text, name, _, _ in string.Formatter().parse(self.log_group)
        )


NOWHERE = ConsoleLocations()
"""Those of a type that runs nothing in AWS."""


def sagemaker_page(page: str) -> str:
    """A page of the SageMaker console."""
    return f"sagemaker/home?region={{region}}#/{page}"


def job_console(page: str, logs: str) -> ConsoleLocations:
    """Those of a job of SageMaker: its streams bear its name, one for each of its hosts."""
    return ConsoleLocations(sagemaker_page(page), f"/aws/sagemaker/{logs}", "{name}/")
