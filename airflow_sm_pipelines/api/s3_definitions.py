"""Definitions that lie in S3, where the SDK puts those of more than 100 KB."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.aws.s3_files import get_object
from airflow_sm_pipelines.settings import read_settings
from airflow_sm_pipelines.wire.errors import ApiError

# As many characters as CreatePipeline takes, of four bytes at most.
MAX_BYTES = 4 * 1_048_576
MAX_CHARACTERS = 1_048_576


def read_definition(bucket: str, key: str, version: str | None) -> str:
    """The text of a definition, read with the Airflow connection of the deployment.

    :raises ApiError: ValidationException where it cannot be read, or allowed_s3_prefixes does not allow it
    """
    settings, uri = read_settings(), f"s3://{bucket}/{key}"
    if (refusal := settings.allowed.refuse_s3(uri)) is not None:
        raise _unreadable(uri, refusal)
    request = {"Bucket": bucket, "Key": key, **({} if version is None else {"VersionId": version})}
    try:
        client = AwsAccess(settings.aws_conn_id, settings.region_name, None, None).client("s3")
        _, content = get_object(client, MAX_BYTES, **request)
        text = None if content is None else content.decode()
    except (ClientError, BotoCoreError, StepFailure) as error:
        raise _unreadable(uri, str(error)) from None
    except UnicodeDecodeError:
        raise _unreadable(uri, "it is no UTF-8 text") from None
    if text is None or len(text) > MAX_CHARACTERS:
        raise _unreadable(uri, f"it has more than {MAX_CHARACTERS} characters")
    return text


def _unreadable(uri: str, why: str) -> ApiError:
    return ApiError("ValidationException", f"The pipeline definition at {uri} cannot be read: {why}.")
