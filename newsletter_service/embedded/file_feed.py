"""Serves one file over HTTP on loopback, so that a feed in a file is fetched like any other."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_TYPES = {".json": "application/feed+json", ".atom": "application/atom+xml"}


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """Serve a file while the context lasts, under the address that it gives."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(path))
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/feed"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(path: Path) -> type[BaseHTTPRequestHandler]:
    body = path.read_bytes()
    kind = _TYPES.get(path.suffix.lower(), "application/xml")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep standard error for what matters."""

    return Handler
