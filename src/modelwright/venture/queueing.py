"""Waiting lines: how many servers a latency target needs.

Erlang's loss and delay formulas for c independent servers with Poisson arrivals and exponential service; Allen and Cunneen's
factor for other variabilities. A server that batches is no such line: fit its slots to the measured load curve first, and
check the answer by replaying a trace.
"""

from __future__ import annotations

from math import ceil, exp

from modelwright.base.errors import SpecError


def erlang_b(servers: int, offered: float) -> float:
    """Share of arrivals that find all servers busy and leave. B_k = a·B_{k−1} / (k + a·B_{k−1}).

    Args:
        offered: arrivals per second · service seconds, in erlangs, ≥ 0.
    """
    if servers < 0 or offered < 0:
        raise ValueError(f"{servers} servers and {offered} erlangs: neither can be negative")
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked


def erlang_c(servers: int, offered: float) -> float:
    """Probability that an arrival waits. C = B / (1 − ρ·(1 − B)), ρ = a/c; 1 when the load is not below the servers."""
    if offered >= servers:
        return 1.0
    blocked = erlang_b(servers, offered)
    return blocked / (1 - offered / servers * (1 - blocked))


def wait_beyond(servers: int, arrivals_per_s: float, service_s: float, seconds: float) -> float:
    """P(W > t) = C·e^{−(cμ−λ)t}, for exponential service."""
    offered = arrivals_per_s * service_s
    if offered >= servers:
        return 1.0
    return erlang_c(servers, offered) * exp(-(servers / service_s - arrivals_per_s) * seconds)


def mean_wait_s(
    servers: int, arrivals_per_s: float, service_s: float, arrival_variation: float = 1.0, service_variation: float = 1.0
) -> float:
    """Mean wait before service. Allen–Cunneen: the M/M/c wait · (Ca² + Cs²)/2.

    Args:
        arrival_variation, service_variation: coefficients of variation (1: Poisson, exponential; 0: regular).

    Returns:
        inf when the load is not below the servers.
    """
    offered = arrivals_per_s * service_s
    if offered >= servers:
        return float("inf")
    exponential = erlang_c(servers, offered) * service_s / (servers - offered)
    return exponential * (arrival_variation**2 + service_variation**2) / 2


def servers_for(arrivals_per_s: float, service_s: float, target_s: float, share: float = 0.95, limit: int = 100_000) -> int:
    """The fewest servers with which `share` of the arrivals wait at most `target_s` (beside their service).

    Raises:
        SpecError: a target below zero, or one that `limit` servers don't meet.
    """
    if target_s < 0 or not 0 < share < 1:
        raise SpecError(
            f"{share:.0%} within {target_s:g} s",
            expected="a wait that is not negative, and a share between 0 and 1",
            where="latency target",
            remedy="For instance 95 % within 0.05 s.",
        )
    offered = arrivals_per_s * service_s
    first = max(1, ceil(offered))
    blocked = erlang_b(first, offered)
    for servers in range(first, limit + 1):
        if servers > first:
            blocked = offered * blocked / (servers + offered * blocked)
        if offered < servers:
            waits = blocked / (1 - offered / servers * (1 - blocked))
            if waits * exp(-(servers / service_s - arrivals_per_s) * target_s) <= 1 - share:
                return servers
    raise SpecError(
        f"{limit} servers do not meet the target",
        expected=f"{share:.0%} of waits within {target_s:g} s at {arrivals_per_s:g} arrivals/s",
        where="latency target",
        remedy="Shorten the service or loosen the target.",
    )
