from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest
from services import Services, running_services

from holdfast import Queue

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    with running_services() as started:
        os.environ["HOLDFAST_URL"] = started.url("producer-api")
        os.environ["HOLDFAST_WORKER_URL"] = started.url("worker-api")
        yield started


@pytest.fixture
def queue(services: Services) -> Iterator[Queue]:
    """A queue that no other test uses."""
    with Queue(f"q{next(_numbers)}") as made:
        yield made
