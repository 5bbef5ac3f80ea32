"""Tests in which a process dies or an answer is lost."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from proxy import proxy_to
from services import Process, Services, free_port, until

from holdfast import Context, NewTask, Queue, Task, Worker

PROGRAM = """
import asyncio, os, time
from holdfast import AsyncContext, Context, Task, Worker

worker = Worker(os.environ["QUEUE"], lease=1, grace=float(os.environ.get("GRACE", "5")))

def say(line: str) -> None:
    # The line is written by one call, because handlers run in several threads.
    os.write(1, (line + chr(10)).encode())

@worker.task("quick")
def quick(task: Task, ctx: Context) -> int:
    return ctx.attempt

@worker.task("slow")
def slow(task: Task, ctx: Context) -> str:
    say(f"begun {task.id}")
    charged = ctx.step("charge", lambda: os.getpid())
    say(f"charged {task.id}")
    time.sleep(task.payload)
    return str(charged)

@worker.task("endless")
def endless(task: Task, ctx: Context) -> None:
    say(f"begun {task.id}")
    while True:
        time.sleep(1)

@worker.task("endless-async")
async def endless_async(task: Task, ctx: AsyncContext) -> None:
    say(f"begun {task.id}")
    await ctx.step("a", lambda: 1)
    while True:
        await asyncio.sleep(60)
"""


def start_worker(folder: Path, queue: Queue, **env: str) -> Process:
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "holdfast", "worker", "program:worker"]
    return Process(command, {**os.environ, "QUEUE": queue.name, "PYTHONUNBUFFERED": "1", **env}, folder)


def counting(queue: Queue, url: str | None = None, lease: float = 3) -> tuple[Worker, Counter[str]]:
    """A worker that counts how often each task runs."""
    runs: Counter[str] = Counter()
    worker = Worker(queue.name, url=url, lease=lease, concurrency=20, grace=5)

    @worker.task("t")
    def handler(task: Task, ctx: Context) -> int:
        runs[task.id] += 1
        time.sleep(task.payload)
        return runs[task.id]

    return worker, runs


def test_tasks_that_run_while_worker_api_is_killed_are_settled_later(services: Services, queue: Queue) -> None:
    worker, runs = counting(queue, lease=20)
    receipts = queue.enqueue_many(NewTask("t", 1.0) for _ in range(20))
    with worker:
        until("all tasks run", lambda: len(runs) == 20)
        services.kill("worker-api")
        time.sleep(1.2)  # the handlers end while the service does not answer
        services.restart("worker-api")
        ended = [queue.wait(receipt.id, 15) for receipt in receipts]
    assert [(task.state, task.attempts) for task in ended] == [("completed", 1)] * 20
    assert set(runs.values()) == {1}


def test_no_verdict_is_lost_while_worker_api_is_killed_again_and_again(services: Services, queue: Queue) -> None:
    worker, runs = counting(queue, lease=20)
    receipts = queue.enqueue_many(NewTask("t", 0.02) for _ in range(400))
    with worker:
        for done in (30, 120, 220):
            until(f"{done} tasks have run", lambda done=done: len(runs) >= done)
            services.kill("worker-api")
            services.restart("worker-api")
        ended = [queue.wait(receipt.id, 30) for receipt in receipts]
    assert Counter(task.state for task in ended) == {"completed": 400}
    # An instance may have died after it had granted tasks to the worker. Such tasks come late, but no task runs
    # twice.
    assert sum(runs.values()) == 400


def test_lost_answers_do_nothing_twice(services: Services, queue: Queue) -> None:
    with proxy_to(services.ports["worker-api"]) as proxy:
        proxy.drops = lambda path, number: number % 3 == 0
        worker, runs = counting(queue, proxy.url)
        receipts = queue.enqueue_many(NewTask("t", 0.01) for _ in range(150))
        with worker:
            ended = [queue.wait(receipt.id, 30) for receipt in receipts]
        assert proxy.seen["acquire"] + proxy.seen["settle"] > 6
    assert [(task.state, task.attempts) for task in ended] == [("completed", 1)] * 150
    assert set(runs.values()) == {1}


def test_a_killed_worker_loses_its_tasks_to_another_one(services: Services, queue: Queue, tmp_path: Path) -> None:
    first = start_worker(tmp_path, queue)
    receipt = queue.enqueue("slow", 1, timeout=60)
    first.says(f"charged {receipt.id}")
    first.kill()
    second = start_worker(tmp_path, queue)
    try:
        task = queue.wait(receipt.id, 20)
    finally:
        second.kill()
    assert (task.state, task.attempts) == ("completed", 2)
    # The step ran only in the first attempt, so the result is the process id of that attempt.
    assert task.result == str(first.process.pid)


def test_a_task_that_crashed_its_workers_twice_runs_alone(services: Services, queue: Queue, tmp_path: Path) -> None:
    crashes = queue.enqueue("slow", 30)
    for _ in range(2):
        program = start_worker(tmp_path, queue)
        program.says(f"begun {crashes.id}")
        program.kill()
        until("the janitor took it back", lambda: (queue.get(crashes.id) or crashes).state != "processing")
    worker = Worker(queue.name, lease=10, concurrency=5)
    running: set[str] = set()
    beside: list[int] = []

    @worker.task("*")
    def handler(task: Task, ctx: Context) -> None:
        running.add(task.id)
        for _ in range(5):
            if crashes.id in running:
                beside.append(len(running))
            time.sleep(0.03)
        running.discard(task.id)

    others = queue.enqueue_many(NewTask("t") for _ in range(40))
    with worker:
        ended = [queue.wait(receipt.id, 20) for receipt in (crashes, *others)]
    assert {task.state for task in ended} == {"completed"}
    assert ended[0].raw["crashes"] == 2
    assert set(beside) == {1}


def test_sigterm_lets_tasks_end_and_hands_back_the_others(services: Services, queue: Queue, tmp_path: Path) -> None:
    program = start_worker(tmp_path, queue, GRACE="1.5")
    ends = queue.enqueue("slow", 0.8)
    hangs = [queue.enqueue("endless"), queue.enqueue("endless-async")]
    for receipt in (ends, *hangs):
        program.says(f"begun {receipt.id}")
    assert program.terminate() == 0
    assert queue.wait(ends.id, 0.2).state == "completed"
    for receipt in hangs:
        task = queue.get(receipt.id)
        assert task is not None
        # The attempt does not count, and the task has no lease any more.
        assert (task.state, task.attempts, task.raw["releases"]) == ("pending", 0, 1)
    later = queue.enqueue("quick")
    time.sleep(0.3)
    left = queue.get(later.id)
    assert left is not None
    assert left.state == "pending"


def test_a_second_signal_ends_the_grace(services: Services, queue: Queue, tmp_path: Path) -> None:
    program = start_worker(tmp_path, queue, GRACE="60")
    receipt = queue.enqueue("endless")
    program.says(f"begun {receipt.id}")
    program.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert program.process.poll() is None
    assert program.terminate(5) == 0
    task = queue.get(receipt.id)
    assert task is not None
    assert task.state == "pending"


def test_a_stop_hands_back_what_its_last_poll_was_granted(services: Services, queue: Queue) -> None:
    for _ in range(5):
        worker, _runs = counting(queue)
        worker.start()
        receipts = queue.enqueue_many(NewTask("t", 0) for _ in range(30))
        worker.stop()
        for receipt in receipts:
            task = queue.get(receipt.id)
            assert task is not None
            assert task.state != "processing"


def test_a_service_that_is_away_is_not_asked_in_a_busy_loop(services: Services, queue: Queue) -> None:
    with proxy_to(free_port()) as proxy:
        worker, _ = counting(queue, proxy.url)
        with worker:
            time.sleep(2)
            worker.begin_stop(0)
        assert 2 <= proxy.seen["acquire"] <= 12


def test_a_worker_that_nobody_answers_can_be_stopped(services: Services, queue: Queue) -> None:
    worker, _ = counting(queue, f"http://127.0.0.1:{free_port()}")
    worker.start()
    began = time.monotonic()
    worker.stop()
    assert time.monotonic() - began < 5


def test_verdicts_are_given_up_after_the_lease(services: Services, queue: Queue) -> None:
    with proxy_to(services.ports["worker-api"]) as proxy:
        worker, runs = counting(queue, proxy.url, lease=1)
        receipt = queue.enqueue("t", 0.3)
        with worker:
            until("the task runs", lambda: runs[receipt.id] == 1)
            proxy.upstream = free_port()
            time.sleep(2)
            proxy.upstream = services.ports["worker-api"]
            task = queue.wait(receipt.id, 15)
    # The janitor took the task back, and a later attempt completed it.
    assert (task.state, task.result) == ("completed", task.attempts)
    assert task.attempts in (2, 3)
