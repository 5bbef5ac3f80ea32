"""The leases that a worker holds, and the heartbeats that renew them."""

from __future__ import annotations

import asyncio
import logging
import time

from ._attempt import Attempt
from ._identity import Identity
from ._protocol import Protocol
from .errors import HoldfastError

log = logging.getLogger("holdfast")

_MOST = 500


class Leases:
    """The attempts whose outcome is not known yet. A lease is extended until the service has answered its verdict."""

    def __init__(self, protocol: Protocol, identity: Identity) -> None:
        self.attempts: set[Attempt] = set()
        self.is_stopping = False
        self._protocol = protocol
        self._identity = identity
        self._lease_ms: int = identity.who["leaseMs"]
        self._pause = self._lease_ms / 3000
        self._is_failing = False

    def end(self, attempt: Attempt) -> None:
        """Removes an attempt whose verdict was answered, or can never be sent."""
        self.attempts.discard(attempt)
        if attempt.timer:
            attempt.timer.cancel()

    async def beat(self) -> None:
        """Extends the leases, three times per lease. If there are none, sends nothing."""
        await asyncio.sleep(self._pause)
        leased = list(self.attempts)
        renewed = [await self._renew(leased[at : at + _MOST]) for at in range(0, len(leased), _MOST)]
        self._pause = self._lease_ms / 3000 if all(renewed) else min(1, self._lease_ms / 10_000)
        for attempt in leased:
            if not attempt.has_lease and attempt.verdict is None:
                attempt.stop("lease_lost")

    async def say_stopped(self) -> None:
        body = {**self._identity.who, "leases": [], "state": "stopped"}
        try:
            await self._protocol.once("heartbeat", body, timeout=2)
        except HoldfastError as error:
            log.warning("could not tell worker-api that the worker stopped: %s", error)

    async def _renew(self, attempts: list[Attempt]) -> bool:
        state = "draining" if self.is_stopping else "running"
        body = {**self._identity.who, "leases": [attempt.lease for attempt in attempts], "state": state}
        sent = time.monotonic()
        try:
            answer = await self._protocol.once("heartbeat", body, timeout=self._lease_ms / 3000)
        except HoldfastError as error:
            if not self._is_failing:
                log.warning("a heartbeat failed, and is sent again: %s", error)
            self._is_failing = True
            return False
        self._is_failing = False
        for attempt, word in zip(attempts, answer["leases"], strict=True):
            if word != "lost":
                attempt.lease_until = max(attempt.lease_until, sent + self._lease_ms / 1000)
            # A verdict that is on its way may have ended the lease. So the lease counts as lost only if there is no
            # verdict.
            elif attempt.verdict is None:
                attempt.lease_until = 0
                attempt.stop("lease_lost")
            if word == "cancelled":
                attempt.stop("cancelled")
        return True
