"""What a run's conf has of the call that started it."""

from __future__ import annotations

import pytest

from airflow_sm_pipelines.definition.parameters import EXECUTION
from airflow_sm_pipelines.expressions.given_execution import GivenExecution


def test_it_stands_in_the_conf_under_the_names_of_the_api() -> None:
    given = GivenExecution(pipeline_execution_display_name="night", pipeline_version_id=3, retries=("a",))
    conf = given.put_into({"Mse": 1.5})
    assert conf == {
        "Mse": 1.5,
        EXECUTION: {"PipelineExecutionDisplayName": "night", "PipelineVersionId": 3, "Retries": ["a"]},
    }
    assert GivenExecution.in_conf(conf) == given


@pytest.mark.parametrize(
    "conf", [None, {}, {EXECUTION: "night"}, {EXECUTION: {"PipelineVersionId": "one"}}, [EXECUTION]]
)
def test_what_is_of_another_form_counts_as_not_given(conf: object) -> None:
    assert GivenExecution.in_conf(conf) == GivenExecution()


@pytest.mark.parametrize(("given", "limit"), [(None, None), (0, None), (-1, None), (2, 2)])
def test_a_limit_is_at_least_one(given: int | None, limit: int | None) -> None:
    assert GivenExecution(max_parallel_execution_steps=given).limit == limit
