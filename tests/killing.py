"""Killing a run for tests: as the system does when memory is gone."""

from __future__ import annotations

import subprocess

import psutil


def kill(process: subprocess.Popen) -> None:  # type: ignore[type-arg]  # of text or bytes
    """SIGKILL it, and wait until the processes it had started are gone: each notices that its parent is, and may write until then."""
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert not psutil.wait_procs(workers, timeout=30)[1]
