"""Which names are those of secrets, as Airflow's masker decides it: by words that stand anywhere in the name.

Airflow's processes ask the masker itself (:mod:`airflow_sm_pipelines.operators.masking`). This is for what runs without
Airflow, and for what is read before a deployment's own words are known.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Protocol

from msgspec import Struct

WORDS = frozenset(
    {
        *("access_key", "access_token", "api_key", "apikey", "auth_header", "authorization", "bearer"),
        *("connection_string", "dsn", "keyfile_dict", "passphrase", "passwd", "password", "private_key", "proxies"),
        *("proxy", "proxy_password", "secret", "service_account", "service_key", "token", "webhook_url"),
    }
)
"""Airflow's own list; ``[core] sensitive_var_conn_names`` adds to it."""

NOT_SECRET = ("*tokenizer*", "max_*tokens")
"""The default of ``[sagemaker_pipelines] not_secret``."""

IDEMPOTENCY_TOKENS = frozenset({"clienttoken", "clientrequesttoken"})
"""AWS's names for what makes a repeated call harmless. It opens nothing, and the names of jobs end in it."""

_NO_WORD = re.compile(r"\W+")


class IsSecret(Protocol):
    """Whether a value of this name is a secret."""

    def __call__(self, name: str, /) -> bool: ...


class SecretNames(Struct, frozen=True):
    """``words`` make a name that of a secret, ``spared`` are globs of names that are none, whatever their words."""

    words: frozenset[str] = WORDS
    spared: tuple[str, ...] = NOT_SECRET

    def __call__(self, name: str, /) -> bool:
        normal = _NO_WORD.sub("_", name.strip().lower())
        return any(word in normal for word in self.words) and not is_spared(name, self.spared)


AIRFLOWS_NAMES = SecretNames()
"""The secret names of a deployment that adds none and spares none of its own."""


def is_spared(name: str, globs: tuple[str, ...]) -> bool:
    """Whether one of the globs matches a name, or it is that of an idempotency token; case does not matter."""
    folded = name.strip().lower()
    return is_idempotency_token(name) or any(fnmatchcase(folded, glob.lower()) for glob in globs)


def is_idempotency_token(name: str) -> bool:
    """Whether a name is AWS's for what makes a repeated call harmless."""
    return name.strip().lower().replace("_", "") in IDEMPOTENCY_TOKENS


def listed(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated setting."""
    return tuple(part for each in text.split(",") if (part := each.strip()))
