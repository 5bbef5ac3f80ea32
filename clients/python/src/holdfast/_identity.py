"""The description of a worker, which it sends in its requests."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from ._attempt import Handler
from ._http import Settings
from ._protocol import Body

_VERSION = "0.1.0"


@dataclass(frozen=True)
class WorkerOptions:
    """The options of a worker that has been started."""

    queue: str
    settings: Settings
    handlers: dict[str, Handler]
    concurrency: int
    lease_ms: int
    max_retries: int
    loop: asyncio.AbstractEventLoop | None
    on_settled: Callable[[str, str, int, str], None] | None


class Identity:
    """The identity of a worker from its start to its stop."""

    def __init__(self, options: WorkerOptions) -> None:
        host = socket.gethostname()
        self.worker_id = f"{re.sub('[^A-Za-z0-9.-]', '-', host)[:24]}:{os.getpid()}:{secrets.token_hex(8)}"
        self.types = sorted(options.handlers)
        info = {
            "host": host[:128],
            "pid": os.getpid(),
            "version": f"python-{_VERSION}",
            "slots": options.concurrency,
            "queues": [options.queue],
            "types": self.types,
            "startedAt": int(time.time() * 1000),
        }
        self.who: Body = {"workerId": self.worker_id, "leaseMs": options.lease_ms, "info": info}
        self.terms = _terms(options)
        """Returns the retries and time-outs for tasks that do not set them: for all types, and for single handlers.
        """


def _terms(options: WorkerOptions) -> Body:
    terms = {}
    for rule, handler in options.handlers.items():
        own = {"maxRetries": handler.max_retries, "timeoutMs": handler.timeout_ms}
        given = {name: value for name, value in own.items() if value is not None}
        if given:
            terms[rule] = given
    return {"maxRetries": options.max_retries, **({"terms": terms} if terms else {})}
