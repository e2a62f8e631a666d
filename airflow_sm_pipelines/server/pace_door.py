"""The app of the pace as Airflow's API server has it: with Airflow's database, and the deployment's settings."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from airflow_sm_pipelines.pace.rates import read_rates
from airflow_sm_pipelines.server.pace_answers import answer
from airflow_sm_pipelines.server.pace_app import make_app
from airflow_sm_pipelines.server.refusal_rate import RefusalRate
from airflow_sm_pipelines.settings import setting

if TYPE_CHECKING:
    from fastapi import FastAPI

REFUSALS_PER_MINUTE = 300


@cache
def app() -> FastAPI:
    """The app of this process."""
    rates = read_rates(setting("pace"))
    return make_app(partial(answer, rates=rates), RefusalRate(REFUSALS_PER_MINUTE, what="the pace"))
