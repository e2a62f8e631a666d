"""What all steps share as Airflow tasks: their scope, their record, and how they fail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.execution_time.context import NEVER_EXPIRE
from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from airflow_sm_pipelines.aws.access import AwsAccess, AwsIdentity
from airflow_sm_pipelines.aws.failures import CallError, StepFailure, type_of_call_error
from airflow_sm_pipelines.expressions.errors import ConditionError, UnresolvedError
from airflow_sm_pipelines.expressions.iteration import FAILURE_KEY, Iteration
from airflow_sm_pipelines.expressions.scope import JOB_KEY, RESULT_KEY, TaskScope
from airflow_sm_pipelines.graph.selection import Role
from airflow_sm_pipelines.jobs.record import STORE_KEY, Phase, StepRecord, TryFacts, begin_try
from airflow_sm_pipelines.operators.concurrency_limit import wait_for_turn
from airflow_sm_pipelines.operators.copied_results import SOURCE_MEMBER, Part, copied
from airflow_sm_pipelines.operators.request import Request, shown
from airflow_sm_pipelines.operators.selection_decision import find_part
from airflow_sm_pipelines.step_types.step_type import StepType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.expressions.pipeline import PipelineFacts
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.graph import Graph
    from airflow_sm_pipelines.settings import Settings


class StepOperator(AwsBaseOperator[SageMakerHook]):
    """The part of a step's operator that no operator of the Amazon provider has.

    :param step: the step of the definition
    :param pipeline: what it knows of the pipeline
    :param settings: the deployment's settings
    :param iteration: for a child of a ForEach step, the item it runs for; Airflow maps the body's task over these
    """

    aws_hook_class = SageMakerHook
    # ``request`` is what the UI shows of a step. The provider's ``config`` is no template field here: it is set from
    # the resolved request, whole, where the field may be shortened.
    template_fields: Sequence[str] = aws_template_fields("request")
    template_fields_renderers: ClassVar[dict[str, str]] = {"request": "json"}
    template_ext: Sequence[str] = ()
    # The result of a step that is not selected, where no run has one.
    nothing: ClassVar[Any] = None

    # What a try finds out begins as an attribute of the class, here and in the subclasses: Airflow wraps the __init__
    # of each class, and whatever it does in one it does for every task at every parse.
    _record: StepRecord | None = None
    _recorded_name = ""
    _access: AwsAccess | None = None
    _resolution_error: StepFailure | None = None
    _run_fault: StepFailure | None = None
    _part = Part()

    def __init__(
        self,
        *,
        step: Step,
        pipeline: PipelineFacts,
        settings: Settings,
        iteration: Mapping[str, Json] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.iteration = None if iteration is None else Iteration.from_json(iteration)
        self.step = step if self.iteration is None else self.iteration.child_of(step)
        self.pipeline = pipeline
        self.settings = settings
        self.request: Json | Request = Request(self.request_template())

    @classmethod
    def arguments_of(cls, step: Step, graph: Graph) -> dict[str, Any]:  # noqa: ARG003 # for those that need them
        """What the operator is constructed with beyond what every step's is: what the graph says of its step."""
        return {}

    @property
    def step_type(self) -> StepType:
        """What is known of the step's type; of one that is not known, its name."""
        return self.pipeline.step_types.get(self.step.type) or StepType(self.step.type)

    def request_template(self) -> Value:
        """What is shown as the step's request and resolved when it starts."""
        return self.step.arguments

    @property
    def access(self) -> AwsAccess:
        """How to reach AWS: the same object, with its clients, until a field of it is rendered."""
        access = AwsAccess(self.aws_conn_id, self.region_name, self.verify, self.botocore_config)
        if self._access != access:
            self._access = access
        return self._access

    def renew_access(self) -> None:
        """Let the calls from now on look for credentials anew: those of a long wait may have expired."""
        self._access = self.access.renewed()

    @property
    def record(self) -> StepRecord:
        if self._record is None:
            raise RuntimeError(f"the step {self.task_id} has not begun a try")
        return self._record

    def scope(self, context: Context) -> TaskScope:
        return TaskScope(
            context,
            self.pipeline,
            self.access,
            AwsIdentity(self.access),
            evaluated_at=self.record.evaluated_at,
            job_names=self.own_job_names(),
            iteration=self.iteration,
            most_file_bytes=self.settings.max_json_file_size,
        )

    def own_job_names(self) -> dict[str, str]:
        """What ``Execution.TrainingJobName`` and its like are in this step."""
        return {}

    def resolve_request(self, context: Context) -> Json:
        """Resolve the request, called by Airflow as it renders the task's fields.

        What cannot be resolved is kept for :meth:`run_step` to fail with: here, Airflow would report it as a fault
        of a Jinja template.
        """
        self._begin_try(context)
        self._find_part(context)
        if self._run_fault is not None:
            return shown(Request(self.request_template()).template)
        if self._part.role is not Role.RUN:
            return self._part.shown()
        try:
            return shown(self.resolve(context, self.scope(context)))
        except StepFailure as failure:
            self._resolution_error = failure
        except (UnresolvedError, ConditionError) as error:
            self._resolution_error = StepFailure(f"Step {self.task_id!r} failed: {error}")
        except RecursionError:
            message = f"Step {self.task_id!r} failed: its request is nested too deeply to be resolved."
            self._resolution_error = StepFailure(message)
        except (ClientError, BotoCoreError) as error:
            self._resolution_error = StepFailure(
                f"Step {self.task_id!r} failed: {CallError.of(error)}", type_of_call_error(error)
            )
        return shown(Request(self.request_template()).template)

    def execute(self, context: Context) -> Any:
        """Run the step; what holds for every step before it runs stands here."""
        if self._run_fault is not None:
            self.fail_attempt(context, self._run_fault)
        if self._part.role is Role.SKIP:
            raise AirflowSkipException("The step is not among those that this run is to run.")
        if self._part.role is Role.COPY:
            return self._copy(context)
        if self.iteration is not None:
            wait_for_turn(context, self.iteration, self.settings.poll_interval)
        return self.run_step(context)

    def run_step(self, context: Context) -> Any:
        """Do what the step is for, and return its result."""
        raise NotImplementedError

    def _find_part(self, context: Context) -> None:
        """Find what the step does in this run, or keep what is wrong with the run for :meth:`execute` to fail with."""
        try:
            self._part = find_part(self, context)
        except StepFailure as failure:
            self._run_fault = failure

    def _copy(self, context: Context) -> Any:
        """End with the result that the step has in the run to copy from."""
        source = self._part.source
        if source is None:
            self.log.info("Not selected, and no selected step needs its result: nothing is run")
            self.deliver(context)
            return self.nothing
        result, job = (copied(context, source, key) for key in (RESULT_KEY, JOB_KEY))
        self.log.info("Not selected: the result is that of the run %s", source)
        context["ti"].xcom_push(key=JOB_KEY, value={**(job or {}), SOURCE_MEMBER: source})
        self.deliver(context)
        return self.nothing if result is None else result

    def resolve(self, context: Context, scope: TaskScope) -> Json:
        """Resolve what the step needs, keep it on the operator, and return what to show of it."""
        raise NotImplementedError

    def check_resolved(self, context: Context) -> None:
        """Fail the step with what kept its request from being resolved."""
        if self._resolution_error is not None:
            self.fail_attempt(context, self._resolution_error)

    def check_worker_deaths(self) -> None:
        """Fail the step when its tries died more often than the deployment allows."""
        if self.record.worker_deaths > self.settings.worker_deaths:
            self.abandon()
            raise StepFailure(
                f"Step {self.task_id!r} failed: {self.record.worker_deaths} tries ended without a word (their worker"
                f" died), and [sagemaker_pipelines] worker_deaths allows {self.settings.worker_deaths}."
            )

    def abandon(self) -> None:
        """Leave nothing running when the step fails for a reason that is not its job's."""

    def _begin_try(self, context: Context) -> None:
        ti = context["ti"]
        stored = context["task_state_store"].get(STORE_KEY)
        record = StepRecord.from_json(stored) if stored is not None else None
        facts = TryFacts(self.pipeline.digest, ti.max_tries, ti.try_number, time.time())
        self._record = begin_try(record, facts)
        self._recorded_name = self._record.job_name
        if record is not None and record.phase is Phase.INTENDED and record.token != self._record.token:
            self.stop_left_behind(record)

    def stop_left_behind(self, left: StepRecord) -> None:
        """Stop what was running when a user cleared the task, if whoever was to stop it could not."""

    def amend(self, **changes: Any) -> None:
        """Change the record without writing it."""
        self._record = replace(self.record, **changes)

    def save(self, context: Context, **changes: Any) -> None:
        """Change the record and write it."""
        self.amend(**changes)
        context["task_state_store"].set(STORE_KEY, self.record.to_json(), retention=NEVER_EXPIRE)
        self._recorded_name = self.record.job_name

    def fail_attempt(self, context: Context, failure: StepFailure) -> NoReturn:
        """Record that this attempt failed, and raise the failure; the step's retry policies decide what follows.

        The try stays open on record until they have: should it die before, the next one looks at the attempt again.
        """
        # A name under which nothing was begun is not for a later try to find: another's may bear it.
        self.amend(job_name=self._recorded_name)
        if failure.outcome_unknown:
            self.save(context, open_try=context["ti"].try_number)
        else:
            failures = self.record.failures + 1
            self.save(context, open_try=context["ti"].try_number, phase=Phase.FAILED, failures=failures)
        if self.iteration is not None:
            # Airflow keeps no reason for a failure, and the ForEach step is to tell those of its children.
            context["ti"].xcom_push(key=FAILURE_KEY, value=str(failure))
        raise failure

    def deliver(self, context: Context) -> None:
        """Record that the step ended: who finds this record was cleared by a user."""
        self.save(context, open_try=None, phase=Phase.DELIVERED)
