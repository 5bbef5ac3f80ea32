"""Holdfast: a distributed task queue. The documentation is docs/python.md."""

from ._calls import EnqueueFailed
from .batch import AsyncBatchContext, BatchContext
from .context import AsyncContext, Context
from .errors import (
    AttemptStopped,
    CallFailed,
    Cancel,
    Fatal,
    HoldfastError,
    Postpone,
    RateLimited,
    RetryAfter,
    TaskFailed,
    TaskSuspended,
)
from .options import Backoff, Keep, NewTask, Node, TaskOptions, Unique
from .queue import AsyncQueue, Queue
from .tasks import Child, FlowReceipt, Receipt, Signal, Task, TaskInfo
from .worker import Worker, run_workers

__all__ = [
    "AsyncBatchContext",
    "AsyncContext",
    "AsyncQueue",
    "AttemptStopped",
    "Backoff",
    "BatchContext",
    "CallFailed",
    "Cancel",
    "Child",
    "Context",
    "EnqueueFailed",
    "Fatal",
    "FlowReceipt",
    "HoldfastError",
    "Keep",
    "NewTask",
    "Node",
    "Postpone",
    "Queue",
    "RateLimited",
    "Receipt",
    "RetryAfter",
    "Signal",
    "Task",
    "TaskFailed",
    "TaskInfo",
    "TaskOptions",
    "TaskSuspended",
    "Unique",
    "Worker",
    "run_workers",
]
