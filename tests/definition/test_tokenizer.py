from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_sm_pipelines.definition.expressions import (
    CurrentItem,
    ExecutionVariable,
    ExperimentReference,
    Expression,
    Index,
    IterationOutput,
    Key,
    Member,
    ParameterReference,
    PropertyFileReference,
    PropertyReference,
    format_expression,
    format_path,
)
from airflow_sm_pipelines.definition.tokenizer import TokenError, parse_get, parse_path

M, N, K = Member, Index, Key

REFERENCES: list[tuple[str, Expression]] = [
    ("Parameters.my-processing_input2", ParameterReference("my-processing_input2")),
    ("Execution.PipelineExecutionId", ExecutionVariable("PipelineExecutionId")),
    ("PipelineExperimentConfig.TrialName", ExperimentReference("TrialName")),
    ("Steps.Train", PropertyReference("Train", ())),
    ("Steps.a-b_c.Model.Uri", PropertyReference("a-b_c", (M("Model"), M("Uri")))),
    ("Steps.T.Summaries[0].Name", PropertyReference("T", (M("Summaries"), N(0), M("Name")))),
    ("Steps.T.List['val:acc'].Value", PropertyReference("T", (M("List"), K("val:acc"), M("Value")))),
    ("Steps.P.Outputs['a.b/c[0]'].S3", PropertyReference("P", (M("Outputs"), K("a.b/c[0]"), M("S3")))),
    ("""Steps.P.O["it's"]""", PropertyReference("P", (M("O"), K("it's")))),
    ("Steps.P.O['it\\'s']", PropertyReference("P", (M("O"), K("it's")))),
    ("Steps.P.O['it's']", PropertyReference("P", (M("O"), K("it's")))),
    ("Steps.P.O['a\\b']", PropertyReference("P", (M("O"), K("a\\b")))),
    ("Steps.P.O['a\\\\']", PropertyReference("P", (M("O"), K("a\\")))),
    ("Steps.P.O['']", PropertyReference("P", (M("O"), K("")))),
    ("Steps.P.PropertyFiles.my-report", PropertyFileReference("P", "my-report")),
    ("Steps.P.PropertyFiles.a.b", PropertyFileReference("P", "a.b")),
    ("Steps.P.PropertyFiles['my report']", PropertyFileReference("P", "my report")),
    ("Steps.P.PropertyFiles", PropertyReference("P", (M("PropertyFiles"),))),
    ("ForEach.CurrentItem", CurrentItem(())),
    ("ForEach.CurrentItem.name", CurrentItem((M("name"),))),
    ("ForEach.CurrentItem.a[0]['b.c']", CurrentItem((M("a"), N(0), K("b.c")))),
    ("IterationOutput.Body.Metric[1]", IterationOutput("Body", (M("Metric"), N(1)))),
]


@pytest.mark.parametrize(("text", "expected"), REFERENCES)
def test_reads_every_form(text: str, expected: Expression) -> None:
    assert parse_get(text) == expected


@pytest.mark.parametrize(("_text", "expression"), REFERENCES)
def test_writing_and_reading_give_the_same(_text: str, expression: Expression) -> None:
    assert parse_get(format_expression(expression)) == expression


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("", 1, "begins with one of"),
        ("Train.Model", 1, "begins with one of"),
        ("Parameters", 11, "a parameter's name is missing"),
        ("Parameters.", 12, "a parameter's name is missing"),
        ("Parameters.a.b", 13, "should end after 'a'"),
        ("Execution.Name['x']", 15, "should end after 'Name'"),
        ("Steps.", 7, "a step's name is missing"),
        ("Steps..X", 7, "a step's name is missing"),
        ("Steps.A.", 9, "a member's name is missing"),
        ("Steps.A.B..C", 11, "a member's name is missing"),
        ("Steps.A[x]", 8, "expected [<number>] or ['<key>']"),
        ("Steps.A[-1]", 8, "expected [<number>] or ['<key>']"),
        ("Steps.A.B[0", 10, "expected [<number>] or ['<key>']"),
        ("Steps.A.B['x]", 10, "does not end with ']"),
        ("""Steps.A.B["x']""", 10, 'does not end with "]'),
        ("Steps.A.B[0]C", 13, "expected '.' or '[', found 'C'"),
        ("Steps.A B", 8, "expected '.' or '[', found ' '"),
        ("ForEach.Item", 9, "only CurrentItem"),
    ],
)
def test_says_where_a_text_stops_making_sense(text: str, column: int, part: str) -> None:
    with pytest.raises(TokenError) as caught:
        parse_get(text)
    assert caught.value.column == column
    assert part in caught.value.message


def test_suggests_the_nearest_root() -> None:
    with pytest.raises(TokenError) as caught:
        parse_get("Step.Train.Arn")
    assert caught.value.suggestion == "Steps.Train.Arn"


names = st.text(st.characters(exclude_characters=".[]'\"", exclude_categories=["Z", "C"]), min_size=1, max_size=5)
tokens = st.one_of(
    names.map(Member),
    st.integers(0, 10**9 - 1).map(Index),
    st.text("a.'\"\\[]:/", max_size=6).filter(lambda key: "']" not in key).map(Key),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(tokens, max_size=4).map(tuple))
def test_any_path_survives_writing_and_reading(path: tuple[Member | Index | Key, ...]) -> None:
    assert parse_path(format_path(path)) == path
