"""The JSON schema of a file of settings, for editors: ``python -m airflow_sm_pipelines.sidecars.json_schema``.

An editor reads YAML by its own rules, where ``1.10`` is a number: a text may be one there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.sidecars.fields import OF_DAG, OF_STEPS, Setting
from airflow_sm_pipelines.sidecars.layers import STEPS


def schema() -> dict[str, Any]:
    """The schema of ``*.airflow.yaml``."""
    steps = {
        "type": "object",
        "description": "Settings of single steps: by a step's name, a glob of names, or type: and a step type.",
        "additionalProperties": _object(OF_STEPS),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings beside a SageMaker pipeline definition (*.airflow.yaml)",
        **_object(OF_DAG, {STEPS: steps}),
        # A file that says nothing yet.
        "type": ["object", "null"],
    }


def schema_text() -> str:
    return json.dumps(schema(), indent=2) + "\n"


def _object(settings: Mapping[str, Setting], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    properties = {name: {"description": _about(setting), **setting.kind.schema} for name, setting in settings.items()}
    return {"type": "object", "properties": {**properties, **(more or {})}, "additionalProperties": False}


def _about(setting: Setting) -> str:
    if setting.allowed_by is None:
        return setting.about
    return f"{setting.about} Only where [sagemaker_pipelines] sidecar_allows names {setting.allowed_by}."


if __name__ == "__main__":
    print(schema_text(), end="")
