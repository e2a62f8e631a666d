"""What the callbacks and notifiers of Dags and tasks are told of a failure: the reason, the job, the console's page."""

from __future__ import annotations

import gc
import json
import selectors
from typing import Any

from airflow_sm_pipelines import model_package_group, s3_output
from airflow_sm_pipelines.operators.outcome_task import TASK_ID as OUTCOME
from tests.runs.harness import BUCKET, Airflow, Run, pipeline, training

FILE = """
from pathlib import Path

from airflow.sdk import BaseNotifier

from airflow_sm_pipelines import SageMakerPipelineDag, failure_of

FOLDER = Path({folder!r})


class Note(BaseNotifier):
    template_fields = ("text", "link")

    def __init__(self, file):
        super().__init__()
        self.file, self.text = file, "{{{{ sagemaker_failure() }}}}"
        self.link = "{{{{ sagemaker_failure().console_url }}}}"

    def notify(self, context):
        (FOLDER / self.file).write_text(f"{{self.text}}\\n{{self.link}}")


def told_by(file):
    def told(context):
        found = failure_of(context)
        said = [found.reason, found.job_name, found.console_url, [step.task_id for step in found.steps]]
        (FOLDER / file).write_text(__import__("json").dumps(said))
    return told


dag = SageMakerPipelineDag(
    {path!r},
    dag_id="pipeline",
    on_failure_callback=[told_by("dag.json"), Note("dag.txt")],
    default_args={{"on_failure_callback": [told_by("task.json"), Note("task.txt")]}},
    on_error="dag",
)
"""
REASON = "AlgorithmError: the data\nis not there, exit code: 1"
SCENARIO = {"jobs": [{"name": "*Train*", "outcome": "Failed", "failure_reason": REASON}]}


def run(airflow: Airflow, definition: Any) -> Run:
    path = airflow.folder / "pipeline.json"
    path.write_text(json.dumps(definition))
    (airflow.folder / "pipeline_dag.py").write_text(FILE.format(folder=str(airflow.folder), path=str(path)))
    return airflow.test("pipeline")


def test_the_callbacks_of_dag_and_task_get_reason_job_and_console_link(airflow: Airflow) -> None:
    airflow.endpoint.reset(SCENARIO)
    done = run(airflow, pipeline(training("Train"), training("After", DependsOn=["Train"]), training("Beside")))
    assert done.states == {"Train": "failed", "After": "upstream_failed", "Beside": "success"}
    [job] = [each["TrainingJobName"] for each in airflow.created() if "Train" in each["TrainingJobName"]]
    link = done.xcom("Train", "_link_AwsConsoleLink")
    assert job in link
    for file in ("task.json", "dag.json"):
        reason, job_name, console_url, steps = json.loads((airflow.folder / file).read_text())
        assert reason.startswith("Step 'Train' failed: the training job")
        # Whole, and in one line.
        assert reason.endswith("AlgorithmError: the data is not there, exit code: 1")
        assert (job_name, console_url, steps) == (job, link, ["Train"])
    check_notice(airflow, "task.txt", link)


def test_the_dag_processor_tells_the_callback_of_the_dag_the_same(airflow: Airflow) -> None:
    airflow.endpoint.reset(SCENARIO)
    done = run(airflow, pipeline(training("Train"), training("OtherTrain"), training("After", DependsOn=["Train"])))
    told = (airflow.folder / "dag.json").read_text()
    (airflow.folder / "dag.json").unlink()
    process_callback(airflow, done)
    reason, job_name, console_url, steps = json.loads((airflow.folder / "dag.json").read_text())
    # What else has failed can be asked here, which ``dags test`` has no means for.
    assert steps == ["Train", "OtherTrain"]
    jobs = {each["TrainingJobName"] for each in airflow.created()}
    assert json.loads(told)[1] in jobs
    assert job_name in jobs
    assert "-Train-" in job_name
    assert console_url == done.xcom("Train", "_link_AwsConsoleLink")
    assert reason.splitlines()[0].endswith("AlgorithmError: the data is not there, exit code: 1")
    check_notice(airflow, "dag.txt", done.xcom("Train", "_link_AwsConsoleLink"))


def test_in_a_run_with_conditions_the_step_is_told_and_not_the_task_that_ends_the_run(airflow: Airflow) -> None:
    airflow.endpoint.reset(SCENARIO)
    handler = training("Handler", DependsOn=[{"Step": "Train", "Trigger": "Failed"}])
    done = run(airflow, pipeline(training("Train"), handler))
    assert done.states == {"Train": "failed", "Handler": "success", OUTCOME: "failed"}
    [job] = [each["TrainingJobName"] for each in airflow.created() if "Train" in each["TrainingJobName"]]
    link = done.xcom("Train", "_link_AwsConsoleLink")
    # That of the tasks is called once, for the step.
    for file in ("task.json", "dag.json"):
        reason, *others = json.loads((airflow.folder / file).read_text())
        assert reason.endswith("AlgorithmError: the data is not there, exit code: 1")
        assert others == [job, link, ["Train"]]
    (airflow.folder / "dag.json").unlink()
    process_callback(airflow, done)
    assert json.loads((airflow.folder / "dag.json").read_text())[1:] == [job, link, ["Train"]]


def check_notice(airflow: Airflow, file: str, link: str) -> None:
    text = (airflow.folder / file).read_text()
    assert "the data is not there" in text
    assert text.splitlines()[-1] == link


def process_callback(airflow: Airflow, done: Run) -> None:
    """Let a process of Airflow's Dag processor run the failure callbacks of a run, as the scheduler asks it to."""
    import structlog
    from airflow.callbacks.callback_requests import DagCallbackRequest, DagRunContext
    from airflow.dag_processing.manager import DagFileProcessorManager
    from airflow.dag_processing.processor import DagFileProcessorProcess
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from uuid6 import uuid7

    manager = DagFileProcessorManager(max_runs=1)
    # Airflow stops this loop when the manager goes, and never closes it.
    server: Any = manager._api_server.transport.app
    loop = server.loop
    with create_session() as session:
        dag_run = session.scalar(select(DagRun).where(DagRun.run_id == done.run_id))
        assert dag_run is not None
        [failed] = [ti for ti in dag_run.get_task_instances(session=session) if ti.task_id == "Train"]
        request = DagCallbackRequest(
            filepath="pipeline_dag.py",
            dag_id=done.dag_id,
            run_id=done.run_id,
            bundle_name="dags-folder",
            bundle_version=None,
            context_from_server=DagRunContext(dag_run=dag_run, last_ti=failed),
            is_failure_callback=True,
            msg="task_failure",
        )
    with (airflow.folder / "processor.log").open("wb") as log:
        process = DagFileProcessorProcess.start(
            id=uuid7(),
            path=airflow.folder / "pipeline_dag.py",
            bundle_path=airflow.folder,
            bundle_name="dags-folder",
            dag_file_rel_path="pipeline_dag.py",
            callbacks=[request],
            selector=selectors.DefaultSelector(),
            logger=structlog.get_logger(),
            logger_filehandle=log,
            client=manager.client,
        )
        while not process.is_ready:
            process._service_subprocess(0.2)
    del process, manager, server
    gc.collect()
    assert not loop.is_running()
    loop.close()


def test_the_callback_of_a_broken_definitions_dag_gets_the_findings(airflow: Airflow) -> None:
    run(airflow, pipeline(training("Train", DependsOn=["Nobody"])))
    for file in ("task.json", "dag.json"):
        reason, *_, steps = json.loads((airflow.folder / file).read_text())
        assert "$.Steps[0].DependsOn[0]" in reason
        assert steps == ["definition_error"]


def test_assets_are_an_argument_and_found_by_uri_or_name(airflow: Airflow) -> None:
    done = airflow.run(pipeline(training("Train")), assets="outputs")
    assert done.state == "success"
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        own = select(AssetEvent).where(AssetEvent.source_run_id == done.run_id)
        events = [event.asset.uri for event in session.scalars(own).all()]
    assert events == [s3_output(f"s3://{BUCKET}/out").uri]
    group = model_package_group("forecasts")
    for name in (group.name, group.uri, "arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/forecasts"):
        assert model_package_group(name) == group
