"""What all steps share as Airflow tasks: how a try of theirs is made, begins, and fails.

What only a try needs is imported where it is used: every parse of a dags file would pay for it.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from airflow_sm_pipelines.cache.key import may_cache
from airflow_sm_pipelines.operators.masking import Masking
from airflow_sm_pipelines.operators.request import Request, shown
from airflow_sm_pipelines.operators.unused_arguments import unused_arguments
from airflow_sm_pipelines.step_types.step_type import StepType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.aws.failures import StepFailure
    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.expressions.iteration import Iteration
    from airflow_sm_pipelines.expressions.pipeline import PipelineContext
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.graph import Graph
    from airflow_sm_pipelines.jobs.admission import Pause
    from airflow_sm_pipelines.jobs.record import StepRecord
    from airflow_sm_pipelines.jobs.step_run import StepParts, StepRun
    from airflow_sm_pipelines.operators.real_results import RealResults, SealedSecrets
    from airflow_sm_pipelines.operators.run_parameters import RunParameters
    from airflow_sm_pipelines.operators.step_try import StepTry
    from airflow_sm_pipelines.settings import Settings


class StepOperator(AwsBaseOperator[SageMakerHook]):
    """The part of a step's operator that no operator of the Amazon provider has.

    ``provider_arguments`` are what the operator of the Amazon provider demands that stands behind a class, and its own
    request says already. A class that replaces all that the provider's does sets ``runs_provider_init`` to False: then
    the provider's constructors are not run. Their arguments are attributes of the class, and those of AWS access are
    set here.

    :param step: the step of the definition
    :param pipeline: what it knows of the pipeline
    :param settings: the deployment's settings
    :param deferrable: whether waiting holds no worker; by default as the settings say
    :param any_branch: whether one taken branch is enough for the run conditions of the step to hold
    :param aws_conn_id: the Airflow connection with the credentials
    :param region_name: the AWS region; by default the connection's
    :param verify: whether the certificates of AWS are verified, or the file of those that do it
    :param botocore_config: the arguments of botocore's Config
    """

    aws_hook_class = SageMakerHook
    # ``request`` is what the UI shows of a step. The provider's ``config`` is no template field here: the resolved
    # request is sent whole, where the field may be shortened.
    template_fields: Sequence[str] = aws_template_fields("request")
    template_fields_renderers: ClassVar[dict[str, str]] = {"request": "json"}
    template_ext: Sequence[str] = ()
    provider_arguments: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    # Airflow wraps the constructor of every class: each one that runs is a tenth of what a task costs at every parse.
    runs_provider_init: ClassVar[bool] = True
    # Whether the task is the one that judges the run conditions of its step.
    judges_conditions: ClassVar[bool] = True
    # The result of a step that is not selected, where no run has one.
    nothing: ClassVar[Any] = None

    step: Step
    pipeline: PipelineContext
    settings: Settings
    deferrable: bool
    request: Json | Request
    operator_extra_links: Any

    # Per-try state has class-level defaults: an assignment in __init__ costs every task at every parse.
    # The item that a step in the body of a ForEach runs for, once a try has begun.
    iteration: Iteration | None = None
    any_branch = False
    _doc_md: str | None = None
    _try: StepTry | None = None
    _access: AwsAccess | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.runs_provider_init:
            for name, value in unused_arguments(cls, StepOperator, cls.provider_arguments).items():
                setattr(cls, name, value)

    def __init__(
        self,
        *,
        step: Step,
        pipeline: PipelineContext,
        settings: Settings,
        deferrable: bool | None = None,
        any_branch: bool = False,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if self.runs_provider_init:
            super().__init__(
                aws_conn_id=aws_conn_id,
                region_name=region_name,
                verify=verify,
                botocore_config=botocore_config,
                **self.provider_arguments,
                **kwargs,
            )
        else:
            BaseOperator.__init__(self, **kwargs)
            vars(self).update(
                aws_conn_id=aws_conn_id, region_name=region_name, verify=verify, botocore_config=botocore_config
            )
        # At each assignment Airflow looks for a converter and for dependencies, which none of these has.
        vars(self).update(
            step=step,
            pipeline=pipeline,
            settings=settings,
            deferrable=settings.deferrable if deferrable is None else deferrable,
        )
        if any_branch:
            self.any_branch = True
        vars(self)["request"] = Request(self.request_template(), self.masking)
        if may_cache(self.step_type, step, settings):
            from airflow_sm_pipelines.operators.cache_link import CacheSourceLink

            self.operator_extra_links = (*self.operator_extra_links, CacheSourceLink())

    @property
    def doc_md(self) -> str | None:
        """The documentation on the task's page, made when the Dag is serialized: no worker reads it."""
        if self._doc_md is not None or self.iteration is not None:
            # The page of a child of a loop, which ``dags test`` serializes when it has run, is the mapped task's.
            return self._doc_md
        from airflow_sm_pipelines.report.step_docs import step_documentation

        needs = self.pipeline.graph.needs_of(self.step.name)
        return step_documentation(self.step, needs, self.masking.value(self.step.arguments))

    @doc_md.setter
    def doc_md(self, given: str | None) -> None:
        if given is not None:
            self._doc_md = given

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

    # What a subclass is about ---------------------------------------------------------------------------------

    def resolve(self, context: Context, scope: TaskScope) -> Json:
        """Resolve what the step needs, keep it on the operator, and return what to show of it."""
        raise NotImplementedError

    def run_step(self, context: Context) -> Any:
        """Do what the step is for, and return its result."""
        raise NotImplementedError

    # One try --------------------------------------------------------------------------------------------------

    @property
    def masking(self) -> Masking:
        """What is masked where people look."""
        return Masking(self.settings.not_secret)

    @property
    def access(self) -> AwsAccess:
        """How to reach AWS: the same object, with its clients, until a field of it is rendered."""
        from airflow_sm_pipelines.aws.access import AwsAccess

        access = AwsAccess(self.aws_conn_id, self.region_name, self.verify, self.botocore_config)
        if self._access != access:
            self._access = access
        return self._access

    @property
    def step_run(self) -> StepRun:
        """The step's part in this try."""
        if self._try is None:
            raise RuntimeError(f"the step {self.task_id} has not begun a try")
        return self._try.run

    @property
    def record(self) -> StepRecord:
        """What is on record of the step."""
        return self.step_run.record

    def begin_try(self, context: Context) -> StepTry:
        """Make what this try works with, and take up the record."""
        from airflow_sm_pipelines.jobs.step_run import StepRun
        from airflow_sm_pipelines.operators.step_try import StepTry
        from airflow_sm_pipelines.operators.task_ports import task_try

        self._try = StepTry(StepRun(task_try(context), self.parts(), **self.collaborators(context)))
        self._try.run.begin()
        return self._try

    def parts(self) -> StepParts:
        """What a try of the step is made of."""
        from airflow_sm_pipelines.jobs.step_run import StepParts

        return StepParts(self.step, self.step_type, self.pipeline, self.settings, self.iteration, self.log)

    def collaborators(self, context: Context) -> dict[str, Any]:
        """What a try of the step works with."""
        from airflow_sm_pipelines.operators.task_ports import AirflowTaskStore, XComOutput

        return {
            "aws": self.access,
            "store": AirflowTaskStore(context),
            "output": XComOutput(context),
            "secrets": self.secrets(context),
        }

    def secrets(self, context: Context) -> SealedSecrets:
        """What becomes of the step's secrets where others can look."""
        from airflow_sm_pipelines.operators.real_results import SealedSecrets
        from airflow_sm_pipelines.operators.task_ports import XComOutput

        return SealedSecrets(self.masking, XComOutput(context))

    def give(self, context: Context, result: Any) -> Any:
        """Leave a result for the steps that need it; what ``return_value`` shows of it."""
        return self.secrets(context).give(result)

    def scope(self, context: Context, record: StepRecord, job_names: Mapping[str, str]) -> TaskScope:
        """What the step's expressions refer to."""
        from airflow_sm_pipelines.aws.access import AwsIdentity
        from airflow_sm_pipelines.expressions.scope import TaskScope
        from airflow_sm_pipelines.operators.allowed import check_place

        return TaskScope(
            context,
            self.pipeline,
            self.access,
            AwsIdentity(self.access),
            evaluated_at=record.evaluated_at,
            job_names=job_names,
            iteration=self.iteration,
            max_file_bytes=self.settings.max_json_file_size,
            secrets=self.masking,
            results=self.real_results(context),
            templates=self.run_parameters(context),
            check_place=partial(check_place, self),
        )

    def real_results(self, context: Context) -> RealResults:
        """The results of the run's tasks with their secrets."""
        from airflow_sm_pipelines.operators.real_results import RealResults

        return RealResults(context["ti"], self.access, self.pipeline.step_types)

    def run_parameters(self, context: Context) -> RunParameters | None:
        """What templates give the parameters of the run."""
        if not self.pipeline.templates and not self.pipeline.taken:
            return None
        from airflow_sm_pipelines.operators.run_parameters import RunParameters

        return RunParameters(context, self.pipeline, self.masking, self.real_results(context))

    def resolve_request(self, context: Context) -> Json:
        """Resolve the request, called by Airflow as it renders the task's fields."""
        from airflow_sm_pipelines.operators.resolving import resolve_request

        return resolve_request(self, context)

    @property
    def item_label(self) -> str:
        """For the template of a mapped task's label."""
        from airflow_sm_pipelines.operators.item_of_task import label_of

        return label_of(self.iteration, self.get_dag())

    def shown_template(self) -> Json:
        """The request as the definition writes it, for what cannot be resolved."""
        return shown(Request(self.request_template(), self.masking).template, self.masking)

    def execute(self, context: Context) -> Any:
        """Run the step."""
        return self.begin_step(context)

    def begin_step(self, context: Context, *, has_capacity: bool = False) -> Any:
        """Run the step; what holds for every step before it runs stands here.

        :param has_capacity: that a step in the body of a ForEach has found its place among the others
        """
        from airflow_sm_pipelines.graph.selection import Role
        from airflow_sm_pipelines.operators.concurrency_limit import wait_for_capacity

        if self._try is None:
            raise RuntimeError(f"the fields of the step {self.task_id} have not been rendered")
        if self._try.run_fault is not None:
            self.fail_attempt(context, self._try.run_fault)
        decision = self._try.decision
        if decision.role is Role.SKIP:
            raise AirflowSkipException("The step is not among those that this run is to run.")
        if decision.role is Role.COPY:
            return self.copy_result(context, decision.source)
        if self._try.unmet:
            reasons = "; ".join(str(one) for one in self._try.unmet)
            raise AirflowSkipException(f"The step's run conditions do not hold, and it is skipped: {reasons}")
        if self.iteration is not None and not has_capacity:
            wait_for_capacity(context, self.pipeline, self.iteration, self.settings.poll_interval)
        return self.run_step(context)

    def pause(self, pause: Pause) -> NoReturn:
        """Give the worker back until the step may call AWS; it comes back to ``execute_complete``."""
        from airflow_sm_pipelines.jobs.job_labels import JobLabels
        from airflow_sm_pipelines.pace.trigger import PauseTrigger

        run = self.step_run
        fields, seconds = JobLabels.of(run).fields_of_step(), pause.until - run.clock.time()
        trigger = PauseTrigger(pause.until, pause.held.to_json(), fields, seconds=seconds)
        self.defer(trigger=trigger, method_name="execute_complete")
        raise AssertionError("defer() always raises")

    def copy_result(self, context: Context, source: str | None) -> Any:
        """End with the result that the step has in the run to copy from."""
        if source is None:
            self.log.info("Not selected, and no selected step needs its result: nothing is run")
            self.deliver(context)
            return self.nothing
        from airflow_sm_pipelines.operators.copied_results import take_over

        self.log.info("Not selected: the result is that of the run %s", source)
        result = take_over(context, source)
        self.deliver(context)
        return self.nothing if result is None else result

    # What a subclass does in run_step -------------------------------------------------------------------------

    def check_resolved(self, context: Context) -> None:
        """Fail the step with what kept its request from being resolved."""
        from airflow_sm_pipelines.aws.failures import StepFailure

        try:
            self.step_run.check_resolved()
        except StepFailure as failure:
            self.fail_attempt(context, failure)

    def client(self, context: Context, service: str) -> Any:
        """The client of a service; the step fails where its connection is not found."""
        from airflow_sm_pipelines.aws.failures import type_of_call_error
        from airflow_sm_pipelines.aws.missing_connection import ConnectionNotFoundError

        try:
            return self.access.client(service)
        except ConnectionNotFoundError as error:
            self.fail_attempt(context, self.step_run.failure(str(error), type_of_call_error(error)))

    def check_lost_tries(self) -> None:
        """Fail the step when more of its tries were lost than the deployment allows."""
        self.step_run.check_lost_tries()

    def fail_attempt(self, context: Context, failure: StepFailure) -> NoReturn:  # noqa: ARG002 # as it is called
        """Record that this attempt failed, and raise the failure; the step's retry policies decide what follows."""
        self.step_run.fail(failure)

    def deliver(self, context: Context) -> None:  # noqa: ARG002 # as it is called
        """Record that the step ended: who finds this record was cleared by a user."""
        self.step_run.close()
