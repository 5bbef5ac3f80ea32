"""An HTTP proxy in front of worker-api or producer-api. It counts requests, and can drop their answers."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.upstream = port
        self.seen: Counter[str] = Counter()
        self.bodies: dict[str, list[bytes]] = {}
        self.drops: Callable[[str, int], bool] = lambda path, number: False
        """Whether to drop the answer to request number n (from 1) of this path.

        The service has handled the request by then.
        """
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignores errors, because a client that disconnects is not an error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _forward(self) -> None:
        path = self.path.rpartition("/")[2].partition("?")[0]
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen[path] += 1
        number = self.server.seen[path]
        self.server.bodies.setdefault(path, []).append(body)
        answer = self._ask(body)
        if answer is None or self.server.drops(path, number):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, headers, content = answer
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "keep-alive"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes] | None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        try:
            upstream.request(self.command, self.path, body or None, dict(self.headers))
            threading.Thread(target=self._watch, args=(upstream,), daemon=True).start()
            response = upstream.getresponse()
            return response.status, response.getheaders(), response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            upstream.close()

    def _watch(self, upstream: http.client.HTTPConnection) -> None:
        """Closes the connection to the service if the client has closed its own."""
        with contextlib.suppress(OSError, ValueError):
            if self.connection.recv(1, socket.MSG_PEEK) == b"" and upstream.sock:
                upstream.sock.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PATCH = do_DELETE = _forward

    def log_message(self, format: str, *arguments: object) -> None:
        """Logs nothing."""


@contextlib.contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
