"""The probe of containers: against a real HTTP server, in a process of its own as a container runs it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from serving.probe import fault, main

PAGE = b"# HELP glioserve_engine_ready text\nglioserve_engine_ready 1.0\n"


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/metrics" else 404)
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Nothing is printed."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_page_that_is_there_and_holds_the_line(address: str) -> None:
    assert fault(f"{address}/metrics") is None
    assert fault(f"{address}/metrics", "glioserve_engine_ready 1.0") is None


def test_part_of_a_line_does_not_do(address: str) -> None:
    assert fault(f"{address}/metrics", "glioserve_engine_ready 1") == "no line 'glioserve_engine_ready 1'"


def test_a_page_that_is_not_there(address: str) -> None:
    assert "404" in str(fault(f"{address}/ready"))


def test_nobody_listens() -> None:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        port = server.server_port
    assert "refused" in str(fault(f"http://127.0.0.1:{port}/metrics"))


def test_a_proxy_is_not_asked_for_loopback(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert fault(f"{address}/metrics") is None


@pytest.mark.parametrize("arguments", [[], ["a", "b", "c"]])
def test_usage(arguments: list[str]) -> None:
    assert main(arguments) == 2


def test_as_a_container_runs_it(address: str) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "serving.probe", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    well = run(f"{address}/metrics", "glioserve_engine_ready 1.0")
    ill = run(f"{address}/metrics", "glioserve_engine_ready 0.0")
    assert (well.returncode, well.stderr) == (0, "")
    assert (ill.returncode, ill.stderr) == (1, "no line 'glioserve_engine_ready 0.0'\n")
