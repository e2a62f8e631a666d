"""Bedrock: custom models and their deployments, model imports, provisioned throughput."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_sm_pipelines.local.backend import ACCOUNT
from airflow_sm_pipelines.local.errors import AwsError
from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import Job, merged
from airflow_sm_pipelines.local.timeline import Phase, Timeline

TAGS = frozenset({"tags", "modelTags", "jobTags", "importedModelTags", "clientRequestToken"})


@dataclass(frozen=True)
class BedrockKind:
    """A resource that is created, and described by its name or ARN until it is ready.

    A Create call that repeats a client token answers with what the first one made. Members of the request that are
    not in ``left_out`` are described as they were sent.
    """

    kind: str
    create_action: str
    get_action: str
    resource: str
    name_field: str
    identifier: str
    arn_field: str
    status_field: str
    created_field: str
    running: str = "Creating"
    ready: str = "Active"
    left_out: frozenset[str] = frozenset()

    def actions(self) -> Mapping[str, Handler]:
        """The actions of this kind by name."""
        return {self.create_action: self.create, self.get_action: self.get}

    def create(self, action: Action) -> dict[str, Any]:
        """Make a resource, or answer again for one that was made with the same token."""
        name, token = action.parameters[self.name_field], action.parameters.get("clientRequestToken")
        for job in action.state.all(self.kind, action.region, action.now):
            if token is not None and job.request.get("clientRequestToken") == token:
                return {self.arn_field: job.arn}
        if known := action.state.find(self.kind, action.region, name, action.now):
            raise AwsError("ConflictException", f"The name {name} is in use already: {known.arn}")
        job = self._make(action, name)
        action.state.add(job)
        return {self.arn_field: job.arn}

    def _make(self, action: Action, name: str) -> Job:
        rule = action.state.rule(self.kind, name) or JobRule()
        duration = action.state.defaults.duration if rule.duration is None else rule.duration
        failed = rule.outcome == "Failed"
        last = Phase(action.now + duration, "Failed" if failed else self.ready)
        identity = hashlib.sha256(f"{self.kind}/{name}".encode()).hexdigest()[:12]
        return Job(
            kind=self.kind,
            name=name,
            region=action.region,
            arn=f"arn:aws:bedrock:{action.region}:{ACCOUNT}:{self.resource}/{identity}",
            request=action.parameters,
            rule=rule,
            created=action.now,
            started=action.now,
            timeline=Timeline((Phase(action.now, self.running), last)),
            failure_reason=(rule.failure_reason or "Validation failed") if failed else None,
        )

    def get(self, action: Action) -> dict[str, Any]:
        """The resource as it is now."""
        wanted = action.parameters[self.identifier]
        for job in action.state.all(self.kind, action.region, action.now):
            if wanted in (job.name, job.arn):
                return self._described(job, action.now)
        raise AwsError("ResourceNotFoundException", f"Could not find {wanted}", 404)

    def _described(self, job: Job, now: float) -> dict[str, Any]:
        left_out = TAGS | self.left_out
        status = job.timeline.current(now).status
        result = {name: value for name, value in job.request.items() if name not in left_out}
        result |= {self.arn_field: job.arn, self.status_field: status, self.created_field: job.created}
        if status == "Failed":
            result["failureMessage"] = job.failure_reason
        return merged(result, job.rule.describe)


class ImportKind(BedrockKind):
    """A model import, which gives the ARN of its model when it has completed."""

    def _described(self, job: Job, now: float) -> dict[str, Any]:
        result = super()._described(job, now)
        if result["status"] == self.ready:
            arn = job.arn.replace(self.resource, "imported-model")
            result = {"importedModelArn": arn, "endTime": job.timeline.end.at, **result}
        return result


class ThroughputKind(BedrockKind):
    """Provisioned throughput, whose model units are there when it is in service."""

    def _described(self, job: Job, now: float) -> dict[str, Any]:
        model, units = job.request["modelId"], job.request["modelUnits"]
        if not model.startswith("arn:"):
            model = f"arn:aws:bedrock:{job.region}::foundation-model/{model}"
        result = {"modelArn": model, "desiredModelArn": model, "foundationModelArn": model}
        ready = units if job.timeline.ended(now) else 0
        return {**result, **super()._described(job, now), "desiredModelUnits": units, "modelUnits": ready}


KINDS = (
    BedrockKind(
        kind="bedrock-custom-model",
        create_action="CreateCustomModel",
        get_action="GetCustomModel",
        resource="custom-model/imported",
        name_field="modelName",
        identifier="modelIdentifier",
        arn_field="modelArn",
        status_field="modelStatus",
        created_field="creationTime",
        left_out=frozenset({"modelSourceConfig", "customModelDataSource", "roleArn"}),
    ),
    BedrockKind(
        kind="bedrock-custom-model-deployment",
        create_action="CreateCustomModelDeployment",
        get_action="GetCustomModelDeployment",
        resource="custom-model-deployment",
        name_field="modelDeploymentName",
        identifier="customModelDeploymentIdentifier",
        arn_field="customModelDeploymentArn",
        status_field="status",
        created_field="createdAt",
    ),
    ImportKind(
        kind="bedrock-model-import-job",
        create_action="CreateModelImportJob",
        get_action="GetModelImportJob",
        resource="model-import-job",
        name_field="jobName",
        identifier="jobIdentifier",
        arn_field="jobArn",
        status_field="status",
        created_field="creationTime",
        running="InProgress",
        ready="Completed",
        left_out=frozenset({"importedModelKmsKeyId"}),
    ),
    ThroughputKind(
        kind="bedrock-provisioned-model-throughput",
        create_action="CreateProvisionedModelThroughput",
        get_action="GetProvisionedModelThroughput",
        resource="provisioned-model",
        name_field="provisionedModelName",
        identifier="provisionedModelId",
        arn_field="provisionedModelArn",
        status_field="status",
        created_field="creationTime",
        ready="InService",
        left_out=frozenset({"modelId"}),
    ),
)
