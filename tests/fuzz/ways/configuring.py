"""What a run is given: through the REST API as text, into PostgreSQL, and to the step that reads it."""

from __future__ import annotations

import json
import random
from typing import Any

from airflow_sm_pipelines.definition import read_definition
from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.expressions.parameters import coerce, unknown_names
from airflow_sm_pipelines.expressions.stringify import to_text
from tests.definition.build import parameter
from tests.fuzz.documents import PARAMETERS, failing
from tests.fuzz.site import api, forget, one, write
from tests.fuzz.storable import check_storable, check_told
from tests.fuzz.ways.parsing import FILE, GOOD, Parsing
from tests.fuzz.wild import FLOATS, INTEGERS, key, raw, scalar, value, written

NEEDED = [
    parameter("NeedText"),
    parameter("NeedWhole", "Integer"),
    parameter("NeedReal", "Float"),
    parameter("NeedFlag", "Boolean"),
    parameter("NeedChoice", EnumValues=["a", "b"]),
]
DEFINITION = {"Version": "2020-12-01", "Parameters": [*PARAMETERS, *NEEDED], "Steps": [failing()]}
FITTING: dict[str, Any] = {"NeedText": "x", "NeedWhole": 1, "NeedReal": 1.5, "NeedFlag": True, "NeedChoice": "a"}
SELECTION = ("sagemaker_selected_steps", "sagemaker_source_run_id")
NUMBERS = (*INTEGERS, *FLOATS, *map(str, INTEGERS[:-1]), "1e22", "0.5", " 1 ", raw("1E400"), raw("-0"))
DEEP = "[" * 100
PATH = f"/api/v2/dags/{GOOD}/dagRuns"


class Configuring:
    """The input is the text of a trigger's request."""

    counted = 1

    def __init__(self) -> None:
        self._parameters = read_definition(DEFINITION).parameters
        self._taken = -1

    def make(self, chance: random.Random) -> str:
        conf = dict(FITTING)
        for _ in range(chance.randint(1, 2)):
            conf[chance.choice([*self._parameters, *SELECTION])] = _wild(chance)
        if chance.random() < 0.05:
            conf[key(chance).replace("\0", "")] = chance.choice((1, "x", None))
        return written({"logical_date": None, "conf": conf})

    def take(self, given: str) -> str:
        self._set_up()
        body = given.encode("utf-8", "surrogatepass")
        answer = api().post(PATH, content=body, headers={"Content-Type": "application/json"})
        # 422 is how Airflow's API refuses a body that is not of its form, and 409 a run that is there already.
        told = one(answer, 200, 400, 409, 422)
        if answer.status_code != 200:
            return "refused"
        kept = one(api().get(f"{PATH}/{told['dag_run_id']}"))["conf"]
        own = {name: kept[name] for name in kept if name in self._parameters or name in SELECTION}
        # What Airflow takes beside the parameters is its own affair; the step refuses it by name.
        check_storable(own)
        unknown_names(self._parameters, kept)
        for name, parameter_ in self._parameters.items():
            try:
                check_storable(to_text(coerce(parameter_, own.get(name, parameter_.default))))
            except UnresolvedError as error:
                check_told(error)
        return "taken"

    def _set_up(self) -> None:
        """A Dag of the definition in the database; now and then the runs that it has got are forgotten."""
        self._taken += 1
        if self._taken % 500 == 0:
            forget()
            write(Parsing().parsed({"dags.py": FILE.format(arguments=""), f"{GOOD}.json": json.dumps(DEFINITION)}))


def _wild(chance: random.Random) -> Any:
    luck = chance.random()
    if luck < 0.3:
        return chance.choice(NUMBERS)
    made = value(chance) if luck < 0.4 else scalar(chance)
    # Airflow's own judgement of a Param, whichever, ends with a 500 where a value is nested that deep.
    return made if DEEP not in written(made) else None
