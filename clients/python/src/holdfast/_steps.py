"""Durable steps, without I/O: each method is a generator that yields an action and gets its result.

The actions are done by the context of a sync handler in its thread, by that of an async handler in its event loop, or
by a test in memory.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import CallFailed, HoldfastError, meaning
from .options import to_json_text
from .tasks import Signal

# A sleep up to this long keeps its slot, because a suspension costs a settle and a grant.
SLEEP_IN_PLACE_MS = 1_000
LONGEST_WAIT_MS = 31_536_000_000
_MOST_STEPS = 1_000
_RESULT_BYTES = 262_144


@dataclass(frozen=True)
class Ask:
    """Sends a request to the service."""

    path: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """Calls the function of the step."""


@dataclass(frozen=True)
class Pause:
    """Sleeps for some seconds, while the task keeps its slot."""

    seconds: float


@dataclass(frozen=True)
class Read:
    """Reads the stored steps, only once per attempt."""


@dataclass(frozen=True)
class Suspend:
    """Ends the attempt until a time, ms since the epoch, or until one of the events comes."""

    until: int
    events: Sequence[str] = ()


Todo = Ask | Run | Pause | Read | Suspend
Plan = Generator[Todo, Any, Any]


@dataclass
class Memo:
    """The steps that earlier attempts have stored."""

    places: int
    ahead_ms: float
    """How far the clock of Redis is ahead of the clock of this machine, ms."""
    steps: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    @staticmethod
    def of(body: dict[str, Any]) -> Memo:
        steps = {(step["kind"], step["name"]): step for step in body["steps"]}
        return Memo(body["count"], body["now"] - time.time() * 1000, steps)


class Steps:
    """The steps of one attempt."""

    def __init__(self, task_id: str) -> None:
        self._task_id = task_id
        self._seen: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def step(self, name: str, retries: int) -> Plan:
        named = self._named("step", name)
        memo: Memo = yield Read()
        known = memo.steps.get(("step", named))
        if known:
            return (yield from self._result_of(known))
        place = self._place(memo, named)
        result = yield from self._run(retries)
        text = to_json_text(result, f"the result of step {named!r}")
        if len(text.encode()) > _RESULT_BYTES:
            detail = f"the result of step {named!r} has more than {_RESULT_BYTES} bytes"
            raise HoldfastError("payload_too_large", detail, task_id=self._task_id)
        # The result goes through JSON, so that the first run of the handler gets the same value as every later one.
        result = json.loads(text)
        yield Ask("steps/write", {"place": place, "name": named, "result": result})
        return result

    def sleep(self, ms: int, name: str) -> Plan:
        named = self._named("sleep", name)
        if ms <= SLEEP_IN_PLACE_MS:
            yield Pause(ms / 1000)
            return None
        memo: Memo = yield Read()
        known = memo.steps.get(("sleep", named))
        if known is None:
            place = self._place(memo, named)
            stored = yield Ask("steps/sleep", {"place": place, "name": named, "ms": ms})
            until = stored["until"]
        else:
            until = known["at"]
        left = until - time.time() * 1000 - memo.ahead_ms
        if left > SLEEP_IN_PLACE_MS:
            yield Suspend(until)
        yield Pause(max(0, left) / 1000)
        return None

    def wait_for(self, events: Sequence[str], timeout_ms: int, name: str) -> Plan:
        named = self._named("wait", name)
        memo: Memo = yield Read()
        known = memo.steps.get(("wait", named))
        if known and known["outcome"] == "timed_out":
            return None
        if known and known["outcome"] == "done":
            if known.get("large"):
                return Signal(known["event"], (yield from self._result_of(known)))
            return Signal(known["event"], known.get("data"))
        place = known["place"] if known else self._place(memo, named)
        body = {"place": place, "name": named, "events": list(events), "timeoutMs": timeout_ms}
        answer = yield Ask("steps/wait", body)
        if answer["outcome"] == "open":
            yield Suspend(answer["until"], answer["events"])
        return Signal(answer["event"], answer.get("data")) if answer["outcome"] == "signal" else None

    def call(self, type: str, payload: Any, options: dict[str, Any], name: str) -> Plan:
        named = self._named("call", name)
        memo: Memo = yield Read()
        known = memo.steps.get(("call", named))
        if known and known["outcome"] == "done":
            return (yield from self._result_of(known))
        place = known["place"] if known else self._place(memo, named)
        body = {"place": place, "name": named, "type": type, "payload": payload, "options": options}
        answer = yield Ask("steps/call", body)
        if answer["outcome"] == "failed":
            raise CallFailed(answer["taskId"], answer["state"], answer["message"])
        if answer["outcome"] == "open":
            yield Suspend(answer["until"], answer["events"])
        return answer.get("result")

    def _run(self, retries: int) -> Plan:
        for call in range(retries + 1):
            try:
                return (yield Run())
            except Exception as error:
                # An error such as Fatal decides the outcome of the task, so the step is not tried again.
                if call == retries or meaning(error):
                    raise
            yield Pause(random.uniform(0, min(3600, 2.0**call)))
        return None

    def _result_of(self, step: dict[str, Any]) -> Plan:
        if step.get("large"):
            return (yield Ask("steps/result", {"place": step["place"]}))["result"]
        return step.get("result")

    def _named(self, kind: str, name: str) -> str:
        if not isinstance(name, str) or not 1 <= len(name) <= 128 or re.search(r"#\d+$", name):
            detail = f'the name of a step has 1 to 128 characters, and does not end with "#" and a number: {name!r}'
            raise HoldfastError("invalid_argument", detail)
        with self._lock:
            count = self._seen[kind, name] = self._seen.get((kind, name), 0) + 1
        return name if count == 1 else f"{name}#{count}"

    def _place(self, memo: Memo, name: str) -> int:
        with self._lock:
            if memo.places >= _MOST_STEPS:
                detail = f"step {name!r} would be step {memo.places + 1} of its task; there are at most {_MOST_STEPS}"
                raise HoldfastError("payload_too_large", detail, task_id=self._task_id)
            memo.places += 1
            return memo.places
