"""The pipelines that are registered in SageMaker, each as the document that describe-pipeline gives of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.aws.calls import is_missing
from airflow_sm_pipelines.aws.failures import CallError, is_transient
from airflow_sm_pipelines.aws.s3_files import get_object
from airflow_sm_pipelines.definition.limits import MAX_BYTES
from airflow_sm_pipelines.definition.syntax import parse_json
from airflow_sm_pipelines.definition.wrapping import DEFINITION, S3_LOCATION
from airflow_sm_pipelines.store.pipeline_names import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_sm_pipelines.definition.syntax import Json

KEPT = (
    *("PipelineArn", "PipelineName", "PipelineDisplayName", "PipelineDescription", "PipelineVersionDisplayName"),
    *("PipelineVersionDescription", "RoleArn", "ParallelismConfiguration"),
)
"""What a document has beside the definition. Times and users are left out: the last run says nothing of a pipeline,
and a file would change with each.
"""

MAX_TRIES = 5


def configuration(max_tries: int = MAX_TRIES) -> dict[str, Any]:
    """botocore's configuration for these calls: it slows down by itself where SageMaker throttles.

    :param max_tries: how often a call that fails is made, the first time included
    """
    return {
        "retries": {"mode": "adaptive", "total_max_attempts": max_tries},
        "connect_timeout": 10,
        "read_timeout": 30,
    }


_AT_ONCE = 4


class Summary(Struct, frozen=True):
    """A line of ListPipelines: the name, the ARN, and when the pipeline was last changed, as text."""

    name: str
    arn: str
    modified: str


class Fetched(Struct, frozen=True):
    """What was asked of one pipeline: its document as the text of a file, or why there is none.

    ``is_gone`` says that it is not registered, or is being deleted.
    """

    name: str
    text: str | None = None
    failure: str | None = None
    is_gone: bool = False


class RegisteredPipelines:
    """What SageMaker has in one account and region.

    Errors that concern more than one pipeline (no credentials, a throttle or an outage that outlasts botocore's
    retries) are raised as botocore raises them.

    :param client: makes the boto3 client of a service; S3 is asked only for a definition that lies there
    :param page_size: how many pipelines one ListPipelines call is asked for
    """

    def __init__(self, client: Callable[[str], Any], page_size: int = 100) -> None:
        self._make_client = client
        self._page_size = page_size
        self._lock = Lock()

    def listed(self) -> Iterator[Summary]:
        """All of them, by name."""
        pages = self._client("sagemaker").get_paginator("list_pipelines")
        for page in pages.paginate(
            SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": self._page_size}
        ):
            for found in page["PipelineSummaries"]:
                modified = found.get("LastModifiedTime")
                yield Summary(found["PipelineName"], found["PipelineArn"], "" if modified is None else str(modified))

    def tagged(self, summaries: Iterable[Summary], tags: Mapping[str, str]) -> list[Summary]:
        """Those that have each of these tags."""
        wanted = list(summaries)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(self._tags, wanted)
            return [one for one, own in zip(wanted, found, strict=True) if tags.items() <= own.items()]

    def fetch(self, names: Iterable[str]) -> list[Fetched]:
        """The documents of the pipelines with these names or ARNs, in that order."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(self._fetch, names))

    def _client(self, service: str) -> Any:
        # boto3's clients may be used by several threads, and not be made by them.
        with self._lock:
            return self._make_client(service)

    def _tags(self, summary: Summary) -> dict[str, str]:
        pages = self._client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=summary.arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    def _fetch(self, name: str) -> Fetched:
        from botocore.exceptions import ClientError

        try:
            described = self._client("sagemaker").describe_pipeline(PipelineName=name)
        except ClientError as error:
            if is_missing(error):
                return Fetched(name, is_gone=True)
            if is_transient(error):
                raise
            return Fetched(name, failure=str(CallError.of(error)))
        found = str(described.get("PipelineName", ""))
        if NAME.fullmatch(found) is None:
            return Fetched(name, failure=f"SageMaker gave a name that no pipeline can have: {found!r}")
        if described.get("PipelineStatus") == "Deleting":
            return Fetched(found, is_gone=True)
        if described.get(DEFINITION):
            return Fetched(found, document_text(described, described[DEFINITION]))
        return self._from_s3(found, described)

    def _from_s3(self, name: str, described: Mapping[str, Any]) -> Fetched:
        """The definition where DescribePipeline has only its place."""
        from botocore.exceptions import ClientError

        location = described.get(S3_LOCATION)
        if not location:
            return Fetched(name, failure=f"SageMaker gave no {DEFINITION}")
        uri = f"s3://{location['Bucket']}/{location['ObjectKey']}"
        version = {"VersionId": location["VersionId"]} if location.get("VersionId") else {}
        try:
            _, data = get_object(
                self._client("s3"), MAX_BYTES, Bucket=location["Bucket"], Key=location["ObjectKey"], **version
            )
        except ClientError as error:
            if is_transient(error):
                raise
            return Fetched(name, failure=f"the definition in {uri} cannot be read: {CallError.of(error)}")
        if data is None:
            return Fetched(name, failure=f"the definition in {uri} is larger than {MAX_BYTES} bytes")
        # What is not UTF-8 becomes halves of surrogate pairs, which are a finding.
        return Fetched(name, document_text(described, data.decode("utf-8", errors="surrogateescape")))


def document_text(described: Mapping[str, Any], definition: str) -> str:
    """A file that holds a pipeline: what DescribePipeline says of it, and its definition as JSON.

    A definition that is no JSON, or has a key twice, stays the text that it is: its findings are for those who read it.
    """
    around: dict[str, Json] = {key: described[key] for key in KEPT if described.get(key) is not None}
    try:
        parsed = parse_json(definition)
        if isinstance(parsed.value, dict) and not parsed.duplicates:
            return _written({**around, DEFINITION: parsed.value})
    except ValueError:  # no JSON, or 1e999, which JSON cannot write again
        pass
    return _written({**around, DEFINITION: definition})


def _written(document: dict[str, Json]) -> str:
    write = partial(json.dumps, document, indent=2, allow_nan=False)
    text = write(ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, which only an escape can write.
        text = write()
    return f"{text}\n"
