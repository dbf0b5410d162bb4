"""A server that plays a cluster's API over a real socket: jobs and configmaps of one namespace.

It checks what a cluster checks of a request's form, and keeps every request, so that a test can look at the rights that
were used. It runs no pods: a test says what became of a Job.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

PATHS = {
    "jobs": re.compile(r"/apis/batch/v1/namespaces/(?P<namespace>[a-z-]+)/jobs(?:/(?P<name>[a-z0-9-]+))?"),
    "configmaps": re.compile(r"/api/v1/namespaces/(?P<namespace>[a-z-]+)/configmaps(?:/(?P<name>[a-z0-9-]+))?"),
}
KINDS = {"jobs": ("batch/v1", "Job"), "configmaps": ("v1", "ConfigMap")}
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
TOKEN = "a-token"  # noqa: S105 (of this server alone)


class FakeCluster:
    """The objects, and the requests that came."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, dict[str, Any]]] = {"jobs": {}, "configmaps": {}}
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.refuse: dict[tuple[str, str], int] = {}
        """Statuses to answer with, by verb and resource."""
        self.lock = threading.Lock()
        self._seconds = 0

    @property
    def rights(self) -> set[tuple[str, str]]:
        """The verbs that were used, with their resources."""
        return set(self.requests)

    def set_status(self, name: str, **status: Any) -> None:
        """What became of a Job."""
        self.objects["jobs"][name]["status"] = status

    def finish(self, name: str, kind: str = "Complete", reason: str = "CompletionsReached", message: str = "") -> None:
        now = self._now()
        condition = {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now}
        self.set_status(name, conditions=[condition])

    def collect(self) -> None:
        """Remove what is being deleted, as a cluster does when its pods are gone."""
        jobs = self.objects["jobs"]
        for name in [name for name, job in jobs.items() if "deletionTimestamp" in job["metadata"]]:
            del jobs[name]

    def answer(self, method: str, url: str, body: bytes) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(url)
        for resource, pattern in PATHS.items():
            if match := pattern.fullmatch(parts.path):
                with self.lock:
                    return self._answer(method, resource, match["name"], parse_qs(parts.query), body)
        return 404, _status(404, "NotFound", f"no such path {parts.path}")

    def _answer(
        self, method: str, resource: str, name: str | None, query: dict[str, list[str]], body: bytes
    ) -> tuple[int, dict[str, Any]]:
        verb = {"POST": "create", "DELETE": "delete", "GET": "get" if name else "list"}[method]
        self.requests.append((verb, resource))
        if status := self.refuse.get((verb, resource)):
            return status, _status(status, "Forbidden", "not allowed to do this")
        objects = self.objects[resource]
        if verb == "create":
            return self._create(resource, json.loads(body))
        if verb == "list":
            wanted = dict(pair.split("=") for pair in query["labelSelector"][0].split(","))
            items = [each for each in objects.values() if wanted.items() <= each["metadata"]["labels"].items()]
            version, kind = KINDS[resource]
            return 200, {"apiVersion": version, "kind": f"{kind}List", "metadata": {}, "items": items}
        assert name is not None
        if name not in objects:
            return 404, _status(404, "NotFound", f"{name} not found")
        if verb == "delete":
            policy = query.get("propagationPolicy", [""])[0] or json.loads(body or b"{}").get("propagationPolicy")
            if resource == "jobs" and policy == "Foreground":
                objects[name]["metadata"]["deletionTimestamp"] = self._now()
                return 200, objects[name]
            return 200, _deleted(objects.pop(name), resource)
        return 200, objects[name]

    def _create(self, resource: str, manifest: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        assert (manifest["apiVersion"], manifest["kind"]) == KINDS[resource]
        name = manifest["metadata"]["name"]
        assert NAME.fullmatch(name), name
        self.bodies.append(json.loads(json.dumps(manifest)))
        if name in self.objects[resource]:
            return 409, _status(409, "AlreadyExists", f"{name} already exists")
        manifest["metadata"]["creationTimestamp"] = self._now()
        if resource == "jobs":
            manifest["status"] = {}
        self.objects[resource][name] = manifest
        return 201, manifest

    def _now(self) -> str:
        self._seconds += 1
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _status(code: int, reason: str, message: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


def _deleted(thing: dict[str, Any], resource: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Status", "status": "Success", "details": {"kind": resource}} | {
        "metadata": {"resourceVersion": thing["metadata"].get("resourceVersion", "1")}
    }


class _Handler(BaseHTTPRequestHandler):
    cluster: FakeCluster
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def _reply(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            code, answer = 401, _status(401, "Unauthorized", "who is there")
        else:
            code, answer = self.cluster.answer(self.command, self.path, body)
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = do_DELETE = _reply  # noqa: N815 (the base's names)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def serving(cluster: FakeCluster) -> Iterator[str]:
    """The cluster on a free port; its address."""
    handler = type("Handler", (_Handler,), {"cluster": cluster})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def write_kubeconfig(path: Path, address: str, token: str = TOKEN) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": address}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path
