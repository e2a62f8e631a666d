"""The tests cannot reach real AWS: whatever tries fails its test, also when the code under test swallows the error."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from tests.guarded.plugin import OutsideError, attempts, guarded_path

ROOT = Path(__file__).parents[1]
KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5)
CALLS = {
    "sagemaker": "list_models",
    "s3": "list_buckets",
    "sts": "get_caller_identity",
    "sqs": "list_queues",
    "lambda": "list_functions",
    "logs": "describe_log_groups",
    "emr": "list_clusters",
}


@pytest.mark.parametrize(("service", "call"), CALLS.items())
def test_boto3(service: str, call: str) -> None:
    client = boto3.client(service, config=ONCE, **KEYS)
    with pytest.raises(BotoCoreError):
        getattr(client, call)()
    client.close()
    [line] = attempts()
    assert re.match(r"socket\.getaddrinfo of \S+\.amazonaws\.com, process", line)


def test_aiobotocore() -> None:
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    async def call() -> None:
        config = AioConfig(retries={"total_max_attempts": 1})
        async with get_session().create_client("sagemaker", config=config, **KEYS) as client:
            await client.list_models()

    with pytest.raises(BotoCoreError):
        asyncio.run(call())
    [line] = attempts()
    assert line.startswith("socket.getaddrinfo of api.sagemaker.eu-west-1.amazonaws.com")


def test_a_process_that_a_test_starts() -> None:
    program = f"import boto3; boto3.client('sts', **{KEYS!r}).get_caller_identity()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "tests do not leave this machine: socket.getaddrinfo of sts" in done.stderr
    [first, *_] = attempts()
    assert first.startswith("socket.getaddrinfo of sts.eu-west-1.amazonaws.com")
    assert f"process {os.getpid()}" not in first


@pytest.mark.parametrize("address", ["192.0.2.1", "169.254.169.254", "2001:db8::1"])
def test_an_address_without_a_name(address: str) -> None:
    """The second is where a machine of AWS's has its role's credentials."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as stream, pytest.raises(OutsideError):
        stream.connect((address, 80))
    assert len(attempts()) == 1
    with socket.socket(family, socket.SOCK_DGRAM) as datagrams, pytest.raises(OutsideError):
        datagrams.sendto(b"x", (address, 80))
    assert len(attempts()) == 1


def test_a_process_without_the_guard_is_not_started() -> None:
    with pytest.raises(OutsideError):
        subprocess.run([sys.executable, "-c", ""], env={"PATH": os.environ["PATH"]}, check=False)
    [line] = attempts()
    assert line.startswith(f"a process without this guard: [{sys.executable!r}, ")


def test_credentials_of_whoever_runs_the_tests(tmp_path: Path) -> None:
    """Neither boto3 nor anything else reads ~/.aws, in a process that has one."""
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text("[default]\naws_access_key_id = real\naws_secret_access_key = real\n")
    (folder / "config").write_text("[default]\nregion = eu-west-1\n")
    environment = {**os.environ, "HOME": str(tmp_path)}
    program = "import boto3; s = boto3.Session(); print(s.get_credentials(), s.region_name)"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "None"]
    assert attempts() == []
    program = f"open({str(folder / 'credentials')!r})"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert "OutsideError: tests do not leave this machine: open of" in done.stderr
    assert len(attempts()) == 1


# Without boto3, whose import takes longer than all of this: what it asks for is refused above.
SWALLOWING = """
import contextlib, socket, subprocess, sys

def test_swallows():
    with contextlib.suppress(Exception):
        socket.create_connection(("sts.eu-west-1.amazonaws.com", 443))

def test_starts_a_process_that_does():
    program = "import socket; socket.create_connection(('s3.eu-west-1.amazonaws.com', 443))"
    subprocess.run([sys.executable, "-c", program], check=False)

def test_stays_here():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
"""


def test_the_guard_fails_a_test_that_swallows_its_error(tmp_path: Path) -> None:
    file = tmp_path / "test_swallowing.py"
    file.write_text(SWALLOWING)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.guarded.plugin", "-p", "no:cacheprovider", str(file)]
    environment = {**os.environ, "PYTHONPATH": guarded_path(str(ROOT)), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "2 failed, 1 passed" in done.stdout
    assert "tests do not leave this machine:" in done.stdout
    assert "sts.eu-west-1.amazonaws.com" in done.stdout
    assert "s3.eu-west-1.amazonaws.com" in done.stdout
    assert attempts() == []
