"""How many servers a demand needs for a latency target, from the load curve that the rehearsal measured.

A batching server is no line of independent servers, so it is described by the slots and the service time that explain its
measured curve: with N connections that ask again at once, throughput is min(N, slots) / service time. The waiting-line
formula (Erlang C with Allen and Cunneen's factor) then proposes a number of servers, and a replay of arrivals, first come
first served, has the last word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace
from math import ceil, exp, expm1, log
from statistics import NormalDist
from typing import Any

import numpy as np

from modelwright.base.errors import SpecError
from modelwright.venture.cost import currency_of
from modelwright.venture.figures import Figure
from modelwright.venture.queueing import erlang_c

HOURS_PER_MONTH = 365.25 * 24 / 12
_REPLAYED = 20_000
_GROWTH = (1, 10, 100)


@dataclass(frozen=True)
class Server:
    """One server, as its load curve shows it.

    Args:
        slots: requests it works on at once.
        service_s: mean time of one.
        sigma: standard deviation of the logarithm of the service time.
        error: the worst relative error of the fitted throughput.
        best: the highest throughput that was measured, requests/s.
        saturated: whether more connections stopped to bring more throughput.
    """

    slots: int
    service_s: float
    sigma: float
    error: float
    best: float
    saturated: bool

    @property
    def capacity(self) -> float:
        """Requests/s it sustains; never more than was measured."""
        return self.slots / self.service_s

    def service_quantile_s(self, share: float) -> float:
        return self.service_s * exp(NormalDist().inv_cdf(share) * self.sigma - self.sigma**2 / 2)


def fit(levels: Sequence[Mapping[str, Any]]) -> Server:
    """Slots and service time from the levels of `load.json`.

    Args:
        levels: "connections", "throughput" (requests/s), "p50_ms", "p95_ms", "errors". Levels with errors are left out.

    Raises:
        SpecError: fewer than two levels without errors.
    """
    clean = [level for level in levels if not level.get("errors") and level["throughput"] > 0]
    if len(clean) < 2:
        raise SpecError(
            f"{len(clean)} of {len(levels)} load levels ran without errors",
            expected="at least two, so that a curve can be seen",
            where="rehearse/load.json",
            remedy="Rehearse at more levels: rehearse: {connections: [1, 4, 16]}",
        )
    connections = np.array([level["connections"] for level in clean], dtype=float)
    throughput = np.log([level["throughput"] for level in clean])
    best: tuple[float, int, float] | None = None
    for slots in range(1, int(connections.max()) + 1):
        work = np.log(np.minimum(connections, slots))
        service = float(np.mean(work - throughput))
        missed = float(np.sum((work - service - throughput) ** 2))
        if best is None or missed < best[0] - 1e-12:
            best = (missed, slots, service)
    assert best is not None
    _, slots, service = best
    errors = np.abs(np.expm1(np.log(np.minimum(connections, slots)) - service - throughput))
    calm = [level for level in clean if level["connections"] <= slots] or [min(clean, key=lambda level: level["connections"])]
    spreads = [max(0.0, log(level["p95_ms"] / level["p50_ms"])) / NormalDist().inv_cdf(0.95) for level in calm]
    most = max(level["throughput"] for level in clean)
    return Server(
        slots=slots,
        service_s=max(exp(service), slots / most),
        sigma=float(np.mean(spreads)),
        error=float(errors.max()),
        best=most,
        saturated=slots < connections.max(),
    )


def replay(server: Server, arrivals_s: np.ndarray, seed: int = 0) -> np.ndarray:
    """Response times in seconds of requests that arrive at these times at one server, first come first served, each with a
    lognormal service time of its own."""
    generator = np.random.default_rng(seed)
    middle = log(server.service_s) - server.sigma**2 / 2
    services = (
        generator.lognormal(middle, server.sigma, len(arrivals_s)) if server.sigma else np.full(len(arrivals_s), server.service_s)
    )
    free = [0.0] * server.slots
    heapify(free)
    responses = np.empty(len(arrivals_s))
    for place, (arrival, service) in enumerate(zip(arrivals_s.tolist(), services.tolist(), strict=True)):
        done = max(arrival, free[0]) + service
        heapreplace(free, done)
        responses[place] = done - arrival
    return responses


def poisson(rate_per_s: float, count: int = _REPLAYED, seed: int = 0) -> np.ndarray:
    """Arrival times of a Poisson process."""
    return np.random.default_rng(seed).exponential(1 / rate_per_s, count).cumsum()


def replicas_for(
    server: Server, rate_per_s: float, target_s: float, share: float = 0.95, trace_s: np.ndarray | None = None, seed: int = 0
) -> dict[str, Any]:
    """The fewest servers with which `share` of the responses come within the target.

    Args:
        rate_per_s: arrivals at all servers together, at the busiest time.
        trace_s: recorded arrival times of such a time; they are dealt out in turn. None: Poisson arrivals.

    Returns:
        {"replicas", "proposed" (by the formula), "response_ms" (the quantile in the replay), "utilisation"}.

    Raises:
        SpecError: a target that an idle server misses.
    """
    idle = server.service_quantile_s(share)
    if target_s <= idle:
        raise SpecError(
            f"{share:.0%} within {target_s * 1000:,.4g} ms is asked for, and an idle server takes {idle * 1000:,.4g} ms",
            expected=f"a target above {idle * 1000:,.4g} ms",
            where="latency target",
            remedy="Loosen the target, or make the model faster: compress, a smaller route, a faster machine.",
        )
    proposed = _proposed(server, rate_per_s, target_s - idle, share)
    replicas = proposed
    while True:
        if trace_s is None:
            arrivals = poisson(rate_per_s / replicas, seed=seed)
        else:
            arrivals = np.sort(np.asarray(trace_s, dtype=float))[::replicas]
        reached = float(np.quantile(replay(server, arrivals, seed + 1), share))
        if reached <= target_s or (trace_s is not None and len(arrivals) < 2):
            break
        replicas += max(1, replicas // 50)
    return {
        "replicas": replicas,
        "proposed": proposed,
        "response_ms": reached * 1000,
        "utilisation": rate_per_s / (replicas * server.capacity),
    }


def _proposed(server: Server, rate_per_s: float, wait_s: float, share: float) -> int:
    """Doubling, then halving: the chance to wait too long falls with every server."""
    variation = (1 + expm1(server.sigma**2)) / 2

    def late(replicas: int) -> float:
        rate, capacity = rate_per_s / replicas, server.capacity
        if rate >= capacity:
            return 1.0
        offered = rate / capacity * server.slots
        return erlang_c(server.slots, offered) * exp(-(capacity - rate) * wait_s / variation)

    low = max(1, ceil(rate_per_s / server.capacity))
    high = low
    while late(high) > 1 - share:
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if late(middle) <= 1 - share else (middle + 1, high)
    return high


def reserve_or_rent(replicas_by_hour: Sequence[int], rented: float, reserved: float) -> dict[str, Any]:
    """How many servers to reserve for good and how many to rent by the hour.

    Args:
        replicas_by_hour: servers needed in each hour of a typical day (or of any period).
        rented, reserved: price of an hour.

    Returns:
        {"reserved", "cost_per_month", "all_rented", "all_reserved", "break_even" (share of the hours in which a server must be
        needed for reserving it to pay)}.

    Raises:
        SpecError: prices that are not positive, or no hours.
    """
    if not replicas_by_hour or rented <= 0 or reserved <= 0:
        raise SpecError(
            f"{len(replicas_by_hour)} hours at {rented:g} rented and {reserved:g} reserved",
            expected="some hours, and prices above 0",
            where="capacity",
            remedy="Give the servers needed in each hour, and both prices of an hour.",
        )
    month = HOURS_PER_MONTH / len(replicas_by_hour)

    def cost(kept: int) -> float:
        return month * sum(kept * reserved + max(0, needed - kept) * rented for needed in replicas_by_hour)

    most = max(replicas_by_hour)
    kept = min(range(most + 1), key=lambda count: (cost(count), count))
    return {
        "reserved": kept,
        "cost_per_month": cost(kept),
        "all_rented": cost(0),
        "all_reserved": cost(most),
        "break_even": min(1.0, reserved / rented),
    }


def plan(
    levels: Sequence[Mapping[str, Any]],
    requests_per_month: float,
    target_ms: float,
    price_per_hour: Figure,
    *,
    peak_to_mean: float,
    share: float = 0.95,
    hours: Sequence[float] | None = None,
    reserved_price_per_hour: float | None = None,
    trace_s: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The capacity plan.

    Args:
        levels: of `rehearse/load.json`.
        requests_per_month: mean demand.
        target_ms: response time that `share` of the requests must meet at the busiest time.
        price_per_hour: of one server ("USD/h").
        peak_to_mean: demand of the busiest time over the mean, ≥ 1; servers are counted for it.
        hours: demand of each hour of a typical day, in any unit; the reserved part is counted from it. None: the busiest
            time's servers run all day.
        reserved_price_per_hour: with a long contract; None: nothing is said about reserving.
        trace_s: recorded arrival times of a busy time, replayed instead of Poisson arrivals.

    Returns:
        {"server", "currency", "target_ms", "scale": [one entry for demand × 1, 10, 100], "reserve", "notes"}; JSON as it is.
        Each entry: factor, requests_per_s (busiest), replicas, proposed, response_ms, utilisation (busiest),
        utilisation_mean, cost_per_month, cost_per_1000, basis, extrapolated (reasons).

    Raises:
        SpecError: no demand, a target that an idle server misses, a curve that can't be seen.
    """
    if requests_per_month <= 0 or peak_to_mean < 1:
        raise SpecError(
            f"{requests_per_month:g} requests a month with a peak of {peak_to_mean:g} times the mean",
            expected="a positive demand, and a peak of at least the mean",
            where="capacity",
            remedy="State the demand, and how busy the busiest time is: 1 if it is always the same.",
        )
    currency, server = currency_of(price_per_hour, "/h"), fit(levels)
    mean = requests_per_month / (HOURS_PER_MONTH * 3600)
    scale = []
    for factor in _GROWTH:
        busiest = mean * factor * peak_to_mean
        found = replicas_for(server, busiest, target_ms / 1000, share, trace_s if factor == 1 else None, seed)
        cost = found["replicas"] * price_per_hour.value * HOURS_PER_MONTH
        scale.append(
            {
                "factor": factor,
                "requests_per_s": busiest,
                **found,
                "utilisation_mean": found["utilisation"] / peak_to_mean,
                "cost_per_month": cost,
                "cost_per_1000": cost / (requests_per_month * factor) * 1000,
                "basis": "estimated" if price_per_hour.basis in ("measured", "estimated") else price_per_hour.basis,
                "extrapolated": _extrapolated(server, found["replicas"], busiest),
            }
        )
    return {
        "server": {
            "slots": server.slots,
            "service_ms": server.service_s * 1000,
            "sigma": server.sigma,
            "fit_error": server.error,
            "capacity": server.capacity,
        },
        "currency": currency,
        "target_ms": target_ms,
        "share": share,
        "scale": scale,
        "reserve": _reserve(
            server, mean, peak_to_mean, target_ms / 1000, share, hours, price_per_hour.value, reserved_price_per_hour, seed
        ),
        "notes": [
            "servers for the busiest time run all month",
            "arrivals as recorded"
            if trace_s is not None
            else "arrivals as a Poisson process: bursts that come together need more",
        ],
    }


def _extrapolated(server: Server, replicas: int, rate: float) -> list[str]:
    reasons = []
    if replicas > 1:
        reasons.append(f"{replicas} servers were never measured together: no shared database, network or balancer is counted")
    if rate > server.best:
        reasons.append(f"{rate:,.4g} requests/s lie above the {server.best:,.4g} that were measured")
    if not server.saturated:
        reasons.append("the rehearsal never saturated the server: its slots may be more than seen")
    if server.error > 0.25:
        reasons.append(f"slots and service time miss the measured curve by up to {server.error:.0%}")
    return reasons


def _reserve(
    server: Server,
    mean: float,
    peak_to_mean: float,
    target_s: float,
    share: float,
    hours: Sequence[float] | None,
    rented: float,
    reserved: float | None,
    seed: int,
) -> dict[str, Any] | None:
    if reserved is None:
        return None
    if hours is None:
        rates = [mean * peak_to_mean]
    else:
        average = sum(hours) / len(hours)
        rates = [mean * hour / average for hour in hours]
    needed = [replicas_for(server, rate, target_s, share, seed=seed)["replicas"] if rate > 0 else 1 for rate in rates]
    return {**reserve_or_rent(needed, rented, reserved), "replicas_by_hour": needed}
