"""The wheel installs into an empty environment, and the code is checked by mypy and ruff."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from services import ROOT

FOLDER = ROOT / "clients/python"
BIN = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path = FOLDER) -> str:
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=180)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_wheel_installs_into_an_empty_environment(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "empty")
    python = tmp_path / "empty/bin/python"
    run(BIN / "pip", "--python", python, "--disable-pip-version-check", "install", "--quiet", wheel)
    program = """
import holdfast, holdfast.testing, importlib.resources
assert importlib.resources.files("holdfast").joinpath("py.typed").is_file()
worker = holdfast.Worker("q")
worker.task("t")(lambda task, ctx: task.payload)
print(holdfast.testing.run(worker, "t", 7).result, holdfast.__file__)
"""
    result, path = run(python, "-c", program, cwd=tmp_path).split()
    assert result == "7"
    assert str(tmp_path) in path
    assert "worker" in run(python, "-m", "holdfast", "--help", cwd=tmp_path)


def test_mypy_is_content() -> None:
    run(BIN / "mypy")


def test_ruff_is_content() -> None:
    run(BIN / "ruff", "check", ".")
    run(BIN / "ruff", "format", "--check", ".")
