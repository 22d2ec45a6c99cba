"""What computing costs: money, energy and carbon of seconds, and the price of 1,000 requests.

What the project file states is assumed; what it leaves out comes from the dated tables and is a fallback. A meter's
reading, where there is one, is passed in as a measured figure: no reading is no figure, never 0.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from modelwright.base.errors import SpecError
from modelwright.base.machine import Machine, describe
from modelwright.spec.compute import Compute
from modelwright.spec.venture import Venture
from modelwright.venture.figures import Figure, derive
from modelwright.venture.tables import Entry, table


def convert(amount: float, come_from: str, to: str, venture: Venture | None = None, today: date | None = None) -> Figure:
    """An amount of money in another currency, by `venture.exchange` where it names the pair, else by the dated table.

    Raises:
        SpecError: nobody knows the rate.
    """
    if come_from == to:
        return Figure(amount, to, "assumed")
    rate = exchange_rate(come_from, to, venture, today)
    return derive(lambda value: amount * value, rate, unit=to)


def exchange_rate(come_from: str, to: str, venture: Venture | None = None, today: date | None = None) -> Figure:
    """How much of `to` one unit of `come_from` is worth.

    Raises:
        SpecError: neither `venture.exchange` nor the table has it.
    """
    stated = {} if venture is None else {**venture.exchange, venture.currency: 1.0}
    if come_from in stated and to in stated:
        return Figure(stated[come_from] / stated[to], to, "assumed", source="venture.exchange")
    known = table("exchange")
    if come_from not in known or to not in known:
        raise SpecError(
            f"nobody knows what 1 {come_from} is in {to}",
            expected=f"a currency of: {', '.join(known)}, or a rate of your own",
            where=f"venture.exchange.{come_from}",
            remedy=f"venture: {{exchange: {{{come_from}: 0.5}}}}  (1 {come_from} = 0.5 {to})",
        )
    first, second = known[come_from].figure(today), known[to].figure(today)
    if "USD" in (come_from, to):  # the dollar is the table's own unit: only the other rate can be old or wrong
        other, power = (second, -1) if come_from == "USD" else (first, 1)
        return derive(lambda rate: rate**power, other, unit=to)
    return derive(lambda one, two: one / two, first, second, unit=to)


def hour(
    compute: Compute,
    currency: str,
    venture: Venture | None = None,
    *,
    machine: Machine | None = None,
    device: str | None = None,
    today: date | None = None,
) -> Figure:
    """The price of one hour.

    Args:
        compute: its `price_per_hour` wins.
        currency: of the answer.
        venture: for its exchange rates.
        machine: whose hour; default: the machine this runs on.
        device: price this accelerator of the table instead of a processor machine.
        today: flags stale prices.

    Raises:
        SpecError: unknown device or currency.
    """
    if compute.price_per_hour is not None:
        stated = compute.price_per_hour
        price = convert(stated.value, stated.currency or currency, currency, venture, today)
        return replace(
            price, unit=f"{currency}/h", source="; ".join(part for part in ("compute.price_per_hour", price.source) if part)
        )
    if device is not None:
        price = _device_price(device).figure(today)
    else:
        price = _machine_price(machine or describe(), today)
    rate = exchange_rate("USD", currency, venture, today) if currency != "USD" else Figure(1.0, "USD", "assumed")
    return derive(lambda dollars, each: dollars * each, price, rate, unit=f"{currency}/h")


def _device_price(device: str) -> Entry:
    prices = table("prices")
    if device not in prices:
        raise SpecError(
            f"no price is known for the device {device!r}",
            expected=f"one of: {', '.join(prices)}",
            where="compute.price_per_hour",
            remedy="State the price: compute: {price_per_hour: 2.50 USD}",
        )
    return prices[device]


def _machine_price(machine: Machine, today: date | None) -> Figure:
    """Cores × the price of a core in the smallest class with enough memory per core; the largest class if none has."""
    memory_gib = machine.memory_bytes / 2**30
    classes = sorted(table("machines").values(), key=lambda entry: entry.more["memory_gib_per_core"])
    each = memory_gib / machine.cores
    fitting = [entry for entry in classes if each <= entry.more["memory_gib_per_core"] * 1.05]
    entry = fitting[0] if fitting else classes[-1]
    note = f"{machine.cores} cores of the {entry.key} class, rented on demand"
    if not fitting:
        note += f"; it has {each:.0f} GiB a core, more than any class priced here"
    return derive(lambda price: price * machine.cores, entry.figure(today), unit="USD/h", note=note)


def money(seconds: Figure, price_per_hour: Figure) -> Figure:
    """What those seconds cost, in the currency of the price."""
    _unit(seconds, "s")
    currency = currency_of(price_per_hour, "/h")
    return derive(lambda time, price: time / 3600 * price, seconds, price_per_hour, unit=currency)


def power(compute: Compute, *, machine: Machine | None = None, device: str | None = None, today: date | None = None) -> Figure:
    """Power under load, in watts: stated, or a device's board power, or cores and memory by the table."""
    if compute.power_w is not None:
        return Figure(compute.power_w, "W", "assumed", source="compute.power_w")
    if device is not None:
        return table("devices")[device].figure(today, name="power_w", unit="W")
    machine = machine or describe()
    parts = table("power")
    memory_gib = machine.memory_bytes / 2**30
    return derive(
        lambda core, memory: machine.cores * core + memory_gib * memory,
        parts["core"].figure(today),
        parts["memory"].figure(today),
        unit="W",
        note="no meter was read",
    )


def pue(compute: Compute, today: date | None = None) -> Figure:
    """Power usage effectiveness of the site."""
    if compute.pue is not None:
        return Figure(compute.pue, "1", "assumed", source="compute.pue")
    return table("energy")["pue"].figure(today)


def energy_kwh(seconds: Figure, power_w: Figure, effectiveness: Figure) -> Figure:
    """∫P dt · PUE for a constant power, in kWh."""
    _unit(seconds, "s")
    _unit(power_w, "W")
    return derive(lambda time, watts, factor: time * watts * factor / 3.6e6, seconds, power_w, effectiveness, unit="kWh")


def energy(seconds: Figure, compute: Compute, *, machine: Machine | None = None, today: date | None = None) -> Figure:
    """Energy of those seconds under load on this machine, in kWh, by the table where nothing is stated."""
    return energy_kwh(seconds, power(compute, machine=machine, today=today), pue(compute, today))


def carbon(energy_used: Figure, compute: Compute, today: date | None = None) -> Figure:
    """Greenhouse gas of that energy, in kg CO₂ equivalent, by the grid's average intensity.

    Raises:
        SpecError: `compute.grid` is no country of the table.
    """
    _unit(energy_used, "kWh")
    grids = table("grid")
    if compute.grid is not None and compute.grid not in grids:
        raise SpecError(
            f"compute.grid is {compute.grid!r}, whose carbon intensity is not known",
            expected=f"one of: {', '.join(grids)}",
            where="compute.grid",
            remedy="Leave it out for the world's average, or name a listed country.",
        )
    intensity = grids[compute.grid or "WORLD"].figure(today)
    return derive(lambda used, each: used * each / 1000, energy_used, intensity, unit="kg CO2e")


def utilisation(compute: Compute, today: date | None = None) -> Figure:
    """Share of the capacity that paying requests fill."""
    if compute.utilisation is not None:
        return Figure(compute.utilisation, "1", "assumed", source="compute.utilisation")
    return table("business")["utilisation"].figure(today)


def cost_per_1000(throughput: Figure, price_per_hour: Figure, compute: Compute, today: date | None = None) -> Figure:
    """Price of 1,000 requests on a machine that sustains `throughput` requests/s and is used for part of the time.

    cost = 1000 · price / (3600 · throughput · utilisation)

    Raises:
        ValueError: a throughput that is not positive.
    """
    return _per_million(throughput, price_per_hour, utilisation(compute, today), 1e3)


def cost_per_million_tokens(tokens_per_s: Figure, price_per_hour: Figure, used: Figure, devices: int = 1) -> Figure:
    """Price of a million tokens: devices · price · 10⁶ / (3600 · tokens/s · utilisation)."""
    return _per_million(tokens_per_s, price_per_hour, used, 1e6, devices)


def _per_million(per_second: Figure, price: Figure, used: Figure, things: float, devices: int = 1) -> Figure:
    if per_second.value <= 0:
        raise ValueError("a throughput of nothing has no cost per request; the figure is missing")
    return derive(
        lambda speed, each, share: devices * each * things / (3600 * speed * share),
        per_second,
        price,
        used,
        unit=currency_of(price, "/h"),
        note=f"at {used.value:.0%} utilisation",
    )


def cost_per_1000_from_cpu(cpu_seconds: Figure, price_per_hour: Figure, compute: Compute, cores: int | None = None) -> Figure:
    """Price of 1,000 requests that keep one core busy for `cpu_seconds` each, before any server was loaded.

    A machine of `cores` (default: this one's) serves cores / cpu_seconds requests a second at best; waiting, parsing and the
    network come on top, so the rehearsal's figure replaces this one.
    """
    _unit(cpu_seconds, "s")
    count = cores or describe().cores
    throughput = derive(lambda each: count / each, cpu_seconds, unit="requests/s", note="from processor time, before rehearsal")
    return cost_per_1000(throughput, price_per_hour, compute)


def currency_of(figure: Figure, suffix: str = "") -> str:
    """The currency of a figure of money ("USD/h" with suffix "/h" → "USD").

    Raises:
        SpecError: its unit says something else.
    """
    currency = figure.unit.removesuffix(suffix)
    if currency not in table("exchange") or not figure.unit.endswith(suffix):
        raise SpecError(
            f"a price has the unit {figure.unit!r}",
            expected=f"a currency ({', '.join(table('exchange'))}){' followed by ' + suffix if suffix else ''}",
            where=figure.source or "price",
            remedy="Give the price in one of these currencies.",
        )
    return currency


def _unit(figure: Figure, unit: str) -> None:
    if figure.unit != unit:
        raise ValueError(f"{figure.value} {figure.unit} where {unit} belongs")
