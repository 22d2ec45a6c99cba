"""Columns of every type, learned from training rows: what they become, what is left out, and what is refused."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pytest

from modelwright.base.errors import DataError, RequestError, SpecError
from modelwright.base.nouns import Row
from modelwright.tasks.table import cells
from modelwright.tasks.table.columns import FIRST, LIMIT, MISSING, RARE, UNSEEN
from modelwright.tasks.table.reader import TableReader
from modelwright.tasks.table.settings import TableSettings
from modelwright.tasks.table.typing import infer

WORDS = ("quiet sunny flat", "dark damp cellar", "bright large room", "old cold hall")


def rows(**columns: list) -> list[Row]:
    length = len(next(iter(columns.values())))
    return [Row(f"r{place}", {name: values[place] for name, values in columns.items()}) for place in range(length)]


def fit(settings: TableSettings | None = None, **columns: list) -> TableReader:
    return TableReader.fit(rows(**columns), settings or TableSettings(), {"label"})


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        (["1", "2.5", "-3e2", ""] * 5, "number", ""),
        ([1, 2, None, 4.5] * 5, "number", ""),
        (["1", "2", "x"] * 5, "category", ""),
        ([True, False, True] * 5, "category", ""),
        (["2024-01-31", "2024/2/9", "2024-03-01T10:00"], "date", ""),
        ([datetime.date(2024, 1, 1), datetime.date(2024, 5, 1)], "date", ""),
        ([f"{WORDS[place % 4]} number {place}" for place in range(60)], "text", ""),
        ([f"customer-{place}" for place in range(60)], "ignore", "identifier"),
        ([str(place) for place in range(100, 170)], "ignore", "row number"),
        (["same"] * 10, "ignore", "constant"),
        ([3] * 10, "ignore", "constant"),
        (["same"] * 9 + [None], "category", ""),
        ([None, "", "NA", math.nan], "ignore", "empty"),
        ([math.inf, "inf", "-Infinity"] * 3, "ignore", "empty"),
        ([1.0, math.inf, 2.0] * 3, "number", ""),
    ],
)
def test_types_are_told_by_the_cells(values, kind, reason):
    assert infer(values) == (kind, reason)


@pytest.mark.parametrize("value", [None, "", " ? ", "NA", "n/a", "NaN", "null", math.nan])
def test_these_stand_for_nothing(value):
    assert cells.is_missing(value)
    assert cells.number(value) is None
    assert cells.category(value) is None


@pytest.mark.parametrize("value", ["none", "0", 0, False, "nil"])
def test_and_these_for_something(value):
    assert not cells.is_missing(value)


@pytest.mark.parametrize("value", ["1_000", "one", "1,5", True, [1], {"a": 1}])
def test_what_is_no_number(value):
    with pytest.raises(cells.CellError):
        cells.number(value)


@pytest.mark.parametrize("value", ["2024-13-01", "last May", "31.12.2024", 20240101, ["2024-01-01"]])
def test_what_is_no_date(value):
    with pytest.raises(cells.CellError):
        cells.moment(value)


def test_a_zone_is_turned_into_utc():
    assert cells.moment("2024-05-01T00:30+02:00") == datetime.datetime(2024, 4, 30, 22, 30)


def test_categories_are_the_same_whatever_type_they_came_in():
    assert [cells.category(value) for value in (3, 3.0, "3", " 3 ")] == ["3"] * 4
    assert cells.category(True) == "true"


def test_numbers_are_standardised_and_gaps_are_told():
    reader = fit(size=[10, 20, None, 30], other=["a", "b", "a", "b"])
    encoded = [reader.encode(row)["numbers"] for row in rows(size=[10, 20, None, 30], other=["a"] * 4)]
    deviation = math.sqrt(200 / 3)
    np.testing.assert_allclose(np.stack(encoded), [[-10 / deviation, 0], [0, 0], [0, 1], [10 / deviation, 0]], rtol=1e-6)
    assert encoded[0].dtype == np.float32


def test_infinite_and_huge_cells_stay_finite():
    reader = fit(size=[1.0, 2.0, math.inf, 3.0])
    found = np.stack([reader.encode(row)["numbers"] for row in rows(size=[math.inf, -math.inf, 1e308, -1e308, 10**400])])
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[[0, 1, 4]], [[0, 1]] * 3)
    np.testing.assert_array_equal(found[[2, 3], 0], [LIMIT, -LIMIT])
    assert np.isfinite(fit(size=[1e308, -1e308, 5e307]).encode(Row("r", {"size": 1e308}))["numbers"]).all()


def test_categories_never_seen_missing_and_rare_have_indices_of_their_own():
    reader = fit(place=["hill"] * 6 + ["mill"] * 6 + ["port", None], size=[place % 5 for place in range(14)])
    found = [
        int(reader.encode(Row("r", {"place": value, "size": 1}))["categories"][0])
        for value in ("hill", "mill", "port", None, "moon")
    ]
    assert found == [FIRST, FIRST + 1, RARE, MISSING, UNSEEN]
    assert reader.sizes["categories"] == [FIRST + 2]


def test_only_the_most_frequent_categories_are_kept():
    values = [name for name, count in zip("abcd", (9, 8, 7, 6), strict=True) for _ in range(count)]
    reader = fit(TableSettings(most_categories=2), place=values)
    assert reader.columns[0].values == ("a", "b")
    assert reader.columns[0].rare == ("c", "d")


def test_dates_become_days_and_places_in_the_year_the_week_and_the_day():
    reader = fit(sold=["2024-01-01T05:00", "2024-02-06T00:00", "2024-03-31T23:00"])
    found = reader.encode(Row("r", {"sold": "2024-02-06T13:30"}))
    assert found["categories"].tolist() == [FIRST + 1, FIRST + 1, FIRST + 13]
    assert reader.sizes["categories"] == [FIRST + 12, FIRST + 7, FIRST + 24]
    assert len(fit(sold=["2024-01-01", "2024-02-06"]).sizes["categories"]) == 2
    assert reader.encode(Row("r", {"sold": None}))["categories"].tolist() == [MISSING] * 3


def test_texts_that_speak_of_the_same_lie_together():
    texts = [f"{WORDS[place % 4]} number {place}" for place in range(60)]
    reader = fit(remark=texts)
    points = np.stack([reader.encode(Row("r", {"remark": text}))["numbers"] for text in texts])
    same, other = np.linalg.norm(points[0] - points[4]), np.linalg.norm(points[0] - points[1])
    assert same < other / 2
    blank = reader.encode(Row("r", {"remark": ""}))["numbers"]
    np.testing.assert_array_equal(blank[:-1], 0)


def test_constant_columns_and_names_of_rows_are_left_out_and_said():
    places = range(60)
    reader = fit(
        country=["here"] * 60, key=[f"k{place}" for place in places], line=list(places), size=[place % 7 for place in places]
    )
    assert reader.left_out == {"country": "constant", "key": "identifier", "line": "row number"}
    assert reader.sizes["sources"] == ["size"]


def test_the_project_has_the_last_word():
    places = range(60)
    settings = TableSettings(types={"line": "number", "size": "category", "note": "ignore"}, exclude=("price",))
    reader = fit(settings, line=list(places), size=[place % 7 for place in places], note=["x", "y"] * 30, price=[1.5, 2.5] * 30)
    assert [column.kind for column in reader.columns] == ["number", "category"]
    assert reader.left_out == {"note": "ignored", "price": "excluded"}


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        (TableSettings(types={"sise": "number"}), "learn.types"),
        (TableSettings(exclude=("sise",)), "learn.exclude"),
        (TableSettings(monotone={"sise": "increasing"}), "learn.monotone"),
        (TableSettings(monotone={"place": "increasing"}), "learn.monotone.place"),
    ],
)
def test_settings_that_name_no_such_column_are_refused(settings, where):
    with pytest.raises(SpecError) as caught:
        fit(settings, size=[1, 2, 3], place=["a", "b", "a"])
    assert caught.value.where == where
    assert caught.value.remedy


def test_a_type_that_does_not_fit_names_the_cell():
    with pytest.raises(DataError, match="'x'"):
        fit(TableSettings(types={"size": "number"}), size=["1", "2", "x"])


def test_a_table_without_a_useful_column_is_refused():
    with pytest.raises(DataError, match="country: constant"):
        fit(country=["here"] * 5)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"size": "big", "place": "a"}, "column 'size' holds the text 'big'"),
        ({"size": 1}, "the column 'place' is missing"),
        ({"size": 1, "place": ["a"]}, "column 'place' holds a list"),
    ],
)
def test_a_row_that_does_not_fit_is_named_with_its_column(values, said):
    reader = fit(size=[1, 2, 3, 4], place=["a", "b", "a", "b"])
    with pytest.raises(RequestError, match=f"row 17  {said}") as caught:
        reader.encode(Row("17", values))
    assert caught.value.expected
    assert caught.value.remedy


def test_its_json_brings_it_back():
    reader = fit(
        TableSettings(monotone={"size": "decreasing"}),
        size=[1, 2, None, 4] * 15,
        place=["a", "b", "a", None] * 15,
        sold=["2024-01-01", "2024-02-06", None, "2024-05-06"] * 15,
        remark=[f"{WORDS[place % 4]} number {place}" for place in range(60)],
    )
    again = TableReader.from_json(reader.as_json())
    assert again == reader
    assert again.sizes == reader.sizes
    assert reader.sizes["monotone"][:2] == [-1, 0]


def test_what_was_encoded_can_be_shown():
    reader = fit(
        size=[10, 20, None, 30], place=["a", "b", "a", "b"], sold=["2024-01-01", "2024-03-01", "2024-05-01", "2024-07-01"]
    )
    reader = TableReader(tuple(reader.columns), reader.left_out, reader.edges, reader.monotone)
    found = reader.encode(Row("r", {"size": 25, "place": "moon", "sold": "2024-03-01"}))
    assert reader.shown(found["numbers"], found["categories"]) == [25.0, None, "2024-03-01"]
