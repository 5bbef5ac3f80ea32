"""One attempt of one task: it calls the handler, and decides the outcome of the task."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .context import Behind, Service
from .errors import (
    AttemptStopped,
    Cancel,
    Fatal,
    HoldfastError,
    Postpone,
    RateLimited,
    RetryAfter,
    TaskSuspended,
    describe,
    meaning,
)
from .options import Backoff, to_json_text
from .tasks import Task

log = logging.getLogger("holdfast")

Verdict = dict[str, Any]
_RESULT_BYTES = 65_536


@dataclass(frozen=True)
class Handler:
    """A function that was registered for a task type, a prefix of types, or all of them."""

    rule: str
    function: Callable[..., Any]
    is_async: bool
    max_retries: int | None
    timeout_ms: int | None
    backoff: Backoff | None
    batch: int | None


def find_handler(handlers: dict[str, Handler], type: str) -> Handler | None:
    """Returns the most specific handler for a type: that of the type itself, or that with the longest matching
    prefix.
    """
    if type in handlers:
        return handlers[type]
    prefixes = [rule for rule in handlers if rule.endswith("*") and type.startswith(rule[:-1])]
    return handlers[max(prefixes, key=len)] if prefixes else None


def wait_ms(backoff: Backoff, attempt: int, chance: float) -> int:
    """Returns the wait between failed attempt `attempt` and the next one. `chance` is a random number from 0 to below
    1.
    """
    terms = backoff.to_json()
    wait = terms["baseMs"] if backoff.kind == "fixed" else terms["baseMs"] * 2 ** min(attempt - 1, 40)
    capped = min(wait, terms["maxMs"])
    return int(chance * (capped + 1)) if backoff.jitter == "full" else int(capped)


def verdict_of_error(error: BaseException, backoff: Backoff | None, attempt: int) -> Verdict:
    """Returns the verdict for a task whose handler has raised an error."""
    says = meaning(error)
    body: Verdict = {"error": describe(error)}
    if isinstance(says, Fatal):
        return {"verdict": "fatal", **body}
    if isinstance(says, Cancel):
        return {"verdict": "cancel", **body}
    if isinstance(says, Postpone):
        return {"verdict": "postpone", "delayMs": max(1, says.delay_ms), **body}
    if isinstance(says, RateLimited):
        scope = {} if says.scope is None else {"scope": says.scope}
        return {"verdict": "rate_limit", "delayMs": max(1, says.delay_ms), **scope}
    if isinstance(says, RetryAfter):
        return {"verdict": "fail", "delayMs": says.delay_ms, **body}
    if backoff is not None:
        return {"verdict": "fail", "delayMs": wait_ms(backoff, attempt, random.random()), **body}
    return {"verdict": "fail", **body}


def verdict_of_result(result: Any, task_id: str) -> Verdict:
    """Returns the verdict for a task whose handler has returned."""
    if result is None:
        return {"verdict": "complete"}
    try:
        text = to_json_text(result, "the result")
    except HoldfastError as error:
        # The result has no JSON form. A retry would end in the same way, so the task fails for good.
        return {"verdict": "fatal", "error": {"name": "Fatal", "message": error.detail}}
    size = len(text.encode())
    if size <= _RESULT_BYTES:
        # The result is sent as text, because the service would round integers above 2^53.
        return {"verdict": "complete", "resultText": text}
    log.error("result dropped, because it has %d bytes, more than %d", size, _RESULT_BYTES, extra=_of(task_id))
    return {"verdict": "complete"}


def _of(task_id: str) -> dict[str, str]:
    return {"task_id": task_id}


class Attempt:
    """An attempt that has begun.

    Its verdict is decided only once: by its handler, its time-out, or a stop of the worker.
    """

    def __init__(
        self,
        grant: dict[str, Any],
        queue: str,
        handler: Handler,
        service: Callable[[Attempt], Service],
        leased_at: float,
        decided: Callable[[Attempt], None],
    ) -> None:
        self.task = Task.of(queue, grant)
        self.token: str = grant["token"]
        self.handler = handler
        self.lease_until: float = leased_at + grant["leaseMs"] / 1000
        self.timeout_ms: int = grant["timeoutMs"]
        self.backoff = None if grant.get("backoff") else handler.backoff
        suspends = handler.batch is None
        self.behind = Behind(self.task.id, self.token, self.task.attempt, service(self), suspends)
        self.verdict: Verdict | None = None
        self.error: BaseException | None = None
        """The error that the handler raised, for tests."""
        self.outlives_verdict = False
        """Whether the handler may still run although the verdict is decided. Such an attempt keeps its slot."""
        self.timer: asyncio.TimerHandle | None = None
        self.cancel_async: Callable[[], object] | None = None
        self._decided = decided
        self._lock = threading.Lock()

    @property
    def lease(self) -> dict[str, str]:
        return {"id": self.task.id, "token": self.token}

    @property
    def has_lease(self) -> bool:
        return time.monotonic() < self.lease_until

    def decide(self, verdict: Verdict) -> None:
        """Decides the verdict, unless it is decided already."""
        with self._lock:
            if self.verdict is not None:
                return
            self.verdict = {**self.lease, **verdict}
        self._decided(self)

    def stop(self, reason: str) -> None:
        """Tells the handler to stop: sets its event, or cancels its coroutine."""
        if self.behind.stopped.is_set():
            return
        self.behind.stop(reason)
        if self.cancel_async:
            self.cancel_async()

    def time_out(self) -> None:
        if self.verdict is not None:
            return
        self.outlives_verdict = True
        self.fail(TimeoutError(f"timed out after {self.timeout_ms} ms"))
        self.stop("timed_out")

    def give_up(self) -> None:
        """Hands the task back, because the worker stops."""
        self.outlives_verdict = True
        self.decide({"verdict": "release"})
        self.stop("shutdown")

    def succeed(self, result: Any) -> None:
        if self.behind.suspension:
            self._suspend()
        else:
            self.decide(verdict_of_result(result, self.task.id))

    def fail(self, error: BaseException) -> None:
        """Decides the verdict for an error that the handler has raised."""
        self.error = error
        if self.behind.suspension:
            self._suspend()
            return
        is_stop = isinstance(error, (AttemptStopped, asyncio.CancelledError))
        reason = self.behind.stop_reason
        if reason == "cancelled":
            self.decide({"verdict": "cancel"} if is_stop else {"verdict": "cancel", "error": describe(error)})
        elif is_stop and reason == "shutdown":
            self.decide({"verdict": "release"})
        else:
            if isinstance(error, TaskSuspended):
                error = RuntimeError("TaskSuspended was raised, but ctx did not suspend the task")
            self.decide(verdict_of_error(error, self.backoff, self.task.attempt))

    def _suspend(self) -> None:
        suspension = self.behind.suspension
        assert suspension is not None
        self.decide({"verdict": "suspend", "until": suspension.until, "events": list(suspension.events)})
