"""Runs the conformance cases with this client: python -m conformance ../../conformance/cases.ndjson."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from holdfast import (
    BatchContext,
    Cancel,
    Context,
    Fatal,
    HoldfastError,
    Postpone,
    Queue,
    RateLimited,
    RetryAfter,
    Task,
    Worker,
)

Json = dict[str, Any]
_ENDED = ("completed", "dead", "cancelled", "expired")
_SECONDS = 10


class Case:
    """Runs one case, in a queue of its own."""

    def __init__(self, case: Json) -> None:
        self.case = case
        self.name = f"{os.environ['QUEUE_PREFIX_CASES']}-{case['name']}"
        self.queue = Queue(self.name)
        key = os.environ.get("HOLDFAST_API_KEY")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.http = httpx.Client(base_url=os.environ["HOLDFAST_URL"], headers=headers, timeout=30)
        self.runs: Counter[str] = Counter()
        self.calls: Counter[tuple[str, str]] = Counter()
        self.order: list[str] = []
        self.end = time.monotonic() + _SECONDS

    def run(self) -> str | None:
        """Returns why the case failed, or None if it passed."""
        ids = self.enqueue()
        self.outside("enqueued", ids)
        with self.worker():
            for when in ("running", "waiting"):
                self.outside(when, ids)
            found = self.found(ids)
        return self.differs(ids, found)

    def enqueue(self) -> list[str]:
        flow = self.case.get("flow")
        if flow:
            self.post("flows", flow)
            return [f"{flow['id']}.{node['name']}" for node in flow["nodes"]]
        return [str(self.post("tasks", self.body_of(task))["id"]) for task in self.case["tasks"]]

    def body_of(self, task: Json) -> Json:
        options = dict(task.get("options", {}))
        if "expiresInMs" in options:
            options["expiresAt"] = int(time.time() * 1000) + options.pop("expiresInMs")
        return {"type": task["type"], "payload": task["payload"], **options}

    def post(self, path: str, body: Json) -> Json:
        response = self.http.post(f"/v1/queues/{self.name}/{path}", json=body)
        if response.status_code >= 300:
            raise AssertionError(f"{path} was refused: {response.text}")
        answer: Json = response.json()
        return answer

    def worker(self) -> Worker:
        options = self.case.get("worker", {})
        worker = Worker(
            self.name,
            concurrency=options.get("concurrency", 10),
            max_retries=options.get("maxRetries", 3),
            lease=3,
            grace=1,
        )
        batch = self.case.get("batch")
        for rule in self.rules():
            worker.task(rule, batch=batch)(self.handle_batch if batch else self.handle)
        return worker

    def rules(self) -> list[str]:
        if "handles" in self.case:
            return list(self.case["handles"])
        tasks = self.case["flow"]["nodes"] if "flow" in self.case else self.case["tasks"]
        does = self.case["does"]
        return sorted({task["type"] for task in tasks} | set(does if isinstance(does, dict) else ()))

    def action_of(self, task: Task) -> Json:
        if task.type not in self.order:
            self.order.append(task.type)
        does = self.case["does"]
        listed: list[Json] = does[task.type] if isinstance(does, dict) else does
        self.runs[task.id] += 1
        return listed[min(self.runs[task.id], len(listed)) - 1]

    def handle(self, task: Task, ctx: Context) -> Any:
        return self.do(self.action_of(task), task, ctx)

    def handle_batch(self, tasks: list[Task], ctx: BatchContext) -> None:
        for task in tasks:
            try:
                ctx.complete(task, self.do(self.action_of(task), task, ctx.of(task)))
            except Exception as error:
                ctx.fail(task, error)

    def do(self, action: Json, task: Task, ctx: Context) -> Any:
        simple: dict[str, Callable[[], Any]] = {
            "return": lambda: action["value"],
            "echo": lambda: {name: getattr(task, name) for name in action["fields"]},
            "progress": lambda: ctx.progress(action["value"]),
            "log": lambda: ctx.log(action["line"]),
            "checkpoint": lambda: ctx.checkpoint(action["value"]),
            "readCheckpoint": ctx.read_checkpoint,
            "children": lambda: self.children(ctx),
            "steps": lambda: [self.step(step, task, ctx) for step in action["of"]],
        }
        kind = action["do"]
        if kind == "payload":
            return self.do(task.payload, task, ctx)
        if kind in simple:
            return simple[kind]()
        if kind == "sequence":
            result = None
            for one in action["of"]:
                result = self.do(one, task, ctx)
            return result
        if kind == "waitUntilCancelled":
            ctx.cancelled.wait(_SECONDS)
            return ctx.raise_if_stopped()
        raise self.error_of(action)

    def error_of(self, action: Json) -> Exception:
        wait = action.get("delayMs", 0) / 1000
        if action["do"] == "fail":
            kind: type[Exception] = type(action["name"], (Exception,), {})
            return kind(action["message"])
        if action["do"] == "rateLimited":
            return RateLimited(wait, action.get("scope"))
        kinds: dict[str, Callable[[], Exception]] = {
            "fatal": lambda: Fatal(action["message"]),
            "cancel": lambda: Cancel(action["message"]),
            "retryAfter": lambda: RetryAfter(wait),
            "postpone": lambda: Postpone(wait),
        }
        return kinds[action["do"]]()

    def step(self, step: Json, task: Task, ctx: Context) -> Any:
        if "sleep" in step:
            return ctx.sleep(step["sleep"] / 1000)
        if "waitFor" in step:
            signal = ctx.wait_for(step["waitFor"], timeout=step["timeoutMs"] / 1000)
            return signal and {"event": signal.event, "data": signal.data}
        if "call" in step:
            return ctx.call(step["call"], step.get("payload"))

        def run() -> Any:
            self.calls[task.id, step["step"]] += 1
            return self.calls[task.id, step["step"]] if step.get("counts") else step["value"]

        return ctx.step(step["step"], run)

    def children(self, ctx: Context) -> list[Json]:
        children = sorted(ctx.children(), key=lambda child: child.name)
        return [{"name": child.name, "state": child.state, "result": child.result} for child in children]

    def outside(self, when: str, ids: list[str]) -> None:
        for event in self.case.get("meanwhile", []):
            if event["when"] != when:
                continue
            id: str = ids[event.get("task", 0)]
            if when != "enqueued":
                self.until_run(id)
            if when == "waiting":
                self.until_state(id, "scheduled")
            if event["do"] == "cancel":
                self.queue.cancel(id)
            else:
                self.queue.signal(id, event["event"], event.get("data"))

    def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            assert time.monotonic() < self.end, "the case takes too long"
            time.sleep(0.02)

    def until_run(self, id: str) -> None:
        self.until(lambda: self.runs[id] > 0)

    def until_state(self, id: str, *states: str) -> None:
        self.until(lambda: self.get(id)["state"] in states)

    def get(self, id: str) -> Json:
        task = self.queue.get(id)
        assert task is not None, f"task {id} is not known"
        return task.raw

    def found(self, ids: list[str]) -> list[Json]:
        """Waits for the tasks that are expected to end, then compares all tasks."""
        for id, expected in zip(ids, self.case["expect"], strict=True):
            if expected.get("state", "completed") in _ENDED:
                self.until_state(id, *_ENDED)
        return [self.get(id) for id in ids]

    def differs(self, ids: list[str], found: list[Json]) -> str | None:
        for place, (expected, task) in enumerate(zip(self.case["expect"], found, strict=True)):
            for name, value in expected.items():
                seen = self.seen(name, value, ids, place, task)
                if seen != value:
                    return f"{name} of task {place} is {json.dumps(seen)}, not {json.dumps(value)}"
        if "order" in self.case and self.order != self.case["order"]:
            return f"the order was {self.order}, not {self.case['order']}"
        return None

    def seen(self, name: str, value: Any, ids: list[str], place: int, task: Json) -> Any:
        if name == "sameAs":
            return ids.index(ids[place])
        if name == "lastError":
            line = (task["lastError"] or "").split("\n")[0]
            return value if value in line else line
        if name in ("result", "progress"):
            text = task["resultText" if name == "result" else "progress"]
            return None if text is None else json.loads(text)
        return task[name]


def main() -> int:
    logging.basicConfig(level=logging.ERROR)
    failed = False
    with open(sys.argv[1]) as lines:
        for line in lines:
            case = json.loads(line)
            try:
                why = Case(case).run()
            except (AssertionError, HoldfastError, httpx.HTTPError) as error:
                why = f"{type(error).__name__}: {error}"
            result: Json = {"client": "python", "case": case["name"], "ok": why is None}
            print(json.dumps(result if why is None else {**result, "why": why}), flush=True)
            failed = failed or why is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
