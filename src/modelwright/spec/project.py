"""The whole project file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SerializeAsAny, ValidationError, model_validator

from modelwright.spec.choose import Choose
from modelwright.spec.compliance import Compliance
from modelwright.spec.compress import Compress, CompressField
from modelwright.spec.compute import Compute
from modelwright.spec.data import Data
from modelwright.spec.evaluate import Evaluate
from modelwright.spec.financing import Financing
from modelwright.spec.risk import RiskSection
from modelwright.spec.routes.fusion import MEMBERS
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.spec.serve import Rehearse, Serve
from modelwright.spec.train import Train
from modelwright.spec.tune import Range, Tuning
from modelwright.spec.venture import Venture


class Project(Section):
    """`modelwright.yaml`."""

    project: str = Field(pattern=r"^[\w][\w.-]*$", max_length=100, description="the project's name")
    language: Literal["en", "zh"] = Field("en", description="language of reports and messages")
    task: str = Field(description="what is learned, as the Hugging Face hub names it; see `modelwright tasks`")
    data: Data
    learn: SerializeAsAny[Section] = Field(Section(), description="the task's own settings; see `modelwright tasks TASK`")
    routes: dict[str, SerializeAsAny[Route]] = Field(
        min_length=1, description="name → settings; a name of your own needs `route:` with one of the task's routes"
    )
    train: Train = Train()
    tune: dict[str, Tuning] = Field(default_factory=dict, description="route → the search for its settings")
    evaluate: Evaluate = Evaluate()
    choose: Choose = Choose()
    compress: CompressField = Compress()
    serve: Serve = Serve()
    rehearse: Rehearse = Rehearse()
    compute: Compute = Compute()
    venture: Venture | None = Field(
        None, description="without it, plan says what is missing and the report leaves the business out"
    )
    financing: Financing | None = Field(
        None, description="owners, SAFEs, notes, rounds and exits; without it, plan leaves them out"
    )
    risk: RiskSection | None = Field(
        None, description="risks, correlations and responses of your own; without it, the shipped register"
    )
    compliance: Compliance | None = Field(
        None, description="markets, role, use and attestations; without it, every market's items are listed and none is attested"
    )

    @model_validator(mode="after")
    def _curves_of_known_routes(self) -> Self:
        curve = self.train.learning_curve
        for name in (curve.routes if curve else None) or ():
            if name not in self.routes or self.routes[name].reads == MEMBERS or self.routes[name].kind == "bought":
                known = ", ".join(name for name, one in self.routes.items() if one.reads != MEMBERS and one.kind != "bought")
                raise ValueError(f"train.learning_curve.routes names routes that learn from rows ({known}), not {name!r}")
        return self

    @model_validator(mode="after")
    def _tuned_settings_exist(self) -> Self:
        for name, tuning in self.tune.items():
            if name not in self.routes:
                raise ValueError(f"tune names a route of the project ({', '.join(self.routes)}), not {name!r}")
            route = self.routes[name]
            if route.kind == "bought":
                raise ValueError(f"tune names routes that are trained; {name} is bought")
            known = {item.alias or key for key, item in type(route).model_fields.items()} - {"budget"}
            for key, choices in tuning.space.items():
                if key not in known:
                    raise ValueError(f"tune.{name}.space names settings of the route ({', '.join(sorted(known))}), not {key!r}")
                ends = [choices.number(choices.low), choices.number(choices.high)] if isinstance(choices, Range) else choices
                for value in ends:
                    try:
                        route.with_settings({key: value})
                    except ValidationError as error:
                        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
                        raise ValueError(f"values that routes.{name}.{key} takes ({said}), not {value!r}") from None
        return self
