"""The workbook's assumptions and months: one row a line, one column a month, each cell a formula over the column before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelwright.base.optional import require

_INPUT = "0000FF"


def letter(column: int) -> str:
    """1 → A, 27 → AA."""
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def mark_input(cell: Any) -> None:
    """Blue, as people expect of numbers they may change."""
    cell.font = require("openpyxl.styles", "data").Font(color=_INPUT)


def table(sheet: Any, row: int, head: Sequence[str], rows: Sequence[Sequence[Any]], inputs: Sequence[int] = ()) -> None:
    """A head and its rows from `row` on; the columns `inputs` (from 1) are numbers to change."""
    bold = require("openpyxl.styles", "data").Font(bold=True)
    for column, text in enumerate(head, 1):
        cell = sheet.cell(row, column, text)
        cell.font = bold
    for number, values in enumerate(rows, row + 1):
        for column, value in enumerate(values, 1):
            cell = sheet.cell(number, column, value)
            if column in inputs:
                mark_input(cell)


def write_assumptions(book: Any, model: Mapping[str, Any]) -> dict[str, str]:
    """The sheets of inputs. Returns where each stands: name → absolute reference."""
    sheet = book.create_sheet("Assumptions")
    terms = [(name, value, "", "", "") for name, value in model["terms"].items()]
    own = [
        (item["name"], item["value"], item["key"], item["basis"] if item["said"] else "not stated", item["source"])
        for item in model["inputs"]
    ]
    licences = model["licences"] or {}
    extra = [
        (f"licences {name}", int(value) if isinstance(value, bool) else value, "", "", "") for name, value in licences.items()
    ]
    rows = [*own, *terms, *extra]
    table(sheet, 1, ("name", f"value ({model['currency']}, per month)", "setting or measurement", "basis", "source"), rows, (2,))
    places = {str(values[0]): f"Assumptions!$B${number}" for number, values in enumerate(rows, 2)}
    for column, width in (("A", 22), ("B", 24), ("C", 40), ("D", 12), ("E", 70)):
        sheet.column_dimensions[column].width = width
    sheet.freeze_panes = "A2"
    _write_team(book, model, places)
    _write_customer(book, model, places)
    return places


def _write_team(book: Any, model: Mapping[str, Any], places: dict[str, str]) -> None:
    sheet = book.create_sheet("Team")
    rows = [
        (
            member["salary"],
            member["count"],
            member["start"],
            f"={places[member['salary']]}",
            f"={places[member['load']]}",
            f"=B{row}*D{row}*(1+E{row})",
        )
        for row, member in enumerate(model["team"], 2)
    ]
    table(sheet, 1, ("role", "people", "first month", "salary", "employer's charges", "cost a month"), rows, (2, 3))


def _write_customer(book: Any, model: Mapping[str, Any], places: dict[str, str]) -> None:
    """One customer's month, and one month of the funnel."""
    sheet = book.create_sheet("Customer")
    head = (
        "tier",
        "share",
        "included",
        "price",
        "overage",
        "requests",
        "plan revenue",
        "overage revenue",
        "requests of the share",
    )
    rows = [
        (
            tier["name"],
            tier["share"],
            tier["included"],
            f"={places[tier['price']]}",
            f"={places[tier['overage']]}",
            f"={places[tier['requests']]}",
            f"=B{row}*D{row}",
            f"=B{row}*MAX(F{row}-C{row},0)*E{row}",
            f"=B{row}*F{row}",
        )
        for row, tier in enumerate(model["tiers"], 2)
    ]
    table(sheet, 1, head, rows, (2, 3))
    last = len(rows) + 1
    seen = f"I{last + 4}"
    advertising = "0"
    if model["advertising"]:
        shown = f"{places['free-users']}*{places['free-requests']}" if model["free_users"] else seen
        advertising = f"{shown}*{places['impressions']}*{places['rpm']}/1000"
    free = f"+{places['free-users']}*{places['free-requests']}" if model["free_users"] else ""
    sums = (
        ("plan", f"=SUM(G2:G{last})" if rows else "=0"),
        ("overage per customer", f"=SUM(H2:H{last})" if rows else "=0"),
        ("requests paid for", f"=SUM(I2:I{last})" if rows else "=0"),
        ("advertising", f"={advertising}"),
        ("requests per customer", f"={seen}{free}"),
    )
    for row, (name, formula) in enumerate(sums, last + 2):
        sheet.cell(row, 1, name)
        sheet.cell(row, 9, formula)
        places[f"customer {name}"] = f"Customer!$I${row}"
    _write_channels(sheet, model, places, last + 9)
    sheet.column_dimensions["A"].width = 24


def _write_channels(sheet: Any, model: Mapping[str, Any], places: dict[str, str], first: int) -> None:
    if not model["channels"]:
        return
    rows = []
    paying = f"{places['signup']}*{places['trial']}*{places['paid']}"
    for channel in model["channels"]:
        number = channel["number"]
        spend = places[f"spend/{number}"]
        bought = {
            "customers": f"={spend}/{places[f'channel-cost/{number}']}",
            "bought visits": f"={spend}/{places[f'visit-cost/{number}']}*{paying}",
            "visits": f"={places[f'visits/{number}']}*{paying}",
        }
        rows.append((channel["name"], channel["sells"], bought[channel["sells"]], f"={spend}"))
    table(sheet, first, ("channel", "sells", "customers a month", "spend"), rows)
    places["funnel customers"] = f"SUM(Customer!$C${first + 1}:$C${first + len(rows)})"
    places["funnel cost"] = f"(SUM(Customer!$D${first + 1}:$D${first + len(rows)})+{places['marketing-people']})"


class _Rows:
    """The lines of the sheet of months, in order, each with its formula."""

    def __init__(self, sheet: Any, months: int) -> None:
        self.sheet, self.months = sheet, months
        self.at: dict[str, int] = {"month": 1}
        self.lines: list[tuple[str, Any, Any]] = []

    def add(self, name: str, formula: Any, opening: Any = None) -> None:
        """`formula(here, before)`: references to a line by name, in this column and in the one before."""
        self.lines.append((name, formula, opening))
        self.at[name] = len(self.lines) + 1

    def write(self) -> None:
        """Lines may speak of later ones, so all are placed before any is written."""
        for name, formula, opening in self.lines:
            row = self.at[name]
            self.sheet.cell(row, 1, name)
            if opening is not None:
                self.sheet.cell(row, 2, opening)
            for month in range(1, self.months + 1):
                text = formula(self._in(letter(month + 2)), self._in(letter(month + 1)))
                self.sheet.cell(row, month + 2, f"={text}").number_format = "#,##0.00"

    def _in(self, column: str) -> Callable[[str], str]:
        return lambda line: f"{column}${self.at[line]}"

    def late(self, line: str, days: str, days_a_month: str) -> Any:
        """The formula of what is paid of `line` after a delay: of k + f months, 1 − f of the bill k months ago and f of the one before."""
        bills = f"$C${self.at[line]}:${letter(self.months + 2)}${self.at[line]}"
        whole = f"INT({days}/{days_a_month})"

        def formula(here: Any, before: Any) -> str:
            def bill(back: str) -> str:
                return f"IF({here('month')}-{back}>=1,INDEX({bills},1,MAX(1,{here('month')}-{back})),0)"

            part = f"({days}/{days_a_month}-{whole})"
            return f"(1-{part})*{bill(whole)}+{part}*{bill(f'{whole}-1')}"

        return formula


_FUNDED = ("new money for shares", "new money for notes", "interest added to notes", "notes turned into shares")


def write_months(book: Any, model: Mapping[str, Any], at: Mapping[str, str], made: Mapping[str, Any]) -> None:
    """Customers, revenue, costs and cash by month; where new money comes in (`made`: the plan's statements), with it."""
    sheet = book.create_sheet("Months", 1)
    sheet.cell(1, 1, "month")
    sheet.cell(1, 2, 0)
    for month in range(1, model["months"] + 1):
        sheet.cell(1, month + 2, month)
    sheet.freeze_panes = "C2"
    sheet.column_dimensions["A"].width = 38
    rows = _Rows(sheet, model["months"])
    _customers(rows, model, at)
    _revenue(rows, model, at)
    _costs(rows, model, at)
    _cash(rows, model, at)
    if made.get("financed"):
        _funded(rows, made, at)
    rows.write()
    for name, values in zip(_FUNDED, _inputs(made) if made.get("financed") else (), strict=False):
        for month, value in enumerate(values, 1):
            if value:
                mark_input(sheet.cell(rows.at[name], month + 2, value))


def _inputs(made: Mapping[str, Any]) -> list[list[float]]:
    """By month, in the order of `_FUNDED`: the terms are exact and stand as numbers to change."""
    flow, interest, notes = made["cash_flow"], made["income"]["interest"], made["balance"]["notes"]
    before = [made["opening"]["notes"], *notes[:-1]]
    turned = [
        round(old + came + added - now, 4) for old, came, added, now in zip(before, flow["notes"], interest, notes, strict=True)
    ]
    return [flow["shares"], flow["notes"], interest, turned]


def _funded(rows: _Rows, made: Mapping[str, Any], at: Mapping[str, str]) -> None:
    for name in _FUNDED:
        rows.add(name, lambda here, before: "0")
    shares, notes, interest, turned = _FUNDED
    rows.add(
        "notes owed",
        lambda here, before: f"{before('notes owed')}+{here(notes)}+{here(interest)}-{here(turned)}",
        made["opening"]["notes"],
    )
    rows.add(
        "cash with new money",
        lambda here, before: f"{before('cash with new money')}+{here('cash change')}+{here(shares)}+{here(notes)}",
        f"={at['cash']}",
    )

    def so_far(line: str, here: Callable[[str], str]) -> str:
        return f"SUM($C${rows.at[line]}:{here(line)})"

    rows.add(
        "balance with new money (0 if it balances)",
        lambda here, before: (
            f"ROUND({here('cash with new money')}+{here('receivables')}-{here('payables')}-{here('deferred revenue')}"
            f"-{here('notes owed')}-({at['cash']}-$B${rows.at['deferred revenue']}-$B${rows.at['notes owed']}"
            f"+{here('profit so far')}-{at['tax_rate']}*{here('profit taxed so far')}"
            f"+{so_far(shares, here)}+{so_far(turned, here)}-{so_far(interest, here)}),4)"
        ),
    )


def _customers(rows: _Rows, model: Mapping[str, Any], at: Mapping[str, str]) -> None:
    new, market = at.get("funnel customers", at["new"]), at["market"]
    rows.add("wanted by growth", lambda here, before: f"{before('customers')}*{at['growth']}")
    rows.add("new whatever the number", lambda here, before: new)

    def wanted(here: Callable[[str], str]) -> str:
        return f"({here('wanted by growth')}+{here('new whatever the number')})"

    rows.add(
        "joined",
        lambda here, before: (
            f"IF(ISNUMBER({market}),({market}-{before('customers')})*(1-EXP(-{wanted(here)}/{market})),{wanted(here)})"
        ),
    )
    rows.add("customers", lambda here, before: f"{before('customers')}*(1-{at['churn']})+{here('joined')}", f"={at['start']}")
    rows.add(
        "customers by what they pay",
        lambda here, before: (
            f"{before('customers by what they pay')}*(1-{at['churn']}+{at['expansion']}-{at['contraction']})+{here('joined')}"
        ),
        f"={at['start']}",
    )
    rows.add("paying", lambda here, before: f"({before('customers by what they pay')}+{here('customers by what they pay')})/2")
    if model["licences"]:
        rows.add("contracts signed", lambda here, before: f"IF({here('month')}>{at['licences cycle']},{at['contracts']},0)")
        rows.add(
            "contracts",
            lambda here, before: f"{before('contracts')}*(1-{at['contract-churn']})+{here('contracts signed')}",
            f"={at['licences start']}",
        )
        rows.add("contracts running", lambda here, before: f"({before('contracts')}+{here('contracts')})/2")


def _revenue(rows: _Rows, model: Mapping[str, Any], at: Mapping[str, str]) -> None:
    for name, cell in (
        ("plan", "customer plan"),
        ("overage", "customer overage per customer"),
        ("advertising", "customer advertising"),
    ):
        rows.add(name, lambda here, before, cell=cell: f"{here('paying')}*{at[cell]}")
    licensed = bool(model["licences"])
    rows.add("licences", lambda here, before: f"{here('contracts running')}*{at['contract-value']}" if licensed else "0")
    rows.add("revenue", lambda here, before: "+".join(here(name) for name in ("plan", "overage", "advertising", "licences")))
    large = f"*{at['contract-requests']}" if licensed else ""
    rows.add(
        "requests",
        lambda here, before: (
            f"{here('paying')}*{at['customer requests per customer']}"
            + (f"+{here('contracts running')}{large}" if licensed else "")
        ),
    )


def _costs(rows: _Rows, model: Mapping[str, Any], at: Mapping[str, str]) -> None:
    capacity, team = at["machine_requests"], len(model["team"]) + 1
    rows.add("machines", lambda here, before: f'IF(ISNUMBER({capacity}),MAX(1,ROUNDUP({here("requests")}/{capacity},0)),"")')
    rows.add(
        "compute",
        lambda here, before: f"IF(ISNUMBER({capacity}),{here('machines')}*{capacity},{here('requests')})*{at['cost']}/1000",
    )
    rows.add("support", lambda here, before: f"{here('revenue')}*{at['support']}")
    rows.add("gross profit", lambda here, before: f"{here('revenue')}-{here('compute')}-{here('support')}")

    def acquisition(here: Any, before: Any) -> str:
        text = f"{here('joined')}*{at['acquisition']}"
        if "funnel cost" in at:
            whole = f"({here('wanted by growth')}+{here('new whatever the number')})"
            text = f"IF({whole}=0,0,{here('wanted by growth')}/{whole})*{text}+{at['funnel cost']}"
        return text + (f"+{here('contracts signed')}*{at['contract-cost']}" if model["licences"] else "")

    rows.add("acquisition", acquisition)
    rows.add(
        "people",
        lambda here, before: f"SUMPRODUCT((Team!$C$2:$C${team}<={here('month')})*Team!$F$2:$F${team})" if model["team"] else "0",
    )
    rows.add("other", lambda here, before: at["other"])
    rows.add("training", lambda here, before: f"IF({here('month')}=1,{at['training']},0)")
    suppliers = ("compute", "support", "acquisition", "other", "training")
    rows.add("suppliers", lambda here, before: "+".join(here(name) for name in suppliers))
    rows.add("costs", lambda here, before: f"{here('suppliers')}+{here('people')}")


def _cash(rows: _Rows, model: Mapping[str, Any], at: Mapping[str, str]) -> None:
    ahead, plan = at["annual_share"], at["customer plan"]
    yearly = f"+{at['licences yearly']}*" if model["licences"] else ""
    first = f"{at['start']}*{ahead}*{plan}" + (f"{yearly}{at['licences start']}*{at['contract-value']}" if yearly else "")
    rows.add(
        "deferred revenue",
        lambda here, before: (
            f"{at['prepaid_months']}*({here('paying')}*{ahead}*{plan}" + (f"{yearly}{here('licences')})" if yearly else ")")
        ),
        f"={at['prepaid_months']}*({first})",
    )
    rows.add("billed", lambda here, before: f"{here('revenue')}+{here('deferred revenue')}-{before('deferred revenue')}")
    rows.add("received", rows.late("billed", at["receivable_days"], at["days_a_month"]))
    rows.add("receivables", lambda here, before: f"{before('receivables')}+{here('billed')}-{here('received')}", 0)
    rows.add("paid to suppliers", rows.late("suppliers", at["payable_days"], at["days_a_month"]))
    rows.add("payables", lambda here, before: f"{before('payables')}+{here('suppliers')}-{here('paid to suppliers')}", 0)
    rows.add("profit so far", lambda here, before: f"{before('profit so far')}+{here('revenue')}-{here('costs')}", 0)
    rows.add("profit taxed so far", lambda here, before: f"MAX({before('profit taxed so far')},{here('profit so far')})", 0)
    rows.add("tax", lambda here, before: f"{at['tax_rate']}*({here('profit taxed so far')}-{before('profit taxed so far')})")
    rows.add("cash change", lambda here, before: f"{here('received')}-{here('paid to suppliers')}-{here('people')}-{here('tax')}")
    rows.add("cash", lambda here, before: f"{before('cash')}+{here('cash change')}", f"={at['cash']}")
    rows.add(
        "balance (0 if it balances)",
        lambda here, before: (
            f"ROUND({here('cash')}+{here('receivables')}-{here('payables')}-{here('deferred revenue')}"
            f"-({at['cash']}-$B${rows.at['deferred revenue']}+{here('profit so far')}-{at['tax_rate']}*{here('profit taxed so far')}),4)"
        ),
    )
