"""Money and energy for the steps: one place where the machine's price is looked up and where training is costed."""

from __future__ import annotations

from datetime import date

from modelwright.pipeline.context import Context
from modelwright.spec.project import Project
from modelwright.spec.quantities import Money
from modelwright.venture import cost
from modelwright.venture.figures import Figure


def currency(project: Project) -> str:
    """The project's own currency."""
    return project.venture.currency if project.venture else "USD"


def hour(project: Project) -> Figure:
    """What an hour of this machine costs, in the project's currency."""
    return cost.hour(project.compute, currency(project), project.venture, today=date.today())


def in_currency(project: Project, money: Money) -> float:
    """An amount of the project file in the project's currency."""
    return cost.convert(money.value, money.currency or currency(project), currency(project), project.venture).value


def record_training(context: Context, prefix: str, seconds: Figure) -> Figure:
    """Record energy, carbon and money of a training of `seconds`, forecast or done; returns the money."""
    project = context.project
    energy = cost.energy(seconds, project.compute, today=date.today())
    money = cost.money(seconds, hour(project))
    for name, figure in (("energy", energy), ("carbon", cost.carbon(energy, project.compute, date.today())), ("money", money)):
        context.ledger.record(f"{prefix}/{name}", figure.value, figure.unit, figure.basis, note=figure.note)
    return money
