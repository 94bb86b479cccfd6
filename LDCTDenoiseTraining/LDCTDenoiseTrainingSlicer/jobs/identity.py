"""Is the process with this number still the one that was started? Numbers are given out again."""

import os
import subprocess
import sys
from pathlib import Path


def identity(pid: int) -> str | None:
    """Return when a process began, in the system's own words, or None when there is no such process.

    Two processes with one number never have the same one.
    """
    if pid <= 0:
        return None
    if sys.platform.startswith("linux"):
        return _linux(pid)
    return _windows(pid) if os.name == "nt" else _ps(pid)


def _linux(pid: int) -> str | None:
    try:
        # The name in brackets may hold blanks and brackets itself.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{boot} {fields[19]}"


def _ps(pid: int) -> str | None:
    done = subprocess.run(["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, began = done.stdout.strip().partition(" ")
    return None if not began or state.startswith("Z") else " ".join(began.split())


def _windows(pid: int) -> str | None:
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = wintypes.HANDLE
    limited, stillActive = 0x1000, 259
    handle = kernel.OpenProcess(limited, False, pid)
    if not handle:
        return None
    try:
        code, times = wintypes.DWORD(), [wintypes.FILETIME() for _ in range(4)]
        kernel.GetExitCodeProcess(wintypes.HANDLE(handle), ctypes.byref(code))
        kernel.GetProcessTimes(wintypes.HANDLE(handle), *(ctypes.byref(t) for t in times))
        if code.value != stillActive:
            return None
        return str(times[0].dwHighDateTime << 32 | times[0].dwLowDateTime)
    finally:
        kernel.CloseHandle(wintypes.HANDLE(handle))
