"""The workbook's cap table and waterfall."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.report.excel_months import letter, mark_input, table


def write_cap_table(book: Any, financing: Mapping[str, Any]) -> None:
    """One block a step: shares before, converted, bought, added by anti-dilution; totals and percentages by formula.
    Prices and anti-dilution depend on each other: they are solved outside and stand as inputs."""
    sheet = book.create_sheet("Cap table")
    sheet.column_dimensions["A"].width = 24
    steps = financing["steps"]
    row = 1
    before: dict[str, str] = {}
    for step in steps:
        row, before = _step(sheet, row, step, before)
        row += 2


def _step(sheet: Any, first: int, step: Mapping[str, Any], before: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    """Returns the row after the block, and where each holder's shares stand."""
    price = f"$B${first + 1}"
    for offset, (name, value) in enumerate(
        (("step", step["name"]), ("price of a share", step["price"]), ("pre-money", step["pre_money"]))
    ):
        sheet.cell(first + offset, 1, name)
        cell = sheet.cell(first + offset, 2, value)
        if offset:
            mark_input(cell)
    head = (
        "holder",
        "before",
        "money converted",
        "conversion price",
        "shares converted",
        "money",
        "shares bought",
        "anti-dilution",
        "shares",
        "share",
    )
    converted: dict[str, list[tuple[float, float]]] = {}
    for item in step["converted"]:
        converted.setdefault(item["holder"], []).append((item["money"], item["price"]))
    start, rows = first + 4, []
    lines = [*step["holders"], {"holder": "unissued options", "shares": step["unissued"], "paid": None}]
    total = f"$I${start + len(lines)}"
    for place, item in enumerate(lines):
        here, name = start + place, item["holder"]
        mine = converted.get(name, [])
        shares = "+".join(f"{money!r}/{each!r}" for money, each in mine) if len(mine) > 1 else f"C{here}/D{here}"
        unissued = name == "unissued options"
        rows.append(
            (
                name,
                f"={before[name]}" if name in before else (item["shares"] if not before else 0),
                sum(money for money, _ in mine) or None,
                mine[0][1] if len(mine) == 1 else None,
                f"={shares}" if mine else 0,
                item["paid"],
                f"=F{here}/{price}" if item["paid"] else 0,
                step["pool_increase"] if unissued else (item.get("added") or 0),
                f"=B{here}+E{here}+G{here}+H{here}",
                f"=I{here}/{total}",
            )
        )
    table(sheet, first + 3, head, rows, (3, 4, 6, 8))
    last = start + len(lines)
    sheet.cell(last, 1, "total")
    for column in (2, 3, 5, 6, 7, 8, 9, 10):
        sheet.cell(last, column, f"=SUM({letter(column)}{start}:{letter(column)}{last - 1})")
    if step["price"] is not None:
        sheet.cell(last + 1, 1, "post-money")
        sheet.cell(last + 1, 9, f"=I{last}*{price}")
        last += 1
    places = {item["holder"]: f"I{start + place}" for place, item in enumerate(lines)}
    return last + 1, places


def write_waterfall(book: Any, financing: Mapping[str, Any]) -> None:
    """One block an exit: what each class gets, then each holder."""
    sheet = book.create_sheet("Waterfall")
    sheet.column_dimensions["A"].width = 24
    row = 1
    for item in financing["exits"]:
        row = _exit(sheet, row, item) + 2


def _exit(sheet: Any, first: int, item: Mapping[str, Any]) -> int:
    sheet.cell(first, 1, "proceeds")
    mark_input(sheet.cell(first, 2, item["proceeds"]))
    sheet.cell(first, 3, "month")
    sheet.cell(first, 4, item["month"])
    classes = item["terms"]
    start, last = first + 2, first + 1 + len(classes)
    head = (
        "class",
        "shares",
        "invested",
        "multiple",
        "participating",
        "rank",
        "preference",
        "preference a share",
        "converts",
        "preference paid",
        "from the rest",
        "gets",
    )
    solved = any(one["most"] is not None for one in classes)

    def column(name: str) -> str:
        return f"${name}${start}:${name}${last}"

    rows: list[tuple[Any, ...]] = []
    proceeds, common, rest = f"$B${first}", f"$B${last + 1}", f"$K${last + 2}"
    for here, one in enumerate(classes, start):
        entry = (
            one["name"],
            one["shares"],
            one["invested"],
            one["multiple"],
            int(one["participating"]),
            one["rank"],
            f"=C{here}*D{here}",
        )
        if solved:
            rows.append((*entry, None, None, None, None, item["classes"][one["name"]]))
            continue
        others = (
            f"SUMPRODUCT(({column('E')}=0)*({column('H')}>H{here})*{column('G')})+SUMPRODUCT(({column('E')}=1)*{column('G')})"
        )
        sharing = f"{common}+SUMPRODUCT(({column('E')}=1)*{column('B')})+SUMPRODUCT(({column('E')}=0)*({column('H')}<=H{here})*{column('B')})"
        standing = f"({column('I')}=0)"
        rows.append(
            (
                *entry,
                f"=IF(B{here}>0,G{here}/B{here},1E+99)",
                f"=IF(AND(E{here}=0,B{here}>0),IF({proceeds}>{others}+H{here}*({sharing}),1,0),0)",
                f"=IF(I{here}=1,0,G{here}*MAX(0,MIN(1,({proceeds}-SUMPRODUCT({standing}*({column('F')}>F{here})*{column('G')}))/"
                f"MAX(1E-9,SUMPRODUCT({standing}*({column('F')}=F{here})*{column('G')})))))",
                f"=IF(OR(I{here}=1,E{here}=1),{rest}*B{here},0)",
                f"=J{here}+K{here}",
            )
        )
    table(sheet, first + 1, head, rows, () if solved else (2, 3, 4, 5, 6))
    sheet.cell(last + 1, 1, "common")
    sheet.cell(last + 1, 2, item["common_shares"])
    if solved:
        sheet.cell(last + 1, 12, item["classes"]["common"])
        sheet.cell(last + 2, 1, "solved by modelwright: a participating class with a cap is here")
    else:
        sheet.cell(last + 1, 11, f"={rest}*B{last + 1}")
        sheet.cell(last + 1, 12, f"=K{last + 1}")
        sheet.cell(last + 2, 1, "of the rest, a share")
        many = f"{common}+SUMPRODUCT(({column('I')}+{column('E')}>0)*{column('B')})" if classes else common
        paid = f"SUM({column('J')})" if classes else "0"
        sheet.cell(last + 2, 11, f"=MAX(0,{proceeds}-{paid})/({many})")
    sheet.cell(last + 3, 1, "total")
    sheet.cell(last + 3, 12, f"=SUM(L{start}:L{last + 1})")
    return _holders(
        sheet, last + 4, item, {one["name"]: f"L{here}" for here, one in enumerate(classes, start)} | {"common": f"L{last + 1}"}
    )


def _holders(sheet: Any, first: int, item: Mapping[str, Any], paid: Mapping[str, str]) -> int:
    rows = []
    for here, holder in enumerate(item["holders"], first + 1):
        parts = [
            f"{paid[name]}*{shares[holder['holder']] / sum(shares.values())!r}"
            for name, shares in item["owners"].items()
            if holder["holder"] in shares
        ]
        rows.append((holder["holder"], "=" + "+".join(parts), holder["invested"], f'=IF(ISNUMBER(C{here}),B{here}/C{here},"")'))
    table(sheet, first, ("holder", "gets", "invested", "multiple"), rows, (3,))
    return first + len(rows) + 1
