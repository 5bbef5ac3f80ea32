"""The worker protocol: requests to worker-api that are repeated until they are answered (docs/worker-protocol.md)."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

from ._attempt import Attempt
from ._http import Settings, problem_of, unreachable, waits
from .context import Service
from .errors import AttemptStopped, HoldfastError

log = logging.getLogger("holdfast")

Body = dict[str, Any]
_NOT_ALLOWED = (401, 403)


class Protocol:
    """Sends the requests of one worker."""

    def __init__(self, queue: str, settings: Settings) -> None:
        self._url = settings.url
        self._path = f"/v1/queues/{quote(queue, safe='')}/work/"
        # Many handlers may each have an open request, so the number of connections has no limit.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        self._client = httpx.AsyncClient(**settings.client_options(), limits=limits)

    async def once(self, path: str, body: Body, timeout: float = 15) -> Body:
        """Sends a request. Raises HoldfastError, with the code ``unreachable`` if no answer came."""
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        headers = {"content-type": "application/json"}
        try:
            response = await self._client.post(self._path + path, content=text, headers=headers, timeout=timeout)
        except httpx.TransportError as error:
            raise unreachable(self._url, error) from error
        if not response.is_success:
            raise problem_of(response)
        answer: Body = json.loads(response.content)
        return answer

    async def repeat(
        self, path: str, body: Body, lasts: Callable[[], bool], *, timeout: float = 15, patient: bool = False
    ) -> Body:
        """Sends a request. Repeats it with growing waits, as long as the error may pass and `lasts` returns true.

        A patient request is repeated even while the key is refused, because keys are replaced while workers run.
        """
        told = False
        for wait in waits():
            try:
                return await self.once(path, body, timeout)
            except HoldfastError as error:
                if not (_passes(error) or (patient and error.status in _NOT_ALLOWED)) or not lasts():
                    raise
                if not told:
                    log.warning("the request %s to worker-api failed and is repeated: %s", path, error)
                    told = True
                await asyncio.sleep(max(wait, error.retry_after or 0))
        raise AssertionError("the waits never end")

    async def close(self) -> None:
        await self._client.aclose()


def _passes(error: HoldfastError) -> bool:
    """Whether the cause of an error may go away by itself."""
    return error.code == "unreachable" or error.status in (429, 500, 502, 503, 504)


class Lane:
    """Numbers the requests of a lane, which are sent one at a time."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._last = 0

    def next(self) -> Body:
        self._last += 1
        return {"requestId": self._last, "lane": self._number}


class AttemptService(Service):
    """Sends the requests of a handler. They are repeated while the attempt has its lease."""

    def __init__(self, protocol: Protocol, loop: asyncio.AbstractEventLoop, attempt: Attempt) -> None:
        self._protocol = protocol
        self._loop = loop
        self._attempt = attempt

    def ask(self, path: str, body: Body) -> Body:
        return self._send(path, body).result()

    async def ask_async(self, path: str, body: Body) -> Body:
        return await asyncio.wrap_future(self._send(path, body))

    def _send(self, path: str, body: Body) -> concurrent.futures.Future[Body]:
        attempt = self._attempt
        # The verdict has ended the attempt, so the service would refuse this request.
        if attempt.verdict is not None:
            raise AttemptStopped(attempt.behind.stop_reason or "ended")
        work = self._protocol.repeat(path, {**attempt.lease, **body}, lambda: attempt.has_lease)
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise AttemptStopped("shutdown") from None
