"""Freed memory stays with the process while it trains.

A step frees and asks for the same hundreds of megabytes again and again. glibc hands large blocks back to the kernel each time
and gets them back as fresh pages, to be zeroed: 40,000 page faults in a step of a small encoder, a tenth of its time on one
core, more on several (they fault one after the other). With the thresholds raised the blocks are simply reused.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# names of <malloc.h>, and what glibc starts with
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_USUAL = {_TRIM_THRESHOLD: 128 << 10, _TOP_PAD: 128 << 10, _MMAP_THRESHOLD: 128 << 10}
_KEEPING = {_TRIM_THRESHOLD: (1 << 31) - 1, _TOP_PAD: 64 << 20, _MMAP_THRESHOLD: 1 << 30}


@contextmanager
def freed_memory_kept() -> Iterator[bool]:
    """Raise the thresholds inside the block; afterwards give the memory back and restore glibc's usual ones.

    Yields:
        False where there is no glibc: nothing is changed there.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        yield False
        return
    for name, value in _KEEPING.items():
        library.mallopt(name, value)
    try:
        yield True
    finally:
        for name, value in _USUAL.items():
            library.mallopt(name, value)
        library.malloc_trim(0)
