"""Serve the local AWS endpoint until interrupted."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from airflow_sm_pipelines.local.calls_out import refuse_everywhere
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.errors import MotoMissingError
from airflow_sm_pipelines.local.pipelines import MakePipelineApi
from airflow_sm_pipelines.local.reader import ScenarioError


def serve_as_asked(options: argparse.Namespace, pipelines: MakePipelineApi | None = None) -> None:
    """Run an endpoint with the options of :mod:`airflow_sm_pipelines.local.arguments` until SIGINT or SIGTERM.

    :param pipelines: makes what answers operations on pipelines
    """
    serve(
        options.host,
        options.port,
        None if options.scenario is None else Path(options.scenario),
        options.time_scale,
        allow_remote=options.allow_remote,
        allowed_hosts=options.allowed_host,
        allow_remote_code=options.allow_remote_code,
        pipelines=pipelines,
    )


def serve(
    host: str = "127.0.0.1",
    port: int = 5000,
    scenario_path: Path | None = None,
    time_scale: float = 1.0,
    *,
    allow_remote: bool = False,
    allowed_hosts: Sequence[str] = (),
    allow_remote_code: bool = False,
    pipelines: MakePipelineApi | None = None,
) -> None:
    """Run an endpoint until SIGINT or SIGTERM; prints where it is and how to send AWS clients there.

    Ends the process with a readable message when moto is missing, the scenario is wrong, other machines could reach
    the endpoint and may not, or the port is taken. Call it from the main thread: it handles signals. From then on this
    process connects to nothing.
    """
    try:
        endpoint = LocalEndpoint(
            host=host,
            port=port,
            scenario=scenario_path,
            time_scale=time_scale,
            allow_remote=allow_remote,
            allowed_hosts=allowed_hosts,
            allow_remote_code=allow_remote_code,
            pipelines=pipelines,
        ).start()
    except ScenarioError as error:
        raise SystemExit(f"{scenario_path}: {error}") from None
    except (MotoMissingError, ValueError) as error:
        raise SystemExit(str(error)) from None
    except OSError as error:
        raise SystemExit(f"cannot listen on {host}:{port}: {error.strerror}") from None
    refuse_everywhere()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    settings = endpoint.environment
    wanted = " ".join(f"{key}={value}" for key, value in settings.items())
    others = f", for others by the name {' or '.join(allowed_hosts)}" if allowed_hosts else ""
    print(f"local AWS endpoint at {endpoint.url}{others} - use it with: {wanted}", flush=True)
    done.wait()
    endpoint.stop()
