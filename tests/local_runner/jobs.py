"""Jobs as boto3 asks for them, from scripts that stand in the tests."""

from __future__ import annotations

import io
import json
import tarfile
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config

from airflow_sm_pipelines.local.records import JobRecord
from tests.guarded.plugin import FOLDER

BUCKET = "bucket"
ROLE = "arn:aws:iam::123456789012:role/SageMakerExecutionRole"
CODE = "/opt/ml/processing/input/code"
PATIENCE = 200.0
GUARDED = {"PYTHONPATH": FOLDER}
"""Without a network namespace a job is guarded as any process that a test starts."""


def wait_until(holds: Callable[[], Any], what: str) -> Any:
    """What ``holds`` gives as soon as it is true."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE:g} s: {what}")
        time.sleep(0.05)  # a look is three calls of the endpoint, which work in this process


def client_of(url: str, service: str, attempts: int) -> Any:
    """A client of an endpoint in another process."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}),
    )


class Jobs:
    """Asks an endpoint for jobs."""

    def __init__(self, endpoint: Any) -> None:
        self.endpoint = endpoint
        self.sagemaker = endpoint.client("sagemaker", attempts=1)
        self.s3 = endpoint.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)

    def put(self, key: str, content: str | bytes) -> str:
        """Put an object; its address."""
        body = textwrap.dedent(content).encode() if isinstance(content, str) else content
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def get(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def keys(self, prefix: str = "") -> list[str]:
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())]

    def process(
        self,
        name: str,
        script: str,
        *,
        arguments: Sequence[str] = (),
        inputs: Mapping[str, str] | None = None,
        outputs: Mapping[str, str] | None = None,
        mode: str = "EndOfJob",
        **more: Any,
    ) -> None:
        """Create a processing job that runs a Python script; ``inputs`` and ``outputs`` are addresses by folder."""
        given = {"code": self.put(f"{name}/code/script.py", script), **(inputs or {})}
        request = {
            "ProcessingJobName": name,
            "RoleArn": ROLE,
            "AppSpecification": {
                "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
                "ContainerEntrypoint": ["python3", f"{CODE}/script.py"],
                **({"ContainerArguments": list(arguments)} if arguments else {}),
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
            "ProcessingInputs": [processing_input(folder, uri) for folder, uri in given.items()],
            "ProcessingOutputConfig": {
                "Outputs": [processing_output(folder, uri, mode) for folder, uri in (outputs or {}).items()]
            },
        }
        environment = {**GUARDED, **more.pop("Environment", {})}
        self.sagemaker.create_processing_job(**{**request, **more, "Environment": environment})

    def train(self, name: str, files: Mapping[str, str] | None = None, **more: Any) -> None:
        """Create a training job; of ``files``, a source folder, the script is ``train.py``."""
        parameters = more.pop("HyperParameters", {})
        if files is not None:
            source = self.put(f"{name}/source/sourcedir.tar.gz", packed(files))
            script = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": json.dumps(source)}
            parameters = {**script, "sagemaker_container_log_level": "20", **parameters}
        algorithm = {
            "TrainingInputMode": "File",
            "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        }
        request = {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "HyperParameters": parameters,
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "AlgorithmSpecification": {**algorithm, **more.pop("AlgorithmSpecification", {})},
        }
        environment = {**GUARDED, **more.pop("Environment", {})}
        self.sagemaker.create_training_job(**{**request, **more, "Environment": environment})

    def training(self, name: str) -> dict[str, Any]:
        """What Describe tells of a training job."""
        answer: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
        return answer

    def wait(self, name: str) -> JobRecord:
        ended: JobRecord = self.endpoint.wait(name, timeout=PATIENCE)
        return ended

    def log(self, name: str, group: str = "ProcessingJobs") -> list[str]:
        """The lines of a job's log."""
        logs, where = self.endpoint.client("logs"), f"/aws/sagemaker/{group}"
        if not logs.describe_log_groups(logGroupNamePrefix=where)["logGroups"]:
            return []
        streams = logs.describe_log_streams(logGroupName=where, logStreamNamePrefix=f"{name}/")["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=where, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def wait_for_line(self, name: str, line: str, group: str = "ProcessingJobs") -> None:
        wait_until(lambda: line in self.log(name, group), f"{name} writes {line!r}")


def processing_input(folder: str, uri: str, data_type: str = "S3Prefix") -> dict[str, Any]:
    return {
        "InputName": folder,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/input/{folder}",
            "S3DataType": data_type,
            "S3InputMode": "File",
        },
    }


def channel(name: str, uri: str, data_type: str = "S3Prefix") -> dict[str, Any]:
    source = {"S3DataType": data_type, "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "ContentType": "text/csv"}


def processing_output(folder: str, uri: str, mode: str = "EndOfJob") -> dict[str, Any]:
    return {
        "OutputName": folder,
        "S3Output": {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{folder}", "S3UploadMode": mode},
    }


def packed(files: Mapping[str, str]) -> bytes:
    """A ``sourcedir.tar.gz`` of these texts."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in files.items():
            body = textwrap.dedent(text).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return content.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    """The files of a ``tar.gz``."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive if entry.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}
