"""SendPipelineExecutionStepSuccess and SendPipelineExecutionStepFailure: the answers to Callback steps."""

from __future__ import annotations

import json
from typing import Any

from airflow_sm_pipelines.api.operation import Call
from airflow_sm_pipelines.callbacks.requests import TARGET_PREFIX, read_request


def send_answer(call: Call) -> dict[str, Any]:
    """Leave the answer for the step that waits for the token, as the endpoint for callbacks does.

    The caller must be allowed to start executions of the step's pipeline: a token alone is not enough here.
    """
    sent = read_request(f"{TARGET_PREFIX}{call.operation}", json.dumps(dict(call.request)).encode())
    arn = call.ports.answer(sent, lambda dag_id: call.caller.allows("start", dag_id))
    return {"PipelineExecutionArn": arn}
