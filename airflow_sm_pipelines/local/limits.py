"""How much the endpoint takes: no value of a scenario, a fault or a request may stop it or fill its memory."""

from __future__ import annotations

MIB = 2**20

MAX_OBJECT_BYTES = 1024 * MIB
"""Body of an S3 request. Bodies are kept in memory; boto3 sends anything larger than 8 MiB in parts."""
MAX_BODY_BYTES = 16 * MIB
"""Body of every other request, and a scenario's file. AWS's own limits are lower (Lambda: 6 MiB)."""

MAX_DEPTH = 200
"""Objects and arrays inside one another: what a definition may hold (160 levels) reaches the endpoint too."""
MAX_ITEMS = 10_000
"""Elements of an array, members of an object."""
MAX_NAME = 1024
"""Characters of a name, an identifier or a glob; an S3 key has as many at most."""
MAX_TEXT = MIB
"""Characters of a text: a log line, a message, the content of a file."""

MAX_SECONDS = 366 * 86_400.0
"""Seconds on the endpoint's clock that a scenario or an ``advance`` may name."""
MAX_DELAY = 86_400.0
"""Seconds on the endpoint's clock that a fault may delay an answer."""
MIN_RATE, MAX_RATE = 0.001, 1_000_000.0
"""Calls a second that a scenario takes before it throttles."""
MIN_TIME_SCALE, MAX_TIME_SCALE = 0.01, 1_000_000.0
LATEST_TIME = 32_503_680_000.0
"""Where the endpoint's clock stops: the year 3000, in epoch seconds. Clients cannot read times after the year 9999."""

MAX_COUNT = 1_000_000_000
"""Times that a rule or a fault applies."""
MAX_FLOAT = 3.4028234663852886e38
"""The largest number that the 32 bits of a SageMaker metric hold."""
