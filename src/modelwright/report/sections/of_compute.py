"""Question 4, what comes after the run: servers for the demand, and for ten and a hundred times it; reserve or rent."""

from __future__ import annotations

from modelwright.report.blocks import Block, Drawing, Missing, Said, asked, lacking, weakest
from modelwright.report.figures import Figures
from modelwright.report.read import Run

_PATH = "plan/capacity.json"


def capacity(run: Run, figures: Figures) -> list[Block]:
    words, numbers, content = figures.words, figures.numbers, run.capacity or {}
    if not content.get("scale"):
        return [
            Missing(words("absent.capacity")),
            *asked(run, figures, "compute", *lacking(content), nothing=not lacking(content)),
        ]
    unit, now = content["currency"], content["scale"][0]
    basis = weakest(*(level["basis"] for level in content["scale"]))
    said = []
    server = content.get("server") or {}
    if server:
        said.append(
            words(
                "capacity.server",
                capacity=figures.read(numbers.write(server["capacity"], "requests/s"), "estimated", _PATH),
                error=figures.read(numbers.percent(server["fit_error"]), "estimated", _PATH),
            )
        )
    said.append(
        words(
            "capacity.use",
            mean=figures.read(numbers.percent(now["utilisation_mean"]), basis, _PATH),
            busiest=figures.read(numbers.percent(now["utilisation"]), basis, _PATH),
        )
    )
    reserve = content.get("reserve")
    if reserve:
        said.append(
            words(
                "capacity.reserve",
                count=figures.read(numbers.plain(reserve["reserved"]), basis, _PATH),
                cost=figures.read(numbers.money(reserve["cost_per_month"], unit), basis, _PATH),
                rented=figures.read(numbers.money(reserve["all_rented"], unit), basis, _PATH),
            )
        )
    warned = dict.fromkeys(reason for level in content["scale"] for reason in level.get("extrapolated") or [])
    said += [words("capacity.beyond", reason=figures.read(reason, "estimated", _PATH)) for reason in warned]
    return [Drawing(("scale",)), Said(tuple(said)), *asked(run, figures, "compute")]
