"""Worker against the real worker-api."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from proxy import proxy_to
from services import Services, until

from holdfast import (
    AsyncContext,
    AttemptStopped,
    Backoff,
    BatchContext,
    Context,
    Fatal,
    HoldfastError,
    NewTask,
    Queue,
    RateLimited,
    Task,
    Worker,
)

LEASE = 2


@pytest.fixture
def worker(queue: Queue) -> Iterator[Worker]:
    made = Worker(queue.name, lease=LEASE, grace=1, concurrency=20)
    yield made
    made.stop(0)


def test_plain_functions_and_coroutines_run_at_the_same_time(queue: Queue, worker: Worker) -> None:
    barrier = threading.Barrier(3)

    @worker.task("plain")
    def plain(task: Task, ctx: Context) -> Any:
        barrier.wait(5)
        return [task.payload, ctx.attempt, threading.current_thread().name.startswith("holdfast-handler")]

    @worker.task("async")
    async def coroutine(task: Task, ctx: AsyncContext) -> Any:
        await asyncio.to_thread(barrier.wait, 5)
        return task.payload

    tasks = [queue.enqueue("plain", {"n": 1}), queue.enqueue("plain", 2), queue.enqueue("async", 3)]
    with worker:
        assert [queue.result(task.id, 10) for task in tasks] == [[{"n": 1}, 1, True], [2, 1, True], 3]


def test_the_task_is_handed_over_with_its_options(queue: Queue, worker: Worker) -> None:
    seen: list[Task] = []
    worker.task("*")(lambda task, ctx: seen.append(task))
    sent = {"n": 12345678901234567890, "text": "ä\u2028"}
    receipt = queue.enqueue("t", sent, tags=["x"], key="k", timeout=60, expires_at=time.time() + 600)
    with worker:
        queue.wait(receipt.id, 10)
    (task,) = seen
    assert (task.id, task.queue, task.payload) == (receipt.id, queue.name, sent)
    assert (task.tags, task.key, task.timeout, task.flow, task.schedule) == (["x"], "k", 60, None, None)
    assert task.expires_at == pytest.approx(time.time() + 600, abs=10)
    assert task.enqueued_at == pytest.approx(time.time(), abs=10)


def test_large_integers_keep_their_digits(queue: Queue, worker: Worker) -> None:
    worker.task("t")(lambda task, ctx: task.payload + 1)
    receipt = queue.enqueue("t", 12345678901234567890)
    with worker:
        assert queue.result(receipt.id, 10) == 12345678901234567891


def test_heartbeats_keep_the_lease_while_a_handler_blocks(queue: Queue, worker: Worker) -> None:
    runs: list[str] = []

    @worker.task("blocks")
    def blocks(task: Task, ctx: Context) -> str:
        runs.append(task.id)
        time.sleep(1.6 * LEASE)
        return "done"

    @worker.task("computes")
    def computes(task: Task, ctx: Context) -> str:
        runs.append(task.id)
        end = time.monotonic() + 1.6 * LEASE
        while time.monotonic() < end:
            sum(range(1_000))
        return "done"

    @worker.task("blocks-the-loop")
    async def blocks_the_loop(task: Task, ctx: AsyncContext) -> str:
        runs.append(task.id)
        time.sleep(1.6 * LEASE)
        return "done"

    tasks = [queue.enqueue(type) for type in ("blocks", "computes", "blocks-the-loop")]
    with worker:
        ended = [queue.wait(task.id, 10) for task in tasks]
    assert [(task.state, task.attempts) for task in ended] == [("completed", 1)] * 3
    assert sorted(runs) == sorted(task.id for task in tasks)


def test_an_error_is_kept_with_its_name_message_and_frames(queue: Queue, worker: Worker) -> None:
    def charge(amount: int) -> None:
        try:
            int("x")
        except ValueError as error:
            raise ConnectionError("the gateway does not answer") from error

    worker.task("t", max_retries=0)(lambda task, ctx: charge(task.payload))
    receipt = queue.enqueue("t", 5)
    with worker:
        task = queue.wait(receipt.id, 10)
    assert (task.state, task.dead_reason, task.attempts) == ("dead", "retries_exhausted", 1)
    first, *frames = (task.last_error or "").split("\n")
    assert first == "ConnectionError: the gateway does not answer"
    assert frames[0].startswith(f"    at charge ({__file__}:")
    assert not any("/src/holdfast/" in line for line in frames)
    assert frames[-1].startswith("Caused by: ValueError: invalid literal")


def test_an_error_with_broken_unicode_is_a_verdict_too(queue: Queue, worker: Worker) -> None:
    @worker.task("raises", max_retries=0)
    def raises(task: Task, ctx: Context) -> None:
        raise ValueError("half of a pair: \ud83d")

    worker.task("returns")(lambda task, ctx: "half of a pair: \ud83d")
    tasks = [queue.enqueue("raises"), queue.enqueue("returns")]
    with worker:
        ended = [queue.wait(task.id, 10) for task in tasks]
    assert [(task.state, task.dead_reason) for task in ended] == [("dead", "retries_exhausted"), ("dead", "fatal")]
    assert (ended[0].last_error or "").startswith("ValueError: half of a pair: ?")


def test_retries_time_out_and_backoff_of_a_handler_hold_for_tasks_that_do_not_say_it(
    queue: Queue, worker: Worker
) -> None:
    @worker.task("own", max_retries=1, timeout=0.2, backoff=Backoff("fixed", base=0.01, jitter="none"))
    def own(task: Task, ctx: Context) -> None:
        if task.payload == "slow":
            ctx.cancelled.wait(5)
        raise ValueError("no")

    fails = queue.enqueue("own")
    slow = queue.enqueue("own", "slow")
    none = queue.enqueue("own", max_retries=0)
    with worker:
        assert queue.wait(fails.id, 10).attempts == 2
        assert queue.wait(none.id, 10).attempts == 1
        assert "timed out after 200 ms" in (queue.wait(slow.id, 10).last_error or "")


def test_a_coroutine_that_runs_too_long_is_cancelled(queue: Queue, worker: Worker) -> None:
    seen: list[Any] = []

    @worker.task("t", max_retries=0)
    async def slow(task: Task, ctx: AsyncContext) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            seen.append(ctx.stop_reason)
            raise

    receipt = queue.enqueue("t", timeout=0.2)
    with worker:
        assert queue.wait(receipt.id, 10).state == "dead"
        until("the coroutine is cancelled", lambda: seen == ["timed_out"])


def test_a_cancel_reaches_plain_functions_and_coroutines(queue: Queue, worker: Worker) -> None:
    started = threading.Semaphore(0)
    seen: list[Any] = []

    @worker.task("plain")
    def plain(task: Task, ctx: Context) -> None:
        started.release()
        try:
            while True:
                ctx.cancelled.wait(0.05)
                ctx.raise_if_stopped()
        except AttemptStopped as error:
            seen.append(error.reason)
            raise

    @worker.task("async")
    async def coroutine(task: Task, ctx: AsyncContext) -> None:
        started.release()
        try:
            await asyncio.sleep(30)
        finally:
            seen.append(ctx.stop_reason)

    @worker.task("stubborn")
    def stubborn(task: Task, ctx: Context) -> str:
        started.release()
        ctx.cancelled.wait(30)
        return "done anyway"

    tasks = [queue.enqueue(type) for type in ("plain", "async", "stubborn")]
    with worker:
        for _ in tasks:
            assert started.acquire(timeout=5)
        assert [queue.cancel(task.id) for task in tasks] == ["requested"] * 3
        ended = [queue.wait(task.id, 10) for task in tasks]
    assert [task.state for task in ended[:2]] == ["cancelled", "cancelled"]
    assert seen == ["cancelled", "cancelled"]


def test_a_batch_gets_the_tasks_that_are_there(queue: Queue, worker: Worker) -> None:
    sizes: list[int] = []

    @worker.task("row", batch=10)
    def insert(tasks: list[Task], ctx: BatchContext) -> list[Any]:
        sizes.append(len(tasks))
        if any(task.payload == 7 for task in tasks):
            raise Fatal("poison") if len(tasks) == 1 else ValueError("a row of this batch")
        return [{"row": task.payload} for task in tasks]

    receipts = queue.enqueue_many(NewTask("row", n) for n in range(20))
    with worker:
        ended = [queue.wait(receipt.id, 10) for receipt in receipts]
    assert max(sizes) > 1
    assert [task.state for task in ended] == ["completed"] * 7 + ["dead"] + ["completed"] * 12
    assert [task.attempts for task in ended] == [1] * 20
    assert ended[3].result == {"row": 3}


def test_a_rate_limit_holds_the_key(queue: Queue, worker: Worker) -> None:
    starts: list[tuple[str, float]] = []

    @worker.task("t")
    async def limited(task: Task, ctx: AsyncContext) -> None:
        starts.append((task.payload, time.monotonic()))
        if len(starts) == 1:
            raise RateLimited(0.6, scope="key")

    with worker:
        first = queue.enqueue("t", "first", key="acme", max_retries=0)
        until("the first task has met the limit", lambda: len(starts) == 1)
        time.sleep(0.1)  # the verdict is on its way
        second = queue.enqueue("t", "second", key="acme")
        ended = [queue.wait(task.id, 10) for task in (first, second)]
    assert [(task.state, task.attempts) for task in ended] == [("completed", 1)] * 2
    assert starts[1][1] - starts[0][1] > 0.55


def test_a_drain_takes_no_more_tasks_until_it_is_resumed(services: Services, queue: Queue) -> None:
    worker = Worker(queue.name, lease=LEASE)
    worker.task("t")(lambda task, ctx: 1)
    operators = httpx.Client(base_url=services.url("observability"), headers={"content-type": "application/json"})
    with worker:
        assert queue.result(queue.enqueue("t").id, 10) == 1
        answer = operators.post(f"/v1/workers/{worker.id}/drain", json={})
        assert answer.status_code < 300, answer.text
        until("its poll heard it", lambda: state_of(operators, worker) in ("draining", "drained"))
        waiting = queue.enqueue("t")
        with pytest.raises(TimeoutError):
            queue.wait(waiting.id, 0.5)
        assert operators.post(f"/v1/workers/{worker.id}/resume", json={}).status_code < 300
        assert queue.result(waiting.id, 10) == 1


def state_of(operators: httpx.Client, worker: Worker) -> str:
    rows = operators.get("/v1/workers").json()["workers"]
    return next((str(row["state"]) for row in rows if row["id"] == worker.id), "unknown")


def test_steps_survive_a_failed_attempt_and_a_sleep(queue: Queue, worker: Worker) -> None:
    charged: list[str] = []

    @worker.task("order", backoff=Backoff("fixed", base=0.01, jitter="none"))
    async def order(task: Task, ctx: AsyncContext) -> Any:
        paid = await ctx.step("charge", lambda: charged.append(task.id) or "pay-1")
        await ctx.sleep(1.2)
        if ctx.attempt == 1:
            raise ConnectionError("the warehouse does not answer")
        both = await asyncio.gather(ctx.call("double", 4), ctx.call("double", 5, name="five"))
        answer = await ctx.wait_for("approved", timeout=60)
        return [paid, both, answer and answer.data]

    @worker.task("double")
    def double(task: Task, ctx: Context) -> int:
        return int(task.payload) * 2

    receipt = queue.enqueue("order")
    queue.signal(receipt.id, "approved", "Ada")
    with worker:
        assert queue.result(receipt.id, 15) == ["pay-1", [8, 10], "Ada"]
    assert charged == [receipt.id]


def test_an_ended_attempt_can_store_nothing_more(queue: Queue, worker: Worker) -> None:
    contexts: list[Context] = []
    worker.task("t")(lambda task, ctx: contexts.append(ctx))
    receipt = queue.enqueue("t")
    with worker:
        queue.wait(receipt.id, 10)
        with pytest.raises(AttemptStopped):
            contexts[0].checkpoint(1)


def test_on_settled_hears_every_outcome(queue: Queue, worker: Worker) -> None:
    heard: list[tuple[str, int, str]] = []
    worker.on_settled = lambda id, token, attempt, outcome: heard.append((id, attempt, outcome))

    @worker.task("t", max_retries=1, backoff=Backoff("fixed", base=0, jitter="none"))
    def fails(task: Task, ctx: Context) -> None:
        raise ValueError("no")

    receipt = queue.enqueue("t")
    with worker:
        queue.wait(receipt.id, 10)
        until("both outcomes came", lambda: len(heard) == 2)
    assert heard == [(receipt.id, 1, "retried"), (receipt.id, 2, "dead")]


def test_an_idle_worker_waits_in_one_request_and_begins_at_once(services: Services, queue: Queue) -> None:
    with proxy_to(services.ports["worker-api"]) as proxy:
        worker = Worker(queue.name, url=proxy.url)
        begun: list[float] = []
        worker.task("t")(lambda task, ctx: begun.append(time.monotonic()))
        with worker:
            time.sleep(2)
            assert dict(proxy.seen) == {"acquire": 1}
            sent = time.monotonic()
            queue.wait(queue.enqueue("t").id, 10)
        assert begun[0] - sent < 1


def test_a_busy_worker_settles_and_acquires_in_one_request(services: Services, queue: Queue) -> None:
    receipts = queue.enqueue_many(NewTask("t", n) for n in range(200))
    with proxy_to(services.ports["worker-api"]) as proxy:
        worker = Worker(queue.name, url=proxy.url, concurrency=20)
        worker.task("t")(lambda task, ctx: task.payload)
        with worker:
            for receipt in receipts:
                queue.wait(receipt.id, 20)
        # The worker needs one poll. After that, its settles bring the next tasks.
        assert proxy.seen["acquire"] <= 8
        assert proxy.seen["settle"] < 150


def test_the_program_may_give_its_own_event_loop(queue: Queue) -> None:
    worker = Worker(queue.name)

    async def scenario() -> None:
        own = asyncio.get_running_loop()

        @worker.task("t")
        async def handler(task: Task, ctx: AsyncContext) -> bool:
            return asyncio.get_running_loop() is own

        async with worker:
            receipt = await asyncio.to_thread(queue.enqueue, "t")
            assert await asyncio.to_thread(queue.result, receipt.id, 10) is True

    asyncio.run(scenario())


def test_a_worker_that_is_refused_says_so_and_asks_again(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker("not a queue")
    worker.task("t")(lambda task, ctx: 1)
    with worker:
        until("the refusal is logged", lambda: "refused to give tasks" in caplog.text)


def test_a_lease_that_was_lost_stops_the_handler(services: Services, queue: Queue) -> None:
    seen: list[Any] = []
    with proxy_to(services.ports["worker-api"]) as proxy:
        worker = Worker(queue.name, url=proxy.url, lease=LEASE)

        @worker.task("t")
        def slow(task: Task, ctx: Context) -> None:
            if task.attempt > 1:
                return
            proxy.drops = lambda path, number: path == "heartbeat"
            proxy.upstream = 1  # from now on, nothing reaches the service
            ctx.cancelled.wait(10)
            seen.append(ctx.stop_reason)
            proxy.upstream = services.ports["worker-api"]
            proxy.drops = lambda path, number: False
            try:
                ctx.checkpoint(1)
            except HoldfastError as error:
                seen.append(error.code)

        receipt = queue.enqueue("t")
        with worker:
            task = queue.wait(receipt.id, 20)
    assert seen[0] == "lease_lost"
    assert (task.state, task.attempts) == ("completed", 2)
