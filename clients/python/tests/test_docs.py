"""Runs the Python blocks of docs/python.md and of both READMEs, and compares the output with their comments."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from services import ROOT, Process, Services, until

PAGES = [ROOT / "docs/python.md", ROOT / "clients/python/README.md", ROOT / "README.md"]


def blocks_of(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def file_of(name: str) -> str:
    """Returns the block whose first line is `# name`."""
    (found,) = (block for block in blocks_of(PAGES[0]) if block.startswith(f"# {name}\n"))
    return found


PROGRAMS = [
    (f"{page.name} {number}", block)
    for page in PAGES
    for number, block in enumerate(blocks_of(page), 1)
    if not block.startswith("# ") and "worker.run()" not in block
]


def expected_of(block: str) -> list[str]:
    """Returns the comments after a print, and those on lines of their own."""
    found = re.findall(r"^ *print\(.*\)  # (.*)$", block, re.MULTILINE)
    return found + re.findall(r"^# (.*)$", block, re.MULTILINE)


@pytest.mark.parametrize(("name", "block"), PROGRAMS, ids=[name for name, _ in PROGRAMS])
def test_a_block_prints_what_its_comments_say(services: Services, name: str, block: str, tmp_path: Path) -> None:
    path = tmp_path / "block.py"
    path.write_text(block)
    ran = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    expected = expected_of(block)
    assert expected, "the block prints nothing"
    assert ran.stdout.splitlines() == expected


def test_mypy_accepts_the_blocks(tmp_path: Path) -> None:
    for number, (_, block) in enumerate([*PROGRAMS, ("fastapi", file_of("app.py"))]):
        (tmp_path / f"block{number}.py").write_text(block)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", tmp_path / "cache"]
    ran = subprocess.run([*command, *tmp_path.glob("*.py")], capture_output=True, text=True, timeout=180)
    assert ran.returncode == 0, ran.stdout


def test_the_readme_worker_runs_until_sigterm(services: Services, tmp_path: Path) -> None:
    (block,) = (block for block in blocks_of(PAGES[1]) if "worker.run()" in block)
    (tmp_path / "app.py").write_text(block)
    program = Process([sys.executable, "app.py"], dict(os.environ), tmp_path)
    until("it works", lambda: program.process.poll() is not None or workers_of(services, "orders"))
    assert program.terminate() == 0


def workers_of(services: Services, queue: str) -> list[Any]:
    import httpx

    rows = httpx.get(f"{services.url('observability')}/v1/workers").json()["workers"]
    return [row for row in rows if queue in row["queues"] and row["state"] == "running"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_the_fastapi_application(services: Services, here: Path) -> None:
    from fastapi.testclient import TestClient

    (here / "app.py").write_text(file_of("app.py"))
    app = importlib.import_module("app").app
    with TestClient(app) as client:
        answer = client.post("/signups/ada")
        assert answer.status_code == 202
        path = f"/signups/tasks/{answer.json()['task']}"
        until("the task has ended", lambda: client.get(path).json()["state"] == "completed")
        assert client.get(path).json()["result"] == "welcome ada"
        assert client.get("/signups/tasks/nobody").status_code == 404


def test_the_django_project(services: Services, here: Path) -> None:
    (here / "shop.py").write_text(file_of("shop.py"))
    shop = importlib.import_module("shop")
    from django.test import Client

    answer = Client().get("/orders/17")
    assert (answer.status_code, json.loads(answer.content)) == (202, {"task": "confirm-17"})
    worker = Process([sys.executable, "-m", "holdfast", "worker", "shop:worker"], dict(os.environ), here)
    try:
        assert shop.queue.result("confirm-17", 20) == "order 17 confirmed"
        assert worker.terminate() == 0
    finally:
        worker.kill()
