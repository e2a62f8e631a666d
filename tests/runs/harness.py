"""Running a definition as ``airflow dags test`` does, and looking at what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.runs.permissions import outside_the_policy

ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
BUCKET = "sagemaker-us-east-1-123456789012"
TAG_MEMBERS = {"Tags", "tags", "modelTags", "jobTags"}
OWN_TAG = re.compile(r"airflow:|sagemaker:pipeline-")
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/image:1"

DAG_FILE = """
import datetime

from airflow_sm_pipelines import SageMakerPipelineDag

dag = SageMakerPipelineDag({path!r}, **{arguments!r})
"""


@dataclass(frozen=True)
class Run:
    """A Dag run that has ended."""

    dag_id: str
    run_id: str
    state: str
    states: Mapping[str, str]

    def xcom(self, task_id: str, key: str = "return_value") -> Any:
        """An XCom value, or None."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            row = session.scalar(
                select(XComModel).where(
                    XComModel.dag_id == self.dag_id,
                    XComModel.run_id == self.run_id,
                    XComModel.task_id == task_id,
                    XComModel.key == key,
                )
            )
            return None if row is None else XComModel.deserialize_value(row)

    def rendered(self, task_id: str) -> Any:
        """What the UI shows under Rendered Templates."""
        from airflow.models.renderedtifields import RenderedTaskInstanceFields
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            task = session.scalar(
                select(TaskInstance).where(
                    TaskInstance.dag_id == self.dag_id,
                    TaskInstance.run_id == self.run_id,
                    TaskInstance.task_id == task_id,
                )
            )
            assert task is not None
            return RenderedTaskInstanceFields.get_templated_fields(task, session=session)


@dataclass(frozen=True)
class Airflow:
    """A dags folder and the endpoint that its Dags call."""

    folder: Path
    endpoint: LocalEndpoint

    def run(self, definition: Mapping[str, Any] | Path, conf: Mapping[str, Any] | None = None, **arguments: Any) -> Run:
        """Make a Dag of the definition with the arguments of SageMakerPipelineDag, and run it to its end.

        What it calls has to be in the policy that ``sm-pipelines iam`` prints for the definition.
        """
        path = self.folder / "pipeline.json"
        path.write_text(definition.read_text() if isinstance(definition, Path) else json.dumps(definition))
        arguments.setdefault("dag_id", "pipeline")
        (self.folder / "pipeline_dag.py").write_text(DAG_FILE.format(path=str(path), arguments=arguments))
        before = len(self.endpoint.requests())
        run = self.test(arguments["dag_id"], conf)
        assert outside_the_policy(definition, self.endpoint.requests()[before:]) == set()
        return run

    def test(self, dag_id: str, conf: Mapping[str, Any] | None = None, **when: Any) -> Run:
        """``airflow dags test`` for a Dag of the folder, now unless a ``logical_date`` is given."""
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import BundleDagBag

        manager = DagBundlesManager()
        bundle = next(iter(manager.get_all_dag_bundles()))
        bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
        if bag.import_errors:
            raise AssertionError("\n".join(bag.import_errors.values()))
        run = bag.dags[dag_id].test(run_conf=dict(conf) if conf is not None else None, **when)
        return Run(dag_id, run.run_id, str(run.state), {ti.task_id: str(ti.state) for ti in run.get_task_instances()})

    def created(self, action: str | None = None, *, own_tags: bool = False) -> list[dict[str, Any]]:
        """The requests of the Create calls that were accepted, in order.

        They are given without the tags that every job carries, unless ``own_tags``.
        """
        requests = [
            dict(request.parameters)
            for request in self.endpoint.requests("sagemaker")
            if request.action.startswith("Create")
            and request.error_code is None
            and (action is None or request.action == action)
        ]
        return requests if own_tags else [without_own_tags(request) for request in requests]


def without_own_tags(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request without the tags that tell whose job it is (test_tags_and_experiments.py is about these)."""
    kept = dict(request)
    for member in TAG_MEMBERS & kept.keys():
        given = kept.pop(member)
        if isinstance(given, dict):
            rest: Any = {key: value for key, value in given.items() if not OWN_TAG.match(key)}
        else:
            rest = [tag for tag in given if not OWN_TAG.match(tag.get("Key", tag.get("key", "")))]
        if rest:
            kept[member] = rest
    return kept


def training(name: str, **members: Any) -> dict[str, Any]:
    """A Training step whose request AWS accepts."""
    arguments = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "RoleArn": ROLE,
    }
    return {"Name": name, "Type": "Training", "Arguments": {**arguments, **members.pop("Arguments", {})}, **members}


def processing(name: str, **members: Any) -> dict[str, Any]:
    """A Processing step with one output ``out``, and a property file ``Report`` in it."""
    arguments = {
        "AppSpecification": {"ImageUri": IMAGE},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
        },
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": f"s3://{BUCKET}/{name}/out",
                        "LocalPath": "/opt/ml/processing/out",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "RoleArn": ROLE,
    }
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {**arguments, **members.pop("Arguments", {})},
        "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "out", "FilePath": "report.json"}],
        **members,
    }


def transform(name: str) -> dict[str, Any]:
    """A Transform step with the model ``forecast``, which has to be there."""
    arguments = {
        "ModelName": "forecast",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in"}}},
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/transformed"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    return {"Name": name, "Type": "Transform", "Arguments": arguments}


def condition(name: str, conditions: list[Any], if_steps: list[Any], else_steps: list[Any], **members: Any) -> Any:
    """A Condition step."""
    arguments = {"Conditions": conditions, "IfSteps": if_steps, "ElseSteps": else_steps}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **members}


def equals(left: Any, right: Any) -> dict[str, Any]:
    return {"Type": "Equals", "LeftValue": left, "RightValue": right}


def pipeline(*steps: Any, **members: Any) -> dict[str, Any]:
    """A definition."""
    return {"Version": "2020-12-01", "Metadata": {}, "Steps": list(steps), **members}


def get(path: str) -> dict[str, str]:
    return {"Get": path}
