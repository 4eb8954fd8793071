"""A daemon on a private socket for as long as a `with` block runs. It leaves nothing behind, on Ctrl-C neither."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLUGINS = ["avif", "bmp", "gif", "heic", "jpeg", "png", "tiff", "webp"]


def target():
    """The folder with the built binaries."""
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release"


def clean_env():
    """The environment without what would lead to another daemon or another configuration."""
    return {k: v for k, v in os.environ.items() if not k.startswith("SQUEEZED_")} | {"XDG_CONFIG_HOME": "/nonexistent"}


@contextlib.contextmanager
def private_daemon(args=()):
    """Gives a folder of its own and the socket in it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = pathlib.Path(tempfile.mkdtemp(prefix="squeezed-"))
    child = None
    try:
        plugins = home / "plugins"
        plugins.mkdir(mode=0o755)
        for name in PLUGINS:
            shutil.copy(target() / f"libsqueezed_{name}.so", plugins)
        path, log = home / "squeezed.sock", open(home / "log", "wb")
        command = [target() / "squeezed", "--socket", path, "--plugin-path", plugins]
        # Should this script be killed outright, the daemon ends by itself.
        command += ["--set", "plugins.builtin_path=false", "--set", f"daemon.state_dir={home}/state"]
        command += ["--idle-exit", "120", *args]
        # A session of its own: a Ctrl-C in the terminal reaches this script, which then ends the daemon.
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_env(), start_new_session=True
        )
        wait_for(path, child, home / "log")
        yield home, path
    finally:
        # A second Ctrl-C must not leave the daemon behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if child and child.poll() is None:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        shutil.rmtree(home, ignore_errors=True)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_for(path, child, log):
    """Until the socket answers."""
    for _ in range(500):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return
        if child.poll() is not None:
            break
        time.sleep(0.02)
    sys.exit(f"the daemon does not answer on {path}; its log:\n{log.read_text(errors='replace')}")
