"""The endpoint as Airflow's API server has it: with Airflow's database, and the deployment's settings."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from airflow_sm_pipelines.server.callback_answers import take_answer
from airflow_sm_pipelines.server.callback_app import make_app
from airflow_sm_pipelines.server.refusal_rate import RefusalRate
from airflow_sm_pipelines.settings import setting

if TYPE_CHECKING:
    from fastapi import FastAPI


@cache
def app() -> FastAPI:
    """The app of this process."""
    return make_app(take_answer, RefusalRate(setting("callback_refusals_per_minute")))
