"""What a step of an embedded pipeline has come to, as an argument of other tasks of the Dag."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.definitions._internal.mixins import ResolveMixin
from msgspec import Struct

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.definition.expressions import Index, Key, Member, format_path
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.expressions.properties import PathNotFoundError, last_name, whole_value
from airflow_sm_pipelines.expressions.scope import RESULT_KEY
from airflow_sm_pipelines.operators.masking import Masking
from airflow_sm_pipelines.operators.real_results import RealResults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import PropertyPath
    from airflow_sm_pipelines.settings import Settings
    from airflow_sm_pipelines.step_types.step_type import StepType


def no_check(path: PropertyPath) -> None:
    """Any path will do."""


class StepOutputError(LookupError):
    """A step has no such result in the run."""


class OutputSource(Struct, frozen=True):
    """The task that has the result of a step, and what is needed to read it: nothing where it only fails.

    ``check`` gets the path that is taken: one that cannot be there is a finding when the Dag is made.
    """

    step: str
    task: Any
    settings: Settings | None = None
    step_types: Mapping[str, StepType] = FrozenDict()
    check: Callable[[PropertyPath], None] = no_check


class StepOutput(ResolveMixin):
    """A part of a step's result. Each pair of brackets leads further in: a name to a member, a number to an element.

    What takes it as an argument waits for the step, and is given the value.
    """

    def __init__(self, source: OutputSource, path: PropertyPath = ()) -> None:
        self._source = source
        self._path = path

    def __getitem__(self, part: str | int) -> StepOutput:
        if isinstance(part, bool) or not isinstance(part, str | int):
            raise TypeError(f"{self!r} takes the name of a member or the position of an element, and not {part!r}")
        token = Index(part) if isinstance(part, int) else Member(part) if part.isidentifier() else Key(part)
        return StepOutput(self._source, (*self._path, token))

    def __iter__(self) -> NoReturn:
        # Python would ask for [0], [1] and so on, for ever.
        raise TypeError(f"{self!r} is known in a run only, and nothing to iterate over when the Dag is made")

    def __contains__(self, part: object) -> NoReturn:
        raise TypeError(f"{self!r} is known in a run only, and nothing to look into when the Dag is made")

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self!r} is known in a run only, and neither true nor false when the Dag is made")

    def __repr__(self) -> str:
        return f"<the output of the step {self._source.step}: {format_path(self._path).lstrip('.') or 'all of it'}>"

    def iter_references(self) -> Iterable[tuple[Any, str]]:
        """The task that whoever takes this waits for.

        :raises DefinitionError: for a path that leads nowhere: here it is whole
        """
        self._source.check(self._path)
        yield self._source.task, RESULT_KEY

    def resolve(self, context: Context) -> Any:
        """:raises StepOutputError: where the step has no such result in the run"""
        task_id, ti = self._source.task.task_id, context["ti"]
        result: Any = ti.xcom_pull(task_ids=task_id, key=RESULT_KEY)
        if result is None:
            raise StepOutputError(f"The step {self._source.step!r} ({task_id}) has no result in this run.")
        try:
            # A key is found in what has members, too.
            path = tuple([Key(part.name) if isinstance(part, Member) else part for part in self._path])
            real = self._real_results(ti)
            value = whole_value(path, result, partial(real.of, task_id, result), partial(real.whole, task_id, result))
        except PathNotFoundError as error:
            message = (
                f"The result of the step {self._source.step!r} ({task_id}) has no {format_path(self._path).lstrip('.')}"
            )
            raise StepOutputError(f"{message}: {error}.") from None
        if self._source.settings is not None:
            Masking(self._source.settings.not_secret).learn(value, last_name(self._path))
        return value

    def _real_results(self, ti: Any) -> RealResults:
        settings = self._source.settings
        access = AwsAccess(
            None if settings is None else settings.aws_conn_id,
            None if settings is None else settings.region_name,
            None,
            None,
        )
        return RealResults(ti, access, self._source.step_types)
