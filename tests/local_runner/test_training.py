"""Training jobs whose code really runs: a script as the images of the frameworks run it, or the container's command."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.local_runner.jobs import BUCKET, GUARDED, Jobs, channel, packed, unpacked, wait_until

TRAIN = """
    import argparse, json, os, pathlib

    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
    options = parser.parse_args()
    rows = pathlib.Path(options.train, "rows.csv").read_text().split()
    for epoch in range(options.epochs):
        print(f"epoch={epoch}; loss={1 / (epoch + 1):.3f};")
    pathlib.Path(options.model_dir, "model.json").write_text(json.dumps({"rows": len(rows)}))
    pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "report.txt").write_text(str(options.learning_rate))
"""
PARAMETERS = {"epochs": "3", "learning-rate": "0.25"}
LOSS = [{"Name": "loss", "Regex": r"loss=([0-9.]+);"}]


def test_a_script_trains_and_its_model_output_and_metrics_are_those_of_the_job(jobs: Jobs) -> None:
    jobs.put("data/rows.csv", "1\n2\n3\n")
    jobs.train(
        "fit",
        {"train.py": TRAIN},
        HyperParameters=PARAMETERS,
        InputDataConfig=[channel("train", f"s3://{BUCKET}/data")],
        AlgorithmSpecification={"MetricDefinitions": LOSS},
    )
    assert jobs.wait("fit").status == "Completed", jobs.log("fit", "TrainingJobs")
    told = jobs.training("fit")
    assert told["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://{BUCKET}/models/fit/output/model.tar.gz"}
    assert unpacked(jobs.get("models/fit/output/model.tar.gz")) == {"model.json": b'{"rows": 3}'}
    assert unpacked(jobs.get("models/fit/output/output.tar.gz")) == {"report.txt": b"0.25"}
    assert [(metric["MetricName"], round(metric["Value"], 3)) for metric in told["FinalMetricDataList"]] == [
        ("loss", 0.333)
    ]
    phases = [transition["Status"] for transition in told["SecondaryStatusTransitions"]]
    assert phases == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert jobs.log("fit", "TrainingJobs")[-1] == "epoch=2; loss=0.333;"


def test_the_variables_of_the_toolkit_are_there(jobs: Jobs) -> None:
    jobs.put("data/rows.csv", "1\n")
    script = """
        import json, os, sys
        print(sys.argv[1:], os.environ["SM_CHANNELS"], os.environ["SM_NUM_GPUS"], os.environ["SM_CURRENT_HOST"])
        print(json.loads(os.environ["SM_HPS"]), os.environ["SM_HP_EPOCHS"], os.environ["TRAINING_JOB_NAME"])
        environment = json.loads(os.environ["SM_TRAINING_ENV"])
        print(environment["hyperparameters"] == json.loads(os.environ["SM_HPS"]), os.environ["SM_USER_ENTRY_POINT"])
        print(sorted(os.listdir(os.environ["SM_INPUT_CONFIG_DIR"])), os.environ["MODE"])
        print(open(os.environ["SM_INPUT_CONFIG_DIR"] + "/hyperparameters.json").read())
        import helper
    """
    given = {"epochs": "3", "name": '"quoted"', "k": "1", "layers": "[1, 2]", "_tuning_objective_metric": "loss"}
    jobs.train(
        "variables",
        {"train.py": script, "helper.py": "print('beside it')"},
        HyperParameters=given,
        InputDataConfig=[channel("train", f"s3://{BUCKET}/data")],
        Environment={"MODE": "fast"},
    )
    assert jobs.wait("variables").status == "Completed", jobs.log("variables", "TrainingJobs")
    log = jobs.log("variables", "TrainingJobs")
    assert log[:4] == [
        "['--epochs', '3', '-k', '1', '--layers', '[1, 2]', '--name', 'quoted'] [\"train\"] 0 algo-1",
        "{'epochs': 3, 'k': 1, 'layers': [1, 2], 'name': 'quoted'} 3 variables",
        "True train.py",
        "['hyperparameters.json', 'inputdataconfig.json', 'resourceconfig.json'] fast",
    ]
    assert json.loads(log[4])["name"] == '"quoted"'
    assert log[5] == "beside it"


def test_a_script_that_raises_fails_the_job_as_the_toolkit_does(jobs: Jobs) -> None:
    script = """
        def fit():
            raise ValueError("the rows are bad")
        fit()
    """
    jobs.train("raising", {"train.py": script}, HyperParameters={"epochs": "3"})
    ended = jobs.wait("raising")
    reason = str(ended.failure_reason)
    assert ended.status == "Failed"
    assert reason.startswith('AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "File "')
    assert 'in fit\n    raise ValueError("the rows are bad")\nValueError: the rows are bad"' in reason
    assert reason.endswith('\nCommand "python3 train.py --epochs 3", exit code: 1')
    assert jobs.keys("models/") == []
    assert jobs.log("raising", "TrainingJobs")[-1] == "ValueError: the rows are bad"


@pytest.mark.parametrize(("failure", "reason"), [("", ""), ("out of patience", "out of patience")])
def test_a_container_tells_its_failure_in_a_file(jobs: Jobs, failure: str, reason: str) -> None:
    command = f"echo -n '{failure}' > /opt/ml/output/failure; echo half > /opt/ml/output/data/half; exit 4"
    jobs.train(
        "container",
        AlgorithmSpecification={"ContainerEntrypoint": ["/bin/sh", "-c"], "ContainerArguments": [command]},
    )
    ended = jobs.wait("container")
    assert (ended.status, ended.failure_reason) == ("Failed", f"AlgorithmError: {reason}, exit code: 4")
    assert unpacked(jobs.get("models/container/output/output.tar.gz")) == {"half": b"half\n"}


def test_a_process_that_is_killed_has_the_exit_code_of_its_signal(jobs: Jobs) -> None:
    jobs.train("killed", {"train.py": "import os; os.kill(os.getpid(), 9)"})
    assert str(jobs.wait("killed").failure_reason).endswith("exit code: 137")


def test_an_image_that_is_all_there_is_to_run_does_not_run(jobs: Jobs) -> None:
    jobs.train("image", AlgorithmSpecification={"TrainingImage": "own/algorithm:1"})
    ended = jobs.wait("image")
    assert ended.status == "Failed"
    assert "the image own/algorithm:1 cannot run locally" in str(ended.failure_reason)


def test_a_missing_channel_fails_the_job_in_aws_words(jobs: Jobs) -> None:
    jobs.train("missing", {"train.py": ""}, InputDataConfig=[channel("train", f"s3://{BUCKET}/nothing")])
    assert str(jobs.wait("missing").failure_reason).startswith(
        f'ClientError: No S3 objects found under S3 URL "s3://{BUCKET}/nothing"'
    )


CAREFUL = """
    import pathlib, signal, sys, time
    def end(*_):
        pathlib.Path("/opt/ml/model/half.txt").write_text("half")
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    while True:
        time.sleep(0.05)
"""


def test_a_job_over_its_time_has_aws_status_and_keeps_its_model(jobs: Jobs) -> None:
    jobs.train("slow", {"train.py": CAREFUL})
    jobs.wait_for_line("slow", "ready", "TrainingJobs")
    assert jobs.training("slow")["SecondaryStatus"] == "Training"
    jobs.endpoint.advance(3601)
    assert jobs.wait("slow").status == "Stopped"
    told = jobs.training("slow")
    assert told["SecondaryStatus"] == "MaxRuntimeExceeded"
    message = told["SecondaryStatusTransitions"][-1]["StatusMessage"]
    assert message == "Training job runtime exceeded MaxRuntimeInSeconds provided"
    assert unpacked(jobs.get("models/slow/output/model.tar.gz")) == {"half.txt": b"half"}


def test_a_stopped_job_has_the_time_to_save_its_model(jobs: Jobs) -> None:
    jobs.train("stopped", {"train.py": CAREFUL})
    jobs.wait_for_line("stopped", "ready", "TrainingJobs")
    jobs.sagemaker.stop_training_job(TrainingJobName="stopped")
    assert jobs.wait("stopped").status == "Stopped"
    phases = [entry["Status"] for entry in jobs.training("stopped")["SecondaryStatusTransitions"]]
    assert phases[-2:] == ["Stopping", "Stopped"]
    assert unpacked(jobs.get("models/stopped/output/model.tar.gz")) == {"half.txt": b"half"}


def test_checkpoints_come_and_go_while_the_job_runs(jobs: Jobs) -> None:
    jobs.put("checkpoints/first.txt", "first")
    script = """
        import pathlib, time
        folder = pathlib.Path("/opt/ml/checkpoints")
        (folder / "second.txt").write_text((folder / "first.txt").read_text() + " second")
        while True:
            time.sleep(0.05)
    """
    config = {"S3Uri": f"s3://{BUCKET}/checkpoints"}
    jobs.train("checked", {"train.py": script}, CheckpointConfig=config)
    key = "checkpoints/second.txt"
    wait_until(lambda: key in jobs.keys(key) and jobs.get(key) == b"first second", "the whole checkpoint is in S3")
    jobs.sagemaker.stop_training_job(TrainingJobName="checked")
    assert jobs.wait("checked").status == "Stopped"


def test_a_model_is_not_packed_where_the_request_says_so(jobs: Jobs) -> None:
    script = "open('/opt/ml/model/weights', 'w').write('w')"
    config = {"S3OutputPath": f"s3://{BUCKET}/plain", "CompressionType": "NONE"}
    jobs.train("plain", {"train.py": script}, OutputDataConfig=config)
    assert jobs.wait("plain").status == "Completed"
    assert jobs.keys("plain/plain/") == ["plain/plain/output/model/weights"]
    artifacts = jobs.training("plain")["ModelArtifacts"]
    assert artifacts == {"S3ModelArtifacts": f"s3://{BUCKET}/plain/plain/output/model/"}


# What SDK 3 writes for a source folder, shortened: its script and drivers come by channels of their own.
SM_TRAIN = """#!/bin/bash
set -e
trap 'if [ ! -s /opt/ml/output/failure ]; then echo "Training Execution failed" >> /opt/ml/output/failure; fi' ERR
python3 /opt/ml/input/data/sm_drivers/environment.py
source /opt/ml/input/sm_training.env
cd /opt/ml/input/data/code
python3 train.py --mode "$SM_HP_MODE"
"""
DRIVER = """
import json
given = json.load(open("/opt/ml/input/config/hyperparameters.json"))
open("/opt/ml/input/sm_training.env", "w").write("export SM_HP_MODE=" + given["mode"])
"""


def test_a_source_code_of_sdk_3_runs_by_its_own_drivers(jobs: Jobs) -> None:
    jobs.put("three/drivers/sm_train.sh", SM_TRAIN)
    jobs.put("three/drivers/environment.py", DRIVER)
    jobs.put("three/code/train.py", "import sys; open('/opt/ml/model/m', 'w').write(sys.argv[2])")
    start = "chmod +x /opt/ml/input/data/sm_drivers/sm_train.sh && /opt/ml/input/data/sm_drivers/sm_train.sh"
    jobs.train(
        "three",
        AlgorithmSpecification={"ContainerEntrypoint": ["/bin/bash"], "ContainerArguments": ["-c", start]},
        HyperParameters={"mode": "fast"},
        InputDataConfig=[
            channel("code", f"s3://{BUCKET}/three/code"),
            channel("sm_drivers", f"s3://{BUCKET}/three/drivers"),
        ],
    )
    assert jobs.wait("three").status == "Completed", jobs.log("three", "TrainingJobs")
    assert unpacked(jobs.get("models/three/output/model.tar.gz")) == {"m": b"fast"}


def wheel(folder: Path, name: str, text: str) -> Path:
    """A package of one module, as a wheel."""
    about = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": text,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{about}/RECORD"])
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)
    return path


def test_requirements_of_the_source_folder_are_installed_once(
    start_jobs: Callable[..., Jobs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = wheel(tmp_path, "package_of_source", "VALUE = 42")
    jobs = start_jobs("auto")
    files = {
        "train.py": """
            import importlib.util, package_of_source
            print(package_of_source.VALUE, importlib.util.find_spec("boto3").name)
        """,
        "requirements.txt": f"--no-index\n{package.as_uri().replace('file://', 'file:')}\n",
    }
    for job in ("first", "second"):
        jobs.train(job, files)
        assert jobs.wait(job).status == "Completed", jobs.log(job, "TrainingJobs")
        assert jobs.log(job, "TrainingJobs") == ["42 boto3"]
    assert len(list((tmp_path / "cache" / "sm-pipelines" / "environments").glob("*/.complete"))) == 1
    jobs.train("third", {"train.py": "", "requirements.txt": "--no-index\nno-such-package\n"})
    assert str(jobs.wait("third").failure_reason).startswith("ClientError: requirements.txt could not be installed:")


def test_a_rule_gives_the_python_of_a_job(
    start_jobs: Callable[..., Jobs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = wheel(tmp_path, "package_of_rule", "VALUE = 7")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"--no-index\n{package.as_uri().replace('file://', 'file:')}\n")
    rule = {"image": "*scikit*", "run": "process", "python": {"requirements": str(requirements)}}
    jobs = start_jobs("auto", rule)
    script = """
        import importlib.util, package_of_rule
        print(package_of_rule.VALUE, importlib.util.find_spec("boto3"))
    """
    jobs.train("by-rule", {"train.py": script}, Environment=GUARDED)
    assert jobs.wait("by-rule").status == "Completed", jobs.log("by-rule", "TrainingJobs")
    assert jobs.log("by-rule", "TrainingJobs") == ["7 None"]


# What the SDK adds to a pipeline that registers a model with a script of its own, shortened.
LAUNCHER = """#!/bin/bash
python3 repack.py --model "${SM_HP_MODEL_ARCHIVE}" --script "${SM_HP_INFERENCE_SCRIPT}"
"""
REPACK = """
    import argparse, os, shutil, tarfile
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--script")
    options = parser.parse_args()
    tarfile.open("/opt/ml/input/data/training/" + options.model).extract("weights", "/opt/ml/model")
    os.mkdir("/opt/ml/model/code")
    shutil.copy("/opt/ml/code/" + options.script, "/opt/ml/model/code/")
"""


def test_a_repack_job_runs_as_it_is(jobs: Jobs) -> None:
    model = jobs.put("trained/model.tar.gz", packed({"weights": "w"}))
    jobs.train(
        "repack",
        {"launch.sh": LAUNCHER, "repack.py": REPACK, "inference.py": "# serves"},
        HyperParameters={
            "sagemaker_program": '"launch.sh"',
            "model_archive": '"model.tar.gz"',
            "inference_script": '"inference.py"',
        },
        InputDataConfig=[channel("training", model)],
    )
    assert jobs.wait("repack").status == "Completed", jobs.log("repack", "TrainingJobs")
    model_and_code = unpacked(jobs.get("models/repack/output/model.tar.gz"))
    assert model_and_code == {"weights": b"w", "code/inference.py": b"# serves"}
