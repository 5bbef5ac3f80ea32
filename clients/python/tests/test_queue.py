"""Queue and AsyncQueue against the real producer-api."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from proxy import proxy_to
from services import Services, free_port

from holdfast import (
    AsyncQueue,
    Backoff,
    EnqueueFailed,
    HoldfastError,
    Keep,
    NewTask,
    Node,
    Queue,
    TaskFailed,
    Unique,
    Worker,
)


def test_each_option_reaches_the_task(queue: Queue) -> None:
    expires = datetime.now(timezone.utc) + timedelta(hours=2)
    receipt = queue.enqueue(
        "mail.send",
        {"to": "ada", "n": 12345678901234567890},
        id="mail-1",
        delay=timedelta(minutes=1),
        expires_at=expires,
        priority="high",
        max_retries=7,
        timeout=1.5,
        backoff=Backoff("fixed", base=2.5, jitter="none"),
        key="acme",
        cost=3,
        unique=Unique("u1", scope="window", window=60),
        tags=["a", "b"],
        keep=Keep(completed=30, count=5),
        keep_payload=False,
        if_ended="duplicate",
    )
    assert (receipt.id, receipt.state, receipt.will_run, receipt.duplicate) == ("mail-1", "scheduled", True, False)
    task = queue.get("mail-1")
    assert task is not None
    assert task.payload == {"to": "ada", "n": 12345678901234567890}
    assert task.run_at == pytest.approx(time.time() + 60, abs=10)
    assert (task.key, task.tags, task.priority, task.ended) == ("acme", ["a", "b"], "high", False)
    expected: dict[str, Any] = {
        "maxRetries": 7,
        "timeoutMs": 1_500,
        "cost": 3,
        "expiresAt": round(expires.timestamp() * 1000),
        "keep": {"completedMs": 30_000, "count": 5},
    }
    assert {name: task.raw[name] for name in expected} == expected
    assert task.raw["backoff"]["baseMs"] == 2_500
    assert task.raw["unique"]["windowMs"] == 60_000


def test_the_same_id_is_one_task_and_another_body_is_refused(queue: Queue) -> None:
    assert not queue.enqueue("t", 1, id="a").duplicate
    again = queue.enqueue("t", 1, id="a")
    assert (again.id, again.duplicate, again.will_run) == ("a", True, True)
    with pytest.raises(HoldfastError, match="task_conflict") as found:
        queue.enqueue("t", 2, id="a")
    assert (found.value.code, found.value.status, found.value.task_id) == ("task_conflict", 409, "a")


def test_a_unique_key_names_the_task_that_holds_it(queue: Queue) -> None:
    first = queue.enqueue("t", 1, unique="k")
    second = queue.enqueue("t", 2, unique="k")
    assert (second.id, second.deduplicated) == (first.id, True)
    with pytest.raises(HoldfastError) as found:
        queue.enqueue("t", 3, unique=Unique("k", on_conflict="reject"))
    assert (found.value.code, found.value.held_by) == ("unique_conflict", first.id)


def test_a_wrong_call_names_the_field(queue: Queue) -> None:
    with pytest.raises(HoldfastError) as found:
        queue.enqueue("t", 1, max_retries=1_000)
    assert (found.value.code, found.value.field) == ("invalid_argument", "maxRetries")
    with pytest.raises(TypeError, match="'retries' is not an option"):
        queue.enqueue("t", 1, retries=3)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="needs a time zone"):
        queue.enqueue("t", 1, run_at=datetime.now())
    with pytest.raises(ValueError, match="delay is a number of seconds"):
        queue.enqueue("t", 1, delay=-1)
    with pytest.raises(HoldfastError, match="the payload has no JSON form"):
        queue.enqueue("t", object())


def test_many_tasks_are_stored_and_refused_ones_are_named(queue: Queue) -> None:
    receipts = queue.enqueue_many(NewTask("t", n, tags=["x"]) for n in range(1_001))
    assert len({receipt.id for receipt in receipts}) == 1_001
    last = queue.get(receipts[-1].id)
    assert last is not None
    assert (last.payload, last.tags) == (1_000, ["x"])
    with pytest.raises(EnqueueFailed, match="1 of 2 tasks were refused") as found:
        queue.enqueue_many([NewTask("t", 1), NewTask("not a type", 1)])
    stored, refused = found.value.results
    assert isinstance(refused, HoldfastError)
    assert not isinstance(stored, HoldfastError)
    assert queue.get(stored.id) is not None


def test_a_wait_ends_with_the_task_or_in_time(queue: Queue) -> None:
    assert queue.get("nobody") is None
    task = queue.enqueue("t", 1)
    with pytest.raises(TimeoutError):
        queue.wait(task.id, 0.05)
    queue.cancel(task.id)
    assert queue.wait(task.id).state == "cancelled"
    with pytest.raises(TaskFailed, match="is cancelled") as found:
        queue.result(task.id, timedelta(seconds=1))
    assert found.value.task.id == task.id


def test_cancel_change_and_signal(queue: Queue) -> None:
    task = queue.enqueue("t", 1, delay=3600)
    assert queue.change(task.id, delay=60, priority="low", key="k", payload={"n": 2}) == "changed"
    assert queue.change(task.id, priority="low") == "unchanged"
    changed = queue.get(task.id)
    assert changed is not None
    assert (changed.priority, changed.key, changed.payload) == ("low", "k", {"n": 2})
    assert queue.change(task.id, key=None) == "changed"
    assert queue.signal(task.id, "approved", {"by": "Ada"}) == "kept"
    assert queue.cancel(task.id) == "cancelled"
    assert queue.cancel(task.id) == "cancelled"
    with pytest.raises(HoldfastError) as found:
        queue.signal(task.id, "approved")
    assert found.value.code == "too_late"


def test_flows(queue: Queue) -> None:
    nodes = [Node("a", "t", 1), Node("b", "t", 2, after=["a"], on_dead="continue", max_retries=0)]
    receipt = queue.flow(nodes, id="f1", on={"done": NewTask("after", "f1")})
    assert (receipt.id, receipt.nodes, receipt.duplicate) == ("f1", 2, False)
    assert queue.flow(nodes, id="f1", on={"done": NewTask("after", "f1")}).duplicate
    assert queue.get_flow("f1")["counts"]["total"] == 2
    assert [node["name"] for node in queue.flow_nodes("f1")] == ["a", "b"]
    assert queue.cancel_flow("f1") == "cancelled"


def test_open_and_large_flows(queue: Queue) -> None:
    queue.flow([], id="open", open=True)
    assert queue.add_nodes("open", [Node("a", "t"), Node("b", "t", after=["a"])]) == 2
    assert queue.seal_flow("open").nodes == 2
    large = queue.flow([Node(f"n{n}", "t", n) for n in range(1_200)])
    assert large.nodes == 1_200
    assert sum(1 for _ in queue.flow_nodes(large.id)) == 1_200


def test_a_lost_answer_does_not_store_a_second_task(services: Services, queue: Queue) -> None:
    with proxy_to(services.ports["producer-api"]) as proxy, Queue(queue.name, url=proxy.url) as lossy:
        proxy.drops = lambda path, number: number == 1
        receipt = lossy.enqueue("t", 1)
        assert (receipt.duplicate, proxy.seen["tasks"]) == (True, 2)
        many = lossy.enqueue_many([NewTask("t", 1), NewTask("t", 2)])
        assert all(one.duplicate for one in many)


def test_a_service_that_is_away_is_asked_again_and_then_reported(queue: Queue) -> None:
    with Queue(queue.name, url=f"http://127.0.0.1:{free_port()}", retry_for=0.5) as nowhere:
        began = time.monotonic()
        with pytest.raises(HoldfastError) as found:
            nowhere.enqueue("t", 1)
        assert found.value.code == "unreachable"
        assert 0.1 < time.monotonic() - began < 3


def test_an_answer_that_is_not_from_holdfast_is_reported(services: Services) -> None:
    with (
        Queue("q", url=services.url("worker-api")) as wrong,
        pytest.raises(HoldfastError, match="not_found") as found,
    ):
        wrong.enqueue("t", 1)
    assert found.value.status == 404


def test_asyncio(queue: Queue) -> None:
    async def scenario() -> None:
        async with AsyncQueue(queue.name) as async_queue:
            task = await async_queue.enqueue("t", 1, delay=3600)
            many = await async_queue.enqueue_many([NewTask("t", n, delay=3600) for n in range(3)])
            assert len(many) == 3
            assert await async_queue.change(task.id, priority="high") == "changed"
            assert await async_queue.signal(task.id, "x") == "kept"
            assert await async_queue.cancel(task.id) == "cancelled"
            found = await async_queue.get(task.id)
            assert found is not None
            assert found.state == "cancelled"
            assert await async_queue.get("nobody") is None
            with pytest.raises(TimeoutError):
                await async_queue.wait(many[0].id, 0.05)
            with pytest.raises(TaskFailed):
                await async_queue.result(task.id)
            flow = await async_queue.flow([Node("a", "t")], open=True)
            assert await async_queue.add_nodes(flow.id, [Node("b", "t", after=["a"])]) == 1
            assert (await async_queue.seal_flow(flow.id)).nodes == 2
            assert [node["name"] async for node in async_queue.flow_nodes(flow.id)] == ["a", "b"]
            assert (await async_queue.get_flow(flow.id))["counts"]["total"] == 2
            assert await async_queue.cancel_flow(flow.id) == "cancelled"

    asyncio.run(scenario())


def test_wrong_options_of_a_worker_are_refused() -> None:
    for wrong in ({"concurrency": 0}, {"lease": 0.1}, {"lease": 4_000}):
        with pytest.raises(ValueError):
            Worker("q", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not more than concurrency"):
        Worker("q", concurrency=5).task("t", batch=6)
    with pytest.raises(RuntimeError, match="has no handlers"):
        Worker("q").start()
