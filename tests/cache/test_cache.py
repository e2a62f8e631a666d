"""The step cache's keys, as the service's table has them, and how long and how many results are kept."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_sm_pipelines.cache.entry import CacheEntry, kept, oldest_allowed
from airflow_sm_pipelines.cache.key import changed, digest, key_attributes, key_of
from airflow_sm_pipelines.cache.store import StepCache
from airflow_sm_pipelines.definition.durations import parse_duration
from airflow_sm_pipelines.step_types import STEP_TYPES

# The service's table (semantics 8): by type the attributes of its key, and some that do not count.
TABLE = {
    "Processing": (
        ("AppSpecification", "Environment", "ProcessingInputs"),
        ("ProcessingOutputConfig", "ProcessingResources", "RoleArn", "Tags", "NetworkConfig", "StoppingCondition"),
    ),
    "Training": (
        (
            *("AlgorithmSpecification", "CheckpointConfig", "DebugHookConfig", "DebugRuleConfigurations"),
            *("Environment", "HyperParameters", "InputDataConfig"),
        ),
        ("OutputDataConfig", "ResourceConfig", "RoleArn", "Tags", "StoppingCondition", "TrainingJobName"),
    ),
    "Tuning": (
        (
            *("HyperParameterTuningJobConfig", "TrainingJobDefinitions"),
            *("TrainingJobDefinition.AlgorithmSpecification", "TrainingJobDefinition.HyperParameterRanges"),
            *("TrainingJobDefinition.InputDataConfig", "TrainingJobDefinition.StaticHyperParameters"),
            "TrainingJobDefinition.TuningObjective",
        ),
        ("WarmStartConfig", "Tags", "TrainingJobDefinition.ResourceConfig", "TrainingJobDefinition.RoleArn"),
    ),
    "AutoML": (
        (
            *("AutoMLJobConfig.CompletionCriteria", "AutoMLJobConfig.CandidateGenerationConfig"),
            *("AutoMLJobConfig.DataSplitConfig", "AutoMLJobConfig.Mode"),
            *("AutoMLJobObjective", "InputDataConfig", "ProblemType"),
            # Of the API's second version, which the table does not speak of.
            *("AutoMLJobInputDataConfig", "AutoMLProblemTypeConfig", "DataSplitConfig"),
        ),
        ("OutputDataConfig", "RoleArn", "GenerateCandidateDefinitionsOnly", "AutoMLJobConfig.SecurityConfig"),
    ),
    "Transform": (
        ("DataProcessing", "Environment", "ModelName", "TransformInput"),
        ("TransformOutput", "TransformResources", "BatchStrategy", "MaxPayloadInMB", "Tags"),
    ),
    "EMR": (("ClusterId", "StepConfig", "ClusterConfig"), ("ExecutionRoleArn",)),
    # The check's config and CheckJobConfig are all that a check's Arguments are made of.
    "QualityCheck": (("AppSpecification", "Environment", "ProcessingInputs", "ProcessingResources", "RoleArn"), ()),
    "ClarifyCheck": (("AppSpecification", "Environment", "ProcessingInputs", "ProcessingResources", "RoleArn"), ()),
    # Types without a row: all of their Arguments.
    "EndpointConfig": (("EndpointConfigName", "ProductionVariants", "KmsKeyId"), ()),
    "Endpoint": (("EndpointName", "EndpointConfigName"), ()),
}
SETTINGS = {
    "QualityCheck": (
        *("CheckType", "SkipCheck", "RegisterNewBaseline", "ModelPackageGroupName"),
        *("SuppliedBaselineConstraints", "SuppliedBaselineStatistics"),
    ),
    "ClarifyCheck": (
        *("CheckType", "ModelName", "SkipCheck", "RegisterNewBaseline", "ModelPackageGroupName"),
        "SuppliedBaselineConstraints",
    ),
}
CHECK_SETTINGS = (*SETTINGS["QualityCheck"], "ModelName", "FailOnViolation")


def put(arguments: dict[str, Any], path: str, value: object) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        arguments = arguments.setdefault(parent, {})
    arguments[name] = value


def key(name: str, arguments: dict[str, Any], settings: dict[str, Any]) -> str:
    attributes = dict(key_attributes(STEP_TYPES[name], arguments, settings))
    return key_of(name, {path: digest(value) for path, value in attributes.items()})


def test_the_table_has_every_type_that_is_cached() -> None:
    assert {name for name, known in STEP_TYPES.items() if known.cached} == TABLE.keys()


@pytest.mark.parametrize("name", TABLE)
def test_the_key_of_a_type_is_that_of_the_table(name: str) -> None:
    listed, others = TABLE[name]
    counting = SETTINGS.get(name, ())
    arguments: dict[str, Any] = {}
    for path in (*listed, *others):
        put(arguments, path, {"before": [1, path]})
    settings = dict.fromkeys(CHECK_SETTINGS, "before")
    before = key(name, arguments, settings)
    for path in (*listed, *others):
        edited = copy.deepcopy(arguments)
        put(edited, path, {"before": [2, path]})
        assert (key(name, edited, settings) != before) is (path in listed), path
    for setting in CHECK_SETTINGS:
        assert (key(name, arguments, {**settings, setting: "after"}) != before) is (setting in counting), setting


def test_two_attributes_do_not_stand_for_each_other_nor_two_types() -> None:
    environment, parameters = {"Environment": {"a": "1"}}, {"HyperParameters": {"a": "1"}}
    assert key("Training", environment, {}) != key("Training", parameters, {})
    assert key("Training", environment, {}) != key("Transform", environment, {})


def test_the_order_of_members_does_not_count_and_that_of_elements_does() -> None:
    one = {"HyperParameters": {"a": "1", "b": "2"}, "InputDataConfig": [1, 2]}
    other = {"InputDataConfig": [1, 2], "HyperParameters": {"b": "2", "a": "1"}}
    assert key("Training", one, {}) == key("Training", other, {})
    assert key("Training", one, {}) != key("Training", {**one, "InputDataConfig": [2, 1]}, {})


def test_what_changed_is_told_by_its_path() -> None:
    assert changed({"A": "1", "B": "2", "C": "3"}, {"A": "1", "B": "9", "D": "4"}) == ["B", "C", "D"]


NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expire_after", "oldest"),
    [
        ("P30M", datetime(2023, 9, 30, 12, 0, tzinfo=UTC)),
        ("p30m", datetime(2023, 9, 30, 12, 0, tzinfo=UTC)),
        ("PT30M", datetime(2026, 3, 31, 11, 30, tzinfo=UTC)),
        ("T30M", datetime(2026, 3, 31, 11, 30, tzinfo=UTC)),
        ("t16m", datetime(2026, 3, 31, 11, 44, tzinfo=UTC)),
        ("P1M", datetime(2026, 2, 28, 12, 0, tzinfo=UTC)),
        ("30d", datetime(2026, 3, 1, 12, 0, tzinfo=UTC)),
        ("30dT5h", datetime(2026, 3, 1, 7, 0, tzinfo=UTC)),
        ("p2w", datetime(2026, 3, 17, 12, 0, tzinfo=UTC)),
        ("5y", datetime(2021, 3, 31, 12, 0, tzinfo=UTC)),
        ("T12H", datetime(2026, 3, 31, 0, 0, tzinfo=UTC)),
        ("P9999Y", datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_how_old_a_result_may_be(expire_after: str, oldest: datetime) -> None:
    assert oldest_allowed(parse_duration(expire_after), NOW) == oldest


def test_the_newest_are_kept_and_the_expired_are_not() -> None:
    index = {"a": 5.0, "b": 9.0, "c": 7.0, "d": 1.0}
    assert kept(index, 2.0, 10) == {"a": 5.0, "b": 9.0, "c": 7.0}
    assert kept(index, 2.0, 2) == {"b": 9.0, "c": 7.0}
    assert kept(index, 5.0, 10).keys() == {"a", "b", "c"}


def test_an_entry_is_read_back() -> None:
    entry = CacheEntry("run", 12.5, {"A": "1"}, {"job_name": "j"}, {"Status": "Completed"})
    assert CacheEntry.from_json(entry.to_json()) == entry
    assert CacheEntry.from_json(None) is None
    assert CacheEntry.from_json({"run_id": "of another version"}) is None


class SharedStore(dict[str, Any]):
    """A store in which another step's end replaces the index right after this one has written it, some times."""

    def __init__(self, collisions: int) -> None:
        super().__init__()
        self.collisions = collisions

    def set(self, key: str, value: Any) -> None:
        before = self.get("Step", {})
        self[key] = value
        if key == "Step" and self.collisions > 0:
            self.collisions -= 1
            self[key] = {**before, f"other-{self.collisions}": 1.0}

    def delete(self, key: str) -> None:
        self.pop(key, None)


@pytest.mark.parametrize(("collisions", "listed"), [(0, True), (1, True), (2, True), (3, False)])
def test_an_index_that_another_replaced_is_written_again(collisions: int, listed: bool) -> None:
    store: Any = SharedStore(collisions)
    entry = CacheEntry("run", 2.0, {}, {}, {})
    StepCache(store, "Step").put("mine", entry, oldest=0.0, limit=9)
    assert ("mine" in store["Step"]) is listed
    assert {f"other-{number}" for number in range(collisions)} <= store["Step"].keys()
    assert StepCache(store, "Step").get("mine") == entry


def test_a_result_that_is_too_old_to_be_kept_is_not_kept() -> None:
    store: Any = SharedStore(0)
    StepCache(store, "Step").put("old", CacheEntry("run", 2.0, {}, {}, {}), oldest=3.0, limit=9)
    assert store == {"Step": {}}
