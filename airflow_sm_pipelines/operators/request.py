"""What a step asks of AWS, as a template field: resolved by Airflow when the task starts, and never by Jinja."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from airflow.sdk.configuration import conf
from airflow.sdk.definitions._internal.mixins import ResolveMixin

from airflow_sm_pipelines.definition.expressions import to_json
from airflow_sm_pipelines.definition.held import held
from airflow_sm_pipelines.expressions.results import summarize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.operators.masking import Masking


class ResolvesRequests(Protocol):
    """An operator that resolves its own request."""

    def resolve_request(self, context: Context) -> Json:
        """The request to show, resolved as far as it can be."""


class Request(ResolveMixin):
    """The value of a step's ``request`` field until its task runs.

    In the serialized Dag it is the definition's own JSON, expressions and all, but for its secrets: the worker reads
    the definition itself. When the task starts its operator resolves it.
    """

    def __init__(self, value: Value, masking: Masking) -> None:
        self._value = value
        self._masking = masking

    def iter_references(self) -> Iterable[tuple[object, str]]:  # type: ignore[override] # names none: edges are the graph's
        return ()

    def resolve(self, context: Context) -> Json:
        return cast("ResolvesRequests", context["task"]).resolve_request(context)

    def serialize(self) -> Json:
        return _within_limit(self.template)

    @property
    def template(self) -> Json:
        """The request as the definition writes it, its secrets masked."""
        return cast("Json", to_json(self._masking.value(self._value)))


def shown(request: Json, masking: Masking) -> Json:
    """A resolved request as the UI shows it: masked, within Airflow's ``[core] max_templated_field_length``."""
    return _within_limit(masking.rendered(masking.value(request)))


def _within_limit(request: Json) -> Json:
    # What Airflow cannot hold as it is has another form.
    return summarize(held(request), conf.getint("core", "max_templated_field_length"))
