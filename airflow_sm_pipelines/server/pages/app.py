"""The FastAPI app of the pages, as Airflow's API server mounts it."""

from __future__ import annotations

from functools import cache
from typing import Annotated
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI, HTTPException, Path, Request, params
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from airflow_sm_pipelines.server.pages.content import definition_page, missing, run_page, runs_page
from airflow_sm_pipelines.server.pages.definition_source import definition_of
from airflow_sm_pipelines.server.pages.html import page
from airflow_sm_pipelines.server.pages.run_facts import facts_of_run, runs_of

PREFIX = "/sagemaker-pipelines"

DagId = Annotated[str, Path(max_length=250)]
RunId = Annotated[str, Path(max_length=250)]


def _may_read(*entities: DagAccessEntity) -> list[params.Depends]:
    """Who may see the Dag in Airflow, and these parts of it."""
    return [Depends(requires_access_dag("GET", entity)) for entity in (None, *entities)]


@cache
def app() -> FastAPI:
    """The app of this process."""
    made = FastAPI(title="Pages on SageMaker pipelines", openapi_url=None)
    entity = DagAccessEntity

    @made.get("/dags/{dag_id}/definition", dependencies=_may_read(entity.CODE))
    def definition(dag_id: DagId) -> HTMLResponse:
        with create_session(scoped=False) as session:
            shown = definition_of(session, dag_id)
        return (
            missing(f"{dag_id} is no Dag of a pipeline definition.")
            if shown is None
            else definition_page(dag_id, shown)
        )

    @made.get("/dags/{dag_id}/runs", dependencies=_may_read(entity.RUN))
    def runs(dag_id: DagId) -> HTMLResponse:
        with create_session(scoped=False) as session:
            return runs_page(dag_id, runs_of(session, dag_id))

    @made.get(
        "/dags/{dag_id}/runs/{run_id}",
        dependencies=_may_read(entity.RUN, entity.TASK_INSTANCE, entity.XCOM),
    )
    def run(dag_id: DagId, run_id: RunId) -> HTMLResponse:
        with create_session(scoped=False) as session:
            facts = facts_of_run(session, dag_id, run_id)
        return missing(f"{dag_id} has no run {run_id}.") if facts is None else run_page(dag_id, run_id, facts)

    @made.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == 401:
            root = str(request.scope.get("root_path", "")).removesuffix(PREFIX)
            return RedirectResponse(f"{root}/api/v2/auth/login?next={quote(request.url.path, safe='')}", 303)
        return page("Refused", str(error.detail), status=error.status_code)

    return made
