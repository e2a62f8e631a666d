from __future__ import annotations

import pytest

from airflow_sm_pipelines.definition.durations import Duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P30D", Duration(days=30)),
        ("30d", Duration(days=30)),
        ("p7d", Duration(days=7)),
        ("T16m", Duration(minutes=16)),
        ("T12H", Duration(hours=12)),
        ("12H", Duration(hours=12)),
        ("12H30M", Duration(hours=12, minutes=30)),
        ("45s", Duration(seconds=45)),
        ("PT1H", Duration(hours=1)),
        ("30dT5h", Duration(days=30, hours=5)),
        ("P1Y2M3DT4H5M6S", Duration(1, 2, 3, 4, 5, 6)),
        ("P30M", Duration(months=30)),
        ("2W", Duration(days=14)),
        ("1w2d", Duration(days=9)),
        ("P0D", Duration()),
    ],
)
def test_reads_lenient_iso_durations(text: str, expected: Duration) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "T", "30", "D30", "30 d", "-1D", "1.5D", "P1D1Y", "P1DT", "1D1D", "T1D", "1H1D", "T1HT1M", "30x"],
)
def test_refuses_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_duration(text)
