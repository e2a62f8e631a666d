"""Pages of a list, and the tokens that lead from one to the next."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from airflow_sm_pipelines.definition.text import unstorable
from airflow_sm_pipelines.wire.errors import ApiError

T = TypeVar("T")
Part: TypeAlias = int | str | float
MAX_RESULTS = 100
MAX_NUMBER = 2**63
_NOT_COMPARED = frozenset({"NextToken", "MaxResults"})


def page_size(request: Mapping[str, Any]) -> int:
    """How many results a page has."""
    return int(request.get("MaxResults") or MAX_RESULTS)


def next_token(request: Mapping[str, Any], position: Part | Sequence[Part]) -> str:
    """The token for the page that begins after a position. It holds no secret: every page is judged anew."""
    return base64.urlsafe_b64encode(json.dumps([_digest(request), position]).encode()).decode()


def position_of(request: Mapping[str, Any]) -> Any:
    """The position in the request's token, None where it has none.

    :raises ApiError: ValidationException for a token of another list, or of other filters
    """
    token = request.get("NextToken")
    if not token:
        return None
    try:
        digest, position = json.loads(base64.urlsafe_b64decode(token.encode("ascii")))
    except (ValueError, TypeError, RecursionError):
        raise _wrong_token() from None
    parts = position if isinstance(position, list) else [position]
    if digest != _digest(request) or not all(map(_is_part, parts)):
        raise _wrong_token()
    return position


def paged(
    request: Mapping[str, Any], found: Iterable[T], key: Callable[[T], tuple[Part, ...]], *, descending: bool = False
) -> tuple[list[T], dict[str, str]]:
    """A page of a list that is known as a whole, and what the response says of the next one.

    :param key: the order of the list; it distinguishes each element, so that a page begins after the last one of the
        page before, also where that has gone since
    """
    position, ordered = position_of(request), sorted(found, key=key, reverse=descending)
    if position is not None:
        try:
            after = tuple(position)
            ordered = [each for each in ordered if (key(each) < after if descending else key(each) > after)]
        except TypeError:
            raise _wrong_token() from None
    size = page_size(request)
    page = ordered[:size]
    return page, {"NextToken": next_token(request, key(page[-1]))} if len(ordered) > size else {}


def _is_part(value: Any) -> bool:
    """Whether a position can have it: what the database cannot compare is of nobody's token."""
    if isinstance(value, str):
        return unstorable(value) is None
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_NUMBER


def _wrong_token() -> ApiError:
    return ApiError("ValidationException", "The NextToken is not one of this list with these filters.")


def _digest(request: Mapping[str, Any]) -> str:
    compared = {name: value for name, value in request.items() if name not in _NOT_COMPARED}
    return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()[:16]
