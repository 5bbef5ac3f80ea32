"""Worker: takes tasks of a queue over HTTP, and runs them with the functions of the program."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import signal
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from ._attempt import Handler
from ._engine import Engine
from ._http import Settings
from ._identity import WorkerOptions
from ._time import to_ms
from .options import Backoff

if TYPE_CHECKING:
    from typing_extensions import Self

log = logging.getLogger("holdfast")

F = TypeVar("F", bound=Callable[..., Any])
_RULE = re.compile(r"^(\*|[A-Za-z0-9][A-Za-z0-9_.:/-]*(\*|@[1-9][0-9]*)?)$")


class Worker:
    """Runs the tasks of a queue.

    ``url`` and ``key`` default to the environment variables HOLDFAST_WORKER_URL (or HOLDFAST_URL) and HOLDFAST_API_KEY.
    ``concurrency`` is how many tasks run at the same time, 1 to 10,000. ``lease`` is how long a task stays leased if
    this process dies, ``grace`` how long tasks may go on after a stop began; both are seconds, or timedeltas.
    ``max_retries`` is for tasks and handlers that do not set it.
    """

    def __init__(
        self,
        queue: str,
        *,
        url: str | None = None,
        key: str | None = None,
        concurrency: int = 10,
        lease: float | timedelta = 30,
        grace: float | timedelta = 30,
        max_retries: int = 3,
    ) -> None:
        if not 1 <= concurrency <= 10_000:
            raise ValueError(f"concurrency is 1 to 10,000, got {concurrency}")
        self.queue = queue
        self.handlers: dict[str, Handler] = {}
        self.grace = to_ms(grace, "grace") / 1000
        self._settings = Settings.of_worker(url, key)
        self._concurrency = concurrency
        self._lease_ms = to_ms(lease, "lease")
        self.max_retries = max_retries
        self._engine: Engine | None = None
        self.on_settled: Callable[[str, str, int, str], None] | None = None
        """Is called when a verdict was answered, with the id of the task, its token, the attempt and the outcome.

        The outcome is acked, retried, dead, cancelled, released or stale. The function runs in the thread that sends
        the heartbeats, so it has to be quick. Set it before the start.
        """
        if not 1_000 <= self._lease_ms <= 3_600_000:
            raise ValueError(f"lease is 1 second to 1 hour, got {lease!r}")

    def task(
        self,
        type: str,
        *,
        max_retries: int | None = None,
        timeout: float | timedelta | None = None,
        backoff: Backoff | None = None,
        batch: int | None = None,
    ) -> Callable[[F], F]:
        """Registers a function for a task type, for a prefix (``mail.*``), or for all types (``*``).

        The function takes ``(task, ctx)``, and may be a coroutine function. What it returns is the result of the task.
        ``max_retries``, ``timeout`` (seconds, or a timedelta) and ``backoff`` are for tasks that do not set them.
        With ``batch`` the function takes ``(tasks, ctx)`` with at most this many tasks, and returns nothing, or a list
        with the result of each.
        """
        if not _RULE.match(type):
            raise ValueError(f'a handler is for a type, a prefix such as "mail.*", or "*", got {type!r}')
        if type in self.handlers:
            raise ValueError(f"there is a handler for {type!r} already")
        if batch is not None and not 1 <= batch <= min(500, self._concurrency):
            raise ValueError(f"batch is 1 to 500, and not more than concurrency, got {batch}")
        timeout_ms = None if timeout is None else to_ms(timeout, "timeout")

        def register(function: F) -> F:
            if self._engine:
                raise RuntimeError("handlers are registered before the worker starts")
            is_async = inspect.iscoroutinefunction(function)
            self.handlers[type] = Handler(type, function, is_async, max_retries, timeout_ms, backoff, batch)
            return function

        return register

    @property
    def draining(self) -> bool:
        """Whether an operator told the worker to take no more tasks."""
        return self._engine is not None and self._engine.draining

    @property
    def id(self) -> str | None:
        """The id of the running worker, as operators see it; None if it does not run."""
        return self._engine.identity.worker_id if self._engine else None

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Starts the worker, and returns. Its threads do not keep the process alive.

        Coroutines run in ``loop``, by default in an event loop in a thread of the worker.
        """
        if self._engine:
            raise RuntimeError("the worker has been started already")
        if not self.handlers:
            raise RuntimeError("the worker has no handlers: register some with @worker.task(type)")
        settings = (self._settings, self.handlers, self._concurrency, self._lease_ms, self.max_retries)
        self._engine = Engine(WorkerOptions(self.queue, *settings, loop, self.on_settled))
        self._engine.start()
        log.info("the worker of queue %s started", self.queue, extra={"worker_id": self._engine.identity.worker_id})

    def stop(self, grace: float | timedelta | None = None) -> None:
        """Takes no more tasks, lets those that run end within the grace, and releases the others.

        ``grace`` is in seconds, or a timedelta; by default it is that of the worker. A second call, from another
        thread, ends the grace.
        """
        self.begin_stop(grace)
        self.join()

    def begin_stop(self, grace: float | timedelta | None = None) -> None:
        """Like stop, without waiting for it. A second call ends the grace."""
        if self._engine:
            self._engine.stop(self.grace if grace is None else to_ms(grace, "grace") / 1000)

    def join(self, timeout: float | timedelta | None = None) -> bool:
        """Waits until the worker has stopped. Returns False if it has not after ``timeout``, seconds or a timedelta."""
        if not self._engine:
            return True
        ended = self._engine.join(None if timeout is None else to_ms(timeout, "timeout") / 1000)
        if ended:
            self._engine = None
        return ended

    def run(self) -> None:
        """Runs the worker until the process gets SIGTERM or SIGINT. A second signal ends the grace at once."""
        run_workers(self)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self.start(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)


def run_workers(*workers: Worker) -> None:
    """Runs workers of several queues in this process until it gets SIGTERM or SIGINT."""

    signals: list[int] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        log.info("the worker stops, because of %s", signal.Signals(number).name)
        signals.append(number)
        for worker in workers:
            worker.begin_stop()

    old = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for worker in workers:
            worker.start()
            if signals:  # a signal came before the worker had started
                worker.begin_stop()
        # On some systems, a wait without a limit would delay the handling of signals.
        while not all([worker.join(0.5) for worker in workers]):
            pass
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
