"""The requests of producers, one function for each. Queue and AsyncQueue both use them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from ._http import Call
from ._time import to_epoch_ms, to_ms
from .errors import HoldfastError, TaskFailed
from .options import NewTask, Node, TaskOptions, options_to_json, to_json_text
from .tasks import FlowReceipt, Receipt, TaskInfo

BATCH = 1_000
# How long a look-up can wait for the end of its task. The service answers at the latest after 30 seconds.
LONGEST_WAIT_MS = 30_000
UNSET: Any = object()


def _path(queue: str, *parts: str) -> str:
    return "/".join(["/v1/queues", quote(queue, safe=""), *(quote(part, safe="") for part in parts)])


def _with_id(body: dict[str, Any]) -> dict[str, Any]:
    """Gives a task an id, so that a repeated enqueue never stores a second task."""
    if "id" not in body and "partitionKey" not in body:
        body["id"] = secrets.token_hex(16)
    return body


def enqueue(queue: str, type: str, payload: Any, options: TaskOptions) -> Call[Receipt]:
    body = _with_id({"type": type, "payload": payload, **options_to_json(options)})
    text = to_json_text(body, "the payload")
    return Call("POST", _path(queue, "tasks"), Receipt.of, text, repeatable="id" in body)


def enqueue_batches(queue: str, tasks: Iterable[NewTask]) -> Iterable[Call[list[Receipt | HoldfastError]]]:
    batch: list[dict[str, Any]] = []
    for task in tasks:
        batch.append(_with_id(task.to_json()))
        if len(batch) == BATCH:
            yield _batch(queue, batch)
            batch = []
    if batch:
        yield _batch(queue, batch)


def _batch(queue: str, batch: list[dict[str, Any]]) -> Call[list[Receipt | HoldfastError]]:
    def read(body: Any) -> list[Receipt | HoldfastError]:
        return [_batch_result(one) for one in body["results"]]

    text = to_json_text(batch, "a payload")
    repeatable = all("id" in task for task in batch)
    return Call("POST", _path(queue, "tasks", "batch"), read, text, repeatable=repeatable, timeout=60)


def _batch_result(body: dict[str, Any]) -> Receipt | HoldfastError:
    if body["status"] < 300:
        return Receipt.of(body)
    code, detail = body.get("code", "internal"), body.get("detail", "")
    return HoldfastError(code, detail, status=body["status"], task_id=body.get("id"), held_by=body.get("heldBy"))


class EnqueueFailed(HoldfastError):
    """Some tasks of ``enqueue_many`` were refused. The others are stored.

    ``results`` has a Receipt or a HoldfastError for each task, in their order.
    """

    def __init__(self, results: list[Receipt | HoldfastError]) -> None:
        refused = [one for one in results if isinstance(one, HoldfastError)]
        text = f"{len(refused)} of {len(results)} tasks were refused, the first one because: {refused[0].detail}"
        super().__init__(refused[0].code, text, status=refused[0].status)
        self.results = results


def all_stored(results: list[Receipt | HoldfastError]) -> list[Receipt]:
    receipts = [one for one in results if isinstance(one, Receipt)]
    if len(receipts) < len(results):
        raise EnqueueFailed(results)
    return receipts


def get(queue: str, id: str, wait_ms: int = 0) -> Call[TaskInfo]:
    query = {"waitMs": str(wait_ms)} if wait_ms else {}
    return Call("GET", _path(queue, "tasks", id), TaskInfo.of, query=query, timeout=30 + wait_ms / 1000)


def result_of(task: TaskInfo) -> Any:
    if task.state == "completed":
        return task.result
    why = f": {task.last_error.splitlines()[0]}" if task.last_error else ""
    raise TaskFailed(f"task {task.id} ({task.type}) is {task.state}{why}", task)


def cancel(queue: str, id: str) -> Call[str]:
    return Call("DELETE", _path(queue, "tasks", id), _outcome)


def change(
    queue: str,
    id: str,
    *,
    delay: float | timedelta | None,
    run_at: float | datetime | None,
    priority: str | None,
    key: str | None,
    payload: Any,
) -> Call[str]:
    body: dict[str, Any] = {}
    if delay is not None:
        body["delayMs"] = to_ms(delay, "delay")
    if run_at is not None:
        body["runAt"] = to_epoch_ms(run_at, "run_at")
    if priority is not None:
        body["priority"] = priority
    if key is not UNSET:
        body["key"] = key
    if payload is not UNSET:
        body["payloadText"] = to_json_text(payload, "the payload")
    return Call("PATCH", _path(queue, "tasks", id), _outcome, json.dumps(body))


def signal(queue: str, id: str, event: str, data: Any) -> Call[str]:
    text = to_json_text({"event": event, "data": data}, "the data of a signal")
    return Call("POST", _path(queue, "tasks", id, "signal"), _outcome, text, repeatable=False)


def create_flow(
    queue: str,
    nodes: Sequence[Node],
    id: str | None,
    on: Mapping[str, NewTask] | None,
    open: bool,
    seal_by: float | datetime | None,
) -> Call[FlowReceipt]:
    head: dict[str, Any] = {"id": id or secrets.token_hex(12)}
    if on:
        head["on"] = {moment: task.to_json() for moment, task in on.items()}
    if open:
        head["open"] = True
    if seal_by is not None:
        head["sealBy"] = to_epoch_ms(seal_by, "seal_by")
    rows = [node.to_json() for node in nodes]
    path = _path(queue, "flows")
    if len(rows) <= BATCH:
        text = to_json_text({**head, "nodes": rows}, "a payload")
        return Call("POST", path, FlowReceipt.of, text, timeout=60)
    return Call("POST", path, FlowReceipt.of, _lines([head, *rows]), timeout=600, content_type=_NDJSON)


def add_nodes(queue: str, flow: str, nodes: Sequence[Node]) -> Call[int]:
    text = _lines([node.to_json() for node in nodes])
    path = _path(queue, "flows", flow, "nodes")
    return Call("POST", path, lambda body: int(body["added"]), text, timeout=600, content_type=_NDJSON)


def seal_flow(queue: str, flow: str) -> Call[FlowReceipt]:
    return Call("POST", _path(queue, "flows", flow, "seal"), FlowReceipt.of)


def cancel_flow(queue: str, flow: str) -> Call[str]:
    return Call("POST", _path(queue, "flows", flow, "cancel"), _outcome)


def get_flow(queue: str, flow: str) -> Call[dict[str, Any]]:
    return Call("GET", _path(queue, "flows", flow), dict)


def flow_nodes(queue: str, flow: str, state: str | None, cursor: str | None) -> Call[dict[str, Any]]:
    query = {name: value for name, value in {"state": state, "cursor": cursor}.items() if value}
    return Call("GET", _path(queue, "flows", flow, "nodes"), dict, query=query)


_NDJSON = "application/x-ndjson"


def _lines(rows: Sequence[Any]) -> str:
    return "".join(to_json_text(row, "a payload") + "\n" for row in rows)


def _outcome(body: Any) -> str:
    return str(body["outcome"])
