"""Serve the local AWS endpoint until interrupted."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from airflow_sm_pipelines.local.backend import MotoMissingError
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.reader import ScenarioError


def serve(
    host: str = "127.0.0.1", port: int = 5000, scenario_path: Path | None = None, time_scale: float = 1.0
) -> None:
    """Run an endpoint until SIGINT or SIGTERM; prints where it is and how to send AWS clients there.

    Ends the process with a readable message when moto is missing, the scenario is wrong or the port is taken.
    Call it from the main thread: it handles signals.
    """
    try:
        endpoint = LocalEndpoint(host=host, port=port, scenario=scenario_path, time_scale=time_scale).start()
    except ScenarioError as error:
        raise SystemExit(f"{scenario_path}: {error}") from None
    except (MotoMissingError, ValueError) as error:
        raise SystemExit(str(error)) from None
    except OSError as error:
        raise SystemExit(f"cannot listen on {host}:{port}: {error.strerror}") from None
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    settings = endpoint.environment
    wanted = " ".join(f"{key}={value}" for key, value in settings.items())
    print(f"local AWS endpoint at {endpoint.url} - use it with: {wanted}", flush=True)
    done.wait()
    endpoint.stop()
