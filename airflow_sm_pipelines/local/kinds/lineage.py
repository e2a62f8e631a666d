"""Lineage: actions, contexts, artifacts, and the associations between them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.errors import AwsError, invalid
from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.listing import cut
from airflow_sm_pipelines.local.kinds.resource import ResourceKind
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import Job
from airflow_sm_pipelines.local.timeline import Phase, Timeline


class LineageKind(ResourceKind):
    """What the kinds of entities share."""

    def already_there(self, job: Job) -> AwsError:
        return invalid(f"{self.label} already exists: {job.arn}")

    def not_there(self, region: str, name: str) -> AwsError:
        return AwsError("ResourceNotFound", f"{self.label} {self.arn(region, name)} does not exist.")


class ActionKind(LineageKind):
    """CreateAction and its family."""

    kind = "lineage-action"
    label = "Action"
    resource = "action"
    noun = "action"
    list_key = "ActionSummaries"


class ContextKind(LineageKind):
    """CreateContext and its family."""

    kind = "lineage-context"
    label = "Context"
    resource = "context"
    noun = "context"
    list_key = "ContextSummaries"


class ArtifactKind(LineageKind):
    """CreateArtifact and its family. There is one artifact of a source's URI, and its ARN says nothing of its name."""

    kind = "lineage-artifact"
    label = "Artifact"
    resource = "artifact"
    noun = "artifact"
    list_key = "ArtifactSummaries"

    def name_in(self, parameters: Mapping[str, Any]) -> str:
        if arn := parameters.get("ArtifactArn"):
            return str(arn).rpartition("/")[2]
        return hashlib.md5(parameters["Source"]["SourceUri"].encode(), usedforsecurity=False).hexdigest()

    def list(self, action: Action) -> dict[str, Any]:
        uri = action.parameters.get("SourceUri")
        jobs = action.state.all(self.kind, action.region, action.now)
        return self.page(action, (job for job in jobs if uri in (None, job.request["Source"]["SourceUri"])))

    def summary(self, job: Job, _now: float) -> dict[str, Any]:
        shown = ("ArtifactName", "ArtifactType", "Source")
        kept: dict[str, Any] = {key: job.request[key] for key in shown if key in job.request}
        return {**kept, "ArtifactArn": job.arn, "CreationTime": job.created}


class AssociationKind:
    """AddAssociation and ListAssociations. What the ARNs name is not looked up."""

    kind = "lineage-association"

    def actions(self) -> Mapping[str, Handler]:
        """The actions by name."""
        return {"AddAssociation": self.add, "ListAssociations": self.list}

    def add(self, action: Action) -> dict[str, Any]:
        """Associate two entities; a second time is an error."""
        ends = {key: action.parameters[key] for key in ("SourceArn", "DestinationArn")}
        name = " ".join(ends.values())
        if action.state.find(self.kind, action.region, name, action.now):
            raise invalid(f"Association already exists: {name}")
        job = Job(
            kind=self.kind,
            name=name,
            region=action.region,
            arn=name,
            request=action.parameters,
            rule=JobRule(),
            created=action.now,
            started=action.now,
            timeline=Timeline((Phase(action.now, "Completed"),)),
        )
        action.state.add(job)
        return ends

    def list(self, action: Action) -> dict[str, Any]:
        """A page of the associations of a source, a destination, or all."""
        wanted = {key: value for key, value in action.parameters.items() if key.endswith("Arn")}
        found = [
            job.request | {"CreationTime": job.created}
            for job in action.state.all(self.kind, action.region, action.now)
            if wanted.items() <= job.request.items()
        ]
        page, token = cut(found, action.parameters)
        return {"AssociationSummaries": page, **token}
