"""A boto3 session for the SDK that sends nothing, and keeps what the SDK would have uploaded.

``NAME.uploads.json`` has the file for each object, ``BUCKET/KEY``, and for an archive the file of each of its members.
The files are those of ``source``, or, where the SDK makes them itself, they are written into ``generated``.
``tests/local_mode/uploads.py`` uploads them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3

HERE = Path(__file__).parent
SOURCE = HERE / "source"
# No settings of this user or machine flow in, and the SDK tells nobody that it is used.
for _name in ("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "SAGEMAKER_USER_CONFIG_OVERRIDE"):
    os.environ[_name] = str(HERE / "defaults.yaml")

REGION = "us-east-1"
BUCKET = "sagemaker-us-east-1-123456789012"
ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
ANSWERS: dict[str, Any] = {
    "ListBuckets": {"Buckets": [{"Name": BUCKET, "CreationDate": datetime(2026, 1, 1, tzinfo=UTC)}]},
    "HeadBucket": {},
    "PutObject": {},
    "GetCallerIdentity": {"Account": "123456789012", "Arn": ROLE},
    "GetRole": {"Role": {"Arn": ROLE}},
    "SimulatePrincipalPolicy": {"EvaluationResults": [], "IsTruncated": False},
}


class Uploads:
    """What the SDK uploads for one definition."""

    def __init__(self, folder: Path = HERE) -> None:
        self._folder = folder
        self._objects: dict[str, str | dict[str, str]] = {}
        self._known = {path.read_bytes(): path for path in sorted(SOURCE.rglob("*")) if path.is_file()}

    def keep(self, params: dict[str, Any], **_: Any) -> None:
        """Take the body of a PutObject call; bytecode that lies about in the SDK's own folder is no part of it."""
        body = params["Body"]
        content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else body.read()
        params["Body"] = content
        address = f"{params['Bucket']}/{params['Key']}"
        if "__pycache__" in address:
            return
        if not address.endswith(".tar.gz"):
            self._objects[address] = self._file_of(Path(address).name, content)
            return
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            members = {
                member.name.lstrip("./"): found.read()
                for member in archive
                if member.isfile() and (found := archive.extractfile(member)) is not None
            }
        self._objects[address] = {name: self._file_of(name, members[name]) for name in sorted(members)}

    def _file_of(self, name: str, content: bytes) -> str:
        path = self._known.get(content)
        if path is None:
            path = self._folder / "generated" / f"{hashlib.sha256(content).hexdigest()[:8]}-{Path(name).name}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        return Path(os.path.relpath(path, self._folder)).as_posix()

    def write(self, name: str, definition: str) -> None:
        """Write the definition, and the list of its uploads."""
        (self._folder / f"{name}.json").write_text(json.dumps(json.loads(definition), indent=1) + "\n")
        (self._folder / f"{name}.uploads.json").write_text(json.dumps(self._objects, indent=1, sort_keys=True) + "\n")


def offline_session(uploads: Uploads) -> boto3.Session:
    """The session."""
    import boto3
    import botocore.session
    from botocore.awsrequest import AWSResponse

    def answer(model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        if model.name not in ANSWERS:
            raise RuntimeError(f"authoring is offline, yet the SDK called {model}")
        return AWSResponse(model.name, 200, {}, None), ANSWERS[model.name]

    core = botocore.session.get_session()
    core.register("before-parameter-build.s3.PutObject", uploads.keep)
    core.register("before-call", answer)
    return boto3.Session(
        aws_access_key_id="offline", aws_secret_access_key="offline", region_name=REGION, botocore_session=core
    )
