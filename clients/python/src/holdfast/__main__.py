"""``python -m holdfast worker app:worker``: runs the workers of a module."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys

from .worker import Worker, run_workers


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m holdfast")
    commands = parser.add_subparsers(dest="command", required=True)
    worker = commands.add_parser("worker", help="run the workers of a module until SIGTERM or SIGINT")
    worker.add_argument("names", nargs="+", metavar="module:worker", help="for example app:worker")
    worker.add_argument("--verbose", action="store_true", help="also log each request")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if not given.verbose:
        logging.getLogger("httpx").setLevel(logging.WARNING)
    sys.path.insert(0, "")
    run_workers(*(_find(name) for name in given.names))
    return 0


def _find(name: str) -> Worker:
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute or "worker", None)
    if not isinstance(found, Worker):
        raise SystemExit(f"{name} is not a Worker: give module:name, such as app:worker")
    return found


if __name__ == "__main__":
    sys.exit(main())
