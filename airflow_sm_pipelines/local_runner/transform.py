"""Batch transform jobs: the model's own script, or XGBoost's model, on each record of the input.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.local_runner import builtin
from airflow_sm_pipelines.local_runner.contract import Command, ContractError, End, Outcome, Request
from airflow_sm_pipelines.local_runner.failures import PROCESSING_FAILED
from airflow_sm_pipelines.local_runner.folder import JobFolder
from airflow_sm_pipelines.local_runner.source import REQUIREMENTS
from airflow_sm_pipelines.local_runner.transfers import Input, InputError, Output, unpack

TRANSFORMER = Path(__file__).with_name("transformer.py")
TARGET = "/opt/ml/transform/transformer.py"
RECORDS, RESULTS = "/opt/ml/transform/input", "/opt/ml/transform/output"
PACKED, MODEL, CODE = "/opt/ml/transform/model", "/opt/ml/model", "/opt/ml/model/code"
DEFAULT_PROGRAM = "inference.py"
COLUMNS = re.compile(r"\$(\[-?\d*:-?\d*\]|\[-?\d+(,\s*-?\d+)*\])?")


class TransformContract:
    """One transform job; ``request.model`` is the CreateModel request of its model."""

    def __init__(self, request: Request) -> None:
        self.request = request
        model = request.model or {}
        containers = [model["PrimaryContainer"]] if "PrimaryContainer" in model else model.get("Containers", [])
        self._containers = containers
        self._container: Mapping[str, Any] = containers[0] if containers else {}
        self._variables: Mapping[str, str] = {
            **self._container.get("Environment", {}),
            **request.body.get("Environment", {}),
        }

    def inputs(self) -> tuple[Input, ...]:
        source = self.request.body["TransformInput"]["DataSource"]["S3DataSource"]
        result = [Input("TransformInput", source["S3Uri"], RECORDS, source["S3DataType"])]
        address = self._container.get("ModelDataUrl")
        if not address:
            raise InputError("ClientError: the model has no ModelDataUrl, so there is nothing to run locally")
        result.append(Input("ModelDataUrl", address, PACKED))
        submitted = self._variables.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        if submitted.startswith("s3://"):
            result.append(Input("SAGEMAKER_SUBMIT_DIRECTORY", submitted, "/opt/ml/transform/source"))
        return tuple(result)

    def outputs(self) -> tuple[Output, ...]:
        return (Output("TransformOutput", RESULTS, self.request.body["TransformOutput"]["S3OutputPath"]),)

    def configure(self, folder: JobFolder) -> Mapping[str, Any]:
        for path in (MODEL, RESULTS):
            folder.make(path)
        return {}

    def command(self, folder: JobFolder) -> Command:
        if len(self._containers) > 1:
            raise ContractError("ClientError: a model of several containers does not work locally")
        for path, target in ((PACKED, MODEL), ("/opt/ml/transform/source", CODE)):
            for _, file in folder.files(path):
                unpack(file.read_bytes(), folder.make(target), file.name)
        program = self._variables.get("SAGEMAKER_PROGRAM") or DEFAULT_PROGRAM
        script = posixpath.join(CODE, posixpath.basename(program))
        has_script = folder.inside(script).is_file()
        image = self._container.get("Image", "")
        if not has_script and not builtin.is_xgboost(image):
            raise ContractError(
                f"ClientError: the model's image {image} cannot run locally: there is no script code/{program} in the"
                ' model, and what the image itself serves is not here. A rule with "run": "simulate" fits it'
            )
        settings = {**self._settings(), "script": script if has_script else None}
        folder.write(TARGET, TRANSFORMER.read_bytes())
        environment = {
            "SM_MODEL_DIR": MODEL,
            **self._variables,
            "PYTHONPATH": ":".join(filter(None, [CODE, self._variables.get("PYTHONPATH")])),
        }
        requirements = folder.inside(f"{CODE}/{REQUIREMENTS}")
        return Command(
            ["python3", TARGET, json.dumps(settings)],
            environment,
            MODEL,
            requirements if requirements.is_file() else None,
        )

    def _settings(self) -> dict[str, Any]:
        """What the transformer is to know of the request."""
        body = self.request.body
        given, wanted = body["TransformInput"], body["TransformOutput"]
        for name, value, known in (
            ("SplitType", given.get("SplitType", "None"), ("None", "Line")),
            ("AssembleWith", wanted.get("AssembleWith", "None"), ("None", "Line")),
            ("CompressionType", given.get("CompressionType", "None"), ("None", "Gzip")),
        ):
            if value not in known:
                raise ContractError(f"ClientError: {name} {value} does not work locally, {' and '.join(known)} do")
        processing = body.get("DataProcessing", {})
        for name in ("InputFilter", "OutputFilter"):
            if not COLUMNS.fullmatch(processing.get(name, "$")):
                raise ContractError(
                    f"ClientError: {name} {processing[name]!r} does not work locally; columns do: $[1:], $[0], $[0,2]"
                )
        return {
            "records": RECORDS,
            "results": RESULTS,
            "model": MODEL,
            "content_type": given.get("ContentType", "text/csv"),
            "accept": wanted.get("Accept") or self._variables.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", ""),
            "by_line": given.get("SplitType") == "Line",
            "gzip": given.get("CompressionType") == "Gzip",
            "lines_between": wanted.get("AssembleWith") == "Line",
            "single": body.get("BatchStrategy") == "SingleRecord",
            "max_bytes": (body.get("MaxPayloadInMB") or 6) * 2**20,
            "input_filter": processing.get("InputFilter", "$"),
            "output_filter": processing.get("OutputFilter", "$"),
            "join": processing.get("JoinSource") == "Input",
        }

    def line(self, text: str) -> None:
        """Transform jobs have no metrics."""

    def finish(self, _folder: JobFolder, end: End, status: str) -> Outcome:
        if status == "Completed" and end.exit_code:
            return Outcome("Failed", PROCESSING_FAILED)
        return Outcome(status)

    def artifacts(self, _folder: JobFolder, _status: str) -> Mapping[str, bytes]:
        return {}
