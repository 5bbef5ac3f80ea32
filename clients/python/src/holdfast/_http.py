"""Requests to the services: their settings, their errors, and whether they are repeated."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx

from .errors import HoldfastError

T = TypeVar("T")

_DEFAULT_URL = "http://127.0.0.1:3000"


@dataclass(frozen=True)
class Settings:
    """The address of a service, and the API key for it."""

    url: str
    key: str | None = field(repr=False)

    @staticmethod
    def of_producer(url: str | None, key: str | None) -> Settings:
        return Settings(url or os.environ.get("HOLDFAST_URL") or _DEFAULT_URL, _key(key))

    @staticmethod
    def of_worker(url: str | None, key: str | None) -> Settings:
        found = url or os.environ.get("HOLDFAST_WORKER_URL") or os.environ.get("HOLDFAST_URL")
        return Settings(found or _DEFAULT_URL, _key(key))

    def client_options(self) -> dict[str, Any]:
        headers = {"user-agent": "holdfast-python/0.1.0"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        return {"base_url": self.url.rstrip("/"), "headers": headers}


def _key(key: str | None) -> str | None:
    return key or os.environ.get("HOLDFAST_API_KEY") or None


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and the function that reads its answer. The sync and the async client use the same calls."""

    method: str
    path: str
    read: Callable[[Any], T]
    text: str | None = None
    query: dict[str, str] = field(default_factory=dict)
    repeatable: bool = True
    """Whether the request may be sent again if its answer was lost, although the service may have handled it."""
    timeout: float = 30
    content_type: str = "application/json"

    def request_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"params": self.query, "timeout": self.timeout}
        if self.text is not None:
            options["content"] = self.text.encode()
            options["headers"] = {"content-type": self.content_type}
        return options


def problem_of(response: httpx.Response) -> HoldfastError:
    """Makes an error from an answer that is not 2xx."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or "code" not in body:
        text = f"the answer was {response.status_code}, and not from Holdfast: {response.text[:200]}"
        code = "unreachable" if response.status_code in (502, 503, 504) else "invalid_request"
        return HoldfastError(code, text, status=response.status_code)
    named = body.get("field") or next((one["path"] for one in body.get("errors", [])), None)
    wait = response.headers.get("retry-after", "")
    return HoldfastError(
        str(body["code"]),
        str(body.get("detail", "")),
        status=response.status_code,
        field=named.strip("/").replace("/", ".") if named else None,
        retry_after=float(wait) if wait.isdigit() else None,
        task_id=body.get("taskId"),
        held_by=body.get("heldBy"),
    )


def unreachable(url: str, error: Exception) -> HoldfastError:
    return HoldfastError("unreachable", f"no answer from {url}: {type(error).__name__} {error}".rstrip())


def waits(base: float = 0.1, most: float = 5.0) -> Iterator[float]:
    """Yields growing waits in seconds. A random part keeps many clients from returning at the same time."""
    wait = base
    while True:
        yield wait * random.uniform(0.5, 1)
        wait = min(most, wait * 2)


def may_repeat(error: HoldfastError, sent: bool, call: Call[Any]) -> bool:
    """Whether the same call can be repeated now.

    After a 429 the caller decides, because only the caller can slow down.
    """
    if error.status in (502, 503, 504):
        return call.repeatable or error.code != "outcome_unknown"
    return error.code == "unreachable" and error.status is None and (call.repeatable or not sent)


def _was_sent(error: httpx.TransportError) -> bool:
    return not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))


def read_answer(call: Call[T], response: httpx.Response) -> T:
    if not response.is_success:
        raise problem_of(response)
    return call.read(json.loads(response.content))


class SyncSender:
    """Sends calls, and repeats them for `retry_for` seconds while the service cannot be reached."""

    def __init__(self, settings: Settings, retry_for: float) -> None:
        self._url = settings.url
        self._retry_for = retry_for
        self._client = httpx.Client(**settings.client_options())

    def send(self, call: Call[T]) -> T:
        end = time.monotonic() + self._retry_for
        for wait in waits():
            sent = True
            try:
                return read_answer(call, self._client.request(call.method, call.path, **call.request_options()))
            except httpx.TransportError as cause:
                sent = _was_sent(cause)
                error = unreachable(self._url, cause)
            except HoldfastError as problem:
                error = problem
            wait = max(wait, error.retry_after or 0)
            if not may_repeat(error, sent, call) or time.monotonic() + wait > end:
                raise error
            time.sleep(wait)
        raise AssertionError("the waits never end")

    def close(self) -> None:
        self._client.close()


class AsyncSender:
    """Like SyncSender, for asyncio."""

    def __init__(self, settings: Settings, retry_for: float) -> None:
        self._url = settings.url
        self._retry_for = retry_for
        self._client = httpx.AsyncClient(**settings.client_options())

    async def send(self, call: Call[T]) -> T:
        end = time.monotonic() + self._retry_for
        for wait in waits():
            sent = True
            try:
                response = await self._client.request(call.method, call.path, **call.request_options())
                return read_answer(call, response)
            except httpx.TransportError as cause:
                sent = _was_sent(cause)
                error = unreachable(self._url, cause)
            except HoldfastError as problem:
                error = problem
            wait = max(wait, error.retry_after or 0)
            if not may_repeat(error, sent, call) or time.monotonic() + wait > end:
                raise error
            await asyncio.sleep(wait)
        raise AssertionError("the waits never end")

    async def close(self) -> None:
        await self._client.aclose()
