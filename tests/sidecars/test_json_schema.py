"""The schema for editors says of a file what the reader says of it."""

from __future__ import annotations

import jsonschema
import pytest
import yaml

from airflow_sm_pipelines.options import SIDECAR_MAY
from airflow_sm_pipelines.sidecars.json_schema import schema
from airflow_sm_pipelines.sidecars.reader import read_settings_text

RIGHT = [
    "",
    "schedule: 0 6 * * *\nstart_date: '2026-01-05'\ncatchup: false\ntags: [on, 1.10]",
    "owner: 7\ncache: true\nassets: all",
    "schedule:",
    "schedule: {assets: [a, s3://b/c]}",
    "schedule: {any_asset: [a]}",
    "parameters: {A: 1, B: x, C: true, D: ''}",
    "steps: {Train*: {pool: a, queue: b, priority_weight: -1, execution_timeout: 2h, retries: 0}}",
    "steps: {'type:Training': {execution_timeout: 90.5, executor_config: {a: [1]}, on_failure_callback: a.b}}",
    "dag_id: a\naws_conn_id: b\nregion_name: c\nrole_arn: d\nroles: {a: b}\non_success_callback: a.b.c",
    "replace: [{at: $.Steps, from: a, to: ''}, {at: ['$.A', \"$.B['c'][*][0]\"], from: a, to: b}]",
]
WRONG = [
    "schedul: x",
    "schedule: {}",
    "schedule: {assets: []}",
    "schedule: {assets: [a], any_asset: [b]}",
    "catchup: 'true'",
    "tags: a",
    "tags: ['']",
    "assets: model",
    "parameters: [a]",
    "parameters: {A: [1]}",
    "steps: {A: {pol: a}}",
    "steps: {A: x}",
    "steps: {A: {retries: -1}}",
    "steps: {A: {retries: '1'}}",
    "steps: {A: {execution_timeout: soon}}",
    "steps: {A: {execution_timeout: 0}}",
    "on_success_callback: alone",
    "replace: {at: $.A, from: a, to: b}",
    "replace: [{at: A, from: a, to: b}]",
    "replace: [{at: $.A, from: a}]",
    "replace: [{at: $.A, from: '', to: b}]",
    "replace: [{at: [], from: a, to: b}]",
    "replace: [{at: $.A, from: a, to: b, when: c}]",
    "- a",
]


@pytest.mark.parametrize(("text", "is_right"), [*((text, True) for text in RIGHT), *((text, False) for text in WRONG)])
def test_it_takes_what_the_reader_takes(text: str, is_right: bool) -> None:
    layer = read_settings_text(text.encode(), "a.airflow.yaml", SIDECAR_MAY)
    assert (layer.findings == ()) is is_right, layer.findings
    assert jsonschema.Draft7Validator(schema()).is_valid(yaml.safe_load(text)) is is_right


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
