"""Encryption of what must be stored where Airflow shows what it stores."""

from __future__ import annotations

import logging

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

log = logging.getLogger(__name__)

CLEAR = "clear:"


class UnsealError(ValueError):
    """What is sealed cannot be read here: it was sealed with another key."""


def seal(text: str) -> str:
    """Encrypt a text with Airflow's ``[core] fernet_key``.

    In a deployment without one nothing that Airflow stores is encrypted; the text stays in the clear, with a warning.
    """
    fernet = _fernet()
    if fernet is None:
        log.warning("Airflow has no [core] fernet_key here: what it should encrypt is stored in the clear")
        return f"{CLEAR}{text}"
    return fernet.encrypt(text.encode()).decode()


def can_seal() -> bool:
    """Whether Airflow has a key here."""
    return _fernet() is not None


def unseal(sealed: str) -> str:
    """:raises UnsealError: where it was sealed with another key"""
    if sealed.startswith(CLEAR):
        return sealed.removeprefix(CLEAR)
    fernet = _fernet()
    if fernet is None:
        raise UnsealError("Airflow has no [core] fernet_key here, and where this was sealed it has.")
    try:
        return fernet.decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise UnsealError("Airflow's [core] fernet_key here is not the one with which this was sealed.") from None


def _fernet() -> MultiFernet | None:
    from airflow.sdk.configuration import conf

    # Not airflow.sdk.crypto: it raises where no key is set, for which the configuration then has a placeholder.
    keys = [key.strip() for key in str(conf.get("core", "fernet_key", fallback="") or "").split(",")]
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        return None
