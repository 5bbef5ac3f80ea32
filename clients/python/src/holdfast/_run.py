"""Runs attempts: plain functions in threads, and coroutines in an event loop that the worker itself does not use."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from ._attempt import Attempt
from .batch import AsyncBatchContext, BatchContext, Calls, Search
from .context import AsyncContext, Context
from .errors import AttemptStopped


class Threads:
    """Threads for plain functions.

    They are daemon threads, so a handler that never ends cannot keep the process alive.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0

    def run(self, work: Callable[[], None]) -> None:
        self._work.put(work)
        with self._lock:
            if self._idle < self._work.qsize() and self._threads < self._most:
                self._threads += 1
                name = f"holdfast-handler-{self._threads}"
                threading.Thread(target=self._loop, name=name, daemon=True).start()

    def _loop(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            work = self._work.get()
            with self._lock:
                self._idle -= 1
            work()


def run_here(attempts: Sequence[Attempt]) -> None:
    """Runs one attempt, or a batch of attempts, of a plain function in this thread. Never raises."""
    handler = attempts[0].handler
    if handler.batch is None:
        (attempt,) = attempts
        try:
            attempt.succeed(handler.function(attempt.task, Context(attempt.behind)))
        except BaseException as error:
            attempt.fail(error)
        return
    calls = Search().calls(attempts)
    given = _next(calls, None, None)
    while given:
        tasks = [attempt.task for attempt in given]
        try:
            given = _next(calls, handler.function(tasks, BatchContext(given)), None)
        except (Exception, AttemptStopped) as error:
            given = _next(calls, None, error)
        except BaseException as error:
            _fail(attempts, error)
            return


async def run_async(attempts: Sequence[Attempt]) -> None:
    """Runs one attempt, or a batch of attempts, of a coroutine function. Never raises."""
    handler = attempts[0].handler
    if handler.batch is None:
        (attempt,) = attempts
        try:
            attempt.succeed(await handler.function(attempt.task, AsyncContext(attempt.behind)))
        except BaseException as error:
            attempt.fail(error)
        return
    calls = Search().calls(attempts)
    given = _next(calls, None, None)
    while given:
        tasks = [attempt.task for attempt in given]
        try:
            given = _next(calls, await handler.function(tasks, AsyncBatchContext(given)), None)
        except (Exception, AttemptStopped) as error:
            given = _next(calls, None, error)
        except BaseException as error:
            _fail(attempts, error)
            return


def _next(calls: Calls, returned: Any, error: Exception | AttemptStopped | None) -> Sequence[Attempt] | None:
    try:
        return calls.throw(error) if error else calls.send(returned)
    except StopIteration:
        return None


def _fail(attempts: Sequence[Attempt], error: BaseException) -> None:
    for attempt in attempts:
        if attempt.verdict is None:
            attempt.fail(error)


class Runner:
    """Starts attempts. `loop` is the event loop of the program, if the coroutines have to run in it."""

    def __init__(self, concurrency: int, loop: asyncio.AbstractEventLoop | None) -> None:
        self._threads = Threads(concurrency)
        self._own: asyncio.AbstractEventLoop | None = None
        self._loop = loop

    def start(self, attempts: Sequence[Attempt], ended: Callable[[Sequence[Attempt]], None]) -> None:
        """Runs attempts of one handler. When the handler has ended, calls `ended` from any thread."""
        if attempts[0].handler.is_async:
            self._start_async(attempts, ended)
            return

        def work() -> None:
            run_here(attempts)
            ended(attempts)

        self._threads.run(work)

    def _start_async(self, attempts: Sequence[Attempt], ended: Callable[[Sequence[Attempt]], None]) -> None:
        loop = self._event_loop()

        async def work() -> None:
            task = asyncio.current_task()
            assert task is not None
            _cancel_together(loop, task, attempts)
            try:
                await run_async(attempts)
            finally:
                ended(attempts)

        _spawn(loop, work())

    def _event_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = self._own = asyncio.new_event_loop()
            threading.Thread(target=self._own.run_forever, name="holdfast-async", daemon=True).start()
        return self._loop

    def close(self) -> None:
        if self._own:
            self._own.call_soon_threadsafe(self._own.stop)


_running: set[asyncio.Task[None]] = set()


def _spawn(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
    def begin() -> None:
        task = loop.create_task(work)
        _running.add(task)  # the event loop keeps only a weak reference to the task
        task.add_done_callback(_running.discard)

    loop.call_soon_threadsafe(begin)


def _cancel_together(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None], attempts: Sequence[Attempt]) -> None:
    """Cancels the coroutine when its attempt was told to stop.

    For a batch: when all open attempts were told to stop.
    """

    def look() -> None:
        open = [one for one in attempts if one.verdict is None]
        if not task.done() and all(one.behind.stopped.is_set() for one in open):
            task.cancel()

    def cancel() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(look)

    for attempt in attempts:
        attempt.cancel_async = cancel
    if any(one.behind.stopped.is_set() for one in attempts):
        look()
