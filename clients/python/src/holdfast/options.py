"""The options of a task, in Python and as fields of a request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ._time import to_epoch_ms, to_ms
from .errors import HoldfastError

if TYPE_CHECKING:
    from typing_extensions import Unpack

Priority = Literal["high", "normal", "low"]


@dataclass(frozen=True)
class Backoff:
    """The waits between attempts. ``base`` and ``max`` are seconds, or timedeltas.

    The default is exponential from one second to one hour, with full jitter.
    """

    kind: Literal["exponential", "fixed"] = "exponential"
    base: float | timedelta = 1
    max: float | timedelta = 3600
    jitter: Literal["full", "none"] = "full"

    def to_json(self) -> dict[str, Any]:
        times = {"baseMs": to_ms(self.base, "base"), "maxMs": to_ms(self.max, "max")}
        return {"kind": self.kind, "jitter": self.jitter, **times}


@dataclass(frozen=True)
class Unique:
    """A key with which the queue accepts one task at a time (docs/unique.md).

    ``window`` and ``max_wait`` are seconds, or timedeltas.
    """

    key: str
    scope: Literal["waiting", "unfinished", "window"] | None = None
    window: float | timedelta | None = None
    on_conflict: Literal["existing", "reject", "replace", "debounce", "keepLatest"] | None = None
    max_wait: float | timedelta | None = None

    def to_json(self) -> dict[str, Any]:
        return _given(
            key=self.key,
            scope=self.scope,
            windowMs=None if self.window is None else to_ms(self.window, "window"),
            onConflict=self.on_conflict,
            maxWaitMs=None if self.max_wait is None else to_ms(self.max_wait, "max_wait"),
        )


@dataclass(frozen=True)
class Keep:
    """How long a task is kept after its end (docs/keeping.md).

    ``completed`` and ``dead`` are seconds, or timedeltas; ``count`` is the number of completed tasks of the type.
    """

    completed: float | timedelta | None = None
    dead: float | timedelta | None = None
    count: int | None = None

    def to_json(self) -> dict[str, Any]:
        return _given(
            completedMs=None if self.completed is None else to_ms(self.completed, "completed"),
            deadMs=None if self.dead is None else to_ms(self.dead, "dead"),
            count=self.count,
        )


class TaskOptions(TypedDict, total=False):
    """The options of an enqueue. All of them are optional."""

    id: str
    """Makes the enqueue idempotent. By default the client makes an id, so a repeat never enqueues a second task."""
    if_ended: Literal["again", "duplicate"]
    """With an id: whether a task with this id that ended without completing is enqueued again (the default)."""
    delay: float | timedelta
    """The wait before the task may start: seconds, or a timedelta. Cannot be combined with ``run_at``."""
    run_at: float | datetime
    """The earliest start: a datetime with a time zone, or seconds since the epoch. Not together with ``delay``."""
    expires_at: float | datetime
    """The latest start: a datetime with a time zone, or seconds since the epoch. Then the task expires."""
    priority: Priority
    """Default: normal."""
    max_retries: int
    """Retries after the first attempt, 0 to 100. Default: that of the handler, otherwise 3."""
    timeout: float | timedelta
    """The longest time of one attempt. Seconds, or a timedelta. Default: 30 minutes."""
    backoff: Backoff
    """The waits between attempts. Default: that of the handler, otherwise exponential from 1 s to 1 h with jitter."""
    key: str
    """Tasks of one key wait in a line of their own, and the keys take turns (docs/flow-control.md)."""
    cost: int
    """In a rate limit, the task counts as this many starts. Default: 1."""
    unique: str | Unique
    """The queue accepts one task at a time with this key. A str is a key with the scope "unfinished"."""
    tags: Sequence[str]
    """At most 16 texts of at most 64 characters."""
    keep: Keep
    """How long the task is kept after its end."""
    keep_payload: bool
    """False drops the payload once the task has completed."""
    version: int
    """The version of the handler that the task needs (docs/steps.md)."""
    partition_key: str
    """In a queue with partitions, tasks of one key go to one partition. Cannot be combined with ``id``."""
    durability: str
    """How safely the task is stored before the answer (docs/redis.md). Default: the setting of the queue."""
    replicas: int
    """With the durability "replicated": how many replicas have to confirm."""


_PLAIN = {
    "id": "id",
    "if_ended": "ifEnded",
    "priority": "priority",
    "max_retries": "maxRetries",
    "key": "key",
    "cost": "cost",
    "keep_payload": "keepPayload",
    "version": "version",
    "partition_key": "partitionKey",
    "durability": "durability",
    "replicas": "replicas",
}


def options_to_json(options: Mapping[str, Any]) -> dict[str, Any]:
    """Turns the options of an enqueue into fields of its request. An option that is None counts as not given."""
    body: dict[str, Any] = {}
    for name, value in options.items():
        if name not in TaskOptions.__annotations__:
            known = ", ".join(TaskOptions.__annotations__)
            raise TypeError(f"{name!r} is not an option of a task; its options are {known}")
        if value is None:
            continue
        if name in _PLAIN:
            body[_PLAIN[name]] = value
        elif name in ("delay", "timeout"):
            body[f"{name}Ms"] = to_ms(value, name)
        elif name == "run_at":
            body["runAt"] = to_epoch_ms(value, name)
        elif name == "expires_at":
            body["expiresAt"] = to_epoch_ms(value, name)
        elif name == "tags":
            if isinstance(value, str):
                raise TypeError("tags has to be a list of strings, got one string")
            body["tags"] = list(value)
        elif name == "unique":
            body["unique"] = (Unique(value) if isinstance(value, str) else value).to_json()
        else:
            body[name] = value.to_json()
    return body


@dataclass(frozen=True, init=False)
class NewTask:
    """A task for ``enqueue_many``: ``NewTask("mail.send", {"to": "ada"}, priority="high")``."""

    type: str
    payload: Any
    options: TaskOptions

    def __init__(self, type: str, payload: Any = None, **options: Unpack[TaskOptions]) -> None:
        _init(self, type=type, payload=payload, options=options)

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "payload": self.payload, **options_to_json(self.options)}


@dataclass(frozen=True, init=False)
class Node:
    """A node of a flow (docs/flows.md): ``Node("pay", "order.pay", {"order": 7}, after=["check"])``."""

    name: str
    type: str
    payload: Any
    after: Sequence[str]
    on_dead: Literal["fail", "continue", "hold"] | None
    queue: str | None
    options: TaskOptions = field(default_factory=lambda: TaskOptions())

    def __init__(
        self,
        name: str,
        type: str,
        payload: Any = None,
        *,
        after: Sequence[str] = (),
        on_dead: Literal["fail", "continue", "hold"] | None = None,
        queue: str | None = None,
        **options: Unpack[TaskOptions],
    ) -> None:
        _init(self, name=name, type=type, payload=payload, after=after, on_dead=on_dead)
        _init(self, queue=queue, options=options)

    def to_json(self) -> dict[str, Any]:
        places = _given(after=list(self.after) or None, onDead=self.on_dead, queue=self.queue)
        task = {"type": self.type, "payload": self.payload, **options_to_json(self.options)}
        return {"name": self.name, **task, **places}


def to_json_text(value: Any, what: str) -> str:
    """Returns a value as JSON. Raises HoldfastError if it has no JSON form."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()  # a text with half of a surrogate pair is not Unicode
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise HoldfastError("invalid_argument", f"{what} has no JSON form: {error}") from error


def _init(target: object, **fields: Any) -> None:
    for name, value in fields.items():
        object.__setattr__(target, name, value)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
