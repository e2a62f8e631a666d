"""What a template can do: put texts together from what it is given, and nothing else, nor too much of it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_sm_pipelines.expressions.plain_values import Function, Names, Reader
from airflow_sm_pipelines.expressions.sandbox import render

DAY = datetime(2026, 3, 9, 7, 5, tzinfo=UTC)
VARIABLES = {"model": "xgb", "many": [{"path": "a"}, {"path": "b"}]}
GIVEN: dict[str, Any] = {
    "ds": "2026-03-09",
    "day": DAY,
    "params": {"team": "red", "items": 3},
    "dag_run": Names("dag_run", {"conf": {"a": {"b": [1, 2]}}, "note": None}),
    "var": Reader("var.value", VARIABLES.__getitem__, Function("get", VARIABLES.get)),
    "make": Function("make", lambda: {"path": "s3://b"}),
    "environ": Function("environ", lambda: os.environ.keys),
    "run": Function("run", lambda: SimpleNamespace(x=1)),
}


def out(text: str) -> str:
    return render(text, GIVEN, {"shout": lambda text: text + "!"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ ds }}/x", "2026-03-09/x"),
        ("{{ day.strftime('%Y/%m') }} {{ '{:02d}'.format(day.month) }} {{ '%02d' % day.day }}", "2026/03 03 09"),
        ("{{ (day.replace(day=1) - (day - day)).isoformat()[:10] }}", "2026-03-01"),
        ("{{ params.team | upper | shout }}{{ params['items'] }}", "RED!3"),
        ("{{ dag_run.conf.a.b | sum }}{{ dag_run.conf.x | default('-') }}{{ dag_run.note is none }}", "3-True"),
        ("{{ var.model }}{{ var['model'] }}{{ var.get('no', 5) }}", "xgbxgb5"),
        ("{{ var.many | map(attribute='path') | join(',') }}{{ make().path }}", "a,bs3://b"),
        ("{% for i in range(3) if i %}{{ loop.index ~ i }}{% else %}-{% endfor %}", "1122"),
        ("{% for k, v in params.items() %}{{ k }}={{ v }};{% endfor %}", "team=red;items=3;"),
        ("{% set a = ds.split('-') %}{% if a[0] > '2025' and 3 in [1, 3] %}{{ a }}{% endif %}", "['2026', '03', '09']"),
        ("{{ {'a': (1, 2.5)} | tojson }}{{ 7 // 2 }}{{ 2 ** 10 }}{{ -1 }}", '{"a": [1, 2.5]}31024-1'),
        ("{{ 'model-2026-%s' % 1 }}{{ (20261231 | tojson) }}{{ 1.234 | round(1) }}", "model-2026-1202612311.2"),
        ("{{ dict(a=1).a }}{{ ds | replace('-', '') | int }}", "120260309"),
    ],
)
def test_what_a_template_puts_together(text: str, expected: str) -> None:
    assert out(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''['__class__'] }}",
        "{{ '{0.__class__}'.format(day) }}",
        "{{ '{0.tzinfo}'.format(day) }}",
        "{{ '{a.__init__}'.format_map({'a': 1}) }}",
        "{{ make.call }}",
        "{{ make.call.__globals__ }}",
        "{{ var._read }}",
        "{{ var.read('model') }}",
        "{{ dag_run.members }}",
        "{{ dag_run.later }}",
        "{{ dag_run.parse_raw('x') }}",
        "{{ dag_run.conf.__class__ }}",
        "{{ day.tzinfo }}",
        "{{ day.__reduce__() }}",
        "{{ [1].append(2) }}",
        "{{ ds.encode() }}",
        "{{ environ() }}",
        "{{ run().x }}",
        "{{ [make] | map(attribute='call') | list }}",
        "{{ [day] | map(attribute='tzinfo') | list }}",
        "{{ [[day]] | map('attr', 'tzinfo') | list }}",
        "{{ self }}",
        "{{ self.__init__ }}",
        "{{ range.__self__ }}",
        "{{ cycler(1) }}",
        "{{ lipsum() }}",
        "{{ namespace(a=1) }}",
        "{% for i in [1] %}{{ loop._iterable }}{% endfor %}",
        "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% macro m() %}{{ caller }}{% endmacro %}{{ m() }}",
        "{% include 'x' %}",
        "{{ nothing }}",
        "{{ dag_run }}",
        "{{ make }}",
        "{{ ds() }}",
        "{{ ds.strip.__func__ }}",
    ],
)
def test_what_a_template_does_not_get_at(text: str) -> None:
    with pytest.raises(Exception, match=r".") as told:
        out(text)
    assert " at 0x" not in str(told.value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 10**9 }}",
        "{{ 10**9 * [1] }}",
        "{{ 10 ** (10 ** 10) }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ '%*d' % (999999999, 1) }}",
        "{{ '%(a(b))999999999d' % {'a(b)': 1} }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ '{:{}}'.format(1, 999999999) }}",
        "{{ 'x'.ljust(999999999) }}",
        "{{ 'x'.center(width=999999999) }}",
        "{{ 1 | round(999999999, 'ceil') }}",
        "{{ {'a': 1} | tojson(indent=999999999) }}",
        "{{ ('x' * 9999).replace('x', 'y' * 9999) }}",
        "{{ ('x' * 9999) | replace('x', 'y' * 9999) }}",
        "{{ ('x' * 9999).join(['y'] * 9999) }}",
        "{{ (['y'] * 9999) | join('x' * 9999) }}",
        "{{ range(10**12) | list }}",
        "{{ range(10**12) | sum }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{{ 'x' }}{% endfor %}",
        "{% set a = 'x' * 999 %}" + "{% set a = a ~ a %}" * 40 + "{{ a | length }}",
        "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 40 + "{{ a | length }}",
        "{% set a = range(9999) | list %}{% for i in range(99999) %}{% if i in a %}{% endif %}{% endfor %}",
        "{% set a = range(9999) | list %}{% for i in range(99999) %}{% if i is in a %}{% endif %}{% endfor %}",
        "x" * 10_001,
    ],
)
def test_what_would_be_too_much_is_refused_before_it_is_made(text: str) -> None:
    with pytest.raises((ValueError, OverflowError), match=r"makes|fill|large|are read|come out"):
        out(text)
