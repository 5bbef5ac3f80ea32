"""Tests of holdfast.testing, which runs handlers in memory without a service."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from holdfast import (
    AsyncContext,
    Backoff,
    BatchContext,
    CallFailed,
    Cancel,
    Child,
    Context,
    Fatal,
    HoldfastError,
    Postpone,
    RateLimited,
    RetryAfter,
    Task,
    TaskSuspended,
    Worker,
    testing,
)


def worker_of(function: Any, **options: Any) -> Worker:
    worker = Worker("orders")
    worker.task("t", **options)(function)
    return worker


def run(function: Any, payload: Any = None, **options: Any) -> testing.Run:
    return testing.run(worker_of(function), "t", payload, **options)


def raises(error: BaseException) -> Any:
    def handler(task: Task, ctx: Context) -> None:
        raise error

    return handler


def test_a_returned_value_is_the_result_as_it_is_after_json() -> None:
    found = run(lambda task, ctx: (task.payload["n"], task.id, task.tags), {"n": 7}, tags=["x"])
    assert (found.outcome, found.attempts, found.result) == ("acked", 1, [7, "test-task", ["x"]])


@pytest.mark.parametrize(
    ("error", "outcome", "attempts", "delay"),
    [
        (ValueError("no"), "retried", 1, 0.5),
        (RetryAfter(30), "retried", 1, 30),
        (Postpone(2.5), "released", 0, 2.5),
        (RateLimited(5), "released", 0, 5),
        (Fatal("no such user"), "dead", 1, None),
        (Cancel("closed"), "cancelled", 1, None),
    ],
)
def test_each_error_has_its_meaning(error: Exception, outcome: str, attempts: int, delay: float | None) -> None:
    found = run(raises(error))
    assert (found.outcome, found.attempts, found.delay, found.error) == (outcome, attempts, delay, error)


def test_an_error_that_was_caused_by_fatal_is_fatal() -> None:
    def handler(task: Task, ctx: Context) -> None:
        try:
            raise Fatal("inner")
        except Fatal as error:
            raise RuntimeError("outer") from error

    assert run(handler).outcome == "dead"


def test_a_task_dies_after_its_last_attempt() -> None:
    assert run(raises(ValueError("no")), attempt=4).outcome == "dead"
    settled = run(raises(ValueError("no")), until_settled=True, max_retries=2)
    assert (settled.outcome, settled.attempts) == ("dead", 3)


def test_a_postponed_task_fails_after_100_times() -> None:
    found = run(raises(Postpone(1)), until_settled=True, max_retries=1)
    assert (found.outcome, found.attempts) == ("dead", 2)
    limited = run(raises(RateLimited(1)), until_settled=True)
    assert (limited.outcome, limited.attempts) == ("dead", 1)


def test_the_backoff_of_a_handler_sets_the_wait() -> None:
    worker = worker_of(raises(ValueError("no")), backoff=Backoff("fixed", base=7, jitter="none"))
    assert testing.run(worker, "t").delay == 7


def test_a_result_without_json_form_is_fatal_and_a_large_one_is_dropped() -> None:
    assert run(lambda task, ctx: object()).outcome == "dead"
    large = run(lambda task, ctx: "x" * 70_000)
    assert (large.outcome, large.result) == ("acked", None)


def test_progress_log_and_checkpoint_are_kept() -> None:
    def handler(task: Task, ctx: Context) -> int:
        row: int = (ctx.read_checkpoint() or {"row": 0})["row"]
        ctx.progress({"row": row})
        ctx.log(f"row {row}")
        ctx.checkpoint({"row": row + 1})
        return row

    found = run(handler, checkpoint={"row": 4})
    assert (found.result, found.progress, found.log) == (4, [{"row": 4}], ["row 4"])
    assert found.checkpoint == {"row": 5}


def test_a_value_that_cannot_be_stored_costs_no_attempt() -> None:
    found = run(lambda task, ctx: ctx.progress(object()))
    assert (found.outcome, found.progress) == ("acked", [])


def test_a_step_is_not_run_again() -> None:
    calls: list[int] = []

    def handler(task: Task, ctx: Context) -> Any:
        payment = ctx.step("charge", lambda: calls.append(1) or ("pay", 1))
        if ctx.attempt == 1:
            raise OSError("the warehouse does not answer")
        return [payment, ctx.step("charge", lambda: "second")]

    found = run(handler, until_settled=True)
    assert (found.result, found.attempts) == ([["pay", 1], "second"], 2)
    assert (found.steps, calls) == (["charge", "charge#2"], [1])


def test_a_step_retries_itself_but_not_after_fatal() -> None:
    calls = {"flaky": 0, "fatal": 0}

    def flaky() -> int:
        calls["flaky"] += 1
        if calls["flaky"] == 1:
            raise OSError("no")
        return calls["flaky"]

    def fatal() -> None:
        calls["fatal"] += 1
        raise Fatal("no")

    assert run(lambda task, ctx: ctx.step("a", flaky, retries=1)).result == 2
    assert run(lambda task, ctx: ctx.step("a", fatal, retries=5)).outcome == "dead"
    assert calls["fatal"] == 1


def test_a_sleep_suspends_the_task_and_then_ends() -> None:
    def handler(task: Task, ctx: Context) -> str:
        ctx.step("ask", lambda: "mail")
        ctx.sleep(86_400)
        return "awake"

    first = run(handler)
    assert (first.outcome, first.attempts) == ("suspended", 0)
    assert first.delay == pytest.approx(86_400, abs=1)
    assert run(handler, until_settled=True).result == "awake"


def test_a_handler_cannot_swallow_the_suspension() -> None:
    def handler(task: Task, ctx: Context) -> str:
        try:
            ctx.sleep(60)
        except Exception:
            return "caught"
        except TaskSuspended:
            return "swallowed"
        return "awake"

    assert run(handler).outcome == "suspended"
    assert run(handler, until_settled=True).result == "awake"


def test_a_wait_gets_its_signal_or_times_out() -> None:
    def handler(task: Task, ctx: Context) -> Any:
        signal = ctx.wait_for(["approved", "refused"], timeout=60)
        return signal and [signal.event, signal.data]

    assert run(handler, signals=[("other", 1), ("approved", "Ada")]).result == ["approved", "Ada"]
    timed_out = run(handler, until_settled=True)
    assert (timed_out.outcome, timed_out.result) == ("acked", None)
    assert run(handler).outcome == "suspended"


def test_calls_are_answered_by_the_test() -> None:
    def handler(task: Task, ctx: Context) -> Any:
        return ctx.call("pdf", {"n": 2}, priority="high")

    assert run(handler, calls={"pdf": lambda payload: payload["n"] * 2}).result == 4
    missing = run(handler)
    assert isinstance(missing.error, HoldfastError)
    assert "give calls" in str(missing.error)


def test_a_node_reads_its_children() -> None:
    def handler(task: Task, ctx: Context) -> Any:
        return sum(child.result for child in ctx.children())

    children = [Child(name, f"f.{name}", "completed", n, None) for name, n in (("a", 1), ("b", 2))]
    assert run(handler, children=children).result == 3


def test_coroutines_run_their_steps_at_the_same_time_and_wait_together() -> None:
    started: list[str] = []

    async def slow(name: str) -> str:
        started.append(name)
        await asyncio.sleep(0.02)
        assert len(started) % 2 == 0
        return name

    async def handler(task: Task, ctx: AsyncContext) -> Any:
        both = await asyncio.gather(ctx.step("a", lambda: slow("a")), ctx.step("b", lambda: slow("b")))
        waited = await asyncio.gather(ctx.wait_for("x", timeout=100), ctx.wait_for("y", timeout=50), ctx.sleep(70))
        return [both, [one and one.data for one in waited]]

    first = run(handler)
    assert first.outcome == "suspended"
    assert first.delay == pytest.approx(50, abs=1)
    assert run(handler, signals=[("x", 1), ("y", 2)], until_settled=True).result == [["a", "b"], [1, 2, None]]
    assert started == ["a", "b"] * 2


async def _step_of_a_step(task: Task, ctx: AsyncContext) -> None:
    await ctx.sleep(0.001)


def test_a_coroutine_runs_inside_of_a_running_event_loop_too() -> None:
    async def test() -> testing.Run:
        return run(_step_of_a_step)

    assert asyncio.run(test()).outcome == "acked"


def batch(function: Any, payloads: list[Any], **options: Any) -> list[testing.Run]:
    return testing.run_batch(worker_of(function, batch=10), "t", payloads, **options)


def test_each_task_of_a_batch_has_its_own_outcome() -> None:
    def handler(tasks: list[Task], ctx: BatchContext) -> Any:
        ctx.fail(tasks[1], Fatal("a row needs an id"))
        ctx.complete(tasks[2], "own")
        return [task.payload * 2 for task in tasks[:3]] + [ValueError("no")]

    found = batch(handler, [1, 2, 3, 4])
    assert [one.outcome for one in found] == ["acked", "dead", "acked", "retried"]
    assert [one.result for one in found] == [2, None, "own", None]


def test_a_batch_that_raises_is_searched_for_the_task_at_fault() -> None:
    calls: list[list[int]] = []

    def handler(tasks: list[Task], ctx: BatchContext) -> None:
        calls.append([task.payload for task in tasks])
        if any(task.payload == 3 for task in tasks):
            raise ValueError("poison")

    found = batch(handler, [1, 2, 3, 4], max_retries=0)
    assert [one.outcome for one in found] == ["acked", "acked", "dead", "acked"]
    assert calls == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]


def test_a_rate_limit_concerns_all_tasks_of_a_batch() -> None:
    calls: list[int] = []

    async def handler(tasks: list[Task], ctx: BatchContext) -> None:
        calls.append(len(tasks))
        raise RateLimited(3)

    found = batch(handler, [1, 2, 3])
    assert [(one.outcome, one.delay) for one in found] == [("released", 3)] * 3
    assert calls == [3]


def test_a_task_of_a_batch_that_has_to_stop_does_not_fail_the_others() -> None:
    def handler(tasks: list[Task], ctx: BatchContext) -> None:
        for task in tasks:
            if task.payload == 2:
                ctx.of(task)._behind.stop("cancelled")
            ctx.of(task).raise_if_stopped()

    found = batch(handler, [1, 2, 3])
    assert [one.outcome for one in found] == ["acked", "cancelled", "acked"]


def test_too_few_results_fail_all_tasks_of_a_batch() -> None:
    found = batch(lambda tasks, ctx: [1], [1, 2])
    assert [one.outcome for one in found] == ["retried", "retried"]
    assert "returned 1 results for 2 tasks" in str(found[0].error)


def test_a_batch_handler_cannot_sleep() -> None:
    def handler(tasks: list[Task], ctx: BatchContext) -> None:
        ctx.of(tasks[0]).sleep(60)

    (found,) = batch(handler, [1])
    assert "cannot be called in a batch handler" in str(found.error)


def test_the_most_exact_handler_runs() -> None:
    worker = Worker("orders")
    for rule in ("*", "mail.*", "mail.send"):
        worker.task(rule)(lambda task, ctx, rule=rule: rule)
    found = [testing.run(worker, type).result for type in ("mail.send", "mail.bulk", "other")]
    assert found == ["mail.send", "mail.*", "*"]
    with pytest.raises(ValueError, match="there is a handler"):
        worker.task("*")


def test_a_missing_handler_and_a_wrong_rule_are_refused() -> None:
    with pytest.raises(ValueError, match="there is no handler for 'other'; there is one for: t"):
        testing.run(worker_of(lambda task, ctx: 1), "other")
    for rule in ("", "a b", "*x", "@1"):
        with pytest.raises(ValueError, match="a handler is for a type"):
            Worker("orders").task(rule)


def test_call_failed_fails_the_attempt() -> None:
    def handler(task: Task, ctx: Context) -> None:
        raise CallFailed("a", "dead", "the called task is dead")

    assert run(handler).outcome == "retried"
