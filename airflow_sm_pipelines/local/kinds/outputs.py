"""What a job leaves in CloudWatch and S3."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_sm_pipelines.local.backend import Moto
from airflow_sm_pipelines.local.state import Job


def write_lines(job: Job, moto: Moto, lines: Sequence[str], log_group: str, hosts: int) -> None:
    """Let each of a job's hosts write those of its log's first ``lines`` that it has not written yet."""
    written = job.facts.get("written", 0)
    job.facts["written"] = max(written, len(lines))
    if lines[written:]:
        job.facts["last_line"] = lines[-1]
    if log_group and lines[written:]:
        for host in range(1, hosts + 1):
            stream = f"{job.name}/algo-{host}-{int(job.created)}"
            moto.put_log_lines(log_group, stream, list(lines[written:]), job.region)


def append_lines(job: Job, moto: Moto, lines: Sequence[str], log_group: str) -> None:
    """Write new lines into the log of a job's first host."""
    if lines:
        job.facts["last_line"] = lines[-1]
    moto.put_log_lines(log_group, f"{job.name}/algo-1-{int(job.created)}", list(lines), job.region)


def put_file(moto: Moto, uri: str, content: bytes, region: str) -> None:
    """Write an object at an ``s3://bucket/key`` address; other addresses are not written."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme == "s3" and bucket and key:
        moto.put_object(bucket, key, content, region)
