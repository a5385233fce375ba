"""A server with scripted answers, which records its requests."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Scripted:
    """One answer. gate: what to wait for before it is given. cut: end the connection after so many bytes of it."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    gate: threading.Event | None = None
    cut: int | None = None


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def envelope(status: int = 200, code: str = "", message: str = "", **data: Any) -> bytes:
    """Return a minimal envelope of the vendor."""
    answer = {"error_code": 0 if status == 200 else status, "error_code_str": code, "error_msg": message}
    return json.dumps(answer | ({"data": data} if data else {})).encode()


def refused(status: int, code: str = "", message: str = "", **headers: str) -> Scripted:
    return Scripted(status, envelope(status, code, message), headers)


class ScriptedServer(ThreadingHTTPServer):
    """Gives the answers in order, and then repeats the last one."""

    daemon_threads = True

    def __init__(self, *answers: Scripted) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.base = f"http://127.0.0.1:{self.server_port}"
        self.answers = list(answers)
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for answer in self.answers:
            if answer.gate:
                answer.gate.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def linked(self, name: str = "result.png") -> Scripted:
        """An answer with a link to this server."""
        return Scripted(200, envelope(image_url=f"{self.base}/results/{name}"))

    @property
    def methods(self) -> list[str]:
        return [asked.method for asked in self.asked]


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self._body()
        with self.server.lock:
            answer = self.server.answers[min(len(self.server.asked), len(self.server.answers) - 1)]
            self.server.asked.append(Asked(self.command, self.path, dict(self.headers), body))
        if answer.gate:
            answer.gate.wait(60)
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), "Connection": "close", **answer.headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(answer.body[: answer.cut])
        self.close_connection = True

    do_GET = do_POST  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def log_message(self, *_: object) -> None:
        pass
