"""What a user writes, checked by mypy in tests/report/test_public_api.py: the package is typed where people use it.

Each ignored line is an error that mypy has to find: with ``--strict`` one that is none is an error itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset

from airflow_sm_pipelines import (
    DefinitionError,
    Failure,
    SageMakerPipelineDag,
    SageMakerPipelineTaskGroup,
    StepType,
    failure_of,
    load_dags,
    model_package_group,
    register_step_type,
    s3_output,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def tell(context: Mapping[str, Any]) -> None:
    failure: Failure | None = failure_of(context)
    if failure is not None:
        for step in failure.steps:
            print(step.task_id, step.reason, step.job_name or "no job")


def dags() -> dict[str, DAG]:
    found: dict[str, DAG] = load_dags("pipelines", overrides={"abalone": {"schedule": "@daily"}}, exclude="drafts")
    try:
        one = SageMakerPipelineDag("abalone.json", parameters={"MseThreshold": 6.0}, parallelism=2, schedule=None)
    except DefinitionError as error:
        print([(finding.path, finding.code, finding.suggestion) for finding in error.findings])
    else:
        found[one.dag_id] = one
    return found


def embedded() -> DAG:
    assets: list[Asset] = [model_package_group("abalone"), s3_output("s3://bucket/out")]
    with DAG("nightly", schedule=assets) as dag:
        SageMakerPipelineTaskGroup("abalone.json", group_id="training", parameters={"InputDataUrl": "s3://bucket/in"})
    return dag


def own_type() -> None:
    register_step_type(StepType("Mine", "acme.steps.MineStepOperator"))


def wrong() -> None:
    load_dags(5)  # type: ignore[arg-type]
    SageMakerPipelineDag("abalone.json", parallelism="two")  # type: ignore[arg-type]
    SageMakerPipelineDag("abalone.json", unsupported_steps="warn")  # type: ignore[arg-type]
    number: int = failure_of({})  # type: ignore[assignment]
    print(number)
