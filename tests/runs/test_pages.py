"""The pages on pipelines in Airflow's API server: what they show, to whom, and what they never do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from starlette.testclient import TestClient

from airflow_sm_pipelines.definition_file import FILE_KEY
from tests.runs.harness import Airflow, pipeline, training

SECRET = "hunter2-literal"
MARKUP = "<script>alert(1)</script>"


class ChoosyAuthManager(SimpleAuthManager):
    """Airflow's simple auth manager, but for what one of its users may not see."""

    def is_authorized_dag(self, *, user: SimpleAuthManagerUser, **asked: Any) -> bool:
        refused = user.get_name().partition("-without-")[2]
        entity = asked.get("access_entity")
        return refused != ("DAG" if entity is None else entity.name) and super().is_authorized_dag(user=user, **asked)


@pytest.fixture
def web(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of the apps of Airflow's plugins, as the API server mounts them."""
    from airflow.api_fastapi.app import create_auth_manager, init_plugins
    from fastapi import FastAPI

    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", f"{__name__}.{ChoosyAuthManager.__name__}")
    # Another test may have stored a Dag of the same id a moment ago.
    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")
    create_auth_manager()
    app = FastAPI()
    init_plugins(app)
    with TestClient(app, follow_redirects=False) as client:
        yield client


def login(name: str) -> dict[str, str]:
    """The header of a user who is logged in; ``ann-without-CODE`` may see all but the code."""
    from airflow.api_fastapi.app import create_auth_manager

    token = create_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role="viewer"))
    return {"Authorization": f"Bearer {token}"}


def listed(airflow: Airflow) -> None:
    """Store the Dags of the folder as the Dag processor does."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    bundle = next(iter(DagBundlesManager().get_all_dag_bundles()))
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    sync_bag_to_db(bag, bundle.name, bundle_version=None)


SECRETIVE = pipeline(
    training("Train", Description=MARKUP, Arguments={"Environment": {"DB_PASSWORD": SECRET, "note": f"is {SECRET}"}}),
    training("After", DependsOn=["Train"]),
    Parameters=[{"Name": "ApiToken", "Type": "String", "DefaultValue": SECRET}],
)


def test_the_pages_show_a_run_and_its_definition_to_those_who_may_see_it(airflow: Airflow, web: TestClient) -> None:
    run = airflow.run(SECRETIVE)
    listed(airflow)
    page = web.get(f"/sagemaker-pipelines/dags/pipeline/runs/{run.run_id}", headers=login("ann"))
    assert page.status_code == 200
    job = run.xcom("Train", "sagemaker")["job_name"]
    for part in (job, "1 x ml.m5.large", "AWS console", "airflow:dag-id", "airflow:run-id", ">success<"):
        assert part in page.text
    assert run.run_id in web.get("/sagemaker-pipelines/dags/pipeline/runs", headers=login("ann")).text

    definition = web.get("/sagemaker-pipelines/dags/pipeline/definition", headers=login("ann"))
    assert "pipeline.json, as it is in the dags folder now" in definition.text
    assert "DB_PASSWORD" in definition.text
    assert SECRET not in definition.text
    assert MARKUP not in definition.text
    assert "&lt;script&gt;" in definition.text
    assert "default-src 'none'" in definition.headers["Content-Security-Policy"]
    assert definition.headers["Cache-Control"] == "no-store"

    for name, path in (
        ("ann-without-DAG", "definition"),
        ("ann-without-CODE", "definition"),
        ("ann-without-RUN", "runs"),
        *((f"ann-without-{part}", f"runs/{run.run_id}") for part in ("DAG", "RUN", "TASK_INSTANCE", "XCOM")),
    ):
        refused = web.get(f"/sagemaker-pipelines/dags/pipeline/{path}", headers=login(name))
        assert (refused.status_code, job in refused.text, "DB_PASSWORD" in refused.text) == (403, False, False)
    for path in ("definition", "runs", f"runs/{run.run_id}"):
        answer = web.get(f"/sagemaker-pipelines/dags/pipeline/{path}")
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/api/v2/auth/login?next=%2Fsagemaker-pipelines%2Fdags%2F")


DAGS_FILE = """
from airflow_sm_pipelines import SageMakerPipelineDag

for number, told in enumerate({told!r}):
    dag = globals()[f"told_{{number}}"] = SageMakerPipelineDag({definition!r}, dag_id=f"told-{{number}}")
    dag.default_args[{key!r}] = told
"""


def test_only_a_definition_in_the_dags_own_bundle_is_shown(airflow: Airflow, web: TestClient) -> None:
    told = ["../outside.json", "/etc/hosts", "notes.txt", "gone.json", "other.json", "link.json"]
    hidden = '{"Version": "2020-12-01", "Steps": [], "Metadata": {"note": "not for all"}}'
    outside = airflow.folder.parent / "outside.json"
    outside.write_text(hidden)
    (airflow.folder / "notes.txt").write_text(hidden)
    (airflow.folder / "other.json").write_text('{"note": "not for all"}')
    (airflow.folder / "link.json").symlink_to(outside)
    definition = pipeline(training("Train", Arguments={"Environment": {"DB_PASSWORD": SECRET}}))
    text = DAGS_FILE.format(told=told, definition=json.dumps(definition), key=FILE_KEY)
    (airflow.folder / "told_dags.py").write_text(text)
    listed(airflow)
    for number in range(len(told)):
        page = web.get(f"/sagemaker-pipelines/dags/told-{number}/definition", headers=login("ann"))
        assert page.status_code == 200
        assert "not for all" not in page.text
        assert "What Airflow stores of its steps" in page.text
        assert "TrainingImage" in page.text
        assert SECRET not in page.text


def test_what_is_not_there_is_not_found(airflow: Airflow, web: TestClient) -> None:
    for path in ("dags/nothing/definition", "dags/nothing/runs/none"):
        assert web.get(f"/sagemaker-pipelines/{path}", headers=login("ann")).status_code == 404


def test_the_pages_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_sm_pipelines.plugin import _apps

    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__PAGES", "False")
    assert [app["url_prefix"] for app in _apps()] == ["/aws"]


def test_an_address_is_a_link_only_to_the_web() -> None:
    from airflow_sm_pipelines.server.pages.html import link

    assert link("javascript:alert(1)", "<b>") == "&lt;b&gt;"
    assert link('https://a"b', "x") == '<a href="https://a&#34;b">x</a>'
