"""What a project may say of its columns (`learn:`), shared by every task that reads tables."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modelwright.spec.section import Section

Type = Literal["number", "category", "date", "text", "ignore"]
Direction = Literal["increasing", "decreasing"]


class TableSettings(Section):
    """Columns and their types; what is left out is inferred from the training rows."""

    types: dict[str, Type] = Field(
        default_factory=dict,
        description="column → number, category, date, text or ignore; default: inferred from the training rows",
    )
    exclude: tuple[str, ...] = Field((), description="columns that the model must not see")
    monotone: dict[str, Direction] = Field(
        default_factory=dict,
        description="column → increasing or decreasing: the answer may only rise, or only fall, as this number grows",
    )
    rare: int = Field(5, ge=1, description="categories with fewer training rows than this are taken as one")
    most_categories: int = Field(200, ge=2, le=5000, description="categories kept of a column at most, the most frequent first")
    text_parts: int = Field(16, ge=1, le=256, description="numbers that a column of free text becomes")
