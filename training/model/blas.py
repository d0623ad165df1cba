"""Linear algebra on one thread, so that no bit of a result depends on how many there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits


class _Limit:
    """Who is inside: the limit is the process's, so the first in sets it and the last out takes it back."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.inside = 0
        self.limits: threadpool_limits | None = None

    def enter(self) -> None:
        with self.lock:
            if self.inside == 0:
                self.limits = threadpool_limits(1, user_api="blas")
            self.inside += 1

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0 and self.limits is not None:
                self.limits.restore_original_limits()


_LIMIT = _Limit()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread, as a context or a decorator; safe to nest, and in several threads at once."""
    _LIMIT.enter()
    try:
        yield
    finally:
        _LIMIT.leave()
