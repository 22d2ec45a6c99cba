"""`compute:` what an hour of this machine costs, in money and energy."""

from __future__ import annotations

from pydantic import Field

from modelwright.spec.quantities import MoneyField
from modelwright.spec.section import Section


class Compute(Section):
    """Founders' statements about the machine. What is left out comes from dated data files and is marked as fallback."""

    price_per_hour: MoneyField | None = Field(None, description="price of this machine, per hour")
    power_w: float | None = Field(None, gt=0, description="power drawn under load, in watts, if no meter can be read")
    pue: float | None = Field(None, ge=1, le=3, description="power usage effectiveness of the site (total / computing)")
    grid: str | None = Field(None, description="country code of the electricity grid, such as CN, US, DE")
    utilisation: float | None = Field(
        None, gt=0, le=1, description="share of the day's capacity that paying requests fill, when pricing a request"
    )
