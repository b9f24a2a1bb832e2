#!/usr/bin/env python3
"""Follows the public stream of halaxy-bridge: takes its signed webhooks and keeps a line of CSV for each event.

An example to run and to start from. It needs Python 3.10 and nothing else:

    export EVENTS_SECRET="whsec_$(openssl rand -base64 32)"     # the same in the bridge's environment
    python3 follow_events.py --listen 127.0.0.1:8700 --out changes.csv

and in bridge.toml:

    [[events.webhook]]
    url    = "http://127.0.0.1:8700/"     # https, and a proxy before this, from another machine
    secret = "env:EVENTS_SECRET"

What any consumer must do is here: prove the signature over the raw body, refuse old requests, know an event that comes
twice by its id, and answer 2xx only when the event is kept. Events of one record come in order. They say what
changed and not to what; who needs values asks the product for the record.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

COLUMNS = ["id", "cursor", "timestamp", "type", "system", "kind", "op", "record", "entity", "units", "by_bridge"]
LARGEST = 64 * 1024
# Seconds that a request may be old, or ahead of our clock.
WINDOW = 300


def proved(secrets: list[bytes], headers, body: bytes, now: float) -> bool:
    """Whether a request is from somebody who knows a secret, and is fresh."""
    name, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or abs(now - int(stamp)) > WINDOW:
        return False
    signed = f"{name}.{stamp}.".encode() + body
    right = [b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in secrets]
    given = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(one, proof) for one in right for proof in given)


def plain(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = " ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


class Sheet:
    """The file of events, and the ids that are in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: set[str] = set()
        if path.exists():
            kept = path.read_bytes()
            whole = kept[: kept.rfind(b"\n") + 1]
            if whole != kept:  # stopped in the middle of a line; that event was not answered and comes again
                path.write_bytes(whole)
            self.known = {row["id"] for row in csv.DictReader(whole.decode().splitlines())}
        self.file = path.open("a", newline="", encoding="utf-8")
        self.writer = csv.writer(self.file, lineterminator="\n")
        if self.file.tell() == 0:
            self.writer.writerow(COLUMNS)

    def keep(self, event: dict) -> None:
        """Adds an event unless it is there."""
        data = event["data"]
        if data["id"] in self.known:
            return
        row = {**data, "timestamp": event["timestamp"], "type": event["type"]}
        self.writer.writerow([plain(row.get(column)) for column in COLUMNS])
        self.file.flush()
        os.fsync(self.file.fileno())
        self.known.add(data["id"])


class Door(BaseHTTPRequestHandler):
    """Answers the bridge."""

    sheet: Sheet
    secrets: list[bytes]
    timeout = 30

    def do_POST(self) -> None:  # noqa: N802, the name is the library's
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST:
            return self.answer(413)
        body = self.rfile.read(int(length))
        if not proved(self.secrets, self.headers, body, time.time()):
            return self.answer(401)
        try:
            event = json.loads(body)
            if event["version"] == 1:
                self.sheet.keep(event)
        except (ValueError, KeyError, TypeError):
            return self.answer(400)
        return self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing of single requests."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Keeps a line of CSV for each event of halaxy-bridge.")
    parser.add_argument("--listen", default="127.0.0.1:8700", metavar="HOST:PORT", help="port 0 takes a free one")
    parser.add_argument("--out", type=Path, default=Path("changes.csv"), metavar="FILE")
    options = parser.parse_args()
    # Two secrets with a space between them while one is being replaced.
    given = os.environ.get("EVENTS_SECRET", "").split()
    if not given or not all(secret.startswith("whsec_") for secret in given):
        print("EVENTS_SECRET must hold the secret, which begins with whsec_", file=sys.stderr)
        return 2
    Door.secrets = [base64.b64decode(secret.removeprefix("whsec_")) for secret in given]
    Door.sheet = Sheet(options.out)
    host, _, port = options.listen.rpartition(":")
    with HTTPServer((host, int(port)), Door) as server:
        print(f"listening on http://{host}:{server.server_port}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
