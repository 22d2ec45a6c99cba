"""What every section of the project file is: frozen, typed, closed to unknown keys, described field by field."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of all sections. Field descriptions become the editors' JSON schema and the reference in the docs."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, protected_namespaces=(), defer_build=True
    )
