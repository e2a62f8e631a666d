"""Secrets of a running step, masked where people look and real where they are sent.

What is secret by name is for Airflow's masker to say (its own list and ``[core] sensitive_var_conn_names``), but for
the names that ``[sagemaker_pipelines] not_secret`` spares. The values that a step meets under such names are made known
to the masker, which takes them out of logs and rendered fields, whatever other text they have become part of.
"""

from __future__ import annotations

from functools import lru_cache
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from airflow.sdk.configuration import conf
from airflow.sdk.log import mask_secret, redact  # type: ignore[attr-defined] # the masker has no public look-up by name
from msgspec import Struct

from airflow_sm_pipelines.definition.secret_names import NOT_SECRET, is_idempotency_token, is_spared
from airflow_sm_pipelines.definition.secrets import MIN_LENGTH, forms, is_plain, mask, mask_whole, secret_texts, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_sm_pipelines.expressions.stringify import Json

MAX_WHOLE_LENGTH = 64
PIECE = 16
PROBE = token_hex(16)
"""A text that is in no secret, and has none in it."""


class Masking(Struct, frozen=True):
    """``spared`` are the globs of ``[sagemaker_pipelines] not_secret``."""

    spared: tuple[str, ...] = NOT_SECRET

    def is_secret(self, name: str, /) -> bool:
        """Whether a value of this name is a secret."""
        return masked_by_airflow(name) and not is_spared(name, self.spared)

    def value(self, value: Any) -> Any:
        """A JSON value, or a value of a definition, as it may be shown: masked by name, and by known secrets."""
        return mask(value, self.is_secret, shown_text)

    def rendered(self, value: Json) -> Json:
        """A masked value in a form of which Airflow's own masking leaves what ``not_secret`` spares.

        Airflow masks rendered fields by name once more. So an object with such a name becomes a list of pairs,
        ``[{"Name": "tokenizer_name", "Value": "bert"}]``, in which no name is a key.
        """
        if isinstance(value, dict):
            members = {name: self.rendered(member) for name, member in value.items()}
            if any(mask_whole(member) != member and self._is_spared(name) for name, member in members.items()):
                return [{"Name": name, "Value": member} for name, member in members.items()]
            return members
        return [self.rendered(element) for element in value] if isinstance(value, list) else value

    def _is_spared(self, name: str) -> bool:
        # An idempotency token is no secret, and nobody misses it: Airflow may mask it where it is shown.
        return masked_by_airflow(name) and not self.is_secret(name) and not is_idempotency_token(name)

    def learn(self, value: Any, name: str | None = None) -> None:
        """Make known the secrets in a JSON value: what stands under a secret name, or all where ``name`` is one."""
        if name is not None and self.is_secret(name):
            learn(texts(value))
        else:
            learn(secret_texts(value, self.is_secret))


@lru_cache(maxsize=4096)
def masked_by_airflow(name: str) -> bool:
    """Whether Airflow itself masks a text of this name."""
    masked = redact({name: PROBE})
    return not isinstance(masked, dict) or masked.get(name) != PROBE


def learn(secrets: Iterable[str]) -> None:
    """Make secrets known to Airflow's masker, here and in the process that writes the task's log.

    Texts under Airflow's minimum length are not looked for in other texts.
    """
    least = conf.getint("logging", "min_length_masked_secret", fallback=MIN_LENGTH)
    long = {text for text in secrets if len(text) >= least and not is_plain(text)}
    if new := sorted(form for text in long for form in {*forms(text), *_pieces(text)} if redact(form) == form):
        mask_secret([*new])


def _pieces(text: str) -> Iterator[str]:
    """The parts of a long secret: messages cut it, and logs have its lines one by one."""
    if len(text) > MAX_WHOLE_LENGTH:
        for line in text.splitlines():
            yield from (line[start : start + PIECE] for start in range(0, len(line) - PIECE + 1, PIECE))


def shown_text(text: str) -> str:
    """A text without the secrets that Airflow's masker knows."""
    return str(redact(text))
