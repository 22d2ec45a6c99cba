"""The `venture:` and `compute:` sections: what founders may write, and what is refused with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelwright.base.errors import SpecError
from modelwright.spec.load import load
from modelwright.tasks.contract import TASKS

EXAMPLE = Path(__file__).parents[3] / "examples" / "news-desk"


@pytest.mark.parametrize(
    "override, key, expected",
    [
        ("venture.price.plan=-3", "venture.price.plan", "not negative"),
        ("venture.customers.churn=120%", "venture.customers.churn", "between 0 and 1"),
        ("venture.customers.growth=-5%", "venture.customers.growth", "belong in churn"),
        ("venture.customers.growth=3 USD", "venture.customers.growth", "without a currency"),
        ("venture.customers.requests=5 USD per month", "venture.customers.requests", "without a currency"),
        ("venture.customers.acquisition_cost=30 per month", "venture.customers.acquisition_cost", "per new customer"),
        ("venture.customers.market=2", "venture.customers", "not above market"),
        ("venture.other_costs=0 ± 5", "venture.other_costs", "positive middle"),
        ("venture.exchange={CNY: 0}", "venture.exchange", "positive rate"),
        ("venture={months: 120, paths: 1000000}", "venture", "fewer paths or months"),
        ("venture.cash=-1", "venture.cash", "greater than or equal to 0"),
        ("compute.utilisation=0", "compute.utilisation", "greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_key(override, key, expected):
    with pytest.raises(SpecError) as caught:
        load(EXAMPLE, TASKS, [override])
    assert caught.value.came.startswith(key)
    assert expected in caught.value.expected


def test_the_example_states_what_a_plan_needs():
    venture = load(EXAMPLE, TASKS).project.venture
    assert venture is not None and venture.customers is not None and venture.price is not None
    assert venture.customers.requests is not None
