from __future__ import annotations

import ast
import copy
import pickle
from pathlib import Path

import pytest

from airflow_sm_pipelines.definition.expressions import LocatedExpression, ParameterReference
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.model import Step

PACKAGE = Path(__file__).parents[2] / "airflow_sm_pipelines"
STEP = Step("Train", "Training", ((None, "Steps"), 0), FrozenDict(), FrozenDict())
READ = Step(
    "Train",
    "Training",
    ((None, "Steps"), 0),
    FrozenDict(),
    FrozenDict(),
    expressions=(LocatedExpression(ParameterReference("P"), None),),
)


def test_steps_are_equal_wherever_their_expressions_stand() -> None:
    assert READ == STEP
    assert hash(READ) == hash(STEP)
    assert Step("Other", "Training", ((None, "Steps"), 0), FrozenDict(), FrozenDict()) != STEP
    assert STEP != "Train"


@pytest.mark.parametrize("copied", [copy.copy(READ), copy.deepcopy(READ), pickle.loads(pickle.dumps(READ))])
def test_a_copy_has_all_fields(copied: Step) -> None:
    assert copied == READ
    assert copied.expressions == READ.expressions


def test_what_was_read_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        READ.name = "Other"  # type: ignore[misc]


def test_no_module_that_a_dags_file_imports_makes_dataclasses() -> None:
    """A dataclass costs fifty times what a struct costs at import; the local rooms are never imported there."""
    using = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in ("local", "local_runner", "local_pipelines")
        for text in [path.read_text()]
        if "dataclasses" in text  # only these are parsed
        for node in ast.walk(ast.parse(text))
        if (isinstance(node, ast.ImportFrom) and node.module == "dataclasses")
        or (isinstance(node, ast.Import) and any(name.name == "dataclasses" for name in node.names))
    ]
    assert using == []
