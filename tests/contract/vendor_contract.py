"""Prism between a client and a stand-in: every request and every answer is held against a vendor's own API description.

What is known of Prism (contract-check.md of the project's research): it drops a body's schema without a word when it
cannot resolve a reference, so the description is flattened first and a canary per operation is mandatory.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY = 90.0
"""Seconds until Prism must be ready; a cold start takes about ten."""


@dataclass
class Answer:
    status: int
    headers: Any
    body: Any

    def violations(self) -> list[dict]:
        """What Prism found, in the request or in the answer."""
        header = self.headers.get("sl-violations")
        found = json.loads(header) if header else []
        if isinstance(self.body, dict) and "stoplight.io/prism" in str(self.body.get("type")):
            found = found or self.body.get("validation") or [{"message": self.body.get("title")}]
        return found


def flatten(tool: Path, description: Path, into: Path, paths: str) -> None:
    """Inlines all references; unknown members in requests are refused from then on."""
    arguments = [str(description), str(into), "--paths", paths, "--depth", "4", "--strict"]
    subprocess.run([sys.executable, "-B", str(tool), *arguments], check=True)


class Prism:
    """A Prism proxy in front of `upstream`; use it with `with`."""

    def __init__(self, program: Path, description: Path, upstream: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = [str(program), "proxy", "-h", "127.0.0.1", "-p", str(self.port), "--errors", str(description), upstream]
        self.log: list[str] = []

    def __enter__(self) -> Prism:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ready = threading.Event()

        def listen() -> None:
            for text in self.process.stdout or ():
                self.log.append(text.rstrip())
                if "is listening" in text:
                    ready.set()

        threading.Thread(target=listen, daemon=True).start()
        if not ready.wait(READY):
            self.process.kill()
            raise RuntimeError("Prism did not start:\n" + "\n".join(self.log[-20:]))
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)

    def call(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data, headers, method=method)
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, shown, text = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, shown, text = error.code, error.headers, error.read()
        self.slowest = max(getattr(self, "slowest", 0.0), time.monotonic() - began)
        try:
            parsed = json.loads(text) if text else None
        except ValueError:
            parsed = text.decode(errors="replace")
        return Answer(status, shown, parsed)
