"""What is wrong with a schedule that Airflow can read: it never comes, it comes at random, or it cannot be stored.

Airflow works out the next run of every Dag of a dags file before it stores any: where that fails for one of them,
nothing of the file is brought up to date. What is found here depends on no clock: a Dag does not change by itself.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

FIRST_YEAR, LAST_YEAR = 1970, 2199
MAX_CRON_LENGTH = 250
MAX_DESCRIPTION_LENGTH = 1000
"""The characters that Airflow's database holds of what a schedule is in words."""

# Of a letter in a name of a month or weekday there is another beside it.
_AT_RANDOM = re.compile(r"(?<![a-z])[rh](?![a-z])", re.IGNORECASE)
_SHOWN = "a cron expression such as 0 6 * * *"
_BASE = datetime(2026, 1, 1)  # noqa: DTZ001 # as Airflow asks croniter
_MAX_FIELDS = 6
_DAY_OF_MONTH, _DAY_OF_WEEK = 2, 4


def fault_of_cron(expression: str) -> str | None:
    """What is wrong with a cron expression, None for nothing."""
    # Airflow reads a schedule by it.
    from croniter import croniter
    from croniter.croniter import CroniterError

    fields = expression.split()
    if _AT_RANDOM.search(expression):
        return "R and H stand for times that are drawn at random, which would be others wherever the schedule is read"
    if len(expression) > MAX_CRON_LENGTH or not croniter.is_valid(expression):
        return f"expected {_SHOWN}"
    if len(fields) > _MAX_FIELDS:
        return "a schedule for certain years comes to an end; expected five fields, or six with the seconds last"
    try:
        croniter(expression, _BASE).get_next()
    except CroniterError:
        return "there is no such day, so that the schedule never comes"
    return _fault_of_words(expression)


def fault_of_start(moment: datetime) -> str | None:
    """What is wrong with the date from which a Dag runs."""
    try:
        year = moment.astimezone(UTC).year
    except (OverflowError, ValueError):
        year = moment.year
    if FIRST_YEAR <= year <= LAST_YEAR and FIRST_YEAR <= moment.year <= LAST_YEAR:
        return None
    return f"expected a date in the years from {FIRST_YEAR} to {LAST_YEAR}"


def _fault_of_words(expression: str) -> str | None:
    """Airflow stores a schedule in words too, and describes one by days of month and of week in two halves."""
    from cron_descriptor import FormatException, MissingFieldException, get_description

    try:
        words = get_description(expression)
    except (FormatException, MissingFieldException):
        return None
    except Exception as error:  # noqa: BLE001 # whatever Airflow would meet
        return f"Airflow cannot describe it ({type(error).__name__}); expected {_SHOWN}"
    fields = expression.split()
    halves = 2 if len(fields) > _DAY_OF_WEEK and "*" not in (fields[_DAY_OF_MONTH], fields[_DAY_OF_WEEK]) else 1
    if halves * len(words) > MAX_DESCRIPTION_LENGTH:
        return f"in words it is longer than the {MAX_DESCRIPTION_LENGTH} characters that Airflow stores; say it shorter"
    return None
