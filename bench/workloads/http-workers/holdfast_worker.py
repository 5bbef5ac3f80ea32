"""A worker over HTTP with an empty handler."""

import os

import holdfast

worker = holdfast.Worker("bench", url=os.environ["HOLDFAST_WORKER_URL"], concurrency=250)


@worker.task("noop")
async def noop(task: holdfast.Task, ctx: holdfast.Context) -> None:
    pass


worker.run()
