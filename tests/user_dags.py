"""What a user writes, checked by mypy in `make lint`: the package is typed where people use it.

Each ignored line is an error that mypy has to find: with ``--strict`` one that is none is an error itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, task
from typing_extensions import override

from airflow_sm_pipelines import (
    DefinitionError,
    FailedStep,
    Failure,
    Finding,
    SageMakerPipelineDag,
    SageMakerPipelinesDagBundle,
    SageMakerPipelineTaskGroup,
    StepType,
    failure_of,
    load_dags,
    model_package_group,
    register_step_type,
    s3_output,
    unregister_step_type,
)
from airflow_sm_pipelines.client import pipelines_client, pipelines_session
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.local.client import EndpointClient
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local_pipelines.service import LocalPipelines
from airflow_sm_pipelines.operators.step import StepOperator
from airflow_sm_pipelines.running.definition_run import run_definition
from airflow_sm_pipelines.running.events import RunEnded, StepChanged
from airflow_sm_pipelines.store.api_bundle import StoredPipelinesDagBundle

if TYPE_CHECKING:
    from collections.abc import Mapping


def tell(context: Mapping[str, Any]) -> None:
    failure: Failure | None = failure_of(context)
    if failure is not None:
        print(str(failure), failure.dag_id, failure.run_id, failure.said)
        steps: tuple[FailedStep, ...] = tuple(failure.steps)
        for step in steps:
            print(step.task_id, step.reason.upper(), step.job_name or "no job", step.console_url or "no page")


def dags() -> dict[str, DAG]:
    arguments: dict[str, Any] = {"overrides": {"abalone": {"schedule": "@daily"}}, "dag_ids": "path"}
    found: dict[str, DAG] = load_dags("pipelines", exclude="drafts", on_failure_callback=tell, **arguments)
    try:
        one = SageMakerPipelineDag(
            "abalone.json",
            parameters={"MseThreshold": 6.0, "InputDataUrl": "s3://bucket/{{ ds }}.csv"},
            parallelism=2,
            select="+Train*",
            roles={"*": "arn:aws:iam::123456789012:role/Jobs"},
            steps={"type:Training": {"pool": "gpu-quota"}},
            schedule=None,
        )
    except DefinitionError as error:
        findings: list[Finding] = list(error.findings)
        print([(finding.path, finding.line, finding.code, finding.suggestion) for finding in findings])
    else:
        found[one.dag_id] = one
    return found


def embedded() -> DAG:
    assets: list[Asset] = [model_package_group("abalone"), s3_output("s3://bucket/out")]
    with DAG("nightly", schedule=assets) as dag:

        @task
        def export() -> str:
            return "s3://bucket/in"

        @task
        def announce(model: str) -> None:
            print(model)

        training = SageMakerPipelineTaskGroup(
            "abalone.json", group_id="training", parameters={"InputDataUrl": export()}, on_error="task"
        )
        model = training.output("TrainAbalone")["ModelArtifacts"]["S3ModelArtifacts"]
        # mypy knows of no result of a task where a function wants a text: of Airflow's own neither.
        training >> announce(model)  # type: ignore[arg-type]
        announce(export())  # type: ignore[arg-type]
    return dag


class SayStepOperator(StepOperator):
    """What is no job: tests/glue_step_type has a job."""

    @override
    def resolve(self, context: Any, scope: Any) -> dict[str, Any]:
        self.said = resolve_object(self.step.arguments, scope)
        return self.said

    @override
    def run_step(self, context: Any) -> Any:
        self.check_resolved(context)
        self.deliver(context)
        return self.said


def own_type() -> None:
    register_step_type(StepType("Say", f"{__name__}.SayStepOperator", extra_properties=("Said",)), replace=True)
    unregister_step_type("Say")


def bundles() -> tuple[SageMakerPipelinesDagBundle, StoredPipelinesDagBundle]:
    return (
        SageMakerPipelinesDagBundle(name="from-aws", tags={"airflow": "yes"}, refresh_interval=60),
        StoredPipelinesDagBundle(name="pipelines-api", store="s3://aws_default@bucket/store"),
    )


def a_run() -> str:
    settings: dict[str, Any] = {"settings": {"poll_interval": "0.5"}}
    scenario = {"jobs": [{"kind": "training", "outcome": "Failed"}]}
    with (
        LocalEndpoint(scenario=scenario, pipelines=lambda url, read: LocalPipelines(url, read, settings)) as endpoint,
        run_definition("abalone.json", endpoint=endpoint.url, conf={"LearningRate": 0.1}) as run,
    ):
        endpoint.add_fault(action="CreateTrainingJob", error="ThrottlingException", times=2)
        for event in run.events():
            match event:
                case StepChanged():
                    print(event.name, event.state, event.job or "no job")
                case RunEnded():
                    return event.state
        asked: list[str] = [request.action for request in EndpointClient(endpoint.url).requests("sagemaker")]
    return ", ".join(asked)


def sessions() -> list[Any]:
    url = "https://airflow.example.com/sagemaker-api/v1"
    return [pipelines_session(url, "AFSM", "secret"), pipelines_client(profile="airflow", region_name="eu-west-1")]


def wrong() -> None:
    load_dags(5)  # type: ignore[arg-type]
    SageMakerPipelineDag("abalone.json", parallelism="two")  # type: ignore[arg-type]
    SageMakerPipelineDag("abalone.json", unsupported_steps="warn")  # type: ignore[arg-type]
    number: int = failure_of({})  # type: ignore[assignment]
    print(number)
    LocalEndpoint(port="5000")  # type: ignore[arg-type]
    run_definition("abalone.json", endpoint=5000)  # type: ignore[arg-type]
    SageMakerPipelineTaskGroup("abalone.json").output(5)  # type: ignore[arg-type]
