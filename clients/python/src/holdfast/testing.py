"""Runs the handlers of a worker in memory, without any service.

    from holdfast import testing

    run = testing.run(worker, "mail.send", {"to": "ada@example.org"})
    assert run.outcome == "acked"

Payloads and results go through JSON, and errors mean what they mean in a worker.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._attempt import Attempt, Handler, find_handler, wait_ms
from ._memory import Memory
from ._run import run_async, run_here
from .options import Backoff, to_json_text
from .tasks import Child
from .worker import Worker

__all__ = ["Run", "run", "run_batch"]

# After this many postponements, the next one counts as a failure (docs/handlers.md).
_MOST_RELEASES = 100


@dataclass(frozen=True)
class Run:
    """The outcome of a task in a test."""

    outcome: str
    """acked, retried, released (no attempt is lost), suspended (it sleeps or waits), dead or cancelled."""
    attempts: int
    result: Any = None
    """The value that ``queue.result`` would return."""
    error: BaseException | None = None
    """The error that the handler raised."""
    delay: float | None = None
    """The wait before the next attempt, in seconds, if the task was retried, released or suspended."""
    progress: list[Any] = field(default_factory=list)
    checkpoint: Any = None
    log: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    """The names of the durable steps that are done, in their order."""


def run(
    worker: Worker,
    type: str,
    payload: Any = None,
    *,
    id: str = "test-task",
    attempt: int = 1,
    max_retries: int | None = None,
    tags: Sequence[str] = (),
    key: str | None = None,
    checkpoint: Any = None,
    signals: Sequence[tuple[str, Any]] = (),
    calls: Mapping[str, Callable[[Any], Any]] | None = None,
    children: Sequence[Child] = (),
    until_settled: bool = False,
) -> Run:
    """Runs the handler for a type once, as attempt ``attempt``.

    ``signals`` are those that the task has got, as pairs of event and data. ``calls`` has a function for each type that
    ``ctx.call`` may call: it takes the payload, and returns the result. With ``until_settled`` the handler runs again,
    without the waits, until the task is acked, dead or cancelled: a sleep ends at once, and a wait for a signal that
    is not there times out.
    """
    handler = _handler(worker, type)
    memory = Memory(checkpoint, signals, calls or {})
    memory.children = [
        {"name": one.name, "id": one.id, "state": one.state, "result": one.result, "skippedBy": one.skipped_by}
        for one in children
    ]
    retries = next(one for one in (max_retries, handler.max_retries, worker.max_retries) if one is not None)
    grant = _grant(id, type, payload, tags, key)
    releases = 0
    while True:
        ended = _attempt(worker.queue, handler, {**grant, "attempt": attempt}, memory)
        _run([ended])
        found = _read(ended, attempt, retries, memory, releases >= _MOST_RELEASES)
        if not until_settled or found.outcome in ("acked", "dead", "cancelled"):
            return found
        if found.outcome == "released":
            releases += 1
        if found.outcome == "retried":
            attempt += 1


def run_batch(
    worker: Worker,
    type: str,
    payloads: Sequence[Any],
    *,
    attempt: int = 1,
    max_retries: int | None = None,
) -> list[Run]:
    """Runs a batch handler with tasks that were granted together. Returns one result per task, in the same order."""
    handler = _handler(worker, type)
    if handler.batch is None:
        raise ValueError(f"the handler of {type!r} takes one task: use run")
    retries = next(one for one in (max_retries, handler.max_retries, worker.max_retries) if one is not None)
    attempts, memories = [], []
    for place, payload in enumerate(payloads):
        memory = Memory(None, (), {})
        grant = _grant(f"test-task-{place + 1}", type, payload, (), None)
        attempts.append(_attempt(worker.queue, handler, {**grant, "attempt": attempt}, memory))
        memories.append(memory)
    for start in range(0, len(attempts), handler.batch):
        _run(attempts[start : start + handler.batch])
    return [_read(one, attempt, retries, memory, False) for one, memory in zip(attempts, memories, strict=True)]


def _handler(worker: Worker, type: str) -> Handler:
    handler = find_handler(worker.handlers, type)
    if handler is None:
        known = ", ".join(worker.handlers) or "no type"
        raise ValueError(f"there is no handler for {type!r}; there is one for: {known}")
    return handler


def _grant(id: str, type: str, payload: Any, tags: Sequence[str], key: str | None) -> dict[str, Any]:
    given = json.loads(to_json_text(payload, "the payload"))
    now = int(time.time() * 1000)
    times = {"enqueuedAt": now, "leaseMs": 30_000, "timeoutMs": 1_800_000}
    return {"id": id, "token": "1-test.1", "type": type, "payload": given, "tags": list(tags), "key": key, **times}


def _attempt(queue: str, handler: Handler, grant: dict[str, Any], memory: Memory) -> Attempt:
    return Attempt(grant, queue, handler, lambda _: memory, time.monotonic(), lambda _: None)


def _run(attempts: Sequence[Attempt]) -> None:
    if not attempts[0].handler.is_async:
        run_here(attempts)
        return
    # The test may already run in an event loop. So the handler gets its own loop in another thread.
    thread = threading.Thread(target=lambda: asyncio.run(run_async(attempts)))
    thread.start()
    thread.join()


def _read(attempt: Attempt, number: int, retries: int, memory: Memory, is_refused: bool) -> Run:
    """Makes the result of a test from a verdict, as Redis would do it."""
    verdict = attempt.verdict
    assert verdict is not None
    kind = verdict["verdict"]
    delay = verdict["delayMs"] / 1000 if "delayMs" in verdict else None
    if kind == "suspend":
        assert attempt.behind.suspension is not None
        delay = memory.go_on(attempt.behind.suspension)
    if kind == "fail" and delay is None:
        delay = wait_ms(Backoff(), number, 0.5) / 1000
    is_last = number > retries
    outcome = {
        "complete": "acked",
        "suspend": "suspended",
        "cancel": "cancelled",
        "fatal": "dead",
        "fail": "dead" if is_last else "retried",
        "postpone": ("dead" if is_last else "retried") if is_refused else "released",
        "rate_limit": "dead" if is_refused else "released",
    }[kind]
    goes_on = outcome in ("retried", "released", "suspended")
    return Run(
        outcome=outcome,
        attempts=number - 1 if outcome in ("released", "suspended") else number,
        result=json.loads(verdict["resultText"]) if "resultText" in verdict else None,
        error=attempt.error,
        delay=delay if goes_on else None,
        progress=memory.progress,
        checkpoint=memory.checkpoint,
        log=memory.log,
        steps=memory.done,
    )
