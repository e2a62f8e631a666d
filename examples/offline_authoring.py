"""What the scripts that author an example have in common: the SageMaker Python SDK (version 2), without AWS.

No account, no credentials, no network: where the SDK would upload a script it talks to `offline_boto_session`. The
scripts' S3 keys hold a hash of their contents and paths, so the SDK works in this folder, and a definition changes only
when the pipeline, a script or the SDK does. For a pipeline of your own on a real account, pass an ordinary
``PipelineSession()``: the SDK then uploads the scripts to the places that the definition names.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3
    from botocore.awsrequest import AWSResponse
    from botocore.model import OperationModel
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.pipeline_context import PipelineSession

REGION = "us-east-1"
BUCKET = "sagemaker-us-east-1-123456789012"
ROLE = "arn:aws:iam::123456789012:role/SageMakerExecutionRole"


def offline_boto_session() -> boto3.Session:
    """A boto3 session that sends nothing: the calls of an upload are answered here, any other is an error."""
    import boto3
    import botocore.session
    from botocore.awsrequest import AWSResponse

    answers: dict[str, dict[str, Any]] = {
        "ListBuckets": {"Buckets": [{"Name": BUCKET, "CreationDate": datetime(2026, 1, 1, tzinfo=UTC)}]},
        "HeadBucket": {},
        "PutObject": {},
    }

    def answer(model: OperationModel, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        if model.service_model.service_name != "s3" or model.name not in answers:
            raise RuntimeError(f"authoring is offline, yet the SDK called {model}")
        return AWSResponse(model.name, 200, {}, None), answers[model.name]

    core = botocore.session.get_session()
    core.register("before-call", answer)
    return boto3.Session(
        aws_access_key_id="offline",
        aws_secret_access_key="offline",  # noqa: S106 - signs requests that are never sent
        region_name=REGION,
        botocore_session=core,
    )


def definition_text(build: Callable[[PipelineSession], Pipeline]) -> str:
    """The definition as it is committed: indented, keys in the SDK's order, one newline at the end."""
    os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
    logging.disable(logging.WARNING)
    here = Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), contextlib.chdir(here):
        # Our own defaults, so that no settings of this user or machine flow into the definition. The SDK
        # reads them both when it is imported and when the session is made.
        defaults = Path(folder) / "config.yaml"
        defaults.write_text("{SchemaVersion: '1.0', SageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}}")
        for name in ("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "SAGEMAKER_USER_CONFIG_OVERRIDE"):
            os.environ[name] = str(defaults)
        from sagemaker.workflow.pipeline_context import PipelineSession

        warnings.filterwarnings("ignore", message="Running within a PipelineSession")
        session = PipelineSession(boto_session=offline_boto_session(), default_bucket=BUCKET)
        definition = json.loads(build(session).definition())
    return json.dumps(definition, indent=2) + "\n"


def author(build: Callable[[PipelineSession], Pipeline], definition: Path) -> int:
    """The command line of a script that authors ``definition``; the exit status."""
    parser = argparse.ArgumentParser(description=f"Author {definition}.")
    parser.add_argument("--check", action="store_true", help="only compare with the file that is there")
    options = parser.parse_args()

    text = definition_text(build)
    if not options.check:
        definition.parent.mkdir(parents=True, exist_ok=True)
        definition.write_text(text, encoding="utf-8")
        print(f"wrote {definition}")
        return 0
    if not definition.exists() or definition.read_text(encoding="utf-8") != text:
        print(f"{definition} is not what this script builds; run it without --check", file=sys.stderr)
        return 1
    print(f"{definition} is up to date")
    return 0
