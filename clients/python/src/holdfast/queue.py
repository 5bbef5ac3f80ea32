"""Queue and AsyncQueue: what producers do with tasks, over the HTTP API of producer-api."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import _calls
from ._calls import LONGEST_WAIT_MS, UNSET
from ._http import AsyncSender, Settings, SyncSender
from ._time import to_ms
from .errors import HoldfastError
from .options import NewTask, Node, Priority, TaskOptions
from .tasks import FlowReceipt, Receipt, TaskInfo

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class Queue:
    """A queue, for programs without asyncio. It may be used by several threads.

    ``url`` and ``key`` default to the environment variables HOLDFAST_URL and HOLDFAST_API_KEY. All times are seconds
    (int or float) or timedeltas. While the service cannot be reached, a call is repeated for ``retry_for`` seconds.
    Then it raises HoldfastError with the code ``unreachable``.
    """

    def __init__(self, name: str, *, url: str | None = None, key: str | None = None, retry_for: float = 5) -> None:
        self.name = name
        self._sender = SyncSender(Settings.of_producer(url, key), retry_for)

    def enqueue(self, type: str, payload: Any = None, **options: Unpack[TaskOptions]) -> Receipt:
        """Enqueues a task. The options are those of TaskOptions; times are seconds or timedeltas.

        Raises HoldfastError, among others with the codes ``queue_full``, ``key_full`` and ``unique_conflict``.
        """
        return self._sender.send(_calls.enqueue(self.name, type, payload, options))

    def enqueue_many(self, tasks: Iterable[NewTask]) -> list[Receipt]:
        """Enqueues any number of tasks, 1,000 in a request.

        Raises EnqueueFailed if some of them were refused. The others are stored then.
        """
        results: list[Receipt | HoldfastError] = []
        for call in _calls.enqueue_batches(self.name, tasks):
            stored = self._sender.send(call)
            results.extend(stored)
        return _calls.all_stored(results)

    def get(self, id: str) -> TaskInfo | None:
        """Looks a task up. Returns None if the queue has no task with this id (any more)."""
        try:
            return self._sender.send(_calls.get(self.name, id))
        except HoldfastError as error:
            if error.code == "task_not_found":
                return None
            raise

    def wait(self, id: str, timeout: float | timedelta | None = None) -> TaskInfo:
        """Waits until a task has ended, and returns it. ``timeout`` is in seconds, or a timedelta; None: for ever.

        Raises TimeoutError.
        """
        end = _end_of(timeout)
        while True:
            task = self._sender.send(_calls.get(self.name, id, _wait_ms(end)))
            if task.ended:
                return task
            _check_time(id, end)

    def result(self, id: str, timeout: float | timedelta | None = None) -> Any:
        """Waits until a task has ended, and returns what its handler returned. Times are as for ``wait``.

        Raises TaskFailed if it did not complete, and TimeoutError.
        """
        return _calls.result_of(self.wait(id, timeout))

    def cancel(self, id: str) -> str:
        """Cancels a task. Returns "cancelled", or "requested" if it runs: its handler is told to stop.

        Raises HoldfastError with the code ``too_late`` if the task has ended.
        """
        return self._sender.send(_calls.cancel(self.name, id))

    def change(
        self,
        id: str,
        *,
        delay: float | timedelta | None = None,
        run_at: float | datetime | None = None,
        priority: Priority | None = None,
        key: str | None = UNSET,
        payload: Any = UNSET,
    ) -> str:
        """Gives a task that waits another time, priority, key or payload. Returns "changed" or "unchanged".

        ``delay`` is in seconds, or a timedelta, from now; 0 runs it now. ``run_at`` is a datetime with a time zone, or
        seconds since the epoch. Raises HoldfastError with the code ``not_waiting`` if it runs or has ended.
        """
        changes = _calls.change(self.name, id, delay=delay, run_at=run_at, priority=priority, key=key, payload=payload)
        return self._sender.send(changes)

    def signal(self, id: str, event: str, data: Any = None) -> str:
        """Gives a task a signal, for ``ctx.wait_for``. Returns "delivered", or "kept" if the task does not wait yet.

        Raises HoldfastError with the code ``too_late`` if the task has ended.
        """
        return self._sender.send(_calls.signal(self.name, id, event, data))

    def flow(
        self,
        nodes: Sequence[Node],
        *,
        id: str | None = None,
        on: Mapping[str, NewTask] | None = None,
        open: bool = False,
        seal_by: float | datetime | None = None,
    ) -> FlowReceipt:
        """Creates a flow: tasks that wait for one another (docs/flows.md). Each node names the nodes that have to end
        before it.

        ``on`` has callbacks for "dead", "cancelled", "success" and "done". With ``open``, nodes can be added until
        the flow is sealed, which has to be done by ``seal_by`` (a datetime with a time zone, or seconds since the
        epoch).
        """
        return self._sender.send(_calls.create_flow(self.name, nodes, id, on, open, seal_by))

    def add_nodes(self, flow: str, nodes: Sequence[Node]) -> int:
        """Adds nodes to an open flow. Returns how many of them are new."""
        return self._sender.send(_calls.add_nodes(self.name, flow, nodes))

    def seal_flow(self, flow: str) -> FlowReceipt:
        """Says that an open flow gets no more nodes."""
        return self._sender.send(_calls.seal_flow(self.name, flow))

    def cancel_flow(self, flow: str) -> str:
        """Cancels a flow. No node of it begins after this call has returned."""
        return self._sender.send(_calls.cancel_flow(self.name, flow))

    def get_flow(self, flow: str) -> dict[str, Any]:
        """Returns the state and the counts of a flow, as the HTTP API does."""
        return self._sender.send(_calls.get_flow(self.name, flow))

    def flow_nodes(self, flow: str, state: str | None = None) -> Iterator[dict[str, Any]]:
        """Yields the nodes of a flow, as the HTTP API describes them, in the order in which they were added."""
        cursor: str | None = None
        while True:
            page = self._sender.send(_calls.flow_nodes(self.name, flow, state, cursor))
            yield from page["nodes"]
            cursor = page["cursor"]
            if cursor is None:
                return

    def close(self) -> None:
        """Closes the connections."""
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncQueue:
    """A queue, for programs with asyncio. The calls, times and errors are those of Queue."""

    def __init__(self, name: str, *, url: str | None = None, key: str | None = None, retry_for: float = 5) -> None:
        self.name = name
        self._sender = AsyncSender(Settings.of_producer(url, key), retry_for)

    async def enqueue(self, type: str, payload: Any = None, **options: Unpack[TaskOptions]) -> Receipt:
        """Like Queue.enqueue. Times are seconds or timedeltas."""
        return await self._sender.send(_calls.enqueue(self.name, type, payload, options))

    async def enqueue_many(self, tasks: Iterable[NewTask]) -> list[Receipt]:
        """Like Queue.enqueue_many."""
        results: list[Receipt | HoldfastError] = []
        for call in _calls.enqueue_batches(self.name, tasks):
            stored = await self._sender.send(call)
            results.extend(stored)
        return _calls.all_stored(results)

    async def get(self, id: str) -> TaskInfo | None:
        """Like Queue.get."""
        try:
            return await self._sender.send(_calls.get(self.name, id))
        except HoldfastError as error:
            if error.code == "task_not_found":
                return None
            raise

    async def wait(self, id: str, timeout: float | timedelta | None = None) -> TaskInfo:
        """Like Queue.wait. ``timeout`` is in seconds, or a timedelta."""
        end = _end_of(timeout)
        while True:
            task = await self._sender.send(_calls.get(self.name, id, _wait_ms(end)))
            if task.ended:
                return task
            _check_time(id, end)

    async def result(self, id: str, timeout: float | timedelta | None = None) -> Any:
        """Like Queue.result. ``timeout`` is in seconds, or a timedelta."""
        return _calls.result_of(await self.wait(id, timeout))

    async def cancel(self, id: str) -> str:
        """Like Queue.cancel."""
        return await self._sender.send(_calls.cancel(self.name, id))

    async def change(
        self,
        id: str,
        *,
        delay: float | timedelta | None = None,
        run_at: float | datetime | None = None,
        priority: Priority | None = None,
        key: str | None = UNSET,
        payload: Any = UNSET,
    ) -> str:
        """Like Queue.change. Times are seconds or timedeltas."""
        changes = _calls.change(self.name, id, delay=delay, run_at=run_at, priority=priority, key=key, payload=payload)
        return await self._sender.send(changes)

    async def signal(self, id: str, event: str, data: Any = None) -> str:
        """Like Queue.signal."""
        return await self._sender.send(_calls.signal(self.name, id, event, data))

    async def flow(
        self,
        nodes: Sequence[Node],
        *,
        id: str | None = None,
        on: Mapping[str, NewTask] | None = None,
        open: bool = False,
        seal_by: float | datetime | None = None,
    ) -> FlowReceipt:
        """Like Queue.flow. Times are seconds or timedeltas."""
        return await self._sender.send(_calls.create_flow(self.name, nodes, id, on, open, seal_by))

    async def add_nodes(self, flow: str, nodes: Sequence[Node]) -> int:
        """Like Queue.add_nodes."""
        return await self._sender.send(_calls.add_nodes(self.name, flow, nodes))

    async def seal_flow(self, flow: str) -> FlowReceipt:
        """Like Queue.seal_flow."""
        return await self._sender.send(_calls.seal_flow(self.name, flow))

    async def cancel_flow(self, flow: str) -> str:
        """Like Queue.cancel_flow."""
        return await self._sender.send(_calls.cancel_flow(self.name, flow))

    async def get_flow(self, flow: str) -> dict[str, Any]:
        """Like Queue.get_flow."""
        return await self._sender.send(_calls.get_flow(self.name, flow))

    async def flow_nodes(self, flow: str, state: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Like Queue.flow_nodes."""
        cursor: str | None = None
        while True:
            page = await self._sender.send(_calls.flow_nodes(self.name, flow, state, cursor))
            for node in page["nodes"]:
                yield node
            cursor = page["cursor"]
            if cursor is None:
                return

    async def close(self) -> None:
        """Closes the connections."""
        await self._sender.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _end_of(timeout: float | timedelta | None) -> float | None:
    return None if timeout is None else time.monotonic() + to_ms(timeout, "timeout") / 1000


def _wait_ms(end: float | None) -> int:
    if end is None:
        return LONGEST_WAIT_MS
    return max(0, min(LONGEST_WAIT_MS, round((end - time.monotonic()) * 1000)))


def _check_time(id: str, end: float | None) -> None:
    if end is not None and time.monotonic() >= end:
        raise TimeoutError(f"task {id} has not ended in time")
