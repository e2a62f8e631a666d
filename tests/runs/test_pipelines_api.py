"""The API of pipelines over real Airflow, in this process and on SQLite."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.harness import ALL, REGION, ByKeyId, in_process_client
from tests.api.test_pipelines import refused
from tests.runs.harness import Airflow, condition, equals, get, pipeline, training

OPTION = "AIRFLOW__SAGEMAKER_PIPELINES__"
ROLE = "arn:aws:iam::123456789012:role/Pipelines"
TOKEN = "t" * 32
STEPS = pipeline(
    training("Train"),
    condition(
        "Check",
        [equals(get("Parameters.Pass"), "yes")],
        [training("Deploy")],
        [training("Repair")],
        DependsOn=["Train"],
    ),
    Parameters=[{"Name": "Pass", "Type": "String", "DefaultValue": "yes"}],
)


class Deployed:
    """The API over this process's Airflow, in which the test is the dag-processor."""

    def __init__(self, airflow: Airflow) -> None:
        from airflow_sm_pipelines.api.door import made_app

        self.airflow = airflow
        self.app = made_app(ByKeyId([ALL]))

    @property
    def sagemaker(self) -> Any:
        return in_process_client(self.app, ALL.access_key_id, "secret")

    def create(self, name: str, definition: dict[str, Any] = STEPS, **members: Any) -> None:
        text = json.dumps(definition)
        self.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE, **members)

    def parse(self) -> None:
        """What the dag-processor does with the dags folder."""
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

        manager = DagBundlesManager()
        manager.sync_bundles_to_db()
        bundle = next(iter(manager.get_all_dag_bundles()))
        bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
        assert bag.import_errors == {}
        sync_bag_to_db(bag, bundle.name, bundle_version=None)

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        found = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return {step["StepName"]: step for step in found}

    def status(self, arn: str) -> str:
        return str(self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"])


@pytest.fixture
def deployed(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    monkeypatch.setenv(f"{OPTION}PIPELINES_API_REGION", REGION)
    monkeypatch.setenv(f"{OPTION}PIPELINES_API_UNPAUSED", "True")
    monkeypatch.setenv(f"{OPTION}PIPELINES_API_WAIT", "0")
    # The dag-processor takes up what it is given only so long after the last time.
    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")
    return Deployed(airflow)


def run_row(dag_id: str, run_id_prefix: str = "api__") -> Any:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.orm import joinedload

    with create_session() as session:
        query = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id.startswith(run_id_prefix))
        found = session.scalars(query.options(joinedload(DagRun.dag_run_note))).unique().all()
        assert len(found) == 1
        return found[0]


def test_a_run_is_an_execution_whose_steps_tell_what_they_did(deployed: Deployed) -> None:
    deployed.create("Told")
    deployed.parse()
    run = deployed.airflow.test("Told", {"Pass": "no"})
    assert run.state == "success"
    (listed,) = deployed.sagemaker.list_pipeline_executions(PipelineName="Told")["PipelineExecutionSummaries"]
    assert listed["PipelineExecutionStatus"] == "Succeeded"
    steps = deployed.steps(listed["PipelineExecutionArn"])
    assert {name: step["StepStatus"] for name, step in steps.items()} == dict.fromkeys(
        ("Train", "Check", "Repair"), "Succeeded"
    )
    assert steps["Check"]["Metadata"] == {"Condition": {"Outcome": "False"}}
    (train, repair) = (steps[name] for name in ("Train", "Repair"))
    assert train["Metadata"]["TrainingJob"]["Arn"] == run.xcom("Train")["TrainingJobArn"]
    assert train["StartTime"] <= train["EndTime"] <= repair["EndTime"]
    # The ARN that the jobs are tagged with is that of the execution, but for the account of the credentials.
    (created, *_) = deployed.airflow.created("CreateTrainingJob", own_tags=True)
    tagged = next(
        tag["Value"] for tag in created["Tags"] if tag["Value"].startswith("arn:") and "/execution/" in tag["Value"]
    )
    assert tagged.rpartition("/")[2] == listed["PipelineExecutionArn"].rpartition("/")[2]
    shown = deployed.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=tagged)
    assert shown["PipelineParameters"] == [{"Name": "Pass", "Value": "no"}]


def test_a_start_waits_for_its_version_and_makes_one_run_for_a_token(deployed: Deployed) -> None:
    request = {
        "PipelineName": "Started",
        "PipelineParameters": [{"Name": "Pass", "Value": "no"}],
        "PipelineExecutionDescription": "by hand",
        "ClientRequestToken": TOKEN,
    }
    deployed.create("Started")
    assert refused(deployed.sagemaker.start_pipeline_execution, **request)[0] == "ConflictException"
    deployed.parse()
    deployed.sagemaker.update_pipeline(PipelineName="Started", PipelineDescription="second")
    assert refused(deployed.sagemaker.start_pipeline_execution, **request)[0] == "ConflictException"
    deployed.parse()
    client = deployed.sagemaker
    with ThreadPoolExecutor(4) as pool:
        arns = {
            made["PipelineExecutionArn"]
            for made in pool.map(lambda _: client.start_pipeline_execution(**request), range(8))
        }
    assert len(arns) == 1
    row = run_row("Started")
    assert (str(row.state), row.triggering_user_name, row.note, row.conf["Pass"]) == ("queued", "anna", "by hand", "no")
    assert row.conf["sagemaker_execution"]["PipelineVersionId"] == 2
    second, first = client.list_pipeline_versions(PipelineName="Started")["PipelineVersionSummaries"]
    assert second["LastExecutionPipelineExecutionArn"] in arns
    assert "LastExecutionPipelineExecutionArn" not in first
    # Another process of the API server knows the run by its token, too.
    assert Deployed(deployed.airflow).sagemaker.start_pipeline_execution(**request)["PipelineExecutionArn"] in arns
    assert run_row("Started").id == row.id


def test_what_the_dag_refuses_is_a_validation_exception(deployed: Deployed) -> None:
    deployed.create("Refused", pipeline(training("Train"), Parameters=[{"Name": "N", "Type": "Integer"}]))
    deployed.parse()
    too_large = [{"Name": "N", "Value": "9" * 400}]
    call = deployed.sagemaker.start_pipeline_execution
    assert refused(call, PipelineName="Refused", PipelineParameters=too_large)[0] == "ValidationException"
    assert deployed.sagemaker.list_pipeline_executions(PipelineName="Refused")["PipelineExecutionSummaries"] == []


def test_a_stop_is_what_a_user_does_in_the_web_ui_and_a_retry_a_clear(deployed: Deployed) -> None:
    deployed.create("Stopped")
    deployed.parse()
    sagemaker = deployed.sagemaker
    arn = sagemaker.start_pipeline_execution(PipelineName="Stopped")["PipelineExecutionArn"]
    assert deployed.status(arn) == "Executing"
    assert refused(sagemaker.delete_pipeline, PipelineName="Stopped")[0] == "ConflictException"
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=TOKEN)
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert deployed.status(arn) == "Stopped"
    assert str(run_row("Stopped").state) == "failed"
    for _ in range(2):
        sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=TOKEN)
    # The stop comes again, and is the one that was done.
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=TOKEN)
    row = run_row("Stopped")
    assert (str(row.state), row.clear_number) == ("queued", 1)
    assert deployed.status(arn) == "Executing"
    assert refused(sagemaker.retry_pipeline_execution, PipelineExecutionArn=arn)[0] == "ValidationException"
    sagemaker.update_pipeline_execution(PipelineExecutionArn=arn, PipelineExecutionDescription="again")
    assert run_row("Stopped").note == "again"


def test_a_dag_of_another_file_is_left_alone(deployed: Deployed) -> None:
    deployed.airflow.run(pipeline(training("Train")), dag_id="Foreign")
    deployed.parse()
    text = json.dumps(STEPS)
    create = deployed.sagemaker.create_pipeline
    code, message = refused(create, PipelineName="Foreign", PipelineDefinition=text, RoleArn=ROLE)
    assert (code, "pipeline_dag.py in the bundle dags-folder" in message) == ("ConflictException", True)
    # What the API itself has made can be made again.
    deployed.create("Own")
    deployed.parse()
    deployed.sagemaker.delete_pipeline(PipelineName="Own")
    deployed.create("Own")


def test_what_was_done_is_in_the_audit_log(deployed: Deployed) -> None:
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    deployed.create("Audited")
    refused(deployed.sagemaker.delete_pipeline, PipelineName="NotThere")
    with create_session() as session:
        query = select(Log.event, Log.owner, Log.dag_id, Log.extra).where(Log.dag_id.in_(("Audited", "NotThere")))
        found = [tuple(row) for row in session.execute(query.order_by(Log.id))]
    assert found == [
        ("sagemaker.CreatePipeline", "anna", "Audited", '{"access_key_id": "AKIDANNA"}'),
        (
            "sagemaker.DeletePipeline",
            "anna",
            "NotThere",
            '{"access_key_id": "AKIDANNA", "error": "ResourceNotFound"}',
        ),
    ]


def test_an_upsert_asks_the_dag_processor_to_read_the_store(deployed: Deployed) -> None:
    from airflow.models.dagbag import DagPriorityParsingRequest
    from airflow.utils.session import create_session
    from sqlalchemy import select

    deployed.create("Asked")
    deployed.sagemaker.update_pipeline(PipelineName="Asked", PipelineDescription="second")
    with create_session() as session:
        rows = session.execute(
            select(DagPriorityParsingRequest.bundle_name, DagPriorityParsingRequest.relative_fileloc)
        )
        assert [tuple(row) for row in rows] == [("dags-folder", "pipelines-api/load_pipelines.py")]


def test_a_failure_is_told_with_aws_reason(deployed: Deployed) -> None:
    failure = {"name": "*Train*", "outcome": "Failed", "failure_reason": "AlgorithmError: no snails"}
    deployed.airflow.endpoint.reset({"jobs": [failure]})
    deployed.create("Failing", pipeline(training("Train"), training("After", DependsOn=["Train"])))
    deployed.parse()
    deployed.airflow.test("Failing")
    (listed,) = deployed.sagemaker.list_pipeline_executions(PipelineName="Failing")["PipelineExecutionSummaries"]
    assert (listed["PipelineExecutionStatus"], "no snails" in listed["PipelineExecutionFailureReason"]) == (
        "Failed",
        True,
    )
    (step,) = deployed.steps(listed["PipelineExecutionArn"]).values()
    assert (step["StepName"], step["StepStatus"], "no snails" in step["FailureReason"]) == ("Train", "Failed", True)


def test_what_is_polled_asks_the_database_little(deployed: Deployed) -> None:
    from airflow.settings import engine
    from sqlalchemy import event

    many = [training(f"Train{number}") for number in range(20)]
    deployed.create("Polled", pipeline(*many))
    deployed.parse()
    arn = deployed.sagemaker.start_pipeline_execution(PipelineName="Polled")["PipelineExecutionArn"]
    deployed.steps(arn)
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        deployed.status(arn)
        describing = len(asked)
        deployed.steps(arn)
        listing = len(asked) - describing
        deployed.sagemaker.list_pipeline_executions(PipelineName="Polled")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    # The run; then its tasks, what they have left, and their records. However many steps there are.
    assert (describing, listing, len(asked) - describing - listing) == (1, 4, 1)


def test_the_experiment_of_one_run_reaches_its_jobs(deployed: Deployed) -> None:
    server = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/s"
    config = {"MlflowResourceArn": server, "MlflowExperimentName": "theirs"}
    definition = pipeline(training("Train"), MlflowConfig=config)
    deployed.airflow.run(definition, {"sagemaker_execution": {"MlflowExperimentName": "mine"}})
    deployed.airflow.run(definition)
    sent = [
        request["MlflowConfig"]["MlflowExperimentName"] for request in deployed.airflow.created("CreateTrainingJob")
    ]
    assert sent == ["mine", "theirs"]
