"""Events of jobs, as an EventBridge rule puts them into an SQS queue: that one has begun, and that it has ended."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_sm_pipelines.local.backend import ACCOUNT, Moto

if TYPE_CHECKING:
    from airflow_sm_pipelines.local.state import Job

LABELS = {
    "training": ("Training", "TrainingJob"),
    "processing": ("Processing", "ProcessingJob"),
    "transform": ("Transform", "TransformJob"),
    "tuning": ("HyperParameter Tuning", "HyperParameterTuningJob"),
}
TICK_SECONDS = 0.05


class JobEvents:
    """Sends events to the queue that a scenario names, if it names one."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto
        self._queue: str | None = None

    def follow(self, queue: str | None) -> None:
        """Send to this queue from now on; None: nothing is sent."""
        self._queue = queue

    def send(self, job: Job, status: str, at: float) -> None:
        """Send that a job has got a status."""
        if self._queue is None or job.kind not in LABELS:
            return
        words, label = LABELS[job.kind]
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": f"SageMaker {words} Job State Change",
            "source": "aws.sagemaker",
            "account": ACCOUNT,
            "time": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": job.region,
            "resources": [job.arn],
            "detail": {
                f"{label}Name": job.name,
                f"{label}Arn": job.arn,
                f"{label}Status": status,
                "CreationTime": int(job.created * 1000),
                "Tags": job.tags,
            },
        }
        self._moto.send_message(self._queue, json.dumps(event), job.region)


class Ticker:
    """Lets what is due happen also while nobody calls: an event comes by itself."""

    def __init__(self, tick: Callable[[], object]) -> None:
        self._tick = tick
        self._ended: threading.Event | None = None

    def run(self, *, wanted: bool) -> None:
        """Begin or end."""
        if self._ended is not None:
            self._ended.set()
            self._ended = None
        if wanted:
            self._ended = threading.Event()
            threading.Thread(target=self._go_on, args=(self._ended,), daemon=True).start()

    def _go_on(self, ended: threading.Event) -> None:
        while not ended.wait(TICK_SECONDS):
            self._tick()
