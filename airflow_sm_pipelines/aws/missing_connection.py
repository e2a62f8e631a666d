"""The error of a named Airflow connection that is not there."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError


class ConnectionNotFoundError(BotoCoreError):  # type: ignore[misc] # botocore has no types
    """Airflow does not find the connection that was named, or cannot read it just now: it says the same of both.

    It is an error of botocore's kind, as one of a call that could not be made: who looks at a job looks again.
    """

    fmt = (
        "Airflow finds no connection {conn_id!r}. Either its name is misspelt or it was deleted, or a secrets backend"
        " is away. No call is made without it: the credentials of the machine may be those of another account. To use"
        " these, set aws_conn_id to None"
    )
