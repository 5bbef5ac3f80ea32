"""The engine of a worker: it polls, settles and sends heartbeats, in a thread in which no handler runs."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from ._attempt import Attempt, Handler, find_handler
from ._identity import Identity, WorkerOptions
from ._leases import Leases
from ._protocol import AttemptService, Body, Lane, Protocol
from ._run import Runner
from ._settler import Settler
from .context import Service
from .errors import HoldfastError

log = logging.getLogger("holdfast")

_POLL_MS = 30_000
# How long a poll waits while the worker holds tasks. A task that has to run alone waits until the worker holds none.
# So such polls are short, and the service soon learns how many tasks the worker holds.
_BUSY_POLL_MS = 5_000
_MOST = 500
# How long the worker waits after a refusal before it asks again, for example after a wrong queue name.
_REFUSED_SECONDS = 5
# How long the worker goes on sending verdicts after a second signal to stop.
_HURRY_SECONDS = 2


class Engine:
    """Runs in its own thread. Only this thread uses the fields, except where a comment says otherwise."""

    def __init__(self, options: WorkerOptions) -> None:
        self._o = options
        self.identity = Identity(options)
        self.draining = False
        self._runner = Runner(options.concurrency, options.loop)
        # The attempts whose handler has not ended. Each occupies a slot.
        self._running: set[Attempt] = set()
        self._poll_body: Body | None = None
        self._poll_lane = Lane(0)
        self._is_stopping = False
        # Whether the worker takes no other task, because a task runs alone or waits to run alone. Such a task has
        # crashed its workers twice.
        self._keeps_room = False
        self._wakers: list[asyncio.Event] = []
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._main, name="holdfast-engine", daemon=True)
        # These objects need the event loop of the thread, so _run makes them.
        self._loop: asyncio.AbstractEventLoop
        self._protocol: Protocol
        self._leases: Leases
        self._settler: Settler
        self._stop: asyncio.Future[float]
        self._hurry: asyncio.Event

    # The following methods are called from other threads.

    def start(self) -> None:
        self._thread.start()
        self._begun.wait()

    def stop(self, grace: float) -> None:
        """Begins to stop. A second call ends the grace at once."""
        try:
            self._loop.call_soon_threadsafe(self._begin_stop, grace)
        except RuntimeError:
            return  # the engine has stopped already

    def join(self, timeout: float | None = None) -> bool:
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _decided(self, attempt: Attempt) -> None:
        self._call(self._add_verdict, attempt)

    def _ended(self, attempts: Sequence[Attempt]) -> None:
        self._call(self._free, attempts)

    def _call(self, function: Callable[[Any], None], argument: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, argument)
        except RuntimeError:
            return  # the engine has stopped, and has released the task

    # All following methods run in the thread of the engine.

    def _main(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._protocol = Protocol(self._o.queue, self._o.settings)
        self._leases = Leases(self._protocol, self.identity)
        self._settler = Settler(
            self._o, self._protocol, self.identity, self._leases, self._wanted_by_settle, self._granted
        )
        self._stop = self._loop.create_future()
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
        await self._leases.say_stopped()
        await self._protocol.close()
        self._runner.close()

    async def _forever(self, once: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
        waker = asyncio.Event()
        self._wakers.append(waker)
        while True:
            try:
                await once(waker)
            except Exception:
                # A bug in this client, or an answer that does not follow the protocol, must not stop the worker.
                log.exception("the worker continues after an internal error")
                await asyncio.sleep(1)

    def _begin_stop(self, grace: float) -> None:
        if self._stop.done():
            self._hurry.set()
        else:
            self._is_stopping = self._leases.is_stopping = True
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
        while any(attempt.has_lease for attempt in self._leases.attempts) and time.monotonic() < end:
            await asyncio.sleep(0.01)

    def _undecided(self) -> list[Attempt]:
        return [attempt for attempt in self._leases.attempts if attempt.verdict is None]

    async def _recover_poll(self) -> None:
        """Hands back the tasks of a cancelled poll, whose answer may have been on its way."""
        body, self._poll_body = self._poll_body, None
        if body is None:
            return
        try:
            answer = await self._protocol.once("acquire", {**body, "waitMs": 0}, timeout=2)
        except HoldfastError:
            return
        for grant in answer["tasks"]:
            self._hand_back(grant, "unstarted")

    @property
    def _slots(self) -> int:
        if self._keeps_room and self._leases.attempts:
            return 0
        return min(_MOST, self._o.concurrency - len(self._running))

    async def _until(self, waker: asyncio.Event, condition: Callable[[], bool]) -> None:
        while not condition():
            waker.clear()
            await waker.wait()

    def _changed(self) -> None:
        for waker in self._wakers:
            waker.set()

    def _wanted_by_settle(self) -> int:
        """Returns how many tasks a settle asks for.

        It is 0 while a poll waits, because the poll gets the next tasks.
        """
        return 0 if self._is_stopping or self.draining or self._poll_body else self._slots

    async def _settle(self, waker: asyncio.Event) -> None:
        await self._until(waker, lambda: bool(self._settler.verdicts))
        await self._settler.send()
        self._changed()

    async def _beat(self, _: asyncio.Event) -> None:
        await self._leases.beat()

    async def _poll(self, waker: asyncio.Event) -> None:
        """Polls for tasks while slots are free and no verdict waits.

        If verdicts wait, the settle asks for tasks instead.
        """
        await self._until(waker, lambda: self._slots > 0 and self._settler.is_idle)
        held = len(self._leases.attempts)
        self._poll_body = {
            **self.identity.who,
            **self.identity.terms,
            **self._poll_lane.next(),
            "types": self.identity.types,
            "want": self._slots,
            "waitMs": _BUSY_POLL_MS if held else _POLL_MS,
            "held": held,
        }
        try:
            answer = await self._protocol.repeat(
                "acquire", self._poll_body, lambda: True, timeout=_POLL_MS / 1000 + 10, patient=True
            )
        except HoldfastError as error:
            log.error("worker-api refused to give tasks: %s", error)
            await asyncio.sleep(max(_REFUSED_SECONDS, error.retry_after or 0))
            return
        self._poll_body = None
        # The worker holds no tasks now, so the next poll sends `held` 0. Its answer says whether the worker has to
        # keep room again.
        self._keeps_room = False
        self._granted(answer)

    def _granted(self, answer: Body) -> None:
        if answer["draining"] != self.draining:
            self.draining = answer["draining"]
            log.info("the worker was told to drain" if self.draining else "the worker takes tasks again")
        self._keeps_room = self._keeps_room or answer["alone"] or answer["makeRoom"]
        batches: dict[str, list[Attempt]] = {}
        for grant in answer["tasks"]:
            handler = find_handler(self._o.handlers, grant["type"])
            if handler is None:
                self._hand_back(grant, "no_handler")
                continue
            attempt = self._attempt(grant, handler)
            self._running.add(attempt)
            attempt.timer = self._loop.call_later(attempt.timeout_ms / 1000, attempt.time_out)
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
            return AttemptService(self._protocol, self._loop, attempt)

        attempt = Attempt(grant, self._o.queue, handler, service, time.monotonic(), self._decided)
        self._leases.attempts.add(attempt)
        return attempt

    def _hand_back(self, grant: Body, verdict: str) -> None:
        def nothing(*_: object) -> None:
            return None

        self._attempt(grant, Handler("", nothing, False, None, None, None, None)).decide({"verdict": verdict})

    def _add_verdict(self, attempt: Attempt) -> None:
        self._settler.verdicts.append(attempt)
        # The handler has just ended, so its slot is free, and the settle can already ask for the next task.
        if attempt.handler.batch is None and not attempt.outlives_verdict:
            self._running.discard(attempt)
        self._changed()

    def _free(self, attempts: Sequence[Attempt]) -> None:
        self._running.difference_update(attempts)
        self._changed()
