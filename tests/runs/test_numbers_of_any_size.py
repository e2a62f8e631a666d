"""Numbers that Airflow's processes cannot hand on reach AWS as the definition writes them."""

from __future__ import annotations

from typing import Any

from tests.hostile import FUNCTION, HUGE, call, document, get, join, parameter
from tests.runs.harness import Airflow


def test_they_are_sent_joined_and_compared_as_the_numbers_that_they_are(airflow: Airflow) -> None:
    received: list[Any] = []

    def answer(event: Any) -> dict[str, Any]:
        received.append(event)
        return {}

    airflow.endpoint.put_function(FUNCTION.rpartition(":")[2], answer)
    arguments = {
        "literal": HUGE,
        "nested": [{"negative": -HUGE, "float": 1e300}],
        "joined": join("n", HUGE),
        "integer": get("Parameters.Integer"),
        "float": get("Parameters.Float"),
    }
    branches = {
        "Conditions": [
            {"Type": "Equals", "LeftValue": get("Parameters.Integer"), "RightValue": HUGE},
            {"Type": "GreaterThan", "LeftValue": HUGE + 1, "RightValue": HUGE},
            {"Type": "In", "QueryValue": HUGE, "Values": [1, HUGE]},
        ],
        "IfSteps": [call("Call", arguments)],
        "ElseSteps": [],
    }
    check = {"Name": "Check", "Type": "Condition", "Arguments": branches}
    numbers = [parameter("Integer", HUGE, name="Integer"), parameter("Float", 10**30, name="Float")]
    run = airflow.run(document(check, Parameters=numbers))
    assert run.states == {"Check": "success", "Call": "success"}
    assert received == [
        {
            "literal": HUGE,
            "nested": [{"negative": -HUGE, "float": 1e300}],
            "joined": f"n-{HUGE}",
            "integer": HUGE,
            "float": 1e30,
        }
    ]
    shown = run.rendered("Call")
    assert str(HUGE) in str(shown)
