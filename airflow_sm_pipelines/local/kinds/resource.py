"""Resources that simply are there: created, described, listed, deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from airflow_sm_pipelines.local.errors import AwsError, invalid
from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.listing import list_page
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import Job, arn
from airflow_sm_pipelines.local.timeline import Phase, Timeline


class ResourceKind:
    """Create, Describe, Delete and List of a resource without a life of its own."""

    kind: ClassVar[str]
    label: ClassVar[str]
    resource: ClassVar[str]
    noun: ClassVar[str]
    list_key: ClassVar[str]
    sort_order: ClassVar[str] = "Descending"

    def actions(self) -> Mapping[str, Handler]:
        """The actions of this kind by name."""
        return {
            f"Create{self.label}": self.create,
            f"Describe{self.label}": self.describe,
            f"Delete{self.label}": self.delete,
            f"List{self.label}s": self.list,
        }

    def arn(self, region: str, name: str) -> str:
        """The resource's ARN."""
        return arn(region, f"{self.resource}/{name.lower()}")

    def already_there(self, job: Job) -> AwsError:
        """The error for a name in use."""
        return invalid(f'Cannot create already existing {self.noun} "{job.arn}".')

    def not_there(self, region: str, name: str) -> AwsError:
        """The error for a name that is not known."""
        return invalid(f'Could not find {self.noun} "{self.arn(region, name)}".')

    def check(self, action: Action) -> None:
        """Raise what the service finds wrong in a Create request beyond the model."""

    def name_in(self, parameters: Mapping[str, Any]) -> str:
        """The name a request gives, which may be an ARN."""
        name: str = parameters[f"{self.label}Name"]
        return name.rpartition("/")[2] if name.startswith("arn:") else name

    def create(self, action: Action) -> dict[str, Any]:
        """Make a resource; it is there at once."""
        name = self.name_in(action.parameters)
        if job := action.state.find(self.kind, action.region, name, action.now):
            raise self.already_there(job)
        self.check(action)
        job = self.make(action, name)
        action.state.add(job)
        return {f"{self.label}Arn": job.arn}

    def make(self, action: Action, name: str) -> Job:
        """The resource; it has not been added yet."""
        return Job(
            kind=self.kind,
            name=name,
            region=action.region,
            arn=self.arn(action.region, name),
            request=action.parameters,
            rule=JobRule(),
            created=action.now,
            started=action.now,
            timeline=Timeline((Phase(action.now, "Completed"),)),
            tags={tag["Key"]: tag["Value"] for tag in action.parameters.get("Tags", ())},
        )

    def existing(self, action: Action) -> Job:
        """The resource an action names; raises AWS's error when there is none."""
        name = self.name_in(action.parameters)
        job = action.state.find(self.kind, action.region, name, action.now)
        if job is None:
            raise self.not_there(action.region, name)
        return job

    def describe(self, action: Action) -> dict[str, Any]:
        """The request as it was sent and what AWS adds."""
        job = self.existing(action)
        request = {key: value for key, value in job.request.items() if key != "Tags"}
        return request | self.summary(job, action.now)

    def delete(self, action: Action) -> dict[str, Any]:
        """Remove a resource."""
        action.state.remove(self.existing(action))
        return {}

    def list(self, action: Action) -> dict[str, Any]:
        """A page of summaries."""
        return self.page(action, action.state.all(self.kind, action.region, action.now))

    def page(self, action: Action, jobs: Iterable[Job]) -> dict[str, Any]:
        """The page of ``jobs`` that a List call asks for."""
        page, token = list_page(tuple(jobs), action.parameters, action.now, sort_order=self.sort_order)
        return {self.list_key: [self.summary(job, action.now) for job in page], **token}

    def summary(self, job: Job, _now: float) -> dict[str, Any]:
        """What Describe adds to the request; also the entry in a list."""
        return {f"{self.label}Name": job.name, f"{self.label}Arn": job.arn, "CreationTime": job.created}
