"""The peer Celery. `python celery_tasks.py <count>` enqueues; `celery -A celery_tasks worker` works."""

import os
import sys

from celery import Celery

app = Celery("bench", broker=os.environ["REDIS_URL"])
# No result backend and a large prefetch: these are the settings that Celery's guide "Optimizing" recommends for short
# tasks.
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=128, broker_pool_limit=2)


@app.task(name="noop")
def noop(payload: dict[str, str]) -> None:
    pass


if __name__ == "__main__":
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(int(sys.argv[1])):
            noop.apply_async(({"data": "x" * 85},), producer=producer)
