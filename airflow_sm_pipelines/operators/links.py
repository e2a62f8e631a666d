"""The buttons of a task's page that lead to AWS: to what the step runs, and to its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import XCom
from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey


class _PushedLink(BaseOperatorLink):
    """A link whose address the task itself knows.

    Airflow's API server reads it from XCom, and Airflow asks the operator for it when a try ends or defers. The task
    pushes it as soon as there is something to see.
    """

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        addresses: dict[str, str] = getattr(operator, "link_addresses", {})
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


def push_links(context: Context, console: str | None, log: str | None) -> dict[str, str]:
    """Let the task's page show these addresses from now on; they are given back by the links' XCom keys."""
    addresses = {link.xcom_key: address for link, address in zip(LINKS, (console, log), strict=True) if address}
    for key, address in addresses.items():
        context["ti"].xcom_push(key=key, value=address)
    return addresses
