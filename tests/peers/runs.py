"""What was run: a source picture, a run of one tool over it, and the process that measures a command."""
import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT = 900


@dataclasses.dataclass(frozen=True)
class Source:
    """A picture to be made smaller."""

    name: str
    path: pathlib.Path
    format: str
    use: str  # rate: everything; lossless: no curve; harm: only what is harmed
    size: int
    pixels: int  # of a frame


@dataclasses.dataclass
class Run:
    """One tool over one source."""

    source: Source
    tool: str
    mode: str  # lossy or lossless
    quality: int | None
    ok: bool = True
    note: str = ""
    size: int = 0
    cpu: float = 0.0  # seconds, user and system
    peak: int = 0  # KiB
    out: pathlib.Path | None = None
    score: float | None = None  # SSIMULACRA2 against the source
    harm: list = dataclasses.field(default_factory=list)  # kinds
    usual: bool = True  # counts for harm: the lossless run, and that at the usual quality


class Meter:
    """Runs commands through measure.py."""

    def __init__(self, env):
        command = [sys.executable, "-I", "-S", HERE / "measure.py"]
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, start_new_session=True
        )
        self.folder = tempfile.TemporaryDirectory(prefix="squeezed-meter-")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.wait()
        self.folder.cleanup()

    def run(self, command):
        """Cost of a command, with the last line of its complaints and where its stdout went."""
        complaints = pathlib.Path(self.folder.name) / "stderr"
        stdout = pathlib.Path(self.folder.name) / "stdout"
        job = {"command": list(map(str, command)), "stdout": str(stdout), "stderr": str(complaints), "timeout": TIMEOUT}
        self.child.stdin.write(json.dumps(job) + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline()
        if not answer:
            sys.exit("the process that measures ended")
        cost = json.loads(answer)
        said = complaints.read_text(errors="replace").strip().splitlines() if complaints.exists() else []
        cost["note"] = cost.get("error") or (said[-1][:200] if said else "")
        cost["stdout"] = stdout
        return cost
