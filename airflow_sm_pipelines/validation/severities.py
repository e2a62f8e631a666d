"""How grave a value is that AWS would refuse: the setting ``values``."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from airflow_sm_pipelines.definition.findings import Severity

UNKNOWN_MEMBER = "value-unknown-member"
_SEVERITIES = {"error": Severity.ERROR, "warn": Severity.WARNING}


class ValueSeverities(Struct, frozen=True):
    """How grave a value is that AWS would refuse: in general, and by the code of the finding."""

    general: Severity = Severity.ERROR
    by_code: Mapping[str, Severity] = {}

    def of(self, code: str) -> Severity:
        """The severity of findings with this code."""
        return self.by_code.get(code, self.general)


ERRORS = ValueSeverities()
WARNINGS = ValueSeverities(Severity.WARNING)
CODES = (
    *("value-type", "value-missing", UNKNOWN_MEMBER, "value-union", "value-length", "value-range", "value-pattern"),
    *("value-enum", "value-local"),
)
"""The codes of findings whose severity can be set."""


def severities_of(text: str) -> ValueSeverities:
    """The setting ``values``: ``error`` or ``warn``, and behind it exceptions by code, such as
    ``error, value-pattern=warn``.

    :raises ValueError: for another word or code, naming it
    """
    general, by_code = Severity.ERROR, {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        code, is_code, word = (piece.strip() for piece in part.rpartition("="))
        if word not in _SEVERITIES:
            raise ValueError(f"{word!r} is neither error nor warn")
        if not is_code:
            general = _SEVERITIES[word]
        elif code in CODES:
            by_code[code] = _SEVERITIES[word]
        else:
            raise ValueError(f"there is no code {code!r} among {', '.join(CODES)}")
    return ValueSeverities(general, by_code)
