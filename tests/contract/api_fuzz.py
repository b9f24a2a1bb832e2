"""The API against its own description: requests made up from the OpenAPI document, right and wrong ones.

Usage: python api_fuzz.py PROGRAM FOLDER SCHEMATHESIS [SECONDS]     (FOLDER takes what is made here)

The program runs as a service between stand-ins, with a conflict that waits. Schemathesis sends what the document allows
and what it does not. No answer may be a 5xx, of a status or a shape that the document does not name, or of another kind
of content; nobody without a token may be let in. Told apart from failures: 503 and 504 that the document names.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from commands import Broken, Control, Crm, Program, configure, must, stand_ins

# What `not_a_server_error` would count too: statuses that the document names, for an account that does not answer.
CHECKS = "status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,ignored_auth"


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def serve(program: Program, port: int) -> None:
    """What an integrator adds for programs."""
    file = program.folder / "bridge.toml"
    more = f'\n[serve]\nlisten = "127.0.0.1:{port}"\n\n[[api.token]]\nname = "fuzzer"\nsecret = "env:API_TOKEN"\nwrites = true\n'
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")


def ask(url: str, token: str) -> object:
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def ready(url: str, token: str, service: subprocess.Popen) -> None:
    """Waits until the desk is there."""
    end = time.monotonic() + 60
    while True:
        must(service.poll() is None, "the service runs")
        try:
            ask(f"{url}/api/review/totals", token)
            return
        except (urllib.error.URLError, ConnectionError):
            must(time.monotonic() < end, "the desk opens within a minute")
            time.sleep(0.2)


def statuses(report: Path) -> dict[int, int]:
    """How many answers there were of each status."""
    found: dict[int, int] = {}
    for line in report.read_text(encoding="utf-8").splitlines():
        for answer in answers(json.loads(line)):
            found[answer] = found.get(answer, 0) + 1
    return dict(sorted(found.items()))


def answers(value: object) -> list[int]:
    if isinstance(value, dict):
        own = [value["status_code"]] if isinstance(value.get("status_code"), int) else []
        return own + [status for member in value.values() for status in answers(member)]
    if isinstance(value, list):
        return [status for member in value for status in answers(member)]
    return []


def main() -> int:
    path, folder, judge = sys.argv[1], Path(sys.argv[2]) / "fuzz", sys.argv[3]
    seconds = sys.argv[4] if len(sys.argv) > 4 else "75"
    folder.mkdir()
    crm, token = Crm("plain"), secrets.token_hex(24)
    with stand_ins(path, folder, crm.kind) as ends:
        halaxy = ends["halaxy"]
        program = Program(
            path,
            folder,
            {
                "HALAXY_CLIENT_ID": halaxy["client_id"],
                "HALAXY_CLIENT_SECRET": halaxy["client_secret"],
                crm.secret: ends["crm"]["token"],
                "API_TOKEN": token,
            },
        )
        configure(program, ends, crm)
        plan = program.run("plan")
        program.report("sync", "--approve", plan["digest"])
        port = free_port()
        serve(program, port)
        url = f"http://127.0.0.1:{port}"
        with open(folder / "service.log", "w", encoding="utf-8") as log:
            service = subprocess.Popen([path, "run"], cwd=folder, env=program.environment, stdout=log, stderr=log)
        try:
            ready(url, token, service)
            document = folder / "openapi.json"
            document.write_text(json.dumps(ask(f"{url}/api/openapi.json", token)), encoding="utf-8")
            report = folder / "report.ndjson"
            command = [judge, "run", str(document), "--url", url, "--header", f"Authorization: Bearer {token}"]
            command += ["--checks", CHECKS, "--phases", "coverage,fuzzing", "--seed", "7", "--max-time", seconds]
            command += ["--workers", "2", "--continue-on-failure", "--generation-database", "none", "--no-color"]
            command += ["--warnings", "off", "--request-timeout", "20", "--report-ndjson-path", str(report)]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=float(seconds) + 120)
            found = statuses(report)
            print(f"answers by status: {found}")
            if done.returncode:
                print(done.stdout[-20000:], done.stderr[-2000:])
            must(service.poll() is None, "the service still runs")
            must(done.returncode == 0, f"schemathesis ends with {done.returncode}")
            must(sum(found.values()) > 300, f"enough was asked: {found}")
            # Named by the document, for a bridge that starts or an account that is away; neither is the case here.
            must(not any(status >= 500 for status in found), f"no answer is a 5xx: {found}")
        finally:
            service.terminate()
            service.wait(20)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as broken:
        print(f"BROKEN: {broken}")
        sys.exit(1)
