"""Starts Redis and the built services of this repository as processes, for the tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PREFIX = "py"
NODE = shutil.which("node") or "node"


def until(what: str, condition: Callable[[], object], seconds: float = 15) -> None:
    """Waits for a condition, with a deadline."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s, but this did not happen: {what}")
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Process:
    """A process of the tests. It ends with the tests, even if they fail."""

    def __init__(self, command: list[str], env: dict[str, str], cwd: Path | None = None) -> None:
        self._command, self._env, self._cwd = command, env, cwd
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command, env=self._env, cwd=self._cwd, stdout=self._output, stderr=subprocess.STDOUT
        )

    @property
    def text(self) -> str:
        """Everything that the process has written."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode()

    def says(self, text: str, seconds: float = 20) -> None:
        try:
            until(f"the process says {text!r}", lambda: text in self.text or self.process.poll() is not None, seconds)
        finally:
            if text not in self.text:
                print(self.text)
        assert text in self.text

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def terminate(self, seconds: float = 20) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def service(name: str, env: dict[str, str]) -> Process:
    """Starts the built main.js of a service."""
    return Process([NODE, str(ROOT / "services" / name / "dist" / "main.js")], env)


class Services:
    """Redis, producer-api, worker-api, observability and a janitor."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="holdfast-py-")
        self.ports = {name: free_port() for name in ("redis", "producer-api", "worker-api", "observability", "janitor")}
        self.all: dict[str, Process] = {}

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def start(self) -> None:
        redis = ["redis-server", "--port", str(self.ports["redis"]), "--bind", "127.0.0.1", "--save", ""]
        self.all["redis"] = Process([*redis, "--appendonly", "no", "--dir", self.folder], dict(os.environ))
        until("redis-server answers", lambda: answers(self.ports["redis"]))
        self._start("producer-api", {"PORT": self._port("producer-api")})
        self._start("worker-api", {"WORKER_API_PORT": self._port("worker-api")})
        self._start("observability", {"OBSERVABILITY_PORT": self._port("observability")})
        janitor = {"METRICS_PORT": self._port("janitor"), "SWEEP_INTERVAL_MS": "200"}
        self._start("janitor", janitor)
        for name in ("producer-api", "worker-api", "observability", "janitor"):
            self.all[name].says('"msg":"started"', 60)

    def _port(self, name: str) -> str:
        return str(self.ports[name])

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self.ports['redis']}"

    def _start(self, name: str, env: dict[str, str]) -> None:
        self.all[name] = service(name, {"REDIS_URL": self.redis_url, "QUEUE_PREFIX": PREFIX, **env})

    def kill(self, name: str) -> None:
        self.all[name].kill()

    def restart(self, name: str) -> None:
        self.all[name].start()
        until(f"{name} answers", lambda: answers(self.ports[name]))

    def stop(self) -> None:
        for process in reversed(self.all.values()):
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def running_services() -> Iterator[Services]:
    services = Services()
    try:
        services.start()
        yield services
    finally:
        services.stop()
