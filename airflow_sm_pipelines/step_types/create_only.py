"""Steps that make what cannot be changed afterwards, under a name that is the execution's own (semantics 14.8)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from typing_extensions import override

from airflow_sm_pipelines.aws.calls import is_existing
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.unique_name import unique_name

MAX_NAMES = 100
"""Under how many names of one execution a resource is looked for; a refused Create call is made for each."""
NOT_ASKED_FOR = ("CreationTime", "ResponseMetadata")


class CreateOnlyAdapter(JobAdapter):
    """A step that makes what was not there before.

    Every attempt asks for the same name. What is there under it is the step's own where it is what the step asks for:
    made by a call whose reply was lost, by a try that died, or before a user cleared the step. Where it is something
    else (made before the clear of an edited definition, or by another step of the same name), it stays as it is, and
    the step takes the next name of the execution.
    """

    taken_name_is_own = False

    @override
    def find(self) -> dict[str, Any] | None:
        described = super().find()
        # Without a request (it could not be resolved) there is nothing to compare.
        is_own = described is not None and (not self.run.request or self._is_asked_for(described))
        return described if is_own else None

    @override
    def create(self) -> None:
        run = self.run
        for number in count(2):
            try:
                super().create()
            except run.call_errors[0] as error:
                if not is_existing(error):
                    raise
                described = run.describe()
                if described is not None and self._is_asked_for(described):
                    message = "The %s %s is there already, with what this step asks for"
                    run.log.info(message, self.kind.noun, run.record.job_name)
                    return
                given = run.resolve_text(run.step.arguments.get(self.kind.name_field))
                if not given or number > MAX_NAMES:
                    raise
                self._take_name(unique_name(given, run.execution_id, self.kind.name_limit, number))
            else:
                return

    def _take_name(self, name: str) -> None:
        run = self.run
        message = "The %s %s of this execution is there already and is not what this step asks for: this one is %s"
        run.log.warning(message, self.kind.noun, run.record.job_name, name)
        run.rename(name)
        run.request = {**run.request, self.kind.name_field: name}
        # On record before the call, as the first name was.
        run.save()

    def _is_asked_for(self, described: Mapping[str, Any]) -> bool:
        kind, request = self.kind, self.run.request
        asked = {name: value for name, value in request.items() if name != kind.tags_field}
        added = described.keys() - asked.keys() - {kind.arn_field, *NOT_ASKED_FOR}
        return _holds(asked, described) and not any(described[name] for name in added)


def _holds(asked: Any, found: Any) -> bool:
    """Whether a Describe response has what a request asks for; it may have defaults besides."""
    if not (asked or found):
        return True
    if isinstance(asked, Mapping):
        return isinstance(found, Mapping) and all(_holds(value, found.get(name)) for name, value in asked.items())
    if isinstance(asked, list):
        return isinstance(found, list) and len(asked) == len(found) and all(map(_holds, asked, found))
    return bool(asked == found)
