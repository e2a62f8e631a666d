"""What Airflow would send for the steps of an execution, with the results of the service's jobs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from airflow_sm_pipelines.aws.access import AwsIdentity
from airflow_sm_pipelines.expressions.pipeline import PipelineContext
from airflow_sm_pipelines.expressions.results import to_result
from airflow_sm_pipelines.expressions.scope import TaskScope
from airflow_sm_pipelines.jobs.job_run import StepJobRun
from airflow_sm_pipelines.jobs.lifecycle import JobLifecycle
from airflow_sm_pipelines.jobs.observers import NoCache
from airflow_sm_pipelines.jobs.step_run import StepParts, TaskTry
from airflow_sm_pipelines.operators.masking import Masking
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.step_types.step_type import StepType

if TYPE_CHECKING:
    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.comparing.service import Execution, ExecutionArn, ServiceStep
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.settings import Settings

log = logging.getLogger(__name__)


class OurSteps:
    """The steps of a plan, as a Dag run would run them that is this very execution: its id, its times, its values.

    ``results`` are those of the steps so far, by name, as XCom would have them: fill it as the steps are gone through.
    """

    def __init__(self, plan: Plan, execution: Execution, settings: Settings, access: AwsAccess) -> None:
        self._plan, self._execution = plan, execution
        self._settings, self._access = settings, access
        self.results: dict[str, Json] = {}
        self._pipeline = _context_of(plan, execution, settings)

    def step_type(self, step: Step) -> StepType:
        return self._plan.step_types.get(step.type) or StepType(step.type)

    def scope(self, step: ServiceStep, names: Mapping[str, str] = MappingProxyType({})) -> TaskScope:
        """What the expressions of a step refer to. ``Execution.CurrentDateTime`` is when the service began it."""
        execution = self._execution
        return _ExecutionScope(
            execution.arn,
            _context(self._plan, execution, self.results),
            self._pipeline,
            self._access,
            _Identity(execution.arn, self._access),
            evaluated_at=(step.started or execution.created).timestamp(),
            job_names=names,
            secrets=Masking(self._settings.not_secret),
            results=_Results(self.results),
            check_place=lambda _: None,
            max_file_bytes=self._settings.max_json_file_size,
        )

    def job_of(self, step: Step, service: ServiceStep, job_name: str) -> JobLifecycle:
        """The life of the step's job up to its request, as if Airflow had given it the name that the service has."""
        run = StepJobRun(
            TaskTry(self._execution.arn.pipeline, self._execution.arn.id, step.name, -1, 1, 0),
            StepParts(step, self.step_type(step), self._pipeline, self._settings, None, log),
            scopes=lambda _, names: self.scope(service, names),
            aws=self._access,
            store=_Store(),
            output=_Output(),
        )
        life = JobLifecycle(run, cache=NoCache(), to_result=to_result)
        life.begin()
        run.rename(job_name)
        return life


class _ExecutionScope(TaskScope):
    """A scope in which the run has the id of the service's execution."""

    def __init__(self, arn: ExecutionArn, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arn = arn

    @property
    @override
    def execution_id(self) -> str:
        return self._arn.id


class _Identity(AwsIdentity):
    """The account and region of the execution, for which nobody need be asked."""

    def __init__(self, arn: ExecutionArn, access: AwsAccess) -> None:
        super().__init__(access)
        self._arn = arn

    @property
    @override
    def account(self) -> str:
        return self._arn.account

    @property
    @override
    def region(self) -> str:
        return self._arn.region

    @property
    @override
    def partition(self) -> str:
        return self._arn.partition


class _Results:
    """Results of tasks, which nothing masks here."""

    def __init__(self, results: Mapping[str, Json]) -> None:
        self._results = results

    def of(self, task_id: str, masked: Json, map_index: int | None = None) -> Json:  # noqa: ARG002 # of the interface
        return masked

    def whole(self, task_id: str, shown: Json, map_index: int | None = None) -> Json:  # noqa: ARG002 # of the interface
        return shown

    def of_failed(self, task_id: str, map_index: int | None = None) -> Json:  # noqa: ARG002 # of the interface
        return self._results.get(task_id)


class _Store:
    """A record that goes with the comparison."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self._values.get(key)

    def set(self, key: str, value: Any) -> None:
        self._values[key] = value


class _Output:
    """Nobody reads what such a step leaves."""

    def push(self, key: str, value: Any) -> None:
        """Nothing is kept."""


def _context(plan: Plan, execution: Execution, results: Mapping[str, Json]) -> Any:
    """What a task's scope reads of Airflow's context: values, the run, and the results of other tasks."""
    declared = plan.pipeline.parameters
    params = {name: parameter.default for name, parameter in declared.items() if parameter.has_default}
    given = {name: value for name, value in execution.parameters.items() if name in declared}
    return {
        "params": {**params, **given},
        "dag_run": SimpleNamespace(run_id=execution.arn.id, run_after=execution.created),
        "ti": SimpleNamespace(xcom_pull=lambda task_ids, **_: results.get(task_ids)),
    }


def _context_of(plan: Plan, execution: Execution, settings: Settings) -> PipelineContext:
    pipeline = plan.pipeline
    return PipelineContext(
        name=execution.arn.pipeline,
        place=Place(execution.arn.pipeline),
        digest=pipeline.digest,
        parameters=pipeline.parameters,
        property_files={step.name: {file.name: file for file in step.property_files} for step in pipeline.all_steps},
        experiment=pipeline.experiment,
        mlflow=pipeline.mlflow,
        role_arn=pipeline.role_arn or settings.role_arn,
        graph=plan.graph,
        step_types=plan.step_types,
    )
