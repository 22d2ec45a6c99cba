"""Our arithmetic beside what makers published: device hours of known trainings, with the deviation."""

from __future__ import annotations

from dataclasses import dataclass

from modelwright.venture.compute import device, training_estimate, training_flops
from modelwright.venture.figures import Figure
from modelwright.venture.shapes import published
from modelwright.venture.tables import table


@dataclass(frozen=True)
class Compared:
    """One training.

    Args:
        forecast: device hours with the table's share of peak and of hours, and their range.
        hours: that were published.
        implied: share of the bf16 peak that the published hours come to.
    """

    model: str
    device: str
    parameters: int
    active: int
    tokens: float
    flops: float
    forecast: Figure
    hours: float
    implied: float
    source: str

    @property
    def deviation(self) -> float:
        return self.forecast.value / self.hours - 1

    @property
    def inside(self) -> bool:
        """Whether the published hours lie in the forecast's range."""
        return bool(
            self.forecast.low is not None
            and self.forecast.high is not None
            and self.forecast.low <= self.hours <= self.forecast.high
        )


def compare() -> list[Compared]:
    """Every training of the table."""
    made = []
    for key, entry in table("trainings").items():
        name, _, where = key.partition(" on ")
        shape, on, tokens = published(name), device(where), entry.more["tokens"]
        hours = entry.figure().value
        found = training_estimate(
            shape.active_parameters, tokens, on, 1, Figure(0.0, "USD/h", "assumed"), Figure(1.0, "1", "assumed")
        )
        flops = training_flops(shape.active_parameters, tokens)
        made.append(
            Compared(
                model=name,
                device=on.name,
                parameters=shape.parameters,
                active=shape.active_parameters,
                tokens=tokens,
                flops=flops,
                forecast=found["device-hours"],
                hours=hours,
                implied=flops / (hours * 3600 * on.flops_per_s),
                source=entry.source,
            )
        )
    return made


def as_table() -> str:
    """The comparison in Markdown."""
    lines = [
        "| model | parameters (active) | tokens | operations 6ND | device | hours published | hours forecast (range) | deviation | share of peak implied | inside the range |",
        "|---|---:|---:|---:|---|---:|---:|---:|---:|---|",
    ]
    for row in compare():
        size = f"{row.parameters:,}" + (f" ({row.active:,})" if row.active != row.parameters else "")
        reach = f"{row.forecast.value:,.0f} ({row.forecast.low:,.0f}–{row.forecast.high:,.0f})"
        lines.append(
            f"| {row.model} | {size} | {row.tokens / 1e12:g} T | {row.flops:.3e} | {row.device} | {row.hours:,.0f} | {reach} | "
            f"{row.deviation:+.1%} | {row.implied:.1%} | {'yes' if row.inside else 'no'} |"
        )
    return "\n".join(lines)
