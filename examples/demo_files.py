"""The files of the example ``diabetes``: into an endpoint's S3 before a run, and what there is afterwards out of it.

python examples/demo_files.py http://127.0.0.1:5000     # before a run in Airflow's web UI
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "examples" / "diabetes"
DEFINITION = ROOT / "dags" / "pipelines" / "diabetes.json"
JOBS_PYTHON = ROOT / ".venv-jobs" / "bin" / "python"
ADDRESS = re.compile(r"s3://([^/\"]+)/([^\"]+)")
STEP_TAG = "sagemaker:pipeline-step-name"
LOG_GROUPS = {
    "processing": "/aws/sagemaker/ProcessingJobs",
    "training": "/aws/sagemaker/TrainingJobs",
    "transform": "/aws/sagemaker/TransformJobs",
}


def upload(s3: Any) -> None:
    """Put the data and the code to where the definition looks for them.

    :param s3: a boto3 client of S3
    """
    for bucket, key, body in _objects():
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=body)


def _objects() -> Iterator[tuple[str, str, bytes]]:
    texts = _texts(json.loads(DEFINITION.read_text(encoding="utf-8")))
    for bucket, key in sorted({found for text in texts for found in ADDRESS.findall(text)}):
        name = key.rpartition("/")[2]
        if name == "sourcedir.tar.gz":
            yield bucket, key, packed(SOURCES / "training")
        elif name.endswith(".py"):
            yield bucket, key, (SOURCES / name).read_bytes()
        elif name == "diabetes.csv":
            yield bucket, key, table()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def table() -> bytes:
    """The data set, which is part of the jobs' scikit-learn."""
    answer = subprocess.run([JOBS_PYTHON, SOURCES / "data.py"], stdout=subprocess.PIPE, check=True)  # noqa: S603 # our own
    return answer.stdout


def packed(folder: Path) -> bytes:
    """The files of a folder as the SDK packs a ``source_dir``."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for path in sorted(folder.glob("*.py")):
            tar.add(path, path.name)
    return archive.getvalue()


def save(folder: Path, jobs: Iterable[Any], s3: Any, logs: Any) -> None:
    """Write what a run has left: ``folder/logs/STEP.log`` for each job, and the objects as ``folder/s3/BUCKET/KEY``.

    What a run before has left there is removed.

    :param jobs: the endpoint's jobs
    :param s3: a boto3 client of S3
    :param logs: a boto3 client of CloudWatch Logs
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True)
    for job in jobs:
        if job.kind in LOG_GROUPS:
            [step] = [tag["Value"] for tag in job.request["Tags"] if tag["Key"] == STEP_TAG]
            lines = _log(logs, LOG_GROUPS[job.kind], job.name)
            (folder / "logs" / f"{step}.log").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for bucket in s3.list_buckets()["Buckets"]:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            for listed in page.get("Contents", ()):
                path = folder / "s3" / bucket["Name"] / listed["Key"]
                path.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(bucket["Name"], listed["Key"], str(path))


def _log(logs: Any, group: str, job: str) -> Iterator[str]:
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return  # no job of the kind has printed anything
    for stream in streams:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, logStreamNames=[stream["logStreamName"]]
        )
        for page in pages:
            yield from (event["message"] for event in page["events"])


def main() -> None:
    import boto3

    upload(
        boto3.client(
            "s3",
            endpoint_url=sys.argv[1],
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 # the endpoint takes any
        )
    )


if __name__ == "__main__":
    main()
