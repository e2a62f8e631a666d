"""S3 objects of a scenario whose content is in files beside it.

``{"from_file": "train.py"}`` is an object, ``{"from_folder": "src"}`` one for each file below the folder, whose keys
begin with the key that it stands for. Only a scenario that is a file has them: they are read where that file is.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.local.reader import Node

FILE, FOLDER, CONTENT = "from_file", "from_folder", "base64"


def with_files(value: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """A scenario with the content of such files in it; raises :class:`ScenarioError` for one that cannot be read."""
    s3 = value.get("s3")
    if not isinstance(s3, Mapping):
        return value
    buckets = Node(s3, "$.s3").members()
    return {**value, "s3": {bucket: _objects(node, folder) for bucket, node in buckets.items()}}


def _objects(node: Node, folder: Path) -> Any:
    if not isinstance(node.value, Mapping):
        return node.value
    return {key: content for name, member in node.members().items() for key, content in _expanded(name, member, folder)}


def _expanded(key: str, node: Node, folder: Path) -> Iterator[tuple[str, Any]]:
    if not isinstance(node.value, Mapping) or len(node.value) != 1:
        yield key, node.value
    elif FILE in node.value:
        path = folder / Path(node.members()[FILE].name()).expanduser()
        if not path.is_file():
            raise node.fail(f"no such file: {path}")
        yield key, _content(path)
    elif FOLDER in node.value:
        path = folder / Path(node.members()[FOLDER].name()).expanduser()
        found = sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
        if not found:
            raise node.fail(f"no files in the folder {path}")
        for file in found:
            yield f"{key.rstrip('/')}/{file.relative_to(path).as_posix()}", _content(file)
    else:
        yield key, node.value


def _content(path: Path) -> dict[str, str]:
    return {CONTENT: base64.b64encode(path.read_bytes()).decode()}
