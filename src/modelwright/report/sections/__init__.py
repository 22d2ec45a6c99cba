"""What each section of the page shows, prepared for its template: rows of figures, facts, sentences.

Numbers with a ledger record come as links to it (`Figures.figure`); what is read from an artefact is a link to that file
(`Figures.read`), or goes into a block that names it. Nothing is computed that a stage should have measured.
"""

from __future__ import annotations

from modelwright.report.sections.of_compute import capacity
from modelwright.report.sections.of_language import language as language_model
from modelwright.report.sections.of_ledger import appendix, assumed
from modelwright.report.sections.of_market import market
from modelwright.report.sections.of_money import business, financing
from modelwright.report.sections.of_reasons import attributions
from modelwright.report.sections.of_regulation import regulation
from modelwright.report.sections.of_risk import register
from modelwright.report.sections.of_run import compression, conditions, cost, data, quality, route, speed
from modelwright.report.sections.of_team import team
from modelwright.report.sections.of_ways import more_data, ways

__all__ = [
    "appendix",
    "assumed",
    "attributions",
    "business",
    "capacity",
    "compression",
    "conditions",
    "cost",
    "data",
    "financing",
    "language_model",
    "market",
    "more_data",
    "quality",
    "register",
    "regulation",
    "route",
    "speed",
    "team",
    "ways",
]
