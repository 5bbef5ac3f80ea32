"""Sends the verdicts of a worker, many in one request. The same request asks for the next tasks."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ._attempt import Attempt
from ._identity import Identity, WorkerOptions
from ._leases import Leases
from ._protocol import Body, Lane, Protocol
from .errors import HoldfastError

log = logging.getLogger("holdfast")

_MOST = 500
# The most bytes of one request. The service refuses requests above 16 MiB.
_BYTES = 4_194_304


class Settler:
    """Collects verdicts and sends them."""

    def __init__(
        self,
        options: WorkerOptions,
        protocol: Protocol,
        identity: Identity,
        leases: Leases,
        want: Callable[[], int],
        granted: Callable[[Body], None],
    ) -> None:
        """`want` returns how many tasks a settle asks for. `granted` is called with the tasks that it brings."""
        self.verdicts: list[Attempt] = []
        self.is_sending = False
        self._on_settled = options.on_settled
        self._protocol = protocol
        self._identity = identity
        self._leases = leases
        self._want = want
        self._granted = granted
        self._lane = Lane(1)

    @property
    def is_idle(self) -> bool:
        return not self.verdicts and not self.is_sending

    async def send(self) -> None:
        """Sends as many verdicts as fit into one request."""
        self.is_sending = True
        batch = self._next()
        try:
            await self._send(batch)
        except Exception:
            # Without this, the heartbeats would keep the leases of these tasks until their time-outs.
            for attempt in batch:
                self._leases.end(attempt)
            raise
        finally:
            self.is_sending = False

    def _next(self) -> list[Attempt]:
        batch: list[Attempt] = []
        size = 0
        for attempt in self.verdicts[:_MOST]:
            verdict = attempt.verdict or {}
            size += len(str(verdict.get("resultText", ""))) + len(str(verdict.get("error", "")))
            if batch and size > _BYTES:
                break
            batch.append(attempt)
        del self.verdicts[: len(batch)]
        return batch

    async def _send(self, batch: list[Attempt], tries: int = 3) -> None:
        body: Body = {
            **self._identity.who,
            **self._lane.next(),
            **self._identity.terms,
            "verdicts": [attempt.verdict for attempt in batch],
        }
        want = self._want()
        if want > 0:
            held = len(self._leases.attempts) - len(batch)
            body["acquire"] = {"want": want, "types": self._identity.types, "held": held}
        try:
            lasts = lambda: any(attempt.has_lease for attempt in batch)  # noqa: E731
            answer = await self._protocol.repeat("settle", body, lasts, patient=True)
        except HoldfastError as error:
            await self._refused(batch, error, tries)
            return
        for attempt, outcome in zip(batch, answer["outcomes"], strict=True):
            self._leases.end(attempt)
            if outcome == "stale":
                log.warning("the lease of a task was lost, so its verdict changed nothing", extra=_of(attempt))
            self._tell(attempt, outcome)
        for text in answer["warnings"]:
            log.warning("worker-api says: %s", text)
        self._granted(answer)

    async def _refused(self, batch: list[Attempt], error: HoldfastError, tries: int) -> None:
        """Sends the verdicts one by one, because a single bad verdict can make the service refuse a whole request."""
        if error.status is None or tries == 0 or not any(attempt.has_lease for attempt in batch):
            log.error("the verdicts of %d tasks could not be sent: %s", len(batch), error)
            for attempt in batch:
                self._leases.end(attempt)
            return
        if len(batch) > 1:
            for attempt in batch:
                await self._send([attempt])
            return
        (attempt,) = batch
        # After a conflict of request numbers, the same verdict is sent again with a new number. After other refusals,
        # the attempt fails.
        if error.status != 409:
            log.error("worker-api refused a verdict, so the attempt fails: %s", error, extra=_of(attempt))
            reason = {"name": "HoldfastError", "message": str(error)[:1_024]}
            attempt.verdict = {**attempt.lease, "verdict": "fail", "error": reason}
        await self._send(batch, tries - 1)

    def _tell(self, attempt: Attempt, outcome: str) -> None:
        if self._on_settled is None:
            return
        try:
            self._on_settled(attempt.task.id, attempt.token, attempt.task.attempt, outcome)
        except Exception:
            log.exception("on_settled raised an error")


def _of(attempt: Attempt) -> dict[str, str]:
    return {"task_id": attempt.task.id, "task_type": attempt.task.type}
