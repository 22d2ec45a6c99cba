"""`venture.team` who works on it, from when, and what they know."""

from __future__ import annotations

from pydantic import Field

from modelwright.spec.amounts import Amount
from modelwright.spec.section import Section


class Member(Section):
    """People of one role."""

    role: str = Field(min_length=1)
    salary: Amount = Field(description="gross pay of one person, like '6000 per month'")
    count: int = Field(1, ge=0)
    start_month: int = Field(1, ge=1, description="month of the plan in which they start")
    skills: tuple[str, ...] | None = Field(
        None, description="what they can do, in the words of defaults/skills.yaml, such as machine-learning, operations, sales"
    )
    country: str | None = Field(
        None, description="country code, such as US, CN, DE; its charges on pay stand in where payroll_load is not stated"
    )
    ramp_months: int = Field(0, ge=0, le=24, description="months until they work at full speed, rising evenly")
