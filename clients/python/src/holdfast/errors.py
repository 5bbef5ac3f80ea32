"""The errors that calls raise, and the errors with which a handler decides the outcome of its task."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

from ._time import to_ms

Scope = Literal["key", "type", "queue"]


class HoldfastError(Exception):
    """A call was refused, or got no answer.

    ``code`` is the code of the problem that the service answered (docs/http.md), such as ``conflict`` or
    ``queue_full``. It is ``unreachable`` if no answer came, and ``invalid_argument`` if the call was not even sent.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        field: str | None = None,
        retry_after: float | None = None,
        task_id: str | None = None,
        held_by: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status
        """The HTTP status of the answer; None if there was no answer."""
        self.field = field
        """The field of the request that is wrong, such as ``payload`` or ``0.type``."""
        self.retry_after = retry_after
        """After how many seconds a repeat can succeed; None if waiting does not help."""
        self.task_id = task_id
        self.held_by = held_by
        """The id of the task that holds the unique key, with the code ``unique_conflict``."""

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class TaskFailed(Exception):
    """Raised by ``queue.result`` if the task ended without completing. ``task`` is its TaskInfo."""

    def __init__(self, message: str, task: Any) -> None:
        super().__init__(message)
        self.task = task


class CallFailed(Exception):
    """Raised by ``ctx.call`` if the called task ended without completing."""

    def __init__(self, task_id: str, state: str, message: str) -> None:
        super().__init__(message)
        self.task_id = task_id
        self.state = state


class Fatal(Exception):
    """Raised by a handler if no retry can help. The task becomes a dead letter at once."""


class Cancel(Exception):
    """Raised by a handler if nobody needs the task any more. It ends as cancelled, and leaves no dead letter."""


class _Wait(Exception):
    def __init__(self, wait: float | timedelta, message: str) -> None:
        super().__init__(message)
        self.delay_ms = to_ms(wait, "the wait")


class RetryAfter(_Wait):
    """Raised by a handler that knows when the next attempt makes sense. The attempt counts as failed.

    ``wait`` is in seconds, or a timedelta.
    """

    def __init__(self, wait: float | timedelta, message: str = "") -> None:
        super().__init__(wait, message or f"retry after {wait}")


class Postpone(_Wait):
    """Raised by a handler whose task cannot run yet. It costs no attempt.

    ``wait`` is in seconds, or a timedelta. A task that is postponed too often fails (docs/handlers.md).
    """

    def __init__(self, wait: float | timedelta, message: str = "") -> None:
        super().__init__(wait, message or f"postponed for {wait}")


class RateLimited(_Wait):
    """Raised by a handler that met a rate limit, such as an HTTP 429. It costs no attempt.

    For ``wait`` (seconds, or a timedelta) no task of its key, its type or the queue starts. ``scope`` says which of
    them; by default it is the key, or the queue for a task without key.
    """

    def __init__(self, wait: float | timedelta, scope: Scope | None = None, message: str = "") -> None:
        super().__init__(wait, message or f"rate-limited for {wait}")
        self.scope = scope


class TaskSuspended(BaseException):
    """Ends the attempt of a task that sleeps or waits. Its handler runs again when the task continues.

    It is a BaseException, so that ``except Exception`` does not catch it. Even a handler that catches it cannot
    prevent the suspension.
    """


class AttemptStopped(BaseException):
    """Raised by the methods of ``ctx`` after the attempt was told to stop. ``reason`` is that of ``ctx.stop_reason``.

    It is a BaseException, so that ``except Exception`` does not catch it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the attempt was told to stop: {reason}")
        self.reason = reason


_MEANINGS = (Fatal, Cancel, RetryAfter, Postpone, RateLimited)
# Longer texts are cut before they are sent, because the library keeps only 1,024 characters of an error.
_CHARACTERS = 1_024
_CAUSES = 5


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yields the error and the errors that caused it, the outermost first."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen and len(seen) <= _CAUSES:
        seen.add(id(at))
        yield at
        at = at.__cause__


def meaning(error: BaseException) -> BaseException | None:
    """Returns the first error, among this one and its causes, that decides the outcome of the task."""
    return next((one for one in causes(error) if isinstance(one, _MEANINGS)), None)


def describe(error: BaseException) -> dict[str, str]:
    """Describes an error for the record of its task: name, message, and the frames of the handler's own code."""
    lines = [
        f"    at {frame.name} ({frame.filename}:{frame.lineno})"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
        if not frame.filename.startswith(_OWN_FOLDER)
    ]
    for cause in list(causes(error))[1:]:
        lines.append(f"Caused by: {type(cause).__name__}: {_message(cause)}"[:240])
    return {
        "name": type(error).__name__[:128],
        "message": _message(error)[:_CHARACTERS],
        "stack": "\n".join(lines)[:_CHARACTERS],
    }


def _message(error: BaseException) -> str:
    try:
        # str() of a KeyError is the key in quotes, so the message is taken from its arguments.
        if isinstance(error, KeyError) and len(error.args) == 1:
            return str(error.args[0])
        return str(error)
    except Exception:
        return "an error that cannot be shown"


_OWN_FOLDER = __file__.rpartition("errors.py")[0]
