"""Processing jobs: any command, with inputs and outputs where the request says.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local_runner.contract import HOST, Command, ContractError, End, Outcome, Request
from airflow_sm_pipelines.local_runner.failures import PROCESSING_FAILED
from airflow_sm_pipelines.local_runner.folder import JobFolder
from airflow_sm_pipelines.local_runner.source import unpacked_requirements
from airflow_sm_pipelines.local_runner.transfers import Input, InputError, Output

MAX_MESSAGE_LENGTH = 1024
MESSAGE_FILE = "/opt/ml/output/message"


class ProcessingContract:
    """One processing job; ``request.body`` is a CreateProcessingJob request."""

    def __init__(self, request: Request) -> None:
        self.request = request

    def inputs(self) -> tuple[Input, ...]:
        result = []
        for given in self.request.body.get("ProcessingInputs", ()):
            if given.get("AppManaged"):
                continue
            source = given.get("S3Input")
            if source is None:
                name = given["InputName"]
                raise InputError(f"ClientError: input {name!r}: a DatasetDefinition does not work locally")
            result.append(
                Input(
                    given["InputName"],
                    source["S3Uri"],
                    source.get("LocalPath", f"/opt/ml/processing/input/{given['InputName']}"),
                    source.get("S3DataType", "S3Prefix"),
                    source.get("S3InputMode", "File"),
                )
            )
        return tuple(result)

    def outputs(self) -> tuple[Output, ...]:
        found = self.request.body.get("ProcessingOutputConfig", {}).get("Outputs", ())
        return tuple(
            Output(
                output["OutputName"],
                output["S3Output"]["LocalPath"],
                output["S3Output"]["S3Uri"],
                continuous=output["S3Output"].get("S3UploadMode") == "Continuous",
            )
            for output in found
            if "LocalPath" in output.get("S3Output", {}) and not output.get("AppManaged")
        )

    def configure(self, folder: JobFolder) -> Mapping[str, Any]:
        folder.make("/opt/ml/processing")
        folder.make("/opt/ml/output")
        for output in self.outputs():
            folder.make(output.path)
        body = self.request.body
        described = {key: value for key, value in body.items() if key not in ("Tags", "ExperimentConfig")}
        return {
            "/opt/ml/config/processingjobconfig.json": {"ProcessingJobArn": self.request.arn, **described},
            "/opt/ml/config/resourceconfig.json": {"current_host": HOST, "hosts": [HOST]},
        }

    def command(self, folder: JobFolder) -> Command:
        application = self.request.body["AppSpecification"]
        entrypoint = [*application.get("ContainerEntrypoint", ())]
        if not entrypoint:
            raise ContractError(
                f"ClientError: the image {application['ImageUri']} cannot run locally: the request has no"
                " ContainerEntrypoint, and what the image itself starts is not here."
                ' A rule with "run": "simulate" fits it'
            )
        environment = {
            "PROCESSING_JOB_ARN": self.request.arn,
            "PROCESSING_JOB_NAME": self.request.name,
            **self.request.body.get("Environment", {}),
        }
        arguments = [*entrypoint, *application.get("ContainerArguments", ())]
        inputs = [each.path for each in self.inputs()]
        return Command(arguments, environment, "/", unpacked_requirements(folder, inputs))

    def line(self, text: str) -> None:
        """Processing jobs have no metrics."""

    def finish(self, folder: JobFolder, end: End, status: str) -> Outcome:
        message = folder.read_text(MESSAGE_FILE, MAX_MESSAGE_LENGTH)
        members = {"ExitMessage": message} if message else {}
        if status == "Stopped":
            return Outcome("Stopped", members=members)
        if end.exit_code:
            return Outcome("Failed", PROCESSING_FAILED, members=members)
        return Outcome("Completed", members=members)

    def artifacts(self, _folder: JobFolder, _status: str) -> Mapping[str, bytes]:
        return {}
