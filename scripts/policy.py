#!/usr/bin/env python3
"""Checks the dependency graph: licences, bans and sources of deny.toml, and the rules between this project's crates.

usage: policy.py [--plugins DIR]     with DIR, the licence fields of the built plugins are compared with their trees too
"""
import ctypes
import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
# Crates whose own licence does not tell that of the C libraries that they bring: libheif, and x265 by way of it.
BRINGS = {"libheif-sys": "LGPL-3.0-or-later AND GPL-2.0-or-later"}
# Licences that bind a whole library. What is not here may be linked into a file of any licence.
COPYLEFT = re.compile(r"\b(A?GPL|LGPL|MPL|EUPL|CDDL|EPL|OSL)-")


class Graph:
    """Packages and what they need, from `cargo metadata`."""

    def __init__(self):
        command = ["cargo", "metadata", "--format-version", "1", "--locked"]
        command += ["--filter-platform", "x86_64-unknown-linux-gnu"]
        out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
        meta = json.loads(out)
        nodes = {n["id"]: n["deps"] for n in meta["resolve"]["nodes"]}
        self.packages = {p["id"]: p for p in meta["packages"] if p["id"] in nodes}
        self.deps = nodes
        self.members = set(meta["workspace_members"])

    def near(self, id, dev):
        """Direct dependencies; with `dev`, those of its tests too."""
        for dep in self.deps[id]:
            kinds = [k["kind"] for k in dep["dep_kinds"]]
            if any(k != "dev" for k in kinds) or (dev and "dev" in kinds):
                yield dep["pkg"]

    def linked(self, id):
        """Everything that becomes part of it: normal dependencies all the way, no proc macros, no build scripts."""
        seen, todo = set(), [id]
        while todo:
            at = todo.pop()
            for dep in self.deps[at]:
                normal = any(k["kind"] is None for k in dep["dep_kinds"])
                if normal and dep["pkg"] not in seen and not is_macro(self.packages[dep["pkg"]]):
                    seen.add(dep["pkg"])
                    todo.append(dep["pkg"])
        return seen

    def folder(self, id):
        return str(pathlib.Path(self.packages[id]["manifest_path"]).parent.relative_to(ROOT))


def binds(package):
    """The licence that binds what a package is linked into."""
    return BRINGS.get(package["name"]) or package["license"] or "?"


def is_macro(package):
    return any("proc-macro" in t["kind"] for t in package["targets"])


def allowed(expression, allow):
    """Whether an SPDX expression can be met with the allowed licences. AND binds closer than OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def either():
        good = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            good = both() or good
        return good

    def both():
        good = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            good = one() and good
        return good

    def one():
        token = tokens.pop(0)
        if token == "(":
            good = either()
            tokens.pop(0)
            return good
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            token = f"{token} WITH {tokens.pop(0)}"
        return token in allow

    return either()


def check_deny(graph, rules):
    allow = set(rules["licenses"]["allow"])
    exceptions = {e["crate"]: set(e["allow"]) for e in rules["licenses"]["exceptions"]}
    banned = {b["crate"]: b["reason"] for b in rules["bans"]["deny"]}
    for id, p in graph.packages.items():
        name = f"{p['name']} {p['version']}"
        if p["name"] in banned:
            yield f"{name} is banned: {banned[p['name']]}"
        if id not in graph.members and p["source"] != CRATES_IO:
            yield f"{name} comes from {p['source'] or 'a path'}, not from crates.io"
        licence = p["license"]
        if not licence or not allowed(licence, allow | exceptions.get(p["name"], set())):
            yield f"{name} has the licence {licence}, which deny.toml does not allow"
    for name in exceptions:
        if not any(p["name"] == name for p in graph.packages.values()):
            yield f"deny.toml has an exception for {name}, which is not in the graph"


def check_rules(graph):
    """The rules of ARCHITECTURE.md between the crates of this project."""
    for id in graph.members:
        folder, dev = graph.folder(id), graph.folder(id) in ("plugin-api", "client/protocol")
        own = sorted(graph.folder(d) for d in graph.near(id, dev) if d in graph.members)
        linked = graph.linked(id)
        names = {graph.packages[d]["name"] for d in linked}
        for need in own:
            fits = {
                "client/protocol": lambda n: False,
                "plugin-api": lambda n: False,
                "plugins": lambda n: n == "plugin-api" or n.startswith("plugins/"),
                "client": lambda n: n.startswith("client/"),
            }
            key = folder if folder in fits else folder.split("/")[0]
            if key in fits and not fits[key](need):
                yield f"{folder} must not depend on {need}"
        free = ("daemon/judge", "daemon/host", "daemon/schedule", "client/protocol", "plugin-api")
        if folder in free or folder.startswith("plugins/"):
            if "tokio" in names:
                yield f"{folder} must not depend on tokio"
        webp = sorted(graph.packages[d]["version"] for d in linked if graph.packages[d]["name"] == "libwebp-sys")
        if len(webp) > 1:
            yield f"{folder} links libwebp-sys {' and '.join(webp)}: calls would silently run the older one"
        copyleft = sorted(
            f"{graph.packages[d]['name']} ({binds(graph.packages[d])})"
            for d in linked
            if not allowed(binds(graph.packages[d]), PERMISSIVE)
        )
        licence = graph.packages[id]["license"]
        if copyleft and not COPYLEFT.search(licence):
            yield f"{folder} is {licence}, but contains {', '.join(copyleft)}"
        if not copyleft and COPYLEFT.search(licence) and not any(
            COPYLEFT.search(binds(graph.packages[d])) for d in linked
        ):
            yield f"{folder} is {licence}, but nothing in it asks for that"


def layout():
    """Field offsets of the plugin ABI, from its golden file."""
    offsets, name = {}, None
    for line in (ROOT / "fixtures/abi/layout.txt").read_text().splitlines():
        words = line.split()
        if line.startswith("  "):
            offsets[name, words[0]] = int(words[1])
        else:
            name = words[0]
    return offsets


def licence_field(path):
    """What a built plugin says of its licence."""
    at, library = layout(), ctypes.CDLL(str(path))
    library.squeezed_plugin_entry.restype = ctypes.c_void_p
    table = library.squeezed_plugin_entry()
    describe = ctypes.CFUNCTYPE(ctypes.c_void_p)(
        ctypes.c_void_p.from_address(table + at["SqzPlugin", "describe"]).value
    )
    text = describe() + at["SqzDescription", "licence"]
    pointer = ctypes.c_void_p.from_address(text + at["SqzBytes", "ptr"]).value
    return ctypes.string_at(pointer, ctypes.c_uint64.from_address(text + at["SqzBytes", "len"]).value).decode()


def check_fields(graph, plugins):
    """A plugin's licence field says what its tree says: each copyleft licence, and no other."""
    found = 0
    for id in graph.members:
        p = graph.packages[id]
        library = pathlib.Path(plugins) / f"lib{p['name'].replace('-', '_')}.so"
        if not graph.folder(id).startswith("plugins/") or not library.exists():
            continue
        found += 1
        field = licence_field(library)
        needed = {p["license"] if COPYLEFT.search(p["license"]) else None} | {
            graph.packages[d]["license"]
            for d in graph.linked(id)
            if not allowed(graph.packages[d]["license"] or "?", PERMISSIVE)
        }
        needed.discard(None)
        for licence in sorted(needed):
            if licence not in field:
                yield f"{library.name} says it is {field}, but its tree asks for {licence}"
        if not needed and COPYLEFT.search(field):
            yield f"{library.name} says it is {field}, but nothing in its tree asks for that"
    if found < 3:
        yield f"only {found} plugins in {plugins}: build the workspace first"


def main():
    global PERMISSIVE
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    PERMISSIVE = set(rules["licenses"]["allow"])
    graph = Graph()
    faults = [*check_deny(graph, rules), *check_rules(graph)]
    if "--plugins" in sys.argv:
        faults += check_fields(graph, sys.argv[sys.argv.index("--plugins") + 1])
    for fault in faults:
        print(f"policy: {fault}", file=sys.stderr)
    print(f"policy: {len(graph.packages)} packages, {len(faults)} faults")
    return bool(faults)


PERMISSIVE: set = set()
if __name__ == "__main__":
    sys.exit(main())
