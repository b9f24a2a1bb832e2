"""Dependencies point one way; this reads the manifests and says where they do not.

Usage: cargo metadata --no-deps --format-version 1 | python3 layers.py

bridge/ARCHITECTURE.md draws the layers. A crate may use those of lower layers only; its tests may also use its
neighbours. A new crate must be given a layer here before it passes.
"""

from __future__ import annotations

import json
import sys

LAYERS = [
    {"bridge-core"},
    {"bridge-store", "bridge-queue", "adapter-kit"},
    {"bridge-engine", "bridge-stream", "bridge-export", "adapter-halaxy", "adapter-rest", "adapter-sandbox"},
    {"bridge-admin"},
    {"halaxy-bridge"},
    {"bridge-tests", "bridge-simulation"},
    {"bridge-simulation-engine"},
]
# From here on crates test the others: nothing ships of them, and they may use whatever outside crate they need.
TESTS = 5

# Outside crates that only some of ours may use: what the layers mean, said by dependency.
ONLY_IN = {
    # A warehouse is the user's own database: no row of the bridge's is in it.
    "sqlx": {"bridge-store", "bridge-export"},
    "lapin": {"bridge-queue"},
    "reqwest": {"adapter-kit"},
    "clap": {"halaxy-bridge"},
}

# The decisions are pure: no runtime, no network, no storage, no clock of their own.
NOT_IN_CORE = {"tokio", "tokio-util", "futures", "reqwest", "axum", "tower", "sqlx", "rand", "tracing", "tempfile"}


def differences(packages: list[dict]) -> list[str]:
    """What in the workspace's manifests does not keep the order."""
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    ours = {package["name"] for package in packages}
    found = [f"{name} has no layer in tests/contract/layers.py" for name in sorted(ours - layer.keys())]
    found += [f"{name} has a layer and does not exist" for name in sorted(layer.keys() - ours)]
    for package in packages:
        name = package["name"]
        own = layer.get(name)
        for dependency in package["dependencies"]:
            used, testing = dependency["name"], dependency["kind"] == "dev"
            if used in ours and own is not None and used in layer:
                allowed = layer[used] <= own if testing else layer[used] < own
                if not allowed:
                    found.append(f"{name} (layer {own}) uses {used} (layer {layer[used]})")
            tests = own is not None and own >= TESTS
            if used in ONLY_IN and not testing and not tests and name not in ONLY_IN[used]:
                found.append(f"{name} uses {used}, which belongs to {', '.join(sorted(ONLY_IN[used]))} alone")
            if own == 0 and not testing and used in NOT_IN_CORE:
                found.append(f"{name} uses {used}, and decisions must stay pure")
    return found


def canary(packages: list[dict]) -> list[str]:
    """Planted edges that must be refused, so that a check which finds nothing has looked."""
    planted = [
        ("bridge-core", "bridge-store", None),
        ("bridge-store", "bridge-engine", None),
        ("adapter-halaxy", "bridge-engine", None),
        ("bridge-engine", "halaxy-bridge", "dev"),
        ("bridge-core", "tokio", None),
        ("bridge-engine", "sqlx", None),
    ]
    passed = []
    for name, used, kind in planted:
        changed = [
            {**package, "dependencies": [*package["dependencies"], {"name": used, "kind": kind}]}
            if package["name"] == name else package
            for package in packages
        ]
        if len(differences(changed)) <= len(differences(packages)):
            passed.append(f"canary: {name} -> {used} was not refused")
    return passed


def main() -> int:
    packages = json.load(sys.stdin)["packages"]
    found = differences(packages) + canary(packages)
    for line in found:
        print(f"  FAILED  {line}")
    print(f"{len(packages)} crates, {len(found)} failures")
    return 1 if found or not packages else 0


if __name__ == "__main__":
    sys.exit(main())
