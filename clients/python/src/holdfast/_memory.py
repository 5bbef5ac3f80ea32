"""Does in memory what worker-api does for one task, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._steps import Suspend
from .context import Service
from .errors import HoldfastError
from .options import to_json_text

Calls = Mapping[str, Callable[[Any], Any]]


class Memory(Service):
    """Stores what the attempts of one task store. Time passes only while the task is suspended."""

    def __init__(self, checkpoint: Any, signals: Sequence[tuple[str, Any]], calls: Calls) -> None:
        self.checkpoint = checkpoint
        self.progress: list[Any] = []
        self.log: list[str] = []
        self.children: list[dict[str, Any]] = []
        self._signals = list(signals)
        self._calls = calls
        self._steps: dict[int, dict[str, Any]] = {}
        self._now = int(time.time() * 1000)

    @property
    def done(self) -> list[str]:
        """Returns the names of the steps that are done, in their order."""
        return [step["name"] for step in self._steps.values() if step["kind"] != "sleep" and step["outcome"] != "open"]

    def go_on(self, suspension: Suspend) -> float:
        """Moves the clock to the time at which the suspended task continues.

        Returns the time that has passed, in seconds.
        """
        if any(event in suspension.events for event, _ in self._signals):
            return 0
        passes = suspension.until - self._now
        self._now = suspension.until
        return passes / 1000

    async def ask_async(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.ask(path, body)

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answers = {
            "progress": self._report,
            "log": self._add_line,
            "checkpoint": lambda _: {"checkpoint": self.checkpoint},
            "children": lambda _: {"children": self.children, "next": None},
            "steps/read": lambda _: {"now": self._now, "count": len(self._steps), "steps": list(self._steps.values())},
            "steps/write": lambda step: self._keep("step", step, "done", result=step["result"]),
            "steps/sleep": lambda step: {"until": self._keep("sleep", step, "open", ms=step["ms"])["at"]},
            "steps/wait": self._wait,
            "steps/call": self._call,
        }
        to_json_text(body, "the value")
        return answers[path](body)

    def _report(self, body: dict[str, Any]) -> dict[str, Any]:
        if "progress" in body:
            self.progress.append(body["progress"])
        if "checkpoint" in body:
            self.checkpoint = body["checkpoint"]
        return {"stored": True}

    def _add_line(self, body: dict[str, Any]) -> dict[str, Any]:
        self.log.append(body["line"])
        return {"stored": True}

    def _keep(self, kind: str, body: dict[str, Any], outcome: str, *, ms: int = 0, **more: Any) -> dict[str, Any]:
        place = {"place": body["place"], "kind": kind, "name": body["name"]}
        step = self._steps[body["place"]] = {**place, "outcome": outcome, "at": self._now + ms, **more}
        return step

    def _wait(self, body: dict[str, Any]) -> dict[str, Any]:
        known = self._steps.get(body["place"])
        until = known["at"] if known else self._now + body["timeoutMs"]
        for place, (event, data) in enumerate(self._signals):
            if event in body["events"]:
                del self._signals[place]
                self._keep("wait", body, "done", event=event, data=data)
                return {"outcome": "signal", "event": event, "data": data}
        if until <= self._now:
            self._keep("wait", body, "timed_out")
            return {"outcome": "timed_out"}
        self._keep("wait", body, "open", ms=until - self._now)
        return {"outcome": "open", "until": until, "events": body["events"]}

    def _call(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._calls.get(body["type"])
        if answer is None:
            detail = f'the test has no answer for calls of "{body["type"]}": give calls'
            raise HoldfastError("invalid_argument", detail)
        result = answer(body["payload"])
        self._keep("call", body, "done", result=result)
        return {"outcome": "completed", "result": result}
