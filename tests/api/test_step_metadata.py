"""Which step types have Metadata."""

from __future__ import annotations

from airflow_sm_pipelines.api.step_metadata import BY_ARN, MAKERS, RESOURCES
from airflow_sm_pipelines.step_types import STEP_TYPES


def test_every_type_of_the_package_has_metadata_in_one_way() -> None:
    assert sorted([*BY_ARN, *MAKERS]) == sorted(step_type.name for step_type in STEP_TYPES.built_in)
    assert RESOURCES.keys() <= BY_ARN.keys()
