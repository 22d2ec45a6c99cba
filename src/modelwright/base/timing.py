"""How long one call takes: the one clock behind every latency figure, so that they can be compared.

Wall time gives the latency; processor time gives the cost, because a machine is paid for while it computes.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def latency_ms(
    call: Callable[[Any], Any],
    arguments: Sequence[Any],
    seconds: float,
    *,
    warmup: float = 0.1,
    least: int = 5,
) -> dict[str, float]:
    """Call again and again with the arguments in turn, one at a time, for about `seconds`.

    The collector of garbage rests meanwhile: its pauses belong to the whole process, not to this call.

    Args:
        call: what is timed.
        arguments: given in turn; at least one.
        seconds: wall time to spend on timed calls.
        warmup: share of `seconds` spent on calls that are not timed (at least one call: first runs allocate).
        least: timed calls at least, however long they take.

    Returns:
        "p50", "p95", "p99" and "mean" in milliseconds; "count" of timed calls; "cpu_s", processor seconds of this process
        per call, over all its threads.
    """
    if not arguments:
        raise ValueError("latency_ms needs at least one argument to call with")
    warm_until = time.perf_counter() + seconds * warmup
    turn = 0
    while turn == 0 or time.perf_counter() < warm_until:
        call(arguments[turn % len(arguments)])
        turn += 1
    took: list[float] = []
    collecting = gc.isenabled()
    gc.disable()
    try:
        processor = time.process_time()
        until = time.perf_counter() + seconds
        while len(took) < least or time.perf_counter() < until:
            argument = arguments[turn % len(arguments)]
            start = time.perf_counter()
            call(argument)
            took.append(time.perf_counter() - start)
            turn += 1
        processor = time.process_time() - processor
    finally:
        if collecting:
            gc.enable()
    p50, p95, p99 = (float(figure) for figure in np.percentile(took, [50, 95, 99]) * 1e3)
    return {
        "p50": p50,
        "p95": p95,
        "p99": p99,
        "mean": float(np.mean(took)) * 1e3,
        "count": len(took),
        "cpu_s": processor / len(took),
    }
