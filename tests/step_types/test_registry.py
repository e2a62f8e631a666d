"""The step types that are known: those of the package, those that are registered, those of entry points."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.checking import StepTypeError
from airflow_sm_pipelines.step_types.registry import StepTypeRegistry
from airflow_sm_pipelines.step_types.step_type import StepType
from tests.definition.build import document, planned, step
from tests.step_types.distributions import install

OPERATOR = "acme.steps.MineStepOperator"
MINE = StepType("Mine", OPERATOR)
MODULES = {"Training": "airflow_sm_pipelines.step_types.training"}
GIVEN = "from airflow_sm_pipelines.step_types.step_type import StepType\n"


@pytest.fixture
def registry() -> StepTypeRegistry:
    return StepTypeRegistry(MODULES)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_the_guide_names_every_field_of_the_record() -> None:
    page = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
    rows = page.split("| of the record | is for |")[1].split("\n\n")[0]
    first_columns = " ".join(row.split(" | ")[0] for row in rows.splitlines())
    assert sorted(re.findall(r"`(\w+)`", first_columns)) == sorted(StepType.__struct_fields__)


def test_every_type_of_the_package_bears_the_name_under_which_it_is_listed() -> None:
    assert {step_type.name for step_type in STEP_TYPES.built_in} == set(STEP_TYPES)
    assert all(STEP_TYPES[step_type.name] is step_type for step_type in STEP_TYPES.built_in)


def test_a_type_is_registered_and_forgotten(registry: StepTypeRegistry) -> None:
    registry.register(MINE)
    assert registry["Mine"] is MINE
    assert set(registry) == {"Training", "Mine"}
    registry.unregister("Mine")
    assert "Mine" not in registry
    with pytest.raises(StepTypeError, match="no step type 'Mine' was registered"):
        registry.unregister("Mine")


def test_a_name_that_is_taken_is_given_away_only_where_that_is_asked_for(registry: StepTypeRegistry) -> None:
    other = StepType("Training", OPERATOR)
    with pytest.raises(StepTypeError, match=r"'Training' is there already, run by airflow_sm_pipelines.*replace=True"):
        registry.register(other)
    registry.register(other, replace=True)
    assert registry["Training"] is other
    registry.unregister("Training")
    assert registry["Training"] is STEP_TYPES["Training"]


def test_a_type_of_a_job_needs_no_operator_of_its_own(registry: StepTypeRegistry) -> None:
    kind = STEP_TYPES["Training"].kind
    registry.register(StepType("Mine", kind=kind))
    assert registry["Mine"].operator_path == "airflow_sm_pipelines.operators.job.JobStepOperator"
    registry.register(StepType("Mine", kind=kind, cached=True))
    with pytest.raises(StepTypeError, match="'Mine' is there already"):
        registry.register(StepType("Mine", kind=kind, adapter=type("OtherAdapter", (JobAdapter,), {})))


def test_a_dags_file_that_is_run_again_registers_its_type_again(registry: StepTypeRegistry) -> None:
    registry.register(MINE)
    again = StepType("Mine", OPERATOR, extra_properties=("Said",))
    registry.register(again)
    assert registry["Mine"] is again


@pytest.mark.parametrize(
    ("step_type", "said"),
    [
        (StepType("Mine"), "the step type 'Mine' has no operator: give the kind of the job"),
        (StepType("", OPERATOR), "a step type has no name"),
        (StepType("Mine", "MineStepOperator"), "is named by its module and class, like .* found 'MineStepOperator'"),
        ("Mine", "a StepType is expected, found str"),
    ],
)
def test_what_cannot_be_run_is_refused(registry: StepTypeRegistry, step_type: Any, said: str) -> None:
    with pytest.raises(StepTypeError, match=said):
        registry.register(step_type)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("mine_one:STEP_TYPE", f"STEP_TYPE = StepType('Mine', {OPERATOR!r})"),
        ("mine_two", f"STEP_TYPE = StepType('Mine', {OPERATOR!r})"),
        ("mine_three", f"STEP_TYPES = [StepType('Mine', {OPERATOR!r})]"),
        ("mine_four:types", f"def types(): return (StepType('Mine', {OPERATOR!r}),)"),
    ],
)
def test_an_entry_point_gives_step_types(folder: Path, registry: StepTypeRegistry, value: str, text: str) -> None:
    install(folder, "acme-steps", {"mine": value}, {value.partition(":")[0]: GIVEN + text})
    assert registry["Mine"] == MINE
    assert set(registry) == {"Training", "Mine"}
    assert registry.faults == ()


def test_entry_points_are_looked_for_when_a_name_is_not_known(folder: Path, registry: StepTypeRegistry) -> None:
    install(folder, "acme-steps", {"mine": "mine_lazy"}, {"mine_lazy": GIVEN + "raise SystemExit('too early')"})
    assert "Training" in registry
    assert registry["Training"].name == "Training"
    assert "mine_lazy" not in sys.modules
    assert not registry.faults
    assert "Other" not in registry
    assert [fault.reason for fault in registry.faults] == ["SystemExit: too early"]


def test_a_broken_entry_point_is_told_and_hides_no_other(
    folder: Path, registry: StepTypeRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    entry_points = {
        "clash": "clash",
        "function": "function:fails",
        "gone": "there_is_no_such_module",
        "mine": "fine",
        "number": "number:STEP_TYPE",
        "twice": "twice",
    }
    modules = {
        "clash": GIVEN + f"STEP_TYPE = StepType('Training', {OPERATOR!r})",
        "fine": GIVEN + f"STEP_TYPE = StepType('Mine', {OPERATOR!r})",
        "function": "def fails(): return 1 / 0",
        "number": "STEP_TYPE = 7",
        "twice": GIVEN + f"STEP_TYPE = StepType('Mine', {OPERATOR!r})",
    }
    install(folder, "acme-steps", entry_points, modules)
    with caplog.at_level(logging.WARNING):
        assert set(registry) == {"Training", "Mine"}
    told = {fault.entry_point.partition(" ")[0]: fault.reason for fault in registry.faults}
    assert told == {
        "clash": "'Training' is a step type of airflow_sm_pipelines already",
        "function": "ZeroDivisionError: division by zero",
        "gone": "ModuleNotFoundError: No module named 'there_is_no_such_module'",
        "number": "it leads to no StepType, nor to several, a function that gives them, or a module with STEP_TYPE or"
        " STEP_TYPES, but to int",
        "twice": "'Mine' is a step type of mine = fine of acme-steps 1.0 already",
    }
    assert [record.message for record in caplog.records] == [str(fault) for fault in registry.faults]


def test_a_broken_entry_point_is_a_finding_where_a_type_is_not_known(folder: Path, registry: StepTypeRegistry) -> None:
    install(folder, "acme-steps", {"mine": "there_is_no_such_module"}, {})
    assert planned(document(step("A")), step_types=registry).pipeline.warnings == ()
    with pytest.raises(DefinitionError) as raised:
        planned(document(step("A"), step("B", "Mine")), step_types=registry)
    unknown, broken = raised.value.findings
    assert (unknown.path, broken.path) == ("$.Steps[1].Type", "$.Steps[1].Type")
    assert "unknown step type 'Mine'" in unknown.message
    assert "the entry point mine = there_is_no_such_module of acme-steps 1.0 of the group" in broken.message


def test_an_entry_point_may_ask_for_step_types_while_it_is_imported(folder: Path) -> None:
    asks = "from airflow_sm_pipelines.step_types import STEP_TYPES\nassert 'Nothing' not in STEP_TYPES\n"
    text = GIVEN + asks + f"STEP_TYPE = StepType('Mine', {OPERATOR!r})"
    install(folder, "acme-steps", {"mine": "asking"}, {"asking": text})
    program = "from airflow_sm_pipelines.step_types import STEP_TYPES\nprint('Mine' in STEP_TYPES, STEP_TYPES.faults)"
    run = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(folder)!r})\n{program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "True ()\n"


def test_an_installed_distribution_is_seen_when_entry_points_are_forgotten(
    folder: Path, registry: StepTypeRegistry
) -> None:
    assert "Mine" not in registry
    install(folder, "acme-steps", {"mine": "later"}, {"later": GIVEN + f"STEP_TYPE = StepType('Mine', {OPERATOR!r})"})
    assert "Mine" not in registry
    registry.forget_entry_points()
    assert "Mine" in registry


def test_the_types_of_a_definition_are_imported_and_no_others() -> None:
    program = (
        "import sys\n"
        "from airflow_sm_pipelines.graph import plan\n"
        "plan({'Version': '2020-12-01', 'Steps': [{'Name': 'A', 'Type': 'Training', 'Arguments': {}}]}, values=None)\n"
        "print(*sorted(name for name in sys.modules if name.startswith('airflow_sm_pipelines.step_types.')))\n"
        "print('importlib.metadata' in sys.modules, 'airflow' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported, heavy = run.stdout.splitlines()
    assert "airflow_sm_pipelines.step_types.training" in imported
    assert not any(f"step_types.{name}" in imported for name in ("emr", "tuning", "lineage", "entry_points"))
    assert heavy.endswith("False")
