"""The collector of garbage, told what is none: modules and models that stay as long as the process does.

Python's collector looks for garbage whenever some hundred objects were made, and through all of them when the interpreter ends.
A process that loads thousands of functions and classes to work for half a second spends a fifth of its time so, and finds nothing.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

_YOUNG = 10_000
"""Objects made before a command's process looks for garbage."""


@contextmanager
def loading() -> Iterator[None]:
    """What is made meanwhile stays: nothing is looked through for garbage, neither now nor later, and what forks share stays
    shared. For processes that load once and then work for long."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


def process(command: Callable[[], int]) -> NoReturn:
    """Be the process of `command`, and end with its exit code. The system takes the memory back, whole."""
    gc.set_threshold(_YOUNG)
    code = command()
    gc.freeze()
    sys.exit(code)
