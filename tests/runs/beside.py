"""What a test does beside a run, which goes on in the test's own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def beside(what: Callable[[], object]) -> Iterator[None]:
    """Do something in another thread; what it raises is raised where the block ends."""
    errors: list[BaseException] = []

    def do() -> None:
        try:
            what()
        except BaseException as error:  # noqa: BLE001 # raised again where the block ends
            errors.append(error)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    yield
    thread.join()
    if errors:
        raise errors[0]
