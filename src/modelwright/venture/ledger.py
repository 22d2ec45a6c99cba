"""When money moves: bills that are paid later, a year paid ahead, and tax after losses carried forward.

Shapes: `_p` one value per path. On day one nothing is owed to or by the venture but the service that day-one customers with a
year's plan have already paid for.
"""

from __future__ import annotations

import numpy as np

from modelwright.venture.assumptions import Assumptions

DAYS_A_MONTH = 365.25 / 12
PREPAID_MONTHS = 5.5
"""Of customers who pay a year ahead, spread evenly over the year, the mean of 11, 10, …, 0 months is still to be served."""


class Delay:
    """Bills paid `days` later: of a delay of k + f months, this month's payments are 1 − f of the bill k months ago and f of
    the one before. Before the first month there were no bills."""

    def __init__(self, days: float) -> None:
        self.whole, self.part = divmod(days / DAYS_A_MONTH, 1)
        self.bills: list[np.ndarray] = []
        self.open: np.ndarray | float = 0.0

    def paid(self, bill_p: np.ndarray) -> np.ndarray:
        """What is paid this month, `bill_p` being billed; `open` is what is owed at its end."""
        if not self.whole and not self.part:
            return bill_p
        self.bills.append(bill_p)
        first = len(self.bills) - 1 - int(self.whole)
        paid = np.zeros_like(bill_p)
        if first >= 0:
            paid += (1 - self.part) * self.bills[first]
        if first >= 1:
            paid += self.part * self.bills[first - 1]
        self.open = self.open + bill_p - paid
        return paid


class Ledger:
    """Turns a month's revenue and costs into cash; keeps what is owed, deferred and taxed."""

    def __init__(self, assumptions: Assumptions, prepaid_p: np.ndarray) -> None:
        """`prepaid_p`: revenue a month, on day one, that is paid a year ahead."""
        self.terms = assumptions.accounting
        self.receivable, self.payable = Delay(self.terms.receivable_days), Delay(self.terms.payable_days)
        self.deferred: np.ndarray = PREPAID_MONTHS * prepaid_p
        self.profit: np.ndarray | float = 0.0
        self.taxed: np.ndarray | float = 0.0
        self.tax: np.ndarray | float = 0.0

    def close(
        self, revenue_p: np.ndarray, prepaid_p: np.ndarray | None, suppliers_p: np.ndarray, people_p: np.ndarray
    ) -> np.ndarray:
        """The month's change of cash.

        Args:
            revenue_p: earned.
            prepaid_p: the part of it that was paid a year ahead; None: none ever is.
            suppliers_p, people_p: costs; people are paid at once.
        """
        billed = revenue_p
        if prepaid_p is not None:
            deferred = PREPAID_MONTHS * prepaid_p
            billed = revenue_p + (deferred - self.deferred)
            self.deferred = deferred
        change = self.receivable.paid(billed) - self.payable.paid(suppliers_p) - people_p
        if self.terms.tax_rate:
            self.profit = self.profit + (revenue_p - suppliers_p - people_p)
            peak = np.maximum(self.profit, self.taxed)  # losses before the last peak of profits are made good first
            self.tax = self.terms.tax_rate * (peak - self.taxed)
            self.taxed = peak
            change = change - self.tax
        return change
