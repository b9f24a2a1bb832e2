"""What is in deploy/ and what the documents say, held against the program itself.

Usage: python deploy.py PROGRAM FOLDER     (FOLDER takes what is made here)

Every `halaxy-bridge` command in README.md and deploy/ must be one that the program knows, with its options; every
bridge.toml in deploy/ must be good; every image must be pinned by digest; the metadata of the Debian package must make a
package that dpkg-deb accepts, with what it needs in the right places.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
# Files whose commands people copy, or machines run.
TOLD = [
    "README.md",
    "deploy/RUNBOOK.md",
    "deploy/Dockerfile",
    "deploy/kubernetes/base/deployment.yaml",
    "deploy/systemd/halaxy-bridge.service",
]
PINNED = re.compile(r"^\S+:[\w.-]+@sha256:[0-9a-f]{64}$")
OWN_IMAGE = "halaxy-bridge:"


class Broken(Exception):
    """Something in deploy/ or in a document does not hold."""


def must(holds: object, what: str) -> None:
    if not holds:
        raise Broken(what)


def ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)


# ------------------------------------------------------------------------------------------------------------ commands


@cache
def help_of(program: str, path: tuple[str, ...]) -> str | None:
    """What `--help` prints of a command, or nothing if there is no such command."""
    done = ran(program, *path, "--help")
    return done.stdout if done.returncode == 0 else None


def sub_commands(text: str) -> set[str]:
    """The names under `Commands:` of a help text."""
    listed = re.search(r"^Commands:\n((?:  .*\n|\n)*)", text, re.MULTILINE)
    return set(re.findall(r"^  ([a-z][\w-]*)", listed[1], re.MULTILINE)) if listed else set()


# Where a call may stand: first of all, or behind what runs it as somebody else or somewhere else.
CALL = re.compile(r"(?:^|\$\(|-u halaxy-bridge |-- |--rm bridge |^ExecStart=/usr/bin/|^CMD |^command: )halaxy-bridge ([^|;)#&]+)")


def commands(text: str, markdown: bool) -> list[tuple[int, list[str]]]:
    """Lines that call the program, with their words. Of markdown, code blocks and `code` only."""
    found, inside = [], False
    # A call may go on in the next line.
    text = text.replace("\\\n", " ")
    for number, line in enumerate(text.splitlines(), 1):
        if markdown and line.lstrip().startswith("```"):
            inside = not inside
            continue
        pieces = [line] if inside or not markdown else re.findall(r"`([^`]+)`", line)
        for piece in pieces:
            # The JSON form of CMD and of a container's command.
            piece = re.sub(r'[\["\], ]+', " ", piece).strip() if re.match(r"\s*(CMD|command:) \[", piece) else piece
            for call in CALL.finditer(piece.strip()):
                found.append((number, shlex.split(call[1])))
    return found


def check_command(program: str, words: list[str]) -> str | None:
    """What is wrong with a command line, if anything."""
    path: tuple[str, ...] = ()
    shown = help_of(program, ()) or ""
    rest = list(words)
    while rest and rest[0] in sub_commands(shown):
        path += (rest.pop(0),)
        shown = help_of(program, path) or ""
    if not path and not (rest and rest[0].startswith("-")):
        return f"there is no command {rest[0] if rest else ''!r}"
    if sub_commands(shown) and (not rest or not rest[0].startswith("-")):
        return f"{' '.join(path)} needs one of {', '.join(sorted(sub_commands(shown)))}"
    if path == ("halaxy",) and rest and not rest[0].startswith("-"):
        # Actions are a table of the program's, not commands of its command line.
        shown += help_of(program, ("halaxy", rest[0])) or ""
    for word in rest:
        option = word.split("=")[0]
        if re.match(r"--?[a-z]", option) and not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", shown):
            return f"{' '.join(path)} knows no {option}"
    return None


def documents(program: str) -> int:
    count = 0
    for name in TOLD:
        text = (ROOT / name).read_text()
        for line, words in commands(text, name.endswith(".md")):
            wrong = check_command(program, words)
            must(not wrong, f"{name}:{line}: halaxy-bridge {' '.join(words)}: {wrong}")
            count += 1
    must(count > 30, f"only {count} commands were found; the search is broken")
    return count


# ------------------------------------------------------------------------------------------- configurations and images


def configurations(program: str) -> int:
    files = sorted(DEPLOY.rglob("bridge.toml"))
    must(files, "no configuration is in deploy/")
    for file in files:
        done = ran(program, "check", "--offline", "-c", file)
        must(done.returncode == 0, f"{file.relative_to(ROOT)}: {done.stdout}{done.stderr}")
    return len(files)


def images() -> int:
    count = 0
    for file in [DEPLOY / "Dockerfile", *sorted(DEPLOY.rglob("*.yaml"))]:
        for line, text in enumerate(file.read_text().splitlines(), 1):
            image = re.match(r"\s*(?:- )?(?:FROM|image:)\s+(\S+)", text)
            if image and not image[1].startswith(OWN_IMAGE):
                must(PINNED.match(image[1]), f"{file.relative_to(ROOT)}:{line}: {image[1]} is not pinned by digest")
                count += 1
    must(count >= 5, f"only {count} images were found; the search is broken")
    return count


# ------------------------------------------------------------------------------------------------------------- package


def package(program: str, folder: Path) -> Path:
    """Makes the package as its metadata say. What `$auto` adds to the dependencies is left out: cargo-deb asks dpkg."""
    home = ROOT / "bridge/cli"
    manifest = tomllib.loads((home / "Cargo.toml").read_text())["package"]
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    deb = manifest["metadata"]["deb"]
    tree = folder / "package"
    for source, target, mode in deb["assets"]:
        found = Path(program) if source.startswith("target/release/") else (home / source).resolve()
        must(found.is_file(), f"[package.metadata.deb] names {source}, which is not there")
        place = tree / target / (Path(source).name if target.endswith("/") else "")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found, place)
        place.chmod(int(mode, 8))
    control = tree / "DEBIAN"
    control.mkdir(parents=True)
    scripts = home / deb["maintainer-scripts"]
    for name in ["preinst", "postinst", "prerm", "postrm"]:
        if (scripts / name).exists():
            shutil.copyfile(scripts / name, control / name)
            (control / name).chmod(0o755)
    for file in deb["conf-files"]:
        must((tree / file.lstrip("/")).is_file(), f"the conffile {file} is not among the assets")
    (control / "conffiles").write_text("".join(f"{file}\n" for file in deb["conf-files"]))
    architecture = ran("dpkg", "--print-architecture").stdout.strip()
    depends = ", ".join(part.strip() for part in deb["depends"].split(",") if part.strip() != "$auto")
    extended = "".join(f" {line or '.'}\n" for line in deb["extended-description"].strip().splitlines())
    (control / "control").write_text(
        f"Package: {manifest['name']}\nVersion: {version}-1\nArchitecture: {architecture}\nSection: {deb['section']}\n"
        f"Priority: {deb['priority']}\nMaintainer: {deb['maintainer']}\nDepends: {depends}\n"
        f"Recommends: {deb['recommends']}\nSuggests: {deb['suggests']}\nDescription: {manifest['description']}\n{extended}"
    )
    # As umask left them, folders may be closed to others.
    for path in [tree, *tree.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    made = folder / f"{manifest['name']}_{version}-1_{architecture}.deb"
    done = ran("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, made)
    must(done.returncode == 0, f"dpkg-deb: {done.stderr}")
    return made


def package_is_whole(made: Path) -> None:
    shown = ran("dpkg-deb", "--contents", made).stdout
    wanted = {
        "./usr/bin/halaxy-bridge": "-rwxr-xr-x",
        "./usr/lib/systemd/system/halaxy-bridge.service": "-rw-r--r--",
        "./usr/lib/sysusers.d/halaxy-bridge.conf": "-rw-r--r--",
        "./etc/default/halaxy-bridge": "-rw-r--r--",
        "./usr/share/doc/halaxy-bridge/RUNBOOK.md": "-rw-r--r--",
    }
    held = {line.split()[-1]: line.split()[0] for line in shown.splitlines()}
    for path, mode in wanted.items():
        must(held.get(path) == mode, f"the package has {path} as {held.get(path)}, not {mode}")
    must(all(line.split()[1] == "root/root" for line in shown.splitlines()), "not everything in the package is root's")
    must(ran("dpkg-deb", "--field", made, "Package").stdout.strip() == "halaxy-bridge", "the control file cannot be read")
    unit = (DEPLOY / "systemd/halaxy-bridge.service").read_text()
    user = re.search(r"^User=(\S+)", unit, re.MULTILINE)
    must(user and f"u {user[1]} " in (DEPLOY / "systemd/halaxy-bridge.sysusers").read_text(), "nobody makes the unit's user")
    start = re.search(r"^ExecStart=(\S+)", unit, re.MULTILINE)
    must(start and f".{start[1]}" in held, "the unit starts a program that the package lacks")


def main() -> int:
    program, folder = sys.argv[1], Path(sys.argv[2]) / "deploy"
    folder.mkdir()
    try:
        print(f"{documents(program)} commands in documents and units are the program's own")
        print(f"{configurations(program)} configurations are good")
        print(f"{images()} images are pinned by digest")
        made = package(program, folder)
        package_is_whole(made)
        print(f"the Debian package can be made: {made.name}")
    except Broken as broken:
        print(f"BROKEN: {broken}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
