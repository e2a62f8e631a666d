"""What is a template, what it may name, and which templates follow from the run alone."""

from __future__ import annotations

import pytest

from airflow_sm_pipelines.expressions.templates import faults_of, is_template, templates_of


@pytest.mark.parametrize("text", ["{{ ds }}", "s3://b/{{ds}}/x", "{% if a %}b{% endif %}", "{# nothing #}x"])
def test_a_text_with_a_mark_of_jinja_is_a_template(text: str) -> None:
    assert is_template(text)


@pytest.mark.parametrize("value", ["ds", "", "{ds}", '{"a": {"b": 1}}', 5, True, None, ["{{ ds }}"]])
def test_anything_else_is_a_value(value: object) -> None:
    assert not is_template(value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ ds }}",
        "{{ ds_nodash }}/{{ ts_nodash_with_tz }}",
        "{{ macros.ds_add(ds, -7) }}",
        "{{ data_interval_start.subtract(days=1).strftime('%Y/%m') }}",
        "{{ (logical_date - macros.timedelta(days=1)) | ds }}",
        "{{ params.team | upper }}-{{ params['other'] }}",
        "{{ dag_run.conf.anything.below }}",
        "{{ dag_run.run_after.isoformat()[:10] }}",
        "{% for day in range(3) %}{{ macros.ds_add(ds, day) }},{% endfor %}",
        "{% set name = run_id %}{{ name.replace(':', '-') }}",
        "{# no value at all #}",
    ],
)
def test_what_the_run_itself_says_is_rendered_by_each_step(text: str) -> None:
    assert not templates_of({"P": text})["P"].is_kept


@pytest.mark.parametrize(
    "text",
    [
        "{{ var.value.model }}",
        "{{ xcom_pull('task', 'other') }}",
        "{{ macros.uuid.uuid4() }}",
        "{{ macros.random() }}",
        "{{ macros.datetime.now() }}",
        "{{ macros.datetime['now']() }}",
        "{{ logical_date.now() }}",
        "{{ logical_date['now']() }}",
        "{{ logical_date[params.which]() }}",
        "{{ logical_date.diff_for_humans() }}",
        "{{ logical_date | attr('now') }}",
        "{{ [1, 2] | random }}",
        "{{ [[1, 2]] | map('random') | first }}",
        "{{ dag_run.start_date }}",
        "{{ dag_run['start_date'] }}",
        "{% set run = dag_run %}{{ run.start_date }}",
        "{% set m = macros %}{{ m.random() }}",
        "{{ prev_data_interval_end_success }}",
        "{{ lipsum() }}",
        "{{ my_macro() }}",
        "{{ ds | my_filter }}",
        "{{ ds",
    ],
)
def test_what_may_be_another_at_another_time_is_kept(text: str) -> None:
    assert templates_of({"P": text})["P"].is_kept


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ("{{ ti.xcom_pull('x') }}", "names 'ti', which it cannot", None),
        ("{{ conn.aws_default.password }}", "names 'conn', which it cannot: a connection has credentials", None),
        ("{{ dag.tasks }}", "names 'dag', which it cannot: dag_run.dag_id", None),
        ("{{ logical_dat }}", "names 'logical_dat', and there is no such thing", "logical_date"),
        ("{{ ds | uper }}", "has the filter 'uper', and there is no such filter", "upper"),
        ("{{ ds }", "cannot be read: unexpected '}'", None),
        ("{% include 'secrets.txt' %}", "takes in another file", None),
        ("{{ macros.yaml.unsafe_load('') }}", "names macros.yaml, and there is no such thing", None),
        ("{{ dag_run.parse_raw('') }}", "names dag_run.parse_raw, and there is no such thing", None),
        ("{{ dag_run.run_afte }}", "names dag_run.run_afte, and there is no such thing", "run_after"),
        ("{% macro m() %}{% endmacro %}", "has a Macro, and its statements can be only for, if, set and with", None),
        ("{% set x %}a{% endset %}", "has a AssignBlock, and its statements", None),
        ("{{ ds | attr('x') }}", "has the filter 'attr', and there is no such filter", None),
        ("x" * 9_999 + "{{ ds }}", "has 10,007 characters, and at most 10,000 are read", None),
        ("{{ params.Other }}", "reads params.Other, to which a template gives its value too", None),
    ],
)
def test_a_template_that_cannot_be_rendered_is_told_at_load(text: str, told: str, hint: str | None) -> None:
    [(name, fault)] = faults_of({"Date": text, "Other": "{{ ds }}"})
    assert (name, fault.hint) == ("Date", hint)
    assert fault.reason.startswith(told)


def test_macros_and_filters_of_the_dag_are_known() -> None:
    assert not [*faults_of({"P": "{{ mine(ds) | shout }}"}, macros={"mine": str}, filters={"shout"})]


def test_a_macro_that_is_no_function_is_told_at_load() -> None:
    [(_, fault)] = faults_of({"P": "{{ files.path }}"}, macros={"files": pytest})
    assert fault.reason == (
        "names 'files', which is a module: let user_defined_macros name the function, or the plain value, itself"
    )


@pytest.mark.parametrize("text", ["{{ ds }}", "{{ run_id | upper }}", "{{ range(2) }}"])
def test_what_the_dag_gives_a_meaning_of_its_own_is_kept(text: str) -> None:
    own = templates_of({"P": text}, macros={"ds", "range"}, filters={"upper"})
    assert own["P"].is_kept
    assert not templates_of({"P": text}, macros={"other"}, filters={"lower"})["P"].is_kept
