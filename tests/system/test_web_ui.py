"""What a person sees in the web UI of ``airflow standalone``, started as README.md says, on a folder of definitions.

Two of the definitions are broken. ``SM_PIPELINES_TEST_SCREENSHOTS`` names a folder for new pictures of the
documentation.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.system.api import AirflowApi, is_answering
from tests.system.browser import Browser, chromium, pictured_on_failure
from tests.system.deployment import START_SECONDS, Site
from tests.system.processes import Processes, shown_on_failure

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
SCREENSHOTS_VARIABLE = "SM_PIPELINES_TEST_SCREENSHOTS"
RUN_SECONDS = 300
DIALOG = "[role=dialog][data-state=open]"
SELECTED_STEPS = "sagemaker_selected_steps"

BROKEN = {
    "Version": "2020-12-01",
    "Parameters": [
        {"Name": "MseThreshold", "Type": "Float", "DefaultValue": 6.0},
        {"Name": "InstanceCount", "Type": "Integer", "DefaultValue": "many"},
    ],
    "Steps": [
        {"Name": "Prepare", "Type": "Procesing", "Arguments": {}},
        {
            "Name": "Train",
            "Type": "Training",
            "Arguments": {
                "HyperParameters": {
                    "threshold": {"Get": "Parameters.MseTreshold"},
                    "data": {"Get": "Steps.Prepar.ModelArtifacts"},
                },
            },
        },
        {"Name": "Evaluate", "Type": "Processing", "Arguments": ["evaluate.py"]},
    ],
}
# For each finding what it has to say: where, the step, what is wrong, and what was likely meant.
FINDINGS = (
    ("$.Parameters[1].DefaultValue", "Integer", "'many'"),
    ("$.Steps[0].Type", "step 'Prepare'", "'Procesing'", "Did you mean 'Processing'?"),
    ("$.Steps[1].Arguments.HyperParameters.threshold", "step 'Train'", "'MseTreshold'", "'Parameters.MseThreshold'?"),
    ("$.Steps[1].Arguments.HyperParameters.data", "step 'Train'", "'Prepar'", "Did you mean 'Steps.Prepare'?"),
    ("$.Steps[2].Arguments", "step 'Evaluate'", "expected an object, found an array"),
)
NOT_JSON = '{\n  "Version": "2020-12-01",\n  "Steps": [\n    {"Name": "Train" "Type": "Training"}\n  ]\n}\n'
NOT_JSON_FINDING = ("line 4, column 22", "not JSON")


@dataclass(frozen=True)
class Ui:
    """Airflow's web UI in a browser whose user is logged in, and what lies behind it."""

    browser: Browser
    airflow: AirflowApi
    processes: Processes
    endpoint: LocalEndpoint

    def wait_for_end(self, dag_id: str, run_id: str) -> str:
        """The state in which a run ends, asked of the API."""
        return self.processes.wait_until(
            lambda: self.airflow.ended(dag_id, run_id), f"end of {dag_id}", timeout=RUN_SECONDS
        )


@pytest.fixture(scope="module")
def logged_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """``airflow standalone`` and a browser, once for the module."""
    folder = tmp_path_factory.mktemp("standalone")
    scenario = ROOT / "examples" / "scenarios" / "abalone-success.json"
    with LocalEndpoint(scenario=scenario) as endpoint, Processes(folder / "logs") as processes:
        site = Site.make(folder, endpoint.environment)
        shutil.copytree(ROOT / "dags", site.dags, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (site.dags / "pipelines" / "broken.json").write_text(json.dumps(BROKEN, indent=2))
        (site.dags / "pipelines" / "not-json.json").write_text(NOT_JSON)
        with chromium(site.url, folder / "profile") as browser:
            processes.start("standalone", ["airflow", "standalone"], site.environment, site.home)
            processes.wait_until(lambda: is_answering(site.url), "the API server answers", timeout=START_SECONDS)
            password = json.loads((site.home / "simple_auth_manager_passwords.json.generated").read_text())["admin"]
            with AirflowApi(site.url, username="admin", password=password) as airflow:
                processes.wait_until(airflow.healthy, "all components are healthy", timeout=START_SECONDS)
                processes.wait_until(lambda: "abalone" in airflow.dag_ids(), "abalone is listed", timeout=300)
                log_in(browser, password)
                yield Ui(browser, airflow, processes, endpoint)


def log_in(browser: Browser, password: str) -> None:
    """Log in as standalone's only user."""
    browser.open("/")
    browser.find("[name=username]").send_keys("admin")
    browser.find("[name=password]").send_keys(password)
    browser.click("button[type=submit]")
    browser.find("button[aria-label=User]")


@pytest.fixture
def ui(logged_in: Ui, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ui]:
    """The UI; the jobs that the test before made are forgotten."""
    logged_in.endpoint.reset()
    with (
        shown_on_failure(logged_in.processes, request),
        pictured_on_failure(logged_in.browser, request, tmp_path / "failed.png"),
    ):
        yield logged_in


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures for the documentation go: nowhere that lasts, unless asked for."""
    folder = os.environ.get(SCREENSHOTS_VARIABLE)
    return Path(folder) if folder else tmp_path_factory.mktemp("pictures")


def trigger_form(browser: Browser, dag_id: str) -> WebElement:
    """The form that the Trigger button opens."""
    browser.open(f"/dags/{dag_id}")
    browser.click("[data-testid=trigger-dag-button]")
    form = browser.find(DIALOG)
    browser.find("[name^=element_]", form)
    return form


def documentation(browser: Browser, path: str) -> str:
    """The text behind the documentation button of a Dag's or a task's page."""
    browser.open(path)
    browser.click("[data-testid=markdown-button]")
    browser.wait_for_text("Documentation")
    return browser.find(DIALOG).text


def one_line(text: str) -> str:
    """A text without the line breaks of the page's layout."""
    return " ".join(text.split())


def test_the_dags_of_all_files_are_listed(ui: Ui) -> None:
    ui.browser.open("/dags")

    ui.browser.wait_for_text(
        "4 Dags", "abalone", "diabetes", "sagemaker-pipeline", "broken", "not-json", "definition-error"
    )
    ui.browser.wait_for_text("broken (definition error)", "not-json (definition error)")
    assert ui.airflow.import_errors() == []


def test_the_page_of_a_broken_definitions_dag_says_so_where_people_look_first(ui: Ui) -> None:
    ui.browser.open("/dags/broken")

    ui.browser.wait_for_text("broken (definition error)", "broken.json cannot be used: 7 findings")


def test_the_trigger_form_is_typed(ui: Ui, pictures: Path) -> None:
    form = trigger_form(ui.browser, "abalone")
    ui.browser.picture(pictures / "trigger-form.png", height=1600)

    def field(name: str) -> WebElement:
        return form.find_element(By.CSS_SELECTOR, f"[name=element_{name}]")

    defaults = {
        "InputDataUrl": "s3://sagemaker-sample-files/datasets/tabular/uci_abalone/abalone.csv",
        "TrainingInstanceType": "ml.m5.xlarge",
        "TrainingInstanceCount": "1",
        "LearningRate": "0.2",
        "MseThreshold": "6",
        "ProcessingInstanceType": "ml.m5.large",
        "ModelApprovalStatus": "PendingManualApproval",
    }
    assert {name: field(name).get_attribute("value") for name in defaults} == defaults
    for text in ("InputDataUrl", "TrainingInstanceType"):
        assert (field(text).get_attribute("type"), field(text).aria_role) == ("text", "textbox")
    for number in ("TrainingInstanceCount", "LearningRate", "MseThreshold"):
        assert field(number).aria_role == "spinbutton"

    switch = field("EncryptInterContainerTraffic")
    assert switch.get_attribute("type") == "checkbox"
    assert not switch.is_selected()

    choices = {
        "ProcessingInstanceType": ["ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge"],
        "ModelApprovalStatus": ["PendingManualApproval", "Approved", "Rejected"],
    }
    for name, values in choices.items():
        assert options(ui.browser, form, name) == values
        drop_down(form, name).send_keys(Keys.TAB)


def drop_down(form: WebElement, name: str) -> WebElement:
    """What one types into to choose a value of a parameter."""
    return form.find_element(By.CSS_SELECTOR, f"#element_{name} [role=combobox]")


def options(browser: Browser, form: WebElement, name: str) -> list[str]:
    """The values that a parameter's drop-down offers, once it has opened."""
    drop_down(form, name).send_keys(Keys.ARROW_DOWN)
    browser.find("[role=option]", form)
    # Not ``text``, which is empty for an option that is scrolled out of the list or not painted yet.
    found = form.find_elements(By.CSS_SELECTOR, f"#element_{name} [role=option]")
    return [option.get_attribute("textContent") or "" for option in found]


def test_steps_to_run_alone_are_chosen_in_the_form(ui: Ui) -> None:
    form = trigger_form(ui.browser, "abalone")
    ui.browser.wait_for_text("Selective execution")
    if not drop_down(form, SELECTED_STEPS).is_displayed():
        form.find_element(By.XPATH, ".//button[contains(., 'Selective execution')]").click()
    box = drop_down(form, SELECTED_STEPS)
    assert options(ui.browser, form, SELECTED_STEPS)[:3] == ["PreprocessAbalone", "TrainAbalone", "EvaluateAbalone"]
    box.send_keys("PreprocessAb", Keys.ENTER)
    ui.browser.click("[data-testid=trigger-dag-submit]", form)
    run_id = ui.browser.wait_for_path("/dags/abalone/runs/").split("/")[4]

    assert ui.wait_for_end("abalone", run_id) == "success"
    ran = [step for step, state in ui.airflow.task_states("abalone", run_id).items() if state == "success"]
    assert ran == ["PreprocessAbalone"]
    assert len(ui.endpoint.requests("sagemaker", "CreateProcessingJob")) == 1


def test_a_run_from_the_form_ends_green_and_shows_its_requests(ui: Ui, pictures: Path) -> None:
    form = trigger_form(ui.browser, "abalone")
    drop_down(form, "ProcessingInstanceType").send_keys("ml.m5.xl", Keys.ENTER)
    threshold = ui.browser.find("[name=element_MseThreshold]", form)
    threshold.send_keys(Keys.CONTROL, "a")
    # No decimal point: on a busy machine the form reads "5." as 5 before the rest is typed.
    threshold.send_keys("1625", Keys.TAB)
    ui.browser.click("[data-testid=trigger-dag-submit]", form)
    run_path = ui.browser.wait_for_path("/dags/abalone/runs/")
    run_id = run_path.split("/")[4]

    assert ui.wait_for_end("abalone", run_id) == "success"
    ui.browser.open(run_path)
    states = ui.browser.wait_for_text("Success", "Skipped", "Good enough?", "Register model")
    assert "Failed" not in states

    ui.browser.click("button[aria-label^='Show Graph']")
    graph = ui.browser.wait_for_text("Preprocess", "ConditionStepOperator", "If", "Else").splitlines()
    assert (graph.count("If"), graph.count("Else")) == (2, 1)
    ui.browser.click("button[aria-label^='Show Grid']")

    preprocess, _ = ui.endpoint.requests("sagemaker", "CreateProcessingJob")
    cluster = preprocess.parameters["ProcessingResources"]["ClusterConfig"]
    assert cluster["InstanceType"] == "ml.m5.xlarge"
    ui.browser.open(f"{run_path}/tasks/CheckMse/rendered_templates")
    ui.browser.wait_for_text("LessThanOrEqualTo", "4.63", "1625", '"Outcome"')

    with ui.browser.sized(1440, 900):
        ui.browser.open(f"{run_path}/tasks/CheckMse")
        ui.browser.wait_to_read("4.63 <= 1625", "the if branch")
        ui.browser.picture(pictures / "condition-log.png")

    (train,) = ui.endpoint.requests("sagemaker", "CreateTrainingJob")
    name = train.parameters["TrainingJobName"]
    channel, _ = train.parameters["InputDataConfig"]
    assert name.startswith("pipelines-")
    ui.browser.open(f"{run_path}/tasks/TrainAbalone/rendered_templates")
    request = ui.browser.wait_for_text(f'"{name}"', f'"{channel["DataSource"]["S3DataSource"]["S3Uri"]}"')
    assert '"Get"' not in request
    assert "Std:Join" not in request
    ui.browser.scroll_to_text(f'"{name}"')
    ui.browser.picture(pictures / "rendered-templates.png")


REASON = (
    "AlgorithmError: the labels of the training data have a value that is no number, in line 4711 of train.csv: 'M'."
    " The objective is reg:squarederror, which needs numbers, and the last line of the log is of the exit code, 1"
)


def test_the_reason_of_a_failure_is_read_without_scrolling_sideways(ui: Ui, pictures: Path) -> None:
    ui.endpoint.reset({"jobs": [{"name": "*-TrainAbalone-*", "outcome": "Failed", "failure_reason": REASON}]})
    run_id = ui.airflow.trigger("abalone")
    assert ui.wait_for_end("abalone", run_id) == "failed"

    with ui.browser.sized(1440, 900):
        ui.browser.open(f"/dags/abalone/runs/{run_id}/tasks/TrainAbalone")
        ui.browser.wait_to_read(REASON)
        ui.browser.picture(pictures / "failure-log.png")
        ui.browser.open(f"/sagemaker-pipelines/dags/abalone/runs/{run_id}")
        ui.browser.wait_to_read("Train", "failed", "AWS console", "airflow:run-id")
        ui.browser.picture(pictures / "run-summary-failed.png")


def test_the_documentation_of_a_dag_leads_to_its_definition(ui: Ui) -> None:
    text = one_line(documentation(ui.browser, "/dags/abalone"))
    assert "Step Type Waits for PreprocessAbalone Processing TrainAbalone Training PreprocessAbalone" in text
    assert "LearningRate (Float): 0.2" in text

    address = ui.browser.find("[role=dialog] a[href$='/definition']").get_attribute("href")
    ui.browser.open(str(address).removeprefix(ui.browser.base_url))
    ui.browser.wait_for_text(
        "Definition of abalone", "pipelines/abalone.json", "TrainAbalone", '"AlgorithmSpecification"'
    )


def test_a_steps_description_is_in_its_documentation(ui: Ui) -> None:
    text = documentation(ui.browser, "/dags/abalone/tasks/TrainAbalone")

    assert "Fit gradient-boosted trees to the number of rings." in text
    assert "It waits for PreprocessAbalone." in text
    assert "ResourceConfig.InstanceType = {Parameters.TrainingInstanceType}" in text


def test_the_documentation_of_a_broken_definition_has_all_its_findings(ui: Ui) -> None:
    text = one_line(documentation(ui.browser, "/dags/broken"))

    assert "broken.json" in text
    assert [part for finding in FINDINGS for part in finding if part not in text] == []


def test_the_documentation_of_a_file_that_is_no_json_says_where(ui: Ui) -> None:
    text = one_line(documentation(ui.browser, "/dags/not-json"))

    assert [part for part in ("not-json.json", *NOT_JSON_FINDING) if part not in text] == []


def test_a_run_of_a_broken_definition_fails_with_its_findings_in_the_log(ui: Ui) -> None:
    run_id = ui.airflow.trigger("broken")

    assert ui.wait_for_end("broken", run_id) == "failed"
    ui.browser.open(f"/dags/broken/runs/{run_id}/tasks/definition_error")
    ui.browser.wait_for_text("broken.json: 7 findings")
    text = one_line(ui.browser.text())
    assert [part for finding in FINDINGS for part in finding if part not in text] == []
