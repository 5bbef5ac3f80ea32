"""A worker over HTTP in a separate process. Its handlers and its history lines are those of worker.mjs."""

import asyncio
import json
import os
import sys
import time

import holdfast

options = json.loads(sys.argv[1])
history = os.open(options["history"], os.O_WRONLY | os.O_APPEND)


def tell(op: str, phase: str, **more: object) -> None:
    now = {"mono": time.monotonic_ns() / 1e6, "redisMs": round(time.time() * 1000)}
    # Each line is written by one call, so that a SIGKILL cannot lose earlier lines.
    os.write(history, (json.dumps({"op": op, "phase": phase, **more, **now}) + "\n").encode())


worker = holdfast.Worker(
    options["queue"], url=options["api"], concurrency=options["concurrency"], lease=options["leaseMs"] / 1000
)


def run(task: holdfast.Task, ctx: holdfast.Context) -> None:
    tell("run", "invoke", id=task.id, token=ctx.token, attempt=task.attempt)


@worker.task("sleep")
async def sleep(task: holdfast.Task, ctx: holdfast.Context) -> None:
    run(task, ctx)
    await asyncio.sleep(task.payload["ms"] / 1000)


@worker.task("flaky")
def flaky(task: holdfast.Task, ctx: holdfast.Context) -> None:
    run(task, ctx)
    time.sleep(task.payload["ms"] / 1000)
    if task.attempt <= task.payload["failures"]:
        raise RuntimeError(f"attempt {task.attempt} fails")


def settled(task_id: str, token: str, attempt: int, outcome: str) -> None:
    phase = "info" if outcome == "stale" else "ok"
    tell("settle", phase, id=task_id, token=token, attempt=attempt, outcome=outcome)


worker.on_settled = settled
worker.start()
tell("process", "invoke", what="ready", workerId=worker.id)
worker.join()
