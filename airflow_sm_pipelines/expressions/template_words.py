"""The words of templates: each statement, filter, method and member that there is. What is not here is not there."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from uuid import UUID

MAX_TEMPLATE = 10_000
"""How many characters a template may have."""

_NODES = (
    "Template Output TemplateData For If Assign With Scope"
    " Name Const List Tuple Dict Pair Keyword Slice Getattr Getitem Call Filter Test CondExpr Compare Operand Concat"
    " And Or Not Add Sub Mul Div FloorDiv Mod Pow Neg Pos"
)
STATEMENTS = frozenset(_NODES.split())
"""The kinds of nodes of Jinja's syntax tree. A template has no functions, blocks or other files."""

_FILTERS = (
    "abs capitalize count d default dictsort first float format int items join last length list lower map max min"
    " random reject rejectattr replace reverse round select selectattr"
    " sort string sum title tojson trim truncate unique upper"
    " urlencode wordcount"
)
FILTERS = frozenset(_FILTERS.split())
"""Those of Jinja's filters that take and give plain values, in a size that is known before."""

FUNCTIONS = frozenset({"dict", "range"})

RUN = (
    "clear_number",
    "conf",
    "dag_id",
    "data_interval_end",
    "data_interval_start",
    "end_date",
    "logical_date",
    "note",
    "partition_date",
    "partition_key",
    "run_after",
    "run_id",
    "run_type",
    "start_date",
    "state",
    "triggering_user_name",
)
"""What a template has of a run."""
MACROS = ("datetime", "ds_add", "ds_format", "json", "random", "time", "timedelta", "uuid")
MEMBERS = {"dag_run": frozenset(RUN), "macros": frozenset(MACROS), "var": frozenset({"json", "value"})}

_TEXT = (
    "capitalize center count endswith find format index isalnum isalpha isdecimal isdigit islower isnumeric isspace"
    " istitle isupper join ljust lower lstrip partition removeprefix removesuffix replace rfind rindex rjust rpartition"
    " rsplit"
    " rstrip split splitlines startswith strip swapcase title upper zfill"
)
_DATE = (
    "ctime day day_of_week day_of_year days_in_month isocalendar isoformat isoweekday month quarter replace strftime"
    " toordinal week_of_month week_of_year weekday year"
    # of pendulum
    " add average closest end_of farthest first_of format is_future is_leap_year is_past last_of"
    " naive next nth_of"
    " previous start_of subtract to_date_string to_datetime_string to_formatted_date_string to_iso8601_string"
    " to_time_string"
    " to_rfc3339_string diff"
)
_MOMENT = (
    "astimezone combine date fold hour microsecond minute second time timestamp now today utcnow strptime"
    " fromisoformat fromtimestamp"
    # of pendulum
    " float_timestamp in_timezone in_tz int_timestamp is_utc offset offset_hours timezone_name"
)
_TIME = "hour minute second microsecond isoformat strftime replace"
_DURATION = (
    "days microseconds seconds total_seconds in_days in_hours in_minutes in_months in_seconds in_weeks in_years hours"
    " minutes months years weeks remaining_days remaining_seconds total_days total_hours total_minutes total_weeks"
)
_LOOP = "index index0 revindex revindex0 first last length previtem nextitem cycle"

ATTRIBUTES: tuple[tuple[type, frozenset[str]], ...] = (
    (str, frozenset(_TEXT.split())),
    (dict, frozenset({"get", "items", "keys", "values"})),
    (list, frozenset({"count", "index"})),
    (tuple, frozenset({"count", "index"})),
    (datetime, frozenset(f"{_DATE} {_MOMENT}".split())),
    (date, frozenset(f"{_DATE} today".split())),
    (time, frozenset(_TIME.split())),
    (timedelta, frozenset(_DURATION.split())),
    (UUID, frozenset({"hex", "int"})),
)
"""The attributes and methods of the types of values."""
LOOP = frozenset(_LOOP.split())
