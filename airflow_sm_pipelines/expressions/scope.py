"""What a step's expressions refer to, found in the context of an Airflow task."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.failures import CallError, StepFailure, type_of_call_error
from airflow_sm_pipelines.aws.s3_files import MAX_FILE_BYTES, read_file
from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.expressions import format_expression
from airflow_sm_pipelines.definition.secrets import has_mask
from airflow_sm_pipelines.expressions.given_execution import GivenExecution
from airflow_sm_pipelines.expressions.identity import execution_id, iso_time
from airflow_sm_pipelines.expressions.json_text import JsonTextError, read_json
from airflow_sm_pipelines.expressions.parameters import coerce, is_secret_parameter
from airflow_sm_pipelines.expressions.properties import PathNotFoundError, last_name, whole_value
from airflow_sm_pipelines.expressions.values import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.aws.access import AwsAccess, AwsIdentity
    from airflow_sm_pipelines.definition.expressions import CurrentItem, PropertyFileReference, PropertyReference
    from airflow_sm_pipelines.expressions.iteration import Iteration
    from airflow_sm_pipelines.expressions.pipeline import PipelineContext
    from airflow_sm_pipelines.expressions.stringify import Json

RESULT_KEY = "return_value"
JOB_KEY = "sagemaker"


class Secrets(Protocol):
    """What knows of secrets."""

    def is_secret(self, name: str, /) -> bool:
        """Whether a value of this name is a secret."""

    def learn(self, value: Any, name: str | None = None) -> None:
        """Called with a value that has been met, and its name: logs do not show it if it is a secret."""


class RealResults(Protocol):
    """Results of tasks with their secrets."""

    def of(self, task_id: str, masked: Json, map_index: int | None = None) -> Json:
        """The whole result of a task, given what is shown of it."""

    def whole(self, task_id: str, shown: Json, map_index: int | None = None) -> Json:
        """The whole result of a task, given what XCom has of it, where texts of that were cut."""

    def of_failed(self, task_id: str, map_index: int | None = None) -> Json:
        """What a task that failed without a result has left in AWS, or None."""


class Templates(Protocol):
    """What templates of the Dag give the parameters of a run."""

    def has(self, name: str, given: Json, /) -> bool:
        """Whether a template gives a parameter its value in the run, which has been given ``given``."""

    def value_of(self, name: str, /) -> Json:
        """That value, of the parameter's type."""


class TaskScope:
    """The scope of one try of one step.

    ``evaluated_at`` (epoch seconds) is ``Execution.CurrentDateTime``; ``job_names`` gives
    ``Execution.TrainingJobName`` and its like to the step whose job bears that name. ``iteration`` is given to the
    body of a ForEach step. No file of more than ``max_file_bytes`` is read.
    """

    def __init__(
        self,
        context: Context,
        pipeline: PipelineContext,
        access: AwsAccess,
        identity: AwsIdentity,
        *,
        evaluated_at: float | None = None,
        job_names: Mapping[str, str] = MappingProxyType({}),
        iteration: Iteration | None = None,
        secrets: Secrets,
        results: RealResults,
        templates: Templates | None = None,
        check_place: Callable[[str], None],
        max_file_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        self._context = context
        self._pipeline = pipeline
        self._access = access
        self._identity = identity
        self._evaluated_at = time.time() if evaluated_at is None else evaluated_at
        self._job_names = job_names
        self._iteration = iteration
        self._max_file_bytes = max_file_bytes
        self._secrets = secrets
        self._real = results
        self._templates = templates
        self._check_place = check_place
        self._results: dict[str, Json] = {}
        self._documents: dict[str, Json] = {}

    @property
    def execution_id(self) -> str:
        return execution_id(self._pipeline.place, self._context["dag_run"].run_id)

    @property
    def given_execution(self) -> GivenExecution:
        """What the call that started the run has given it, beside its parameters."""
        return GivenExecution.in_conf(self._context["dag_run"].conf)

    @property
    def execution_arn(self) -> str:
        return f"{self._pipeline_arn}/execution/{self.execution_id}"

    def execution_arn_in(self, account: str | None) -> str:
        """The execution's ARN in an account that is known, or in that of the credentials."""
        return f"{self._pipeline_arn_in(account)}/execution/{self.execution_id}"

    @property
    def _pipeline_arn(self) -> str:
        return self._pipeline_arn_in(None)

    def _pipeline_arn_in(self, account: str | None) -> str:
        who = self._identity
        place = f"{who.partition}:sagemaker:{who.region}:{account or who.account}"
        return f"arn:{place}:pipeline/{self._pipeline.name.lower()}"

    def parameter(self, name: str) -> Json:
        params = self._pipeline.params_in(self._context["params"])
        if name not in params:
            raise UnresolvedError(f"Parameters.{name}", "is undefined: the run has no value for it.")
        parameter, given = self._pipeline.parameters[name], params[name]
        if self._templates is not None and self._templates.has(name, given):
            value = self._templates.value_of(name)
        else:
            if given is None and is_secret_parameter(parameter, self._secrets.is_secret):
                # The form does not show it (params.py): who leaves it empty means the default.
                given = parameter.default
            value = coerce(parameter, given, self._secrets.is_secret)
        self._secrets.learn(value, name)
        return value

    def execution_variable(self, name: str) -> Json:
        match name:
            case "PipelineExecutionId":
                return self.execution_id
            case "PipelineName":
                return self._pipeline.name.lower()
            case "PipelineArn":
                return self._pipeline_arn
            case "PipelineExecutionArn":
                return self.execution_arn
            case "StartDateTime":
                return iso_time(self._context["dag_run"].run_after)
            case "CurrentDateTime":
                return iso_time(datetime.fromtimestamp(self._evaluated_at, UTC))
        job_name = self._job_names.get(name)
        if job_name is None:
            raise UnresolvedError(f"Execution.{name}", "is undefined: this step makes no such job.")
        return job_name

    def experiment(self, name: str) -> Json:
        config = self._pipeline.experiment
        value = None
        if config is not None:
            value = config.experiment_name if name == "ExperimentName" else config.trial_name
        if value is None:
            raise UnresolvedError(f"PipelineExperimentConfig.{name}", "is undefined: the pipeline has no experiment.")
        return resolve(value, self)

    def step_property(self, reference: PropertyReference) -> Json:
        try:
            value = whole_value(
                reference.path,
                self._result(reference.step),
                partial(self._real_result, reference.step),
                partial(self._whole_result, reference.step),
            )
        except PathNotFoundError as error:
            raise UnresolvedError(format_expression(reference), f"is undefined: {error}.") from None
        self.learn(last_name(reference.path), value)
        return value

    def result_of(self, step: str) -> Json:
        """The whole result of a step as it is shown; of a step that failed without one, what it has left in AWS. None
        where there is neither.

        :raises StepFailure: where the job of a step that failed is gone, or AWS cannot say
        """
        try:
            return self._result(step)
        except UnresolvedError:
            return None

    def property_file_uri(self, reference: PropertyFileReference) -> str:
        declared = self._pipeline.property_files.get(reference.step, {}).get(reference.property_file)
        if declared is None:
            raise UnresolvedError(format_expression(reference), "is undefined: no such property file is declared.")
        result = self._real_result(reference.step)
        config = result.get("ProcessingOutputConfig") if isinstance(result, dict) else None
        outputs = config.get("Outputs", []) if isinstance(config, dict) else []
        for output in cast("list[dict[str, Any]]", outputs):
            if output.get("OutputName") == declared.output_name:
                return f"{output['S3Output']['S3Uri'].rstrip('/')}/{declared.file_path.lstrip('/')}"
        raise UnresolvedError(
            format_expression(reference), f"has no place: the job has no output {declared.output_name!r}."
        )

    def read_json(self, uri: str) -> Json:
        if uri not in self._documents:
            self._documents[uri] = self._read_json(uri)
        return self._documents[uri]

    def current_item(self, reference: CurrentItem) -> Json:
        if self._iteration is None:
            raise UnresolvedError(format_expression(reference), "has a meaning only in the body of a ForEach step.")
        value = self._iteration.current_item(reference)
        if has_mask(value):
            value = self._iteration.current_item(reference, self._real_item(self._iteration))
        self.learn(last_name(reference.path), value)
        return value

    def learn(self, name: str | None, value: Json) -> None:
        self._secrets.learn(value, name)

    def _read_json(self, uri: str) -> Json:
        self._check_place(uri)
        try:
            file = read_file(self._access.client("s3"), uri, self._max_file_bytes)
        except (ClientError, BotoCoreError) as error:
            said = CallError.of(error)
            raise StepFailure(f"{uri} could not be read from S3: {said}", type_of_call_error(error)) from error
        if file is None:
            raise UnresolvedError(uri, "does not exist, and the step needs it.")
        try:
            return read_json(file.content)
        except JsonTextError as error:
            raise UnresolvedError(uri, f"does not hold valid JSON: {error}.") from None

    def _result(self, step: str) -> Json:
        if step not in self._results:
            task_id, index = self._place(step)
            of_index: dict[str, Any] = {} if index is None else {"map_indexes": index}
            result = self._context["ti"].xcom_pull(task_ids=task_id, key=RESULT_KEY, **of_index)
            if result is None and step in self._pipeline.graph.watched:
                result = self._real.of_failed(task_id, index)
            if result is None:
                raise UnresolvedError(f"Steps.{step}", "is undefined: the step has no result in this run.")
            self._results[step] = result
        return self._results[step]

    def _real_result(self, step: str) -> Json:
        """The result of a step with its secrets, which ``return_value`` does not show."""
        task_id, index = self._place(step)
        self._results[step] = self._real.of(task_id, self._result(step), index)
        return self._results[step]

    def _whole_result(self, step: str) -> Json:
        """The result of a step with the texts that XCom does not hold."""
        task_id, index = self._place(step)
        self._results[step] = self._real.whole(task_id, self._result(step), index)
        return self._results[step]

    def _place(self, step: str) -> tuple[str, int | None]:
        """The task that has the result of a step, and of a step of the same body its map index: that of the item."""
        graph, own = self._pipeline.graph, self._iteration
        return self._pipeline.task_of(step), own.index if own is not None and step in graph.loop_of else None

    def _real_item(self, iteration: Iteration) -> Json:
        """The item with its secrets."""
        task_id = self._pipeline.items_task(iteration.loop)
        items = self._context["ti"].xcom_pull(task_ids=task_id, key=RESULT_KEY, map_indexes=-1)
        real = self._real.of(task_id, items)
        return real[iteration.index] if isinstance(real, list) else iteration.item
