"""A word to Airflow's server in a process that is about to be killed."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

# With the question that comes before (``steps.killed``) less than the 5 s that Airflow leaves the process.
LONGEST_SECONDS = 1.5


def say_in_time(what: Callable[[], object]) -> None:
    """Call what tells the server something, for a while at most; what is not told in time, or refused, is left.

    The signal may have interrupted a request to the server, whose lock is then held: so another thread tells it.
    """

    def say() -> None:
        try:
            what()
        except AirflowRuntimeError as error:
            log.info("The server does not take it from this try: %s", error)

    saying = threading.Thread(target=say, daemon=True)
    saying.start()
    saying.join(LONGEST_SECONDS)
