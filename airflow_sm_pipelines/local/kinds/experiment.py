"""Experiments and their trials."""

from __future__ import annotations

from airflow_sm_pipelines.local.errors import AwsError, invalid
from airflow_sm_pipelines.local.kinds.action import Action
from airflow_sm_pipelines.local.kinds.resource import ResourceKind
from airflow_sm_pipelines.local.state import Job


class ExperimentKind(ResourceKind):
    """CreateExperiment and its family."""

    kind = "experiment"
    label = "Experiment"
    resource = "experiment"
    noun = "experiment"
    list_key = "ExperimentSummaries"

    def already_there(self, job: Job) -> AwsError:
        return invalid(
            f"{self.label} names must be unique within an AWS account and region. {self.label} with name ({job.name})"
            " already exists."
        )

    def not_there(self, region: str, name: str) -> AwsError:  # noqa: ARG002 # the message has no ARN
        return AwsError("ResourceNotFound", f"{self.label} '{name}' does not exist.")


class TrialKind(ExperimentKind):
    """CreateTrial and its family. The experiment of a trial must be there."""

    kind = "experiment-trial"
    label = "Trial"
    resource = "experiment-trial"
    noun = "trial"
    list_key = "TrialSummaries"

    def check(self, action: Action) -> None:
        experiments = ExperimentKind()
        name = experiments.name_in(action.parameters)
        if action.state.find(experiments.kind, action.region, name, action.now) is None:
            raise experiments.not_there(action.region, name)
