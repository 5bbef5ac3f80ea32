"""Handlers that get several tasks in one call."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import timedelta
from typing import Any

from ._attempt import Attempt
from .context import AsyncContext, Context
from .errors import AttemptStopped, HoldfastError, Postpone, RateLimited, RetryAfter, meaning
from .tasks import Task

# After this many failed calls in a row, the search for a bad task stops. The cause then probably concerns all tasks,
# such as a database that is down.
_FAILED_CALLS = 32


class BatchContext:
    """The context of a batch handler. A task that has no outcome gets one when the handler ends."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self._attempts = {attempt.task.id: attempt for attempt in attempts}
        self._contexts: dict[str, Any] = {}

    def complete(self, task: Task, result: Any = None) -> None:
        """Completes one task at once. What the handler does later does not change that."""
        self._find(task).succeed(result)

    def fail(self, task: Task, error: BaseException) -> None:
        """Fails one task at once.

        What the handler does later does not change that. The error means the same as in any handler.
        """
        self._find(task).fail(error)

    def retry_after(self, task: Task, wait: float | timedelta) -> None:
        """Fails one task, whose next attempt comes after ``wait``, seconds or a timedelta."""
        self.fail(task, RetryAfter(wait))

    @property
    def cancelled(self) -> bool:
        """Whether all tasks without an outcome have to stop."""
        open = [one for one in self._attempts.values() if one.verdict is None]
        return all(one.behind.stopped.is_set() for one in open)

    def of(self, task: Task) -> Context:
        """Returns the context of one task, for progress, log and checkpoint. It cannot sleep or wait for signals."""
        attempt = self._find(task)
        context: Context = self._contexts.setdefault(task.id, Context(attempt.behind))
        return context

    def _find(self, task: Task) -> Attempt:
        attempt = self._attempts.get(task.id)
        if attempt is None:
            raise HoldfastError("invalid_argument", f"task {task.id} is not a task of this call")
        return attempt


class AsyncBatchContext(BatchContext):
    """The context of a batch handler that is a coroutine."""

    def of(self, task: Task) -> AsyncContext:  # type: ignore[override]
        """Returns the context of one task, for progress, log and checkpoint. It cannot sleep or wait for signals."""
        attempt = self._find(task)
        context: AsyncContext = self._contexts.setdefault(task.id, AsyncContext(attempt.behind))
        return context


Calls = Generator[Sequence[Attempt], Any, None]


class Search:
    """Runs a batch until each task has its outcome. If a call raises, its tasks are split into halves, and each half is
    tried again.

    So the bad task is found, and the other tasks lose no attempt. ``calls`` yields the attempts for each call of the
    handler, and gets what the handler returned or raised.
    """

    def __init__(self) -> None:
        self._failed = 0

    def calls(self, given: Sequence[Attempt]) -> Calls:
        attempts = [one for one in given if _goes_on(one)]
        if not attempts:
            return
        try:
            returned = yield attempts
        except (Exception, AttemptStopped) as error:
            yield from self._raised(attempts, error)
            return
        self._failed = 0
        _settle(attempts, returned)

    def _raised(self, attempts: Sequence[Attempt], error: Exception | AttemptStopped) -> Calls:
        left = [one for one in attempts if one.verdict is None]
        self._failed += 1
        concerns_all = isinstance(meaning(error), (RetryAfter, Postpone, RateLimited))
        if len(attempts) == 1 or self._failed >= _FAILED_CALLS or concerns_all:
            for one in left:
                one.fail(error)
            return
        half = (len(left) + 1) // 2
        yield from self.calls(left[:half])
        if self._failed < _FAILED_CALLS:
            yield from self.calls(left[half:])
            return
        for one in left[half:]:
            one.fail(error)


def _goes_on(attempt: Attempt) -> bool:
    """Whether the next call includes this task. A task that was told to stop is left out."""
    if attempt.verdict is not None:
        return False
    if attempt.behind.stopped.is_set():
        attempt.fail(AttemptStopped(attempt.behind.stop_reason or "cancelled"))
        return False
    return True


def _settle(attempts: Sequence[Attempt], returned: Any) -> None:
    refusal: TypeError | None = None
    if returned is not None and not isinstance(returned, (list, tuple)):
        kind = type(returned).__name__
        refusal = TypeError(f"a batch handler returns nothing, or a list with one result for each task, not {kind}")
    elif returned is not None and len(returned) != len(attempts):
        refusal = TypeError(
            f"the batch handler returned {len(returned)} results for {len(attempts)} tasks: "
            "return one for each task, in the order of the tasks, or None"
        )
    for place, attempt in enumerate(attempts):
        result = returned[place] if returned is not None and refusal is None else None
        if refusal is not None:
            attempt.fail(refusal)
        elif isinstance(result, BaseException):
            attempt.fail(result)
        else:
            attempt.succeed(result)
