"""`compute:` what an hour of this machine costs, in money and energy."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from modelwright.spec.quantities import MoneyField, UncertainField
from modelwright.spec.section import Section


class Api(Section):
    """A model that could be bought instead of built. Prices are per million tokens; tokens are those of one request."""

    name: str = Field(min_length=1, description="service and model, as its price list names it")
    input: MoneyField = Field(description="price of a million input tokens")
    cached_input: MoneyField | None = Field(None, description="price of a million input tokens that the service remembers")
    output: MoneyField = Field(description="price of a million output tokens")
    as_of: date = Field(description="the day these prices were read")
    input_tokens: float = Field(gt=0, description="tokens that one request sends, instructions included")
    cached_tokens: float = Field(0.0, ge=0, description="of these, tokens that the service remembers")
    output_tokens: float = Field(gt=0, description="tokens that one answer has")
    quality: float | None = Field(
        None, description="its score by choose.metric on this project's test rows; without it nothing says it is as good"
    )
    quality_error: float | None = Field(None, ge=0, description="half the 95 % interval of that score")
    price_fall: UncertainField | None = Field(None, description="expected fall of the prices, like '40% per year'")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.cached_tokens > self.input_tokens:
            raise ValueError(f"cached_tokens ({self.cached_tokens:g}) of at most input_tokens ({self.input_tokens:g})")
        fall = self.price_fall
        if fall is not None and (fall.period != "year" or fall.currency is not None or not 0 <= fall.value < 1):
            raise ValueError("a price_fall from 0% to below 100% per year, like '40% per year'")
        return self


class Compute(Section):
    """Founders' statements about the machine. What is left out comes from dated data files and is marked as fallback."""

    price_per_hour: MoneyField | None = Field(None, description="price of this machine, per hour")
    power_w: float | None = Field(None, gt=0, description="power drawn under load, in watts, if no meter can be read")
    pue: float | None = Field(None, ge=1, le=3, description="power usage effectiveness of the site (total / computing)")
    grid: str | None = Field(None, description="country code of the electricity grid, such as CN, US, DE")
    utilisation: float | None = Field(
        None, gt=0, le=1, description="share of the day's capacity that paying requests fill, when pricing a request"
    )
    peak_to_mean: float | None = Field(None, ge=1, description="demand of the busiest time over the mean, for counting servers")
    api: Api | None = Field(None, description="a model that could be bought instead, for build or buy")
