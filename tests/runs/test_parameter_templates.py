"""Templates of parameters in runs: what reaches AWS, once for a run and the same everywhere, and what fails."""

from __future__ import annotations

import json
from typing import Any

from tests.runs.harness import Airflow, Run, condition, equals, get, pipeline, training
from tests.runs.test_for_each import ITEM, loop

PARAMETERS = [
    {"Name": "Date", "Type": "String", "DefaultValue": "1970-01-01"},
    {"Name": "Count", "Type": "Integer", "DefaultValue": 9},
    {"Name": "Rate", "Type": "Float", "DefaultValue": 9.5},
    {"Name": "Fast", "Type": "Boolean", "DefaultValue": False},
    {"Name": "Kind", "Type": "String", "DefaultValue": "b", "EnumValues": ["a", "b"]},
]
FIRST = "pipeline.run.parameters"


def hyper(name: str, **values: Any) -> Any:
    return training(name, Arguments={"HyperParameters": values})


def sent(airflow: Airflow) -> dict[str, dict[str, str]]:
    """The hyperparameters of the jobs by their steps, those of the last job where there are several."""
    requests = airflow.created("CreateTrainingJob")
    return {request["TrainingJobName"].split("-")[2]: request.get("HyperParameters", {}) for request in requests}


def logical_date(run: Run) -> str:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalar(select(DagRun).where(DagRun.dag_id == run.dag_id, DagRun.run_id == run.run_id))
        assert found is not None
        assert found.logical_date is not None
        return str(found.logical_date.date())


def set_variable(name: str, value: str) -> None:
    from airflow.models import Variable
    from airflow.utils.session import create_session

    with create_session() as session:
        Variable.set(name, value, session=session)


def end_note(run: Run, task: str) -> str:
    return str(run.xcom(task, "sagemaker_end"))


def test_the_runs_date_reaches_every_kind_of_place_typed_and_checked(airflow: Airflow) -> None:
    date = {"Std:Join": {"On": "/", "Values": ["s3:/", "bucket", get("Parameters.Date")]}}
    definition = pipeline(
        hyper("Train", date=date, count=get("Parameters.Count"), rate=get("Parameters.Rate")),
        condition(
            "Check",
            [equals(get("Parameters.Kind"), "a"), equals(get("Parameters.Fast"), True)],
            [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": date}}],
            [hyper("Else")],
        ),
        loop(hyper("Inner", item=ITEM), [get("Parameters.Date")], name="Each"),
        Parameters=PARAMETERS,
    )
    templates = {
        "Date": "{{ ds }}",
        "Count": "{{ 2 + params.own }}",
        "Rate": "{{ ds[:1] }}.5",
        "Fast": "{{ 1 == 1 }}",
        "Kind": "{% if ds %}a{% endif %}",
    }
    run = airflow.run(definition, parameters=templates, params={"own": 1})
    day = logical_date(run)
    steps = {name: state for name, state in run.states.items() if not name.startswith("Each")}
    assert steps == {"Train": "success", "Check": "success", "Stop": "failed", "Else": "skipped"}
    assert sent(airflow)["Inner"] == {"item": day}
    assert sent(airflow)["Train"] == {"date": f"s3://bucket/{day}", "count": "3", "rate": "2.5"}
    assert f"bucket/{day}" in end_note(run, "Stop")
    assert run.rendered("Train")["request"]["HyperParameters"]["count"] == "3"
    # A run that is given a value has that one, as it is: a value of a run is no template.
    run = airflow.run(
        definition, {"Date": "{{ ds }}", "Kind": "b", "Count": None}, parameters=templates, params={"own": 2}
    )
    assert run.states["Else"] == "success"
    assert sent(airflow)["Train"] == {"date": "s3://bucket/{{ ds }}", "count": "4", "rate": "2.5"}


def test_what_may_change_is_rendered_once_before_the_steps_that_run_side_by_side(airflow: Airflow) -> None:
    read = {"id": get("Parameters.Date"), "kind": get("Parameters.Kind")}
    after = hyper("After", **read, before=get("Steps.One.TrainingJobName"))
    definition = pipeline(hyper("One", **read), hyper("Two", **read), after, Parameters=PARAMETERS)
    set_variable("kind_of_model", "a")
    given = {"Date": "{{ macros.uuid.uuid4() }}", "Kind": "{{ var.value.kind_of_model }}"}
    run = airflow.run(definition, parameters=given)
    assert run.states == dict.fromkeys((FIRST, "One", "Two", "After"), "success")
    values = run.xcom(FIRST)
    assert values["Kind"] == "a"
    assert len(values["Date"]) == 36
    told = sent(airflow)
    assert told["One"] == told["Two"] == {"id": values["Date"], "kind": "a"}
    assert {**told["After"], "before": ""} == {"id": values["Date"], "kind": "a", "before": ""}
    assert run.rendered(FIRST) == {"parameters": values}
    # Selected steps run after that task, which is none of them.
    set_variable("kind_of_model", "b")
    selected = airflow.test("pipeline", {"sagemaker_selected_steps": ["After"]})
    assert selected.states == {FIRST: "success", "One": "success", "Two": "skipped", "After": "success"}
    assert sent(airflow)["After"]["kind"] == "b"


def test_the_xcom_of_another_dags_task_is_that_of_its_latest_run(airflow: Airflow) -> None:
    (airflow.folder / "other.py").write_text(
        "from airflow.sdk import DAG, task\n"
        "with DAG('other') as dag:\n"
        "    @task\n"
        "    def find():\n"
        "        from airflow.sdk import get_current_context\n"
        "        return {'path': get_current_context()['params'].get('path', 's3://first')}\n"
        "    find()\n"
        "dag.params = {'path': 's3://first'}\n"
    )
    airflow.test("other")
    airflow.test("other", {"path": "s3://second"})
    definition = pipeline(hyper("One", path=get("Parameters.Date")), Parameters=PARAMETERS)
    run = airflow.run(definition, parameters={"Date": "{{ xcom_pull('find', 'other').path }}"})
    assert run.state == "success"
    assert sent(airflow) == {"One": {"path": "s3://second"}}


def test_a_template_that_fails_fails_the_run_once_before_any_step(airflow: Airflow) -> None:
    definition = pipeline(
        hyper("One", id=get("Parameters.Date")),
        training("Two", RetryPolicies=[{"ExceptionType": ["Step.SERVICE_FAULT"], "MaxAttempts": 3}]),
        Parameters=PARAMETERS,
    )
    for template, why in {
        "Kind": ("{{ ds }}", "is none of its values: a, b"),
        "Count": ("{{ ds }}", "is of type Integer"),
        "Date": ("{{ dag_run.conf.nothing }}", "has no attribute 'nothing'"),
    }.items():
        run = airflow.run(definition, parameters={template: why[0]})
        assert run.states == {"One": "failed", "Two": "failed"}
        for step in ("One", "Two"):
            told = end_note(run, step)
            assert f"The run cannot start: the parameter '{template}' has no value, since its template" in told
            assert why[0] in told
            assert why[1] in told
    run = airflow.run(definition, parameters={"Date": "{{ var.value.no_such }}", "Count": "{{ macros.random() }}"})
    assert run.states == {FIRST: "failed", "One": "upstream_failed", "Two": "upstream_failed"}
    assert "no_such" in end_note(run, FIRST)
    assert "'Count' has no value" in end_note(run, FIRST)
    assert airflow.created() == []


def test_a_run_without_a_logical_date_says_so(airflow: Airflow) -> None:
    definition = pipeline(hyper("One", id=get("Parameters.Date")), Parameters=PARAMETERS)
    airflow.run(definition, parameters={"Date": "{{ ds }}"})
    run = airflow.test("pipeline", logical_date=None)
    assert run.states == {"One": "failed"}
    assert "The run has no logical date, and so no ds: start it with one" in end_note(run, "One")


def test_a_variable_of_a_secret_name_is_masked_where_people_look_and_sent_as_it_is(airflow: Airflow) -> None:
    set_variable("registry_password", "magpie-magpie")
    definition = pipeline(
        hyper("One", uri=get("Parameters.Date")), hyper("Two", uri=get("Parameters.Date")), Parameters=PARAMETERS
    )
    run = airflow.run(definition, parameters={"Date": "s3://x?{{ var.value.registry_password }}"})
    assert run.state == "success"
    assert sent(airflow) == {step: {"uri": "s3://x?magpie-magpie"} for step in ("One", "Two")}
    shown = [run.xcom(task) for task in (FIRST, "One")] + [run.rendered(task) for task in (FIRST, "One", "Two")]
    assert "magpie" not in json.dumps(shown, default=str)


def test_a_template_runs_no_code_and_reaches_no_object_of_airflow(airflow: Airflow) -> None:
    # By names that are not known when the Dag is loaded: those that are, are findings.
    attempts = {
        "Date": """{{ macros['yaml'].unsafe_load('!!python/object/apply:os.getcwd []') }}""",
        "Kind": """{{ dag_run['parse_raw']('x', proto='pickle', allow_pickle=True) }}""",
        "Rate": "{{ var.value['__class__'] }}",
        "Count": "{{ triggering_asset_events['_events'] }}",
        "Fast": "{{ xcom_pull['call'] }}",
    }
    definition = pipeline(hyper("One", id=get("Parameters.Date")), Parameters=PARAMETERS)
    run = airflow.run(definition, parameters=attempts)
    assert run.states == {FIRST: "failed", "One": "upstream_failed"}
    told = end_note(run, FIRST)
    assert "macros has no attribute" in told


def test_what_a_run_has_is_there_in_plain_values_and_a_secret_with_its_default(airflow: Airflow) -> None:
    declared = [*PARAMETERS, {"Name": "ApiToken", "Type": "String", "DefaultValue": "magpie-magpie"}]
    definition = pipeline(hyper("One", uri=get("Parameters.Date"), at=get("Parameters.Kind")), Parameters=declared)
    given = {
        "Date": "s3://x?{{ params.ApiToken }}&{{ dag_run.run_type }}&{{ dag_run.conf.get('a', 1) }}&{{ params.own.b }}",
        "Kind": "{{ 'a' if dag_run.run_after == logical_date.add(days=0) or prev_end_date_success is none else 'b' }}",
    }
    run = airflow.run(definition, parameters=given, params={"own": {"b": "c"}})
    assert run.state == "success"
    assert sent(airflow)["One"]["uri"] == "s3://x?magpie-magpie&manual&1&c"
    assert "magpie" not in json.dumps([run.xcom(FIRST), run.rendered(FIRST), run.rendered("One")], default=str)
