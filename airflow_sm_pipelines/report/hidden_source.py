"""A document's text as its lines may be shown beside a finding: secrets are stars, and columns stay."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.secrets import MIN_LENGTH, forms, is_plain, literal_secrets, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.secret_names import IsSecret

# A member that is a text, in a document that need not be JSON; then one of the JSON text that a wrapper holds.
_MEMBERS = (
    re.compile(r'"((?:[^"\\\n]|\\.)*)"\s*:\s*"((?:[^"\\\n]|\\.)*)'),
    re.compile(r'\\"([^"\\\n]*)\\"\s*:\s*\\"((?:[^"\\\n]|\\\\.)*)'),
)


# A member of a mapping in YAML, and what of its value stands on the same line.
_SETTING = re.compile(r"""(?P<name>[\w.-]+)["']?:[ \t]+(?=(?P<rest>[^\n]+))""")


def hidden_settings(text: str, is_secret: IsSecret) -> str:
    """The text of a file of settings with stars for what stands behind a secret name."""
    characters = list(text)
    for found in _SETTING.finditer(text):
        if is_secret(found["name"]):
            start, end = found.span("rest")
            characters[start:end] = "*" * (end - start)
    return "".join(characters)


def hidden_source(text: str, is_secret: IsSecret) -> str:
    """The text with stars for what stands under a secret name, and for the same texts elsewhere in it."""
    known = {form for secret in _secrets(text, is_secret) if len(secret) >= MIN_LENGTH for form in forms(secret)}
    for member in _MEMBERS:
        text = member.sub(lambda found: _starred(found, is_secret), text)
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, "*" * len(secret))
    return text


def _starred(found: re.Match[str], is_secret: IsSecret) -> str:
    name, value = found.groups()
    if not is_secret(name) or is_plain(value):
        return found[0]
    return f"{found[0][: len(found[0]) - len(value)]}{'*' * len(value)}"


def _secrets(text: str, is_secret: IsSecret) -> Iterator[str]:
    """Those of the document, and of each definition that stands in it as a text."""
    try:
        document = json.loads(text)
        yield from literal_secrets(document, is_secret)
    except (ValueError, RecursionError):
        return
    for inner in texts(document):
        if inner.lstrip().startswith("{") and "Steps" in inner:
            yield from _secrets(inner, is_secret)
