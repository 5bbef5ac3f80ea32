"""The types of tasks and flows that calls return and handlers get."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ._time import from_epoch_ms

ENDED = ("completed", "dead", "cancelled", "expired")


@dataclass(frozen=True)
class Receipt:
    """The answer to an enqueue."""

    id: str
    state: str
    duplicate: bool
    """An earlier enqueue has stored the task with this id."""
    deduplicated: bool
    """Another task, ``id``, holds the unique key, so nothing was stored."""
    replaced: bool
    """The task ``id`` got the payload and the options of this enqueue."""
    will_run: bool
    """False if the task has ended already and will not run again."""

    @staticmethod
    def of(body: dict[str, Any]) -> Receipt:
        will_run = body.get("willRun")
        deduplicated = bool(body.get("deduplicated"))
        return Receipt(
            body["id"],
            body["state"],
            will_run is not None and not deduplicated,
            deduplicated,
            bool(body.get("replaced")),
            True if will_run is None else will_run,
        )


@dataclass(frozen=True)
class TaskInfo:
    """A task as it is stored. Times are seconds since the epoch."""

    id: str
    queue: str
    type: str
    state: str
    """waiting, scheduled, pending, processing, completed, dead, cancelled or expired."""
    attempts: int
    result: Any
    """The result of the handler; None if there is none."""
    last_error: str | None
    dead_reason: str | None
    progress: Any
    log: list[str]
    tags: list[str]
    key: str | None
    priority: str
    enqueued_at: float
    run_at: float | None
    ended_at: float | None
    raw: dict[str, Any] = field(repr=False)
    """The whole answer of the service (docs/http.md)."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def payload(self) -> Any:
        """The payload; None if it is not kept any more."""
        return _parsed(self.raw["payloadText"])

    @staticmethod
    def of(body: dict[str, Any]) -> TaskInfo:
        return TaskInfo(
            id=body["id"],
            queue=body["queue"],
            type=body["type"],
            state=body["state"],
            attempts=body["attempts"],
            result=_parsed(body["resultText"]),
            last_error=body["lastError"],
            dead_reason=body["deadReason"],
            progress=_parsed(body["progress"]),
            log=body["log"],
            tags=body["tags"],
            key=body["key"],
            priority=body["priority"],
            enqueued_at=body["enqueuedAt"] / 1000,
            run_at=from_epoch_ms(body["runAt"]),
            ended_at=from_epoch_ms(body["endedAt"]),
            raw=body,
        )


@dataclass(frozen=True)
class FlowReceipt:
    """The answer to the creation of a flow."""

    id: str
    nodes: int
    duplicate: bool

    @staticmethod
    def of(body: dict[str, Any]) -> FlowReceipt:
        return FlowReceipt(body["id"], body.get("nodes", 0), bool(body.get("duplicate")))


@dataclass(frozen=True)
class Task:
    """The task that a handler gets. Times are seconds since the epoch."""

    id: str
    type: str
    queue: str
    payload: Any
    attempt: int
    """The number of this attempt, from 1."""
    enqueued_at: float
    timeout: float
    """The time for this attempt, in seconds from its start."""
    tags: list[str]
    key: str | None
    expires_at: float | None
    traceparent: str | None
    schedule: dict[str, Any] | None
    """The schedule run for which the task was enqueued: ``id``, ``run`` and ``dueAt``; None for other tasks."""
    flow: dict[str, Any] | None
    """The flow whose node the task is: ``id`` and ``name``; None for other tasks."""

    @staticmethod
    def of(queue: str, body: dict[str, Any]) -> Task:
        return Task(
            id=body["id"],
            type=body["type"],
            queue=queue,
            payload=body.get("payload"),
            attempt=body["attempt"],
            enqueued_at=body["enqueuedAt"] / 1000,
            timeout=body["timeoutMs"] / 1000,
            tags=body.get("tags") or [],
            key=body.get("key"),
            expires_at=from_epoch_ms(body.get("expiresAt")),
            traceparent=body.get("traceparent"),
            schedule=body.get("schedule"),
            flow=body.get("flow"),
        )


@dataclass(frozen=True)
class Signal:
    """A signal that a handler waited for."""

    event: str
    data: Any


@dataclass(frozen=True)
class Child:
    """A node of the flow that had to end before this one."""

    name: str
    id: str
    state: str
    result: Any
    """The result of its handler; None if there is none."""
    skipped_by: str | None
    """The id of the task because of which the node was skipped; None if it was not skipped."""


def _parsed(text: str | None) -> Any:
    return json.loads(text) if text else None
