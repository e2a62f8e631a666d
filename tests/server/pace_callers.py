"""Callers of one queue in a process of its own, some threads of them: how long each is told to wait, as JSON."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from airflow_sm_pipelines.pace.asking import PacedCall
from airflow_sm_pipelines.pace.queue import CallQueue
from airflow_sm_pipelines.server.pace_rows import change_queue

CALL = PacedCall("CreateTrainingJob", "123456789012", "eu-west-1")
NOW = 1_000_000.0


def wait_of(_: int) -> float:
    def change(queue: CallQueue) -> tuple[CallQueue, float]:
        changed, answer = queue.ask(NOW, 1.0, again=False)
        return changed, answer.wait

    return change_queue(CALL, change)


def main(callers: int, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps(list(pool.map(wait_of, range(callers)))))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
