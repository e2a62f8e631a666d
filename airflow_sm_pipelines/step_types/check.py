"""What the two types of check steps share, as data (semantics 2.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS
from airflow_sm_pipelines.step_types.processing import KIND
from airflow_sm_pipelines.step_types.step_type import job_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

VIOLATIONS_FILE = "constraint_violations.json"
"""The report that the containers of Model Monitor and of Clarify write beside their results."""

CALLS = (
    *job_calls(KIND),
    *LOG_CALLS,
    *("sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage", "s3:GetObject"),
)
# Without it, S3 says of a file that is not there that it may not be read: of the report of a check without violations.
PERMISSIONS = ("s3:ListBucket",)
BASELINE_CONSTRAINTS = ("CalculatedBaselineConstraints", "BaselineUsedForDriftCheckConstraints")
BASELINE_STATISTICS = ("CalculatedBaselineStatistics", "BaselineUsedForDriftCheckStatistics")


class BaselineFiles(Struct, frozen=True):
    """The baseline of one check type: the paths of its files in a model package's DriftCheckBaselines.

    ``compares_statistics`` tells whether the container compares with the statistics; the others only hand them on.
    """

    constraints: tuple[str, str]
    statistics: tuple[str, str] | None = None
    compares_statistics: bool = False


class CheckKind(Struct, frozen=True):
    """What makes one type of check step different.

    ``title`` is what SageMaker calls it in a failure, ``output_name`` the job's output that holds its files, and
    ``baselines`` what each CheckType compares with. The file names are those that the container writes.
    """

    title: str
    output_name: str
    baselines: Mapping[str, BaselineFiles]
    constraints_file: str
    statistics_file: str | None = None
