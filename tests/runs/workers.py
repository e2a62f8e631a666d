"""Workers that answer Callback steps, as threads beside a run."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from airflow_sm_pipelines.local.endpoint import LocalEndpoint

Handler = Callable[[dict[str, Any]], None]


def make_queue(endpoint: LocalEndpoint, name: str, **attributes: str) -> str:
    """Create a queue and return its URL."""
    url: str = endpoint.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def take(endpoint: LocalEndpoint, url: str) -> list[dict[str, Any]]:
    """The messages that are in a queue now, which are then deleted."""
    sqs = endpoint.client("sqs")
    taken = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            taken.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return taken


def send(endpoint: LocalEndpoint, url: str, message: Any) -> None:
    """Put a message in a queue."""
    body = message if isinstance(message, str) else json.dumps(message)
    endpoint.client("sqs").send_message(QueueUrl=url, MessageBody=body)


@contextmanager
def worker(endpoint: LocalEndpoint, url: str, handle: Handler) -> Iterator[list[dict[str, Any]]]:
    """A thread that hands each message of a queue to ``handle``; gives the messages that it has seen."""
    seen: list[dict[str, Any]] = []
    errors: list[Exception] = []
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            for message in take(endpoint, url):
                seen.append(message)
                try:
                    handle(message)
                except Exception as error:  # noqa: BLE001 # raised again where the worker's block ends
                    errors.append(error)
            time.sleep(0.05)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stopped.set()
        thread.join()
    if errors:
        raise errors[0]
