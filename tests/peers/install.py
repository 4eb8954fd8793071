#!/usr/bin/env python3
"""Installs the peers into a folder, pinned, and tells their versions. usage: install.py FOLDER

From npm and crates.io into the folder; what Debian packages is there already (scripts/deps.sh peers)."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CRATES = {"caesiumclt": "1.5.0", "oxipng": "10.2.1"}
ASK = {
    "jpegoptim": ["jpegoptim", "--version"],
    "jpegtran": ["jpegtran", "-version"],
    "pngquant": ["pngquant", "--version"],
    "cwebp": ["cwebp", "-version"],
    "avifenc": ["avifenc", "--version"],
    "heif-enc": ["heif-enc", "-h"],
    "gifsicle": ["gifsicle", "--version"],
    "tiffcp": ["tiffcp", "-h"],
    "caesiumclt": ["caesiumclt", "--version"],
    "oxipng": ["oxipng", "--version"],
    "node": ["node", "--version"],
}
NUMBER = re.compile(r"\d+(\.\d+)+\w*")


def environment(folder):
    """For the peers: those in the folder come first."""
    path = f"{folder}/cargo/bin{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "NODE_PATH": f"{folder}/node/node_modules", "LC_ALL": "C"}


def install(folder):
    node = folder / "node"
    if not (node / "done").exists() or (node / "done").read_text() != (HERE / "package-lock.json").read_text():
        node.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, node)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=node, check=True)
        shutil.copy(HERE / "package-lock.json", node / "done")
    for crate, version in CRATES.items():
        mark = folder / "cargo" / f"{crate}-{version}"
        if not mark.exists():
            # In its own target folder, which goes afterwards: the project's has other features and profiles.
            command = ["cargo", "install", crate, "--version", f"={version}", "--locked", "--root", folder / "cargo"]
            env = {k: v for k, v in os.environ.items() if k != "CARGO_TARGET_DIR"}
            subprocess.run([*command, "--target-dir", folder / "build"], check=True, env=env, cwd=folder)
            mark.touch()
    shutil.rmtree(folder / "build", ignore_errors=True)


def versions(folder):
    """Package -> version, of those that are there."""
    found = {}
    for name, command in ASK.items():
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=environment(folder), stdin=subprocess.DEVNULL)
        except OSError:
            continue
        text = NUMBER.search(done.stdout + done.stderr)
        found[name] = text.group() if text else "unknown"
        if name == "avifenc":
            aom = re.search(r"aom \[enc/dec\]:v?([\d.]+)", done.stdout)
            found[name] += f" (libaom {aom.group(1)})" if aom else ""
    package = folder / "node/node_modules/sharp/package.json"
    if "node" in found and package.exists():
        found["sharp"] = re.search(r'"version": "([^"]+)"', package.read_text()).group(1)
    return found


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    install(folder)
    for name, version in sorted(versions(folder).items()):
        print(f"{name} {version}")


if __name__ == "__main__":
    main()
