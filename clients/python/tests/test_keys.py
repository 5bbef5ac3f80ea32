"""Tests of API keys, with separate services, because a service requires keys once one exists."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from services import NODE, ROOT, Services, free_port, service, until

from holdfast import HoldfastError, Queue, Worker


@dataclass(frozen=True)
class Keyed:
    producer_url: str
    worker_url: str
    redis_url: str

    def key(self, *scopes: str) -> str:
        command = [NODE, ROOT / "packages/cli/bin/holdfast.js", "key", "create", "--label", "test", "--json"]
        where = ["--redis", self.redis_url, "--prefix", "keyed", "--queue", "orders", "--scope", ",".join(scopes)]
        ran = subprocess.run([*command, *where], capture_output=True, text=True, timeout=30)
        assert ran.returncode == 0, ran.stderr
        return str(json.loads(ran.stdout)["key"])


@pytest.fixture(scope="module")
def keyed(services: Services) -> Iterator[Keyed]:
    producer, worker = free_port(), free_port()
    env = {"REDIS_URL": services.redis_url, "QUEUE_PREFIX": "keyed"}
    started = [
        service("producer-api", {**env, "PORT": str(producer)}),
        service("worker-api", {**env, "WORKER_API_PORT": str(worker)}),
    ]
    try:
        for one in started:
            one.says('"msg":"started"', 60)
        yield Keyed(f"http://127.0.0.1:{producer}", f"http://127.0.0.1:{worker}", services.redis_url)
    finally:
        for one in started:
            one.kill()


def test_producers_and_workers_need_keys_with_their_scopes(keyed: Keyed, caplog: pytest.LogCaptureFixture) -> None:
    producer_key, worker_key = keyed.key("enqueue", "read"), keyed.key("work")
    ran: list[str] = []

    def enqueue(queue: str, key: str) -> str:
        with Queue(queue, url=keyed.producer_url, key=key) as made:
            return made.enqueue("t").id

    def refusal(queue: str, key: str) -> str:
        with pytest.raises(HoldfastError) as found:
            enqueue(queue, key)
        return found.value.code

    until("the service has read the keys", lambda: refusal("orders", worker_key) == "forbidden")
    assert refusal("orders", "hf_wrong") == "unauthorized"
    assert refusal("mail", producer_key) == "forbidden"

    worker = Worker("orders", url=keyed.worker_url, key=worker_key)
    worker.task("t")(lambda task, ctx: ran.append(task.id))
    wrong = Worker("orders", url=keyed.worker_url, key=producer_key)
    wrong.task("t")(lambda task, ctx: 1)
    with wrong:
        until("a key without the scope is refused", lambda: "is repeated: forbidden" in caplog.text)
    receipt = enqueue("orders", producer_key)
    with worker, Queue("orders", url=keyed.producer_url, key=producer_key) as queue:
        assert queue.wait(receipt, 10).state == "completed"
    assert ran == [receipt]
    assert producer_key not in caplog.text
    assert worker_key not in caplog.text
