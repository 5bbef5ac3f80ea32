"""The peer RQ. `python rq_tasks.py <count>` enqueues, `python rq_tasks.py` works."""

import os
import sys

from redis import Redis
from rq import Queue, SimpleWorker


def noop(payload: dict[str, str]) -> None:
    pass


if __name__ == "__main__":
    # RQ finds a function by the name of its module, and this name must not be __main__.
    import rq_tasks

    redis = Redis.from_url(os.environ["REDIS_URL"])
    queue = Queue("bench", connection=redis)
    if len(sys.argv) > 1:
        data = [Queue.prepare_data(rq_tasks.noop, ({"data": "x" * 85},), result_ttl=0) for _ in range(int(sys.argv[1]))]
        queue.enqueue_many(data)
    else:
        # SimpleWorker is the fastest worker of RQ, because it does not fork for each task.
        SimpleWorker([queue], connection=redis).work(logging_level="WARNING")
