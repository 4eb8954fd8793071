"""Runs squeeze over sources through a private daemon and counts the daemon's cost in."""
import contextlib
import json
import os
import pathlib
import socket
import struct
import sys

import tools
from runs import Run

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import private_daemon  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


def built():
    """Formats whose plugins are built."""
    names = (p.stem.removeprefix("libsqueezed_") for p in private_daemon.target().glob("libsqueezed_*.so"))
    return sorted(n for n in names if n in tools.SQUEEZE)


class Daemon:
    """The daemon and whatever else runs in its session."""

    def __init__(self, path):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        self.pid = struct.unpack("3i", credentials)[0]

    def processes(self):
        for folder in pathlib.Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                    if int(fields[3]) == self.pid:
                        yield folder, fields

    def cpu(self):
        """Seconds so far, of those that have ended too."""
        return sum(int(n) for _, fields in self.processes() for n in fields[11:15]) / TICK

    def forget_peak(self):
        for folder, _ in self.processes():
            with contextlib.suppress(OSError):
                (folder / "clear_refs").write_text("5")

    def peak(self):
        """KiB at most since `forget_peak`."""
        total = 0
        for folder, _ in self.processes():
            with contextlib.suppress(OSError, StopIteration):
                lines = (folder / "status").read_text().splitlines()
                total += int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
        return total


class Squeeze:
    """The client and its daemon for as long as a `with` block runs."""

    def __init__(self, out, meter, efforts):
        self.out, self.meter, self.efforts = out, meter, efforts
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        private_daemon.PLUGINS[:] = built()
        _, self.socket = self.stack.enter_context(private_daemon.private_daemon())
        self.daemon = Daemon(self.socket)
        return self

    def __exit__(self, *error):
        self.stack.__exit__(*error)

    def runs(self, source):
        """All runs over one source."""
        qualities = [] if source.use == "lossless" else tools.SQUEEZE[source.format]
        if source.use == "harm":
            qualities = [qualities[tools.USUAL]]
        for effort in self.efforts:
            if effort != "balanced" and source.use == "harm":
                continue
            for quality in [None, *qualities]:
                yield self.run(source, effort, quality)

    def run(self, source, effort, quality):
        tool = "squeeze" if effort == "balanced" else f"squeeze, {effort}"
        out = self.out / f"{effort}-{quality or 'lossless'}" / source.name
        out.parent.mkdir(parents=True, exist_ok=True)
        command = [private_daemon.target() / "squeeze", "--socket", self.socket, "--no-autostart", "--json", "--quiet"]
        command += ["--effort", effort, *(["-q", quality] if quality else []), "-o", out, source.path]
        self.daemon.forget_peak()
        before = self.daemon.cpu()
        cost = self.meter.run(command)
        run = Run(source, tool, "lossy" if quality else "lossless", quality)
        run.usual = quality in (None, tools.SQUEEZE[source.format][tools.USUAL])
        run.cpu, run.peak = cost["cpu"] + self.daemon.cpu() - before, cost["peak"] + self.daemon.peak()
        try:
            record = json.loads(pathlib.Path(cost["stdout"]).read_text().splitlines()[0])
        except (ValueError, IndexError):
            record = {"error": {"name": f"ended with {cost['code']}", "message": cost["note"]}}
        receipt = record.get("receipt")
        if receipt and out.exists():
            run.out, run.size = out, out.stat().st_size
            run.note = receipt["method"] if receipt["status"] == "optimized" else str(receipt.get("reason"))
        else:
            error = record.get("error") or {}
            run.ok, run.note = False, f"{error.get('name', record.get('status'))}: {error.get('message', '')}"
        return run
