"""The methods by which a handler uses its attempt: progress, log, steps and so on."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

from ._steps import LONGEST_WAIT_MS, Ask, Memo, Pause, Plan, Read, Run, Steps, Suspend, Todo
from ._time import to_ms
from .errors import AttemptStopped, HoldfastError, TaskSuspended
from .options import TaskOptions, options_to_json, to_json_text
from .tasks import Child, Signal

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")
LogLevel = Literal["debug", "info", "warn", "error"]
log = logging.getLogger("holdfast")


class Service(Protocol):
    """Answers the requests of one attempt. This is worker-api, or the memory of a test."""

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]: ...

    async def ask_async(self, path: str, body: dict[str, Any]) -> dict[str, Any]: ...


@dataclass
class Behind:
    """The data that the context of an attempt and its worker share."""

    task_id: str
    token: str
    attempt: int
    service: Service
    suspends: bool = True
    """Whether the attempt may be suspended. The tasks of a batch share one call, so they may not."""
    stopped: threading.Event = field(default_factory=threading.Event)
    stop_reason: str | None = None
    suspension: Suspend | None = None

    def stop(self, reason: str) -> None:
        """Tells the handler to stop. Only the first reason counts."""
        if not self.stopped.is_set():
            self.stop_reason = reason
            self.stopped.set()


class _Context:
    def __init__(self, behind: Behind) -> None:
        self._behind = behind
        self._steps = Steps(behind.task_id)
        self._memo: Memo | None = None

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self._behind.attempt

    @property
    def token(self) -> str:
        """Names the lease of this attempt, for fencing (docs/handlers.md)."""
        return self._behind.token

    @property
    def cancelled(self) -> threading.Event:
        """Is set once the attempt has to stop. ``cancelled.wait(seconds)`` sleeps until then."""
        return self._behind.stopped

    @property
    def stop_reason(self) -> str | None:
        """Why the attempt has to stop: "cancelled", "timed_out", "lease_lost" or "shutdown"; None if it may go on."""
        return self._behind.stop_reason

    def raise_if_stopped(self) -> None:
        """Raises AttemptStopped once the attempt has to stop. Call it from time to time in a long loop."""
        if self._behind.stopped.is_set():
            raise AttemptStopped(self._behind.stop_reason or "cancelled")

    def _check_suspends(self, what: str) -> None:
        if not self._behind.suspends:
            detail = f"{what} cannot be called in a batch handler, because its tasks run together"
            raise HoldfastError("invalid_argument", detail)

    def _begin(self) -> None:
        if self._behind.suspension:
            raise TaskSuspended
        self.raise_if_stopped()

    def _plan_sleep(self, duration: float | timedelta, name: str) -> Plan:
        ms = to_ms(duration, "the time of ctx.sleep")
        if ms > 1_000:
            self._check_suspends("ctx.sleep")
        return self._steps.sleep(ms, name)

    def _plan_wait(self, events: str | Sequence[str], timeout: float | timedelta | None, name: str | None) -> Plan:
        self._check_suspends("ctx.wait_for")
        listed = [events] if isinstance(events, str) else list(events)
        timeout_ms = LONGEST_WAIT_MS if timeout is None else to_ms(timeout, "timeout")
        return self._steps.wait_for(listed, timeout_ms, name or ",".join(listed))

    def _plan_call(self, type: str, payload: Any, name: str | None, options: TaskOptions) -> Plan:
        self._check_suspends("ctx.call")
        to_json_text(payload, "the payload")
        return self._steps.call(type, payload, options_to_json(options), name or type)


class Context(_Context):
    """The context of a handler that is a plain function. All times are seconds or timedeltas."""

    def __init__(self, behind: Behind) -> None:
        super().__init__(behind)
        self._reading = threading.Lock()

    def progress(self, value: Any) -> None:
        """Stores the progress of the task: any JSON value of at most 8 KiB. If that fails, a warning is logged."""
        try:
            self._behind.service.ask("progress", {"progress": _json(value, "progress")})
        except HoldfastError as error:
            log.warning("progress was not stored: %s", error, extra={"task_id": self._behind.task_id})

    def log(self, line: str, level: LogLevel = "info") -> None:
        """Adds a line to the log of the task, which keeps the last 50. If that fails, a warning is logged."""
        try:
            self._behind.service.ask("log", _log_line(line, level))
        except HoldfastError as error:
            log.warning("a log line was not stored: %s", error, extra={"task_id": self._behind.task_id})

    def checkpoint(self, value: Any) -> None:
        """Stores a value of at most 64 KiB for the next attempt.

        Raises HoldfastError with the code ``conflict`` if the lease is lost.
        """
        self._behind.service.ask("progress", {"checkpoint": _json(value, "a checkpoint")})

    def read_checkpoint(self) -> Any:
        """Returns the last checkpoint; None if there is none."""
        return self._behind.service.ask("checkpoint", {})["checkpoint"]

    def step(self, name: str, run: Callable[[], T], *, retries: int = 0) -> T:
        """Runs a function once for the task, and returns its result as it is after JSON (docs/steps.md).

        With ``retries`` the function is called again if it raises, after growing waits, while the task keeps its slot.
        """
        result: T = self._do(self._steps.step(name, retries), run)
        return result

    def sleep(self, duration: float | timedelta, *, name: str = "sleep") -> None:
        """Sleeps. ``duration`` is in seconds, or a timedelta.

        If it is above one second, the task occupies no worker meanwhile.
        """
        self._do(self._plan_sleep(duration, name))

    def wait_for(
        self,
        events: str | Sequence[str],
        *,
        timeout: float | timedelta | None = None,
        name: str | None = None,
    ) -> Signal | None:
        """Waits for a signal.

        The task occupies no worker meanwhile. Returns None after ``timeout``, seconds or a timedelta.
        """
        found: Signal | None = self._do(self._plan_wait(events, timeout, name))
        return found

    def call(self, type: str, payload: Any = None, *, name: str | None = None, **options: Unpack[TaskOptions]) -> Any:
        """Runs another task in the same queue, once, and returns its result.

        Raises CallFailed if it does not complete.
        """
        return self._do(self._plan_call(type, payload, name, options))

    def children(self) -> Iterator[Child]:
        """Yields the nodes of the flow that had to end before this one, with their results."""
        after: int | None = None
        while True:
            body: dict[str, Any] = {"limit": 100}
            if after is not None:
                body["after"] = after
            page = self._behind.service.ask("children", body)
            yield from map(_child, page["children"])
            after = page["next"]
            if after is None:
                return

    def _do(self, plan: Plan, run: Callable[[], Any] | None = None) -> Any:
        self._begin()
        answer: Any = None
        error: BaseException | None = None
        try:
            while True:
                todo = plan.send(answer) if error is None else plan.throw(error)
                answer, error = None, None
                try:
                    answer = self._did(todo, run)
                except BaseException as raised:
                    error = raised
        except StopIteration as end:
            return end.value

    def _did(self, todo: Todo, run: Callable[[], Any] | None) -> Any:
        if isinstance(todo, Ask):
            return self._behind.service.ask(todo.path, todo.body)
        if isinstance(todo, Run):
            assert run is not None
            return run()
        if isinstance(todo, Pause):
            if self._behind.stopped.wait(todo.seconds):
                self.raise_if_stopped()
            return None
        if isinstance(todo, Read):
            with self._reading:
                if self._memo is None:
                    self._memo = Memo.of(self._behind.service.ask("steps/read", {}))
                return self._memo
        self._behind.suspension = todo
        raise TaskSuspended


class AsyncContext(_Context):
    """The context of a handler that is a coroutine. All times are seconds or timedeltas.

    If the attempt has to stop, the task of the handler is cancelled, as asyncio does it.
    """

    def __init__(self, behind: Behind) -> None:
        super().__init__(behind)
        self._reading: asyncio.Future[Memo] | None = None
        self._busy = 0
        self._waiting: list[tuple[Suspend, asyncio.Future[None]]] = []

    async def progress(self, value: Any) -> None:
        """Like Context.progress."""
        try:
            await self._behind.service.ask_async("progress", {"progress": _json(value, "progress")})
        except HoldfastError as error:
            log.warning("progress was not stored: %s", error, extra={"task_id": self._behind.task_id})

    async def log(self, line: str, level: LogLevel = "info") -> None:
        """Like Context.log."""
        try:
            await self._behind.service.ask_async("log", _log_line(line, level))
        except HoldfastError as error:
            log.warning("a log line was not stored: %s", error, extra={"task_id": self._behind.task_id})

    async def checkpoint(self, value: Any) -> None:
        """Like Context.checkpoint."""
        await self._behind.service.ask_async("progress", {"checkpoint": _json(value, "a checkpoint")})

    async def read_checkpoint(self) -> Any:
        """Like Context.read_checkpoint."""
        return (await self._behind.service.ask_async("checkpoint", {}))["checkpoint"]

    @overload
    async def step(self, name: str, run: Callable[[], Awaitable[T]], *, retries: int = 0) -> T: ...

    @overload
    async def step(self, name: str, run: Callable[[], T], *, retries: int = 0) -> T: ...

    async def step(self, name: str, run: Callable[[], Any], *, retries: int = 0) -> Any:
        """Like Context.step. ``run`` is a coroutine function or a plain function."""
        return await self._do(self._steps.step(name, retries), run)

    async def sleep(self, duration: float | timedelta, *, name: str = "sleep") -> None:
        """Like Context.sleep. ``duration`` is in seconds, or a timedelta."""
        await self._do(self._plan_sleep(duration, name))

    async def wait_for(
        self,
        events: str | Sequence[str],
        *,
        timeout: float | timedelta | None = None,
        name: str | None = None,
    ) -> Signal | None:
        """Like Context.wait_for. ``timeout`` is in seconds, or a timedelta."""
        found: Signal | None = await self._do(self._plan_wait(events, timeout, name))
        return found

    async def call(
        self, type: str, payload: Any = None, *, name: str | None = None, **options: Unpack[TaskOptions]
    ) -> Any:
        """Like Context.call."""
        return await self._do(self._plan_call(type, payload, name, options))

    async def children(self) -> AsyncIterator[Child]:
        """Like Context.children."""
        after: int | None = None
        while True:
            body: dict[str, Any] = {"limit": 100}
            if after is not None:
                body["after"] = after
            page = await self._behind.service.ask_async("children", body)
            for child in page["children"]:
                yield _child(child)
            after = page["next"]
            if after is None:
                return

    async def _do(self, plan: Plan, run: Callable[[], Any] | None = None) -> Any:
        self._begin()
        self._busy += 1
        answer: Any = None
        error: BaseException | None = None
        try:
            while True:
                todo = plan.send(answer) if error is None else plan.throw(error)
                answer, error = None, None
                try:
                    answer = await self._did(todo, run)
                except BaseException as raised:
                    error = raised
        except StopIteration as end:
            return end.value
        finally:
            self._busy -= 1
            self._look()

    async def _did(self, todo: Todo, run: Callable[[], Any] | None) -> Any:
        if isinstance(todo, Ask):
            return await self._behind.service.ask_async(todo.path, todo.body)
        if isinstance(todo, Run):
            assert run is not None
            value = run()
            return await value if inspect.isawaitable(value) else value
        if isinstance(todo, Pause):
            await asyncio.sleep(todo.seconds)
            return None
        if isinstance(todo, Read):
            return await self._read()
        await self._suspend(todo)
        return None

    async def _read(self) -> Memo:
        # Steps that run at the same time share one read of the stored steps.
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read_once())
        return await asyncio.shield(self._reading)

    async def _read_once(self) -> Memo:
        return Memo.of(await self._behind.service.ask_async("steps/read", {}))

    async def _suspend(self, suspend: Suspend) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((suspend, future))
        self._busy -= 1
        self._look()
        try:
            await future
        finally:
            self._busy += 1

    def _look(self) -> None:
        """Suspends the attempt if its handler only waits.

        This is checked a moment later, because a handler whose last step has ended may begin another one.
        """
        if self._busy == 0 and self._waiting:
            asyncio.get_running_loop().call_soon(self._suspend_now)

    def _suspend_now(self) -> None:
        if self._busy or not self._waiting or self._behind.suspension:
            return
        until = min(suspend.until for suspend, _ in self._waiting)
        events = {event: None for suspend, _ in self._waiting for event in suspend.events}
        self._behind.suspension = Suspend(until, list(events))
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(TaskSuspended())


def _json(value: Any, what: str) -> Any:
    """Returns the value unchanged. Raises HoldfastError if it has no JSON form."""
    to_json_text(value, what)
    return value


def _log_line(line: str, level: LogLevel) -> dict[str, Any]:
    """Returns the body of a log request.

    Older services refuse the field ``level``, so the default level is left out.
    """
    text = str(line)[:1_024]
    return {"line": text} if level == "info" else {"line": text, "level": level}


def _child(body: dict[str, Any]) -> Child:
    return Child(body["name"], body["id"], body["state"], body.get("result"), body.get("skippedBy"))
