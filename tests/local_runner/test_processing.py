"""Processing jobs whose code really runs, asked for by boto3 over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.local_runner.jobs import BUCKET, CODE, Jobs, packed, processing_input, wait_until

UPPER = """
    import pathlib, sys
    source, target = map(pathlib.Path, sys.argv[1:])
    for file in sorted(source.rglob("*")):
        if file.is_file():
            to = target / file.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(file.read_text().upper())
            print("wrote", to.name)
"""
FOLDERS = ("/opt/ml/processing/input/data", "/opt/ml/processing/out")


def test_a_script_runs_on_its_inputs_and_its_outputs_go_to_s3(jobs: Jobs) -> None:
    jobs.put("data/a.txt", "one")
    jobs.put("data/deep/b.txt", "two")
    jobs.process(
        "upper",
        UPPER,
        arguments=FOLDERS,
        inputs={"data": f"s3://{BUCKET}/data"},
        outputs={"out": f"s3://{BUCKET}/results/upper"},
    )
    assert jobs.wait("upper").status == "Completed"
    assert jobs.keys("results/") == ["results/upper/a.txt", "results/upper/deep/b.txt"]
    assert jobs.get("results/upper/deep/b.txt") == b"TWO"
    assert jobs.log("upper") == ["wrote a.txt", "wrote b.txt"]


def test_a_path_that_stands_in_the_script_leads_to_the_job_too(jobs: Jobs) -> None:
    script = """
        from pathlib import Path
        Path("/opt/ml/processing/out/there.txt").write_text("yes")
    """
    jobs.process("literal", script, outputs={"out": f"s3://{BUCKET}/literal"})
    assert jobs.wait("literal").status == "Completed"
    assert jobs.keys("literal/there") == ["literal/there.txt"]
    assert not Path("/opt/ml/processing").exists()


def test_a_prefix_takes_what_begins_with_it_and_an_object_its_name(jobs: Jobs) -> None:
    jobs.put("data/part-1.csv", "1")
    jobs.put("data/part-2.csv", "2")
    jobs.put("data/other.csv", "3")
    list_files = """
        import pathlib
        root = pathlib.Path("/opt/ml/processing/input")
        print(sorted(file.relative_to(root).as_posix() for file in root.rglob("*.csv")))
    """
    jobs.process(
        "prefixes", list_files, inputs={"parts": f"s3://{BUCKET}/data/part-", "one": f"s3://{BUCKET}/data/other.csv"}
    )
    assert jobs.wait("prefixes").status == "Completed"
    assert jobs.log("prefixes") == ["['one/other.csv', 'parts/part-1.csv', 'parts/part-2.csv']"]


def test_a_manifest_names_its_objects(jobs: Jobs) -> None:
    jobs.put("data/a.txt", "one")
    jobs.put("data/b.txt", "two")
    manifest = jobs.put("list.manifest", json.dumps([{"prefix": f"s3://{BUCKET}/data/"}, "b.txt"]))
    code = jobs.put("listed/code/script.py", UPPER)
    jobs.process(
        "listed",
        UPPER,
        arguments=FOLDERS,
        outputs={"out": f"s3://{BUCKET}/listed/out"},
        ProcessingInputs=[processing_input("code", code), processing_input("data", manifest, "ManifestFile")],
    )
    assert jobs.wait("listed").status == "Completed"
    assert jobs.keys("listed/out/") == ["listed/out/b.txt"]


def test_a_missing_input_fails_the_job_in_aws_words(jobs: Jobs) -> None:
    jobs.process("missing", UPPER, inputs={"data": f"s3://{BUCKET}/nothing/there"})
    ended = jobs.wait("missing")
    assert ended.status == "Failed"
    assert ended.failure_reason is not None
    assert ended.failure_reason.startswith(
        f'ClientError: No S3 objects found under S3 URL "s3://{BUCKET}/nothing/there" given in input data source.'
    )
    assert jobs.log("missing") == []


def test_a_script_that_raises_fails_the_job_and_its_log_has_the_traceback(jobs: Jobs) -> None:
    script = """
        from pathlib import Path
        Path("/opt/ml/output/message").write_text("the rows are bad")
        raise ValueError("no rows")
    """
    jobs.process("raising", script, outputs={"out": f"s3://{BUCKET}/raising/out"})
    ended = jobs.wait("raising")
    assert (ended.status, ended.failure_reason) == ("Failed", "AlgorithmError: See job logs for more information")
    assert jobs.sagemaker.describe_processing_job(ProcessingJobName="raising")["ExitMessage"] == "the rows are bad"
    assert jobs.log("raising")[0] == "Traceback (most recent call last):"
    assert jobs.log("raising")[-1] == "ValueError: no rows"


def test_a_command_that_is_not_there_fails_the_job(jobs: Jobs) -> None:
    application = {"ImageUri": "own/image:1", "ContainerEntrypoint": ["no-such-program"]}
    jobs.process("absent", UPPER, AppSpecification=application)
    assert jobs.wait("absent").status == "Failed"
    assert jobs.log("absent") == ["no-such-program: not found"]


def test_an_image_without_a_command_is_not_run_and_not_said_to_be(jobs: Jobs) -> None:
    jobs.process("image-only", UPPER, AppSpecification={"ImageUri": "own/image:1"})
    ended = jobs.wait("image-only")
    assert ended.status == "Failed"
    assert "own/image:1 cannot run locally: the request has no ContainerEntrypoint" in str(ended.failure_reason)


def test_continuous_outputs_are_there_while_the_job_runs(jobs: Jobs) -> None:
    script = """
        import pathlib, time
        pathlib.Path("/opt/ml/processing/out/first.txt").write_text("first")
        go_on = pathlib.Path("/opt/ml/processing/never")
        while not go_on.exists():
            time.sleep(0.05)
    """
    jobs.process("flowing", script, outputs={"out": f"s3://{BUCKET}/flowing"}, mode="Continuous")
    wait_until(lambda: "flowing/first.txt" in jobs.keys("flowing/"), "the first file is in S3")
    assert [job.status for job in jobs.endpoint.jobs("processing")] == ["InProgress"]
    jobs.sagemaker.stop_processing_job(ProcessingJobName="flowing")
    assert jobs.wait("flowing").status == "Stopped"


def test_the_environment_and_the_configuration_are_those_of_the_request(jobs: Jobs) -> None:
    script = """
        import json, os, shutil, sys
        config = json.load(open("/opt/ml/config/processingjobconfig.json"))
        print(os.environ["MODE"], os.environ["AWS_REGION"], config["RoleArn"], config["ProcessingJobArn"])
        print(json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"], "AIRFLOW_HOME" in os.environ)
        print(os.path.dirname(shutil.which("pytest")) == os.path.dirname(sys.executable))
    """
    jobs.process("environment", script, Environment={"MODE": "fast"})
    ended = jobs.wait("environment")
    assert jobs.log("environment") == [
        f"fast us-east-1 arn:aws:iam::123456789012:role/SageMakerExecutionRole {ended.arn}",
        "algo-1 False",
        "True",
    ]


# What FrameworkProcessor writes, shortened.
RUNPROC = f"""#!/bin/bash
cd {CODE}/
tar -xzf sourcedir.tar.gz
set -e
if [[ -f 'requirements.txt' ]]; then
    pip install --no-index -r requirements.txt
fi
python train.py "$@"
"""


def test_a_framework_processor_unpacks_its_source_folder(jobs: Jobs) -> None:
    files = {
        "train.py": "import helper, sys; helper.tell(sys.argv[1])",
        "helper.py": "def tell(what): open('/opt/ml/processing/out/told', 'w').write(what)",
    }
    source, runproc = jobs.put("code/sourcedir.tar.gz", packed(files)), jobs.put("code/runproc.sh", RUNPROC)
    jobs.process(
        "framework",
        "",
        AppSpecification={
            "ImageUri": "own/image:1",
            "ContainerEntrypoint": ["/bin/bash", "/opt/ml/processing/input/entrypoint/runproc.sh"],
            "ContainerArguments": ["hello"],
        },
        ProcessingInputs=[processing_input("code", source), processing_input("entrypoint", runproc)],
        outputs={"out": f"s3://{BUCKET}/framework"},
    )
    assert jobs.wait("framework").status == "Completed", jobs.log("framework")
    assert jobs.get("framework/told") == b"hello"


def test_the_first_rule_that_fits_counts_and_a_scenario_comes_before_it(start_jobs: Callable[..., Jobs]) -> None:
    jobs = start_jobs("paths", {"step": "Simulated*", "run": "simulate"}, {"type": "Processing", "run": "process"})
    failing = "raise SystemExit(1)"
    for name, step in (("first", "SimulatedStep"), ("second", "RealStep")):
        jobs.process(name, failing, Tags=[{"Key": "sagemaker:pipeline-step-name", "Value": step}])
    assert (jobs.wait("first").status, jobs.wait("second").status) == ("Completed", "Failed")
    runner = [{"run": "process"}]
    jobs.endpoint.load_scenario({"runner": runner, "jobs": [{"kind": "processing", "failure_reason": "x"}]})
    jobs.process("third", failing)
    assert jobs.wait("third").status == "Completed"


def test_a_simulated_job_fails_for_want_of_an_input_where_a_setting_asks(start_jobs: Callable[..., Jobs]) -> None:
    jobs = start_jobs("paths", {"run": "simulate"}, check_inputs=True)
    jobs.process("want", UPPER, inputs={"data": f"s3://{BUCKET}/nothing"})
    jobs.process("enough", UPPER)
    assert "No S3 objects found" in str(jobs.wait("want").failure_reason)
    assert jobs.wait("enough").status == "Completed"


def test_an_output_that_s3_refuses_fails_the_job(start_jobs: Callable[..., Jobs]) -> None:
    jobs = start_jobs("paths")
    script = "open('/opt/ml/processing/out/a', 'w').write('a')"
    jobs.process("refused", script, outputs={"out": "s3://b/out"})
    ended = jobs.wait("refused")
    assert ended.status == "Failed"
    assert str(ended.failure_reason).startswith("ClientError: Failed to upload to s3://b/out/a: ")


def test_kept_folders_stay_and_others_do_not(start_jobs: Callable[..., Jobs], tmp_path: Path) -> None:
    def folders() -> list[str]:
        return sorted(found.name.rpartition("-")[0] for found in tmp_path.glob("*/endpoint-*/[a-z]*"))

    jobs = start_jobs("paths", folder=str(tmp_path / "gone"))
    jobs.process("gone", UPPER)
    jobs.wait("gone")
    jobs.endpoint.reset({})
    assert folders() == []
    jobs = start_jobs("paths", keep=True, folder=str(tmp_path / "kept"))
    jobs.process("kept", "print('done')")
    jobs.wait("kept")
    jobs.endpoint.reset({})
    assert folders() == ["kept"]


@pytest.mark.parametrize(
    ("runner", "message"),
    [
        ([{"run": "proces"}], r"\$\.runner\[0\]\.run: .*did you mean 'process'"),
        ([{"step": "a"}], r'\$\.runner\[0\]: needs "run": process or simulate'),
        ([{"run": "process", "imgae": "x"}], r"\$\.runner\[0\]\.imgae: unknown key \(did you mean 'image'\?\)"),
        ([{"run": "process", "python": "/no/such"}], r"\$\.runner\[0\]\.python: no such file: /no/such"),
        ([{"run": "process", "network": "yes"}], r"\$\.runner\[0\]\.network: expected true or false"),
        ({"isolation": "docker"}, r"\$\.runner\.isolation: 'docker' is none of"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(real_endpoint: Any, runner: Any, message: str) -> None:
    from airflow_sm_pipelines.local.reader import ScenarioError

    with pytest.raises(ScenarioError, match=message):
        real_endpoint.load_scenario({"runner": runner})
