"""All actions the endpoint answers itself. A new kind of resource is one module and one entry here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.automl import AutoMLKind
from airflow_sm_pipelines.local.kinds.bedrock import KINDS as BEDROCK_KINDS
from airflow_sm_pipelines.local.kinds.emr import EmrKind
from airflow_sm_pipelines.local.kinds.emr_serverless import EmrServerlessKind
from airflow_sm_pipelines.local.kinds.endpoint import EndpointKind
from airflow_sm_pipelines.local.kinds.endpoint_config import EndpointConfigKind
from airflow_sm_pipelines.local.kinds.experiment import ExperimentKind, TrialKind
from airflow_sm_pipelines.local.kinds.inference_component import InferenceComponentKind
from airflow_sm_pipelines.local.kinds.job import CategoryJobKind
from airflow_sm_pipelines.local.kinds.lineage import ActionKind, ArtifactKind, AssociationKind, ContextKind
from airflow_sm_pipelines.local.kinds.model import ModelKind
from airflow_sm_pipelines.local.kinds.package import PackageKind
from airflow_sm_pipelines.local.kinds.package_group import PackageGroupKind
from airflow_sm_pipelines.local.kinds.processing import ProcessingKind
from airflow_sm_pipelines.local.kinds.tags import Tags
from airflow_sm_pipelines.local.kinds.training import TrainingKind
from airflow_sm_pipelines.local.kinds.transform import TransformKind
from airflow_sm_pipelines.local.kinds.tuning import TuningKind

# Actions on resources that live here: moto would only say that there is no such thing.
MISSING = (
    *("UpdateTrainingJob", "DeleteTrainingJob", "DeleteProcessingJob", "DeleteHyperParameterTuningJob"),
    *("BatchDescribeModelPackage", "UpdateEndpointWeightsAndCapacities"),
)


def not_implemented(action: Action) -> dict[str, Any]:
    """Makes the application answer 501."""
    raise NotImplementedError(action)


def services() -> Mapping[str, Mapping[str, Handler]]:
    """The actions of each service that the endpoint answers for, by name."""
    emr, serverless = EmrKind(), EmrServerlessKind()
    return {
        "sagemaker": handlers(),
        "bedrock": {name: handler for kind in BEDROCK_KINDS for name, handler in kind.actions().items()},
        "emr": {**dict.fromkeys(emr.missing, not_implemented), **emr.actions()},
        "emr-serverless": {**dict.fromkeys(serverless.missing, not_implemented), **serverless.actions()},
    }


def handlers() -> Mapping[str, Handler]:
    """SageMaker actions by name."""
    training, groups, configs = TrainingKind(), PackageGroupKind(), EndpointConfigKind()
    endpoints = EndpointKind(configs)
    kinds = (
        ProcessingKind(),
        training,
        TransformKind(),
        TuningKind(training),
        ModelKind(),
        groups,
        PackageKind(groups),
        AutoMLKind(),
        configs,
        endpoints,
        InferenceComponentKind(endpoints),
        CategoryJobKind(),
        ActionKind(),
        ContextKind(),
        ArtifactKind(),
        AssociationKind(),
        ExperimentKind(),
        TrialKind(),
        Tags(),
    )
    own = {name: handler for kind in kinds for name, handler in kind.actions().items()}
    return dict.fromkeys(MISSING, not_implemented) | own
