"""What the SDK has uploaded for a definition of the folder ``sdk``, put into an endpoint's S3."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

from airflow_sm_pipelines.local.endpoint import LocalEndpoint

SDK = Path(__file__).parent / "sdk"


def upload(endpoint: LocalEndpoint, definition: Path) -> None:
    """Put the objects of ``NAME.uploads.json`` beside ``NAME.json``; archives are packed from their members."""
    s3 = endpoint.client("s3")
    listed = json.loads(definition.with_suffix(".uploads.json").read_text())
    for address, source in listed.items():
        bucket, _, key = address.partition("/")
        s3.create_bucket(Bucket=bucket)
        files = {name: definition.parent / path for name, path in source.items()} if isinstance(source, dict) else None
        body = packed(files) if files is not None else (definition.parent / source).read_bytes()
        s3.put_object(Bucket=bucket, Key=key, Body=body)


def packed(files: Mapping[str, Path]) -> bytes:
    """A ``.tar.gz`` of files by their names in it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, path in files.items():
            tar.add(path, name)
    return archive.getvalue()
