"""Calls of the Pipelines API by hundreds of clients at once, each call measured.

boto3 needs a thread and some megabytes for each client. Here all of them share an event loop; the signature is
botocore's own. A call is sent once: what a client of boto3 would send again is to be seen.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from bench.query_counter import HEADER

OK = "200"
CONTENT_TYPE = "application/x-amz-json-1.1"


@dataclass(frozen=True)
class Sample:
    """One call: when it was sent, how long it took, and what came of it.

    ``sent`` and ``seconds`` are those of the clock ``time.monotonic``. ``outcome`` is the status, with the code of an
    error; or the kind of failure where there was no answer. ``queries`` is None without an answer.
    """

    phase: str
    operation: str
    sent: float
    seconds: float
    outcome: str
    queries: int | None


@dataclass
class Caller:
    """Sends calls with one access key, and keeps a sample of each."""

    session: aiohttp.ClientSession
    url: str
    credentials: ReadOnlyCredentials
    region: str
    samples: list[Sample] = field(default_factory=list)

    async def call(self, phase: str, operation: str, members: Mapping[str, Any]) -> dict[str, Any] | None:
        """The members of the response; None for an error, or without an answer."""
        request = AWSRequest(
            "POST",
            self.url,
            headers={"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": CONTENT_TYPE},
            data=json.dumps(members).encode(),
        )
        SigV4Auth(self.credentials, "sagemaker", self.region).add_auth(request)
        found: dict[str, Any] | None = None
        queries: int | None = None
        sent = time.monotonic()
        try:
            async with self.session.post(self.url, data=request.data, headers=dict(request.headers)) as answer:
                text = await answer.text()
            taken = time.monotonic() - sent
            queries = int(answer.headers[HEADER])
            outcome = f"{answer.status} {answer.headers.get('x-amzn-ErrorType', '')}".strip()
            if outcome == OK:
                found = json.loads(text)
        except (aiohttp.ClientError, TimeoutError) as error:
            taken = time.monotonic() - sent
            outcome = f"no answer: {type(error).__name__}"
        self.samples.append(Sample(phase, operation, sent, taken, outcome, queries))
        return found


def outcomes(samples: Iterable[Sample]) -> Counter[tuple[str, str]]:
    """How many calls of each operation had which outcome."""
    return Counter((sample.operation, sample.outcome) for sample in samples)


def table(samples: Sequence[Sample]) -> str:
    """A Markdown table with a row for each phase and operation."""
    lines = [
        "| phase | operation | calls | answered 200 | calls/s | p50 ms | p95 ms | max ms | queries p50 | queries max |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for phase, operation in dict.fromkeys((sample.phase, sample.operation) for sample in samples):
        of_row = [sample for sample in samples if (sample.phase, sample.operation) == (phase, operation)]
        lines.append(f"| {phase} | {operation} | {_figures(of_row)} |")
    return "\n".join(lines)


def _figures(samples: Sequence[Sample]) -> str:
    took = sorted(1000 * sample.seconds for sample in samples)
    queries = [sample.queries for sample in samples if sample.queries is not None]
    lasted = max(sample.sent + sample.seconds for sample in samples) - min(sample.sent for sample in samples)
    cells = [
        str(len(samples)),
        str(sum(sample.outcome == OK for sample in samples)),
        f"{len(samples) / lasted:.1f}",
        *(f"{each:.0f}" for each in (_percentile(took, 50), _percentile(took, 95), took[-1])),
        *((f"{statistics.median(queries):g}", str(max(queries))) if queries else ("-", "-")),
    ]
    return " | ".join(cells)


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """By nearest rank."""
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]
