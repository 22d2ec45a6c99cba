"""`compliance:` where the model is offered, in which role and for what, and what people attest.

Nothing is required. What is not stated is not assumed in the venture's favour: without markets every market's items are listed,
without a use nobody can say that the system is not high-risk.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from modelwright.spec.section import Section

Market = Literal["EU", "CN", "US"]
Role = Literal["provider", "deployer"]
Use = Literal[
    "none",
    "biometrics",
    "critical-infrastructure",
    "education",
    "employment",
    "essential-services",
    "law-enforcement",
    "migration",
    "justice",
    "regulated-product",
]


class Attestation(Section):
    """A person's word for something that no measurement shows. It is shown as such, never as a pass, and it grows old."""

    by: str = Field(min_length=1, description="name and function")
    given: date = Field(description="the day it was given, like 2026-11-22")
    statement: str = Field(min_length=1, description="what was done, and where it can be seen")
    months: int = Field(12, ge=1, le=60, description="how long it holds")


class Compliance(Section):
    """Markets, role, use, attestations."""

    markets: tuple[Market, ...] | None = Field(None, description="where it is offered; left out: every market's items are listed")
    role: Role | None = Field(None, description="of the AI Act: provider (develops it) or deployer (uses somebody else's)")
    use: tuple[Use, ...] | None = Field(
        None,
        description="areas of the AI Act's Annex III that it is meant for (or regulated-product, Annex I); [none] if none of them",
    )
    generative: bool | None = Field(None, description="whether it makes content; left out: by the task")
    public: bool | None = Field(None, description="offered to the public; left out: taken as yes")
    personal_data: bool | None = Field(None, description="whether personal data are processed; left out: taken as yes")
    base_model_flops: float | None = Field(
        None, gt=0, description="operations that trained the checkpoint it starts from, as published"
    )
    owners: dict[str, str] = Field(default_factory=dict, description="item's id → who owns it")
    attestations: dict[str, Attestation] = Field(default_factory=dict, description="item's id → a person's word")
    stale_months: int = Field(12, ge=1, le=60, description="measurements older than this are stale")
