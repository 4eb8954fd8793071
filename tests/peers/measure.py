"""Runs commands and tells what each cost. A process of its own and small, since the peak memory that the kernel reports
for a command starts at that of the process which started it. One job a line on stdin, one answer a line on stdout."""
import contextlib
import json
import os
import signal
import sys
import time


def run(job):
    """Answers with exit code, CPU seconds and peak KiB of the command and its children, wall seconds."""
    command, write = job["command"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, job["stdout"], write, 0o644),
        (os.POSIX_SPAWN_OPEN, 2, job["stderr"], write, 0o644),
    ]
    began = time.monotonic()
    try:
        child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions, setpgroup=0)
    except OSError as e:
        return {"code": 127, "cpu": 0, "peak": 0, "wall": 0, "error": f"{command[0]}: {e.strerror}"}
    late = lambda *_: os.killpg(child, signal.SIGKILL)
    signal.signal(signal.SIGALRM, late)
    signal.alarm(job["timeout"])
    try:
        _, status, used = os.wait4(child, 0)
    except BaseException:
        late()
        raise
    signal.alarm(0)
    cpu = used.ru_utime + used.ru_stime
    return {"code": os.waitstatus_to_exitcode(status), "cpu": cpu, "peak": used.ru_maxrss, "wall": time.monotonic() - began}


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the script that asks ends this one by closing its stdin
    with contextlib.suppress(BrokenPipeError):
        for line in sys.stdin:
            print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
