"""The engine of a worker: it polls, settles and sends heartbeats in a thread in which no handler runs."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from ._attempt import Attempt, Handler, find_handler
from ._http import Settings
from ._protocol import Body, Lane, Protocol
from ._run import Runner
from .context import Service
from .errors import AttemptStopped, HoldfastError

log = logging.getLogger("holdfast")

_POLL_MS = 30_000
_MOST = 500
# A request with more bytes of results would be refused, so the verdicts are divided.
_SETTLE_BYTES = 4_194_304
# After a refusal, such as that of a wrong queue name, the worker asks again so much later.
_REFUSED_SECONDS = 5
# After a second signal, the verdicts have so long to be sent.
_HURRY_SECONDS = 2
_VERSION = "0.1.0"


@dataclass(frozen=True)
class EngineOptions:
    queue: str
    settings: Settings
    handlers: dict[str, Handler]
    concurrency: int
    lease_ms: int
    max_retries: int
    loop: asyncio.AbstractEventLoop | None
    on_settled: Callable[[str, str, int, str], None] | None


class _AttemptService(Service):
    """Sends the requests of a handler. They are repeated while the attempt has its lease."""

    def __init__(self, engine: Engine, attempt: Attempt) -> None:
        self._engine = engine
        self._attempt = attempt

    def ask(self, path: str, body: Body) -> Body:
        return self._send(path, body).result()

    async def ask_async(self, path: str, body: Body) -> Body:
        return await asyncio.wrap_future(self._send(path, body))

    def _send(self, path: str, body: Body) -> concurrent.futures.Future[Body]:
        attempt = self._attempt
        # The verdict has ended the attempt, so the service would refuse the request.
        if attempt.verdict is not None:
            raise AttemptStopped(attempt.behind.stop_reason or "ended")
        whole = {**attempt.lease, **body}
        work = self._engine.protocol.repeat(path, whole, lambda: attempt.has_lease)
        try:
            return asyncio.run_coroutine_threadsafe(work, self._engine.loop)
        except RuntimeError:
            work.close()
            raise AttemptStopped("shutdown") from None


class Engine:
    """Runs in a thread of its own. Only this thread touches the fields, except where a method says otherwise."""

    def __init__(self, options: EngineOptions) -> None:
        self._o = options
        self.worker_id = f"{socket.gethostname()[:24]}:{os.getpid()}:{secrets.token_hex(8)}".replace("_", "-")
        self.loop: asyncio.AbstractEventLoop
        self.protocol: Protocol
        self.draining = False
        self._runner = Runner(options.concurrency, options.loop)
        # The attempts whose handler has not ended. Each of them has a slot.
        self._running: set[Attempt] = set()
        # The attempts whose outcome is not known. Their leases are renewed.
        self._leased: set[Attempt] = set()
        self._verdicts: list[Attempt] = []
        self._is_settling = False
        self._is_stopping = False
        self._pause = options.lease_ms / 3000
        self._poll_body: Body | None = None
        self._wakers: list[asyncio.Event] = []
        self._poll_lane, self._settle_lane = Lane(0), Lane(1)
        self._started_at = int(time.time() * 1000)
        self._begun = threading.Event()
        self._stop: asyncio.Future[float] | None = None
        self._hurry: asyncio.Event
        self._thread = threading.Thread(target=self._main, name="holdfast-engine", daemon=True)

    # These methods are called from other threads.

    def start(self) -> None:
        self._thread.start()
        self._begun.wait()

    def stop(self, grace: float) -> None:
        """Begins to stop. A second call ends the grace."""
        try:
            self.loop.call_soon_threadsafe(self._begin_stop, grace)
        except RuntimeError:
            return  # it has stopped

    def join(self, timeout: float | None = None) -> bool:
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _decided(self, attempt: Attempt) -> None:
        self._call(self._add_verdict, attempt)

    def _ended(self, attempts: Sequence[Attempt]) -> None:
        self._call(self._free, attempts)

    def _call(self, function: Callable[[Any], None], argument: Any) -> None:
        try:
            self.loop.call_soon_threadsafe(function, argument)
        except RuntimeError:
            return  # the engine has stopped, and has released the task

    # Everything below runs in the thread of the engine.

    def _main(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.protocol = Protocol(self._o.queue, self._o.settings)
        self._stop = self.loop.create_future()
        self._hurry = asyncio.Event()
        self._begun.set()
        poll = asyncio.create_task(self._forever(self._poll))
        settle = asyncio.create_task(self._forever(self._settle))
        beat = asyncio.create_task(self._forever(self._beat))
        grace = await self._stop
        await self._wind_down(poll, grace)
        for task in (settle, beat):
            task.cancel()
        await asyncio.gather(settle, beat, return_exceptions=True)
        await self._say_stopped()
        await self.protocol.close()
        self._runner.close()

    async def _forever(self, once: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
        waker = asyncio.Event()
        self._wakers.append(waker)
        while True:
            try:
                await once(waker)
            except Exception:
                # A fault of this client, or an answer that is not of the protocol, must not stop the worker.
                log.exception("the worker goes on after an error of its own")
                await asyncio.sleep(1)

    def _begin_stop(self, grace: float) -> None:
        assert self._stop is not None
        if self._stop.done():
            self._hurry.set()
        else:
            self._is_stopping = True
            self._stop.set_result(grace)

    async def _wind_down(self, poll: asyncio.Task[None], grace: float) -> None:
        poll.cancel()
        await asyncio.gather(poll, return_exceptions=True)
        await self._recover_poll()
        end = time.monotonic() + grace
        while self._undecided() and time.monotonic() < end and not self._hurry.is_set():
            await asyncio.sleep(0.02)
        for attempt in self._undecided():
            attempt.give_up()
        end = time.monotonic() + (_HURRY_SECONDS if self._hurry.is_set() else self._o.lease_ms / 1000)
        while any(attempt.has_lease for attempt in self._leased) and time.monotonic() < end:
            await asyncio.sleep(0.01)

    def _undecided(self) -> list[Attempt]:
        return [attempt for attempt in self._leased if attempt.verdict is None]

    async def _recover_poll(self) -> None:
        """Hands back the tasks of a poll whose answer was under way when it was cancelled."""
        body, self._poll_body = self._poll_body, None
        if body is None:
            return
        try:
            answer = await self.protocol.once("acquire", {**body, "waitMs": 0}, timeout=2)
        except HoldfastError:
            return
        for grant in answer["tasks"]:
            self._hand_back(grant, "unstarted")

    async def _say_stopped(self) -> None:
        body = {**self._who(), "leases": [], "state": "stopped"}
        try:
            await self.protocol.once("heartbeat", body, timeout=2)
        except HoldfastError as error:
            log.warning("worker-api did not hear that the worker stopped: %s", error)

    def _who(self) -> Body:
        info = {
            "host": socket.gethostname()[:128],
            "pid": os.getpid(),
            "version": f"python-{_VERSION}",
            "slots": self._o.concurrency,
            "queues": [self._o.queue],
            "types": self._types(),
            "startedAt": self._started_at,
        }
        return {"workerId": self.worker_id, "leaseMs": self._o.lease_ms, "info": info}

    def _types(self) -> list[str]:
        return sorted(self._o.handlers)

    def _terms(self) -> Body:
        """What holds for tasks that do not say it themselves: for all of them, and for those of one handler."""
        terms = {}
        for rule, handler in self._o.handlers.items():
            own = {"maxRetries": handler.max_retries, "timeoutMs": handler.timeout_ms}
            given = {name: value for name, value in own.items() if value is not None}
            if given:
                terms[rule] = given
        return {"maxRetries": self._o.max_retries, **({"terms": terms} if terms else {})}

    @property
    def _slots(self) -> int:
        return min(_MOST, self._o.concurrency - len(self._running))

    async def _until(self, waker: asyncio.Event, condition: Callable[[], bool]) -> None:
        while not condition():
            waker.clear()
            await waker.wait()

    def _changed(self) -> None:
        for waker in self._wakers:
            waker.set()

    async def _poll(self, waker: asyncio.Event) -> None:
        """Asks for tasks while slots are free and no verdict waits, because a settle asks for tasks as well."""
        await self._until(waker, lambda: self._slots > 0 and not self._verdicts and not self._is_settling)
        self._poll_body = {
            **self._who(),
            **self._poll_lane.next(),
            "want": self._slots,
            "waitMs": _POLL_MS,
            "types": self._types(),
            "held": len(self._leased),
            **self._terms(),
        }
        try:
            answer = await self.protocol.repeat(
                "acquire", self._poll_body, lambda: True, timeout=_POLL_MS / 1000 + 10, patient=True
            )
        except HoldfastError as error:
            log.error("worker-api refused to give tasks: %s", error)
            await asyncio.sleep(max(_REFUSED_SECONDS, error.retry_after or 0))
            return
        self._poll_body = None
        self._granted(answer)

    def _granted(self, answer: Body) -> None:
        if answer["draining"] != self.draining:
            self.draining = answer["draining"]
            log.info("the worker was told to drain" if self.draining else "the worker takes tasks again")
        batches: dict[str, list[Attempt]] = {}
        for grant in answer["tasks"]:
            handler = find_handler(self._o.handlers, grant["type"])
            if handler is None:
                self._hand_back(grant, "no_handler")
                continue
            attempt = self._attempt(grant, handler)
            self._running.add(attempt)
            attempt.timer = self.loop.call_later(attempt.timeout_ms / 1000, attempt.time_out)
            if handler.batch is None:
                self._runner.start([attempt], self._ended)
            else:
                batches.setdefault(handler.rule, []).append(attempt)
        for together in batches.values():
            most = together[0].handler.batch or 1
            for start in range(0, len(together), most):
                self._runner.start(together[start : start + most], self._ended)

    def _attempt(self, grant: Body, handler: Handler) -> Attempt:
        def service(attempt: Attempt) -> Service:
            return _AttemptService(self, attempt)

        attempt = Attempt(grant, self._o.queue, handler, service, time.monotonic(), self._decided)
        self._leased.add(attempt)
        return attempt

    def _hand_back(self, grant: Body, verdict: str) -> None:
        def nothing(*_: object) -> None:
            return None

        self._attempt(grant, Handler("", nothing, False, None, None, None, None)).decide({"verdict": verdict})

    def _add_verdict(self, attempt: Attempt) -> None:
        self._verdicts.append(attempt)
        # The handler has just ended, so the settle can already ask for the next task.
        if attempt.handler.batch is None and not attempt.outlives_verdict:
            self._running.discard(attempt)
        self._changed()

    def _free(self, attempts: Sequence[Attempt]) -> None:
        self._running.difference_update(attempts)
        self._changed()

    async def _settle(self, waker: asyncio.Event) -> None:
        """Sends verdicts, as many as there are, and asks for as many tasks as there are free slots."""
        await self._until(waker, lambda: bool(self._verdicts))
        self._is_settling = True
        batch = self._next_verdicts()
        try:
            await self._settle_batch(batch)
        finally:
            self._is_settling = False
            self._changed()

    def _next_verdicts(self) -> list[Attempt]:
        """Takes as many verdicts as fit into one request."""
        batch: list[Attempt] = []
        size = 0
        for attempt in self._verdicts[:_MOST]:
            verdict = attempt.verdict or {}
            size += len(str(verdict.get("resultText", ""))) + len(str(verdict.get("error", "")))
            if batch and size > _SETTLE_BYTES:
                break
            batch.append(attempt)
        del self._verdicts[: len(batch)]
        return batch

    async def _settle_batch(self, batch: list[Attempt], tries: int = 3) -> None:
        body: Body = {
            "workerId": self.worker_id,
            **self._settle_lane.next(),
            "leaseMs": self._o.lease_ms,
            **self._terms(),
            "verdicts": [attempt.verdict for attempt in batch],
        }
        # A poll that waits gets the next tasks.
        if self._slots > 0 and not (self._is_stopping or self.draining or self._poll_body):
            held = len(self._leased) - len(batch)
            body["acquire"] = {"want": self._slots, "types": self._types(), "held": held}
        try:
            answer = await self.protocol.repeat(
                "settle", body, lambda: any(attempt.has_lease for attempt in batch), patient=True
            )
        except HoldfastError as error:
            await self._refused(batch, error, tries)
            return
        for attempt, outcome in zip(batch, answer["outcomes"], strict=True):
            self._settled(attempt)
            if outcome == "stale":
                log.warning("the lease of a task was lost, so its verdict changed nothing", extra=_of(attempt))
            self._tell(attempt, outcome)
        self._granted(answer)

    async def _refused(self, batch: list[Attempt], error: HoldfastError, tries: int) -> None:
        """One verdict can make the service refuse a whole request, so they are sent one by one."""
        if error.status is None or tries == 0 or not any(attempt.has_lease for attempt in batch):
            log.error("the verdicts of %d tasks could not be sent: %s", len(batch), error)
            for attempt in batch:
                self._settled(attempt)
            return
        if len(batch) > 1:
            for attempt in batch:
                await self._settle_batch([attempt])
            return
        (attempt,) = batch
        # After a conflict of request numbers, the same verdict is sent with a new number.
        if error.status != 409:
            log.error("worker-api refused a verdict, so the attempt fails: %s", error, extra=_of(attempt))
            reason = {"name": "HoldfastError", "message": str(error)[:1_024]}
            attempt.verdict = {**attempt.lease, "verdict": "fail", "error": reason}
        await self._settle_batch(batch, tries - 1)

    def _tell(self, attempt: Attempt, outcome: str) -> None:
        if self._o.on_settled is None:
            return
        try:
            self._o.on_settled(attempt.task.id, attempt.token, attempt.task.attempt, outcome)
        except Exception:
            log.exception("on_settled raised an error")

    def _settled(self, attempt: Attempt) -> None:
        self._leased.discard(attempt)
        if attempt.timer:
            attempt.timer.cancel()

    async def _beat(self, _: asyncio.Event) -> None:
        """Renews the leases, three times in each lease. Without leases there is nothing to say."""
        await asyncio.sleep(self._pause)
        leased = list(self._leased)
        renewed = [await self._renew(leased[at : at + _MOST]) for at in range(0, len(leased), _MOST)]
        self._pause = self._o.lease_ms / 3000 if all(renewed) else min(1, self._o.lease_ms / 10_000)
        for attempt in leased:
            if not attempt.has_lease and attempt in self._leased:
                attempt.stop("lease_lost")

    async def _renew(self, attempts: list[Attempt]) -> bool:
        state = "draining" if self._is_stopping else "running"
        body = {**self._who(), "leases": [attempt.lease for attempt in attempts], "state": state}
        sent = time.monotonic()
        try:
            answer = await self.protocol.once("heartbeat", body, timeout=self._o.lease_ms / 3000)
        except HoldfastError as error:
            log.warning("a heartbeat failed, and is sent again: %s", error)
            return False
        for attempt, word in zip(attempts, answer["leases"], strict=True):
            if word == "lost":
                if attempt in self._leased:
                    attempt.lease_until = 0
                    attempt.stop("lease_lost")
                continue
            attempt.lease_until = max(attempt.lease_until, sent + self._o.lease_ms / 1000)
            if word == "cancelled":
                attempt.stop("cancelled")
        return True


def _of(attempt: Attempt) -> dict[str, str]:
    return {"task_id": attempt.task.id, "task_type": attempt.task.type}
