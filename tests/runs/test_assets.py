"""Assets: what a run makes, as other Dags can be scheduled on it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.operators.assets import model_package_group
from tests.runs.harness import BUCKET, IMAGE, Airflow, get, pipeline, processing, training

PARAMETERS = [{"Name": "Group", "Type": "String", "DefaultValue": "forecasts"}]


@pytest.fixture
def asset_events(airflow: Airflow) -> Any:
    """Gives the events since the test began: by the asset's URI, the extra of each."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    with create_session() as session:
        last = session.scalar(select(func.max(AssetEvent.id))) or 0

    def read() -> list[tuple[str, dict[str, Any]]]:
        with create_session() as session:
            query = select(AssetModel.uri, AssetEvent.extra).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            rows = session.execute(query.where(AssetEvent.id > last).order_by(AssetEvent.id)).all()
            return [(uri, extra) for uri, extra in rows]

    return read


def register(name: str) -> dict[str, Any]:
    serving = {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": get("Steps.Train.ModelArtifacts.S3ModelArtifacts")}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arguments = {"ModelPackageGroupName": get("Parameters.Group"), "InferenceSpecification": serving}
    return {"Name": name, "Type": "RegisterModel", "Arguments": arguments}


def run(airflow: Airflow, conf: dict[str, Any] | None = None) -> Any:
    steps = [processing("Process"), training("Train", DependsOn=["Process"]), register("Register")]
    done = airflow.run(pipeline(*steps, Parameters=PARAMETERS), conf)
    assert done.state == "success"
    return done


def test_there_are_no_assets_unless_wanted(airflow: Airflow, asset_events: Any) -> None:
    run(airflow)
    assert asset_events() == []


def test_a_new_model_version_is_an_event_of_its_group(
    airflow: Airflow, asset_events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__ASSETS", "models")
    first = run(airflow)
    run(airflow, {"Group": "others"})

    (uri, extra), (other, _) = asset_events()
    assert uri == model_package_group("forecasts").uri == "sagemaker://model-package-group/forecasts"
    assert other == model_package_group("arn:aws:sagemaker:us-east-1:1:model-package-group/others").uri
    package = first.xcom("Register")
    assert extra["ModelPackageArn"] == package["ModelPackageArn"]
    assert extra["ModelPackageVersion"] == 1


@pytest.mark.parametrize("deferrable", [True, False], ids=["deferrable", "synchronous"])
def test_declared_outputs_are_assets(
    airflow: Airflow, asset_events: Any, monkeypatch: pytest.MonkeyPatch, deferrable: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__ASSETS", "outputs")
    done = airflow.run(pipeline(processing("Process"), training("Train")), deferrable=deferrable)
    assert done.state == "success"
    assert sorted(uri for uri, _ in asset_events()) == [f"s3://{BUCKET}/Process/out", f"s3://{BUCKET}/out"]


def test_a_failed_step_makes_no_asset(airflow: Airflow, asset_events: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__ASSETS", "all")
    airflow.endpoint.reset(
        {"jobs": [{"kind": "training", "outcome": "Failed", "failure_reason": "AlgorithmError: no"}]}
    )
    assert airflow.run(pipeline(training("Train"))).state == "failed"
    assert asset_events() == []
