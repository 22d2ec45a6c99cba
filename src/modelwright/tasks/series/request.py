"""What is asked of a forecasting model, and how a request becomes a window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from modelwright.base.errors import RequestError
from modelwright.base.moments import moment
from modelwright.base.nouns import Row
from modelwright.base.shaped import shaped
from modelwright.tasks.series.grid import Grid
from modelwright.tasks.series.windows import KNOWN

MOST_STEPS = 100_000
_SHAPE = '{"history": [{"time": "2024-03-01", "value": 3.5}, …]} or {"start": "2024-03-01", "history": [3.5, …]}'
_EXAMPLE = 1_704_067_200.0  # 2024-01-01, a Monday
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Point(BaseModel):
    """One value and its time."""

    model_config = ConfigDict(strict=True, extra="forbid")

    time: str | Finite = Field(
        description="ISO 8601 (UTC where no zone is given), or a number where the model's steps are numbers"
    )
    value: Finite


class ForecastRequest(BaseModel):
    """The past of one series, to be continued."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra={"examples": [{"start": "2024-03-01", "history": [12.0, 14.5, 13.0, 15.5, 20.0, 8.0, 12.5]}]},
    )

    history: list[Point] | list[Finite | None] = Field(
        min_length=1,
        max_length=MOST_STEPS,
        description="points with their times, or values one step apart, oldest first (null where one is missing); the model looks "
        "at the last of them, as many as it learned from",
    )
    start: str | Finite | None = Field(None, description="time of the first value, where values have none of their own")
    series: str | None = Field(
        None, max_length=1000, description="the series' name; one that training did not see is answered too"
    )
    known: dict[str, list[Finite]] = Field(
        default_factory=dict, description="each known column's numbers: one for each step of the history, then for the horizon"
    )
    horizon: int | None = Field(None, ge=1, description="steps to forecast, at most those the model learned; default: all")


def described(grid: Grid, steps: int, horizon: int, season: int, known: Mapping[str, float]) -> type[ForecastRequest]:
    """The request type with an example that this model can answer, for OpenAPI and for warming up a server.

    Args:
        steps: of the history; known: each known column's usual value.
    """
    first = grid.position(_EXAMPLE) if grid.dated else 0
    points = [{"time": grid.label(first + step), "value": 10.0 + step % season} for step in range(steps)]
    history = points if grid.dated else [point["value"] for point in points]
    columns = {name: [value] * (steps + horizon) for name, value in known.items()}
    example: dict[str, Any] = {"history": history, **({"known": columns} if columns else {})}
    more = ConfigDict(json_schema_extra={"examples": [example]})
    return type(
        "ForecastRequest", (ForecastRequest,), {"__module__": __name__, "__doc__": ForecastRequest.__doc__, "model_config": more}
    )


def read(request: Any, row_id: str, grid: Grid, horizon: int, known: tuple[str, ...], gaps: str) -> Row:
    """A request as a window without values to forecast.

    Raises:
        RequestError: not of the right shape, times off the grid or repeated, a known column missing or of a wrong length.
    """
    asked = shaped(ForecastRequest, request, expected=_SHAPE, where=row_id)
    history, start = _steps(asked, row_id, grid)
    if not grid.holds(np.array([grid.moment(start + len(history) + horizon)]))[0]:
        raise _wrong("the forecast would end after the year 8999", "a nearer time", f"{row_id} start")
    if gaps == "refuse" and None in history:
        raise _wrong(
            f"there is no value for {grid.label(start + history.index(None))}", "a value in every step", f"{row_id} history"
        )
    if asked.horizon is not None and asked.horizon > horizon:
        raise _wrong(f"horizon is {asked.horizon}", f"at most {horizon}: the model learned no more", f"{row_id} horizon")
    columns = {}
    for name in known:
        if name not in asked.known:
            raise _wrong(f"there is no known column {name!r}", f"known: {', '.join(known)}", f"{row_id} known")
        found = asked.known[name]
        if len(found) != len(history) + horizon:
            raise _wrong(
                f"{name!r} has {len(found)} numbers",
                f"{len(history) + horizon}: one for each of {len(history)} steps of history and {horizon} of the horizon",
                f"{row_id} known.{name}",
            )
        columns[KNOWN + name] = tuple(found)
    if strange := sorted(set(asked.known) - set(known)):
        raise _wrong(
            f"the column {strange[0]!r} is not one that the model knows",
            f"known: {', '.join(known)}" if known else "no known columns",
            f"{row_id} known",
        )
    return Row(
        row_id,
        {
            **({"series": asked.series} if asked.series else {}),
            "time": grid.moment(start + len(history)),
            "history": tuple(history),
            **columns,
            "frequency": grid.name,
            **({"asked": asked.horizon} if asked.horizon is not None else {}),
        },
    )


def _steps(asked: ForecastRequest, row_id: str, grid: Grid) -> tuple[list[float | None], int]:
    """Values on the grid, and the position of the first."""
    first = asked.history[0]
    if not isinstance(first, Point):
        if asked.start is None and grid.dated:
            raise _wrong("there is no start", "the time of the first value, as in 2024-03-01", f"{row_id} start")
        start = _position(0.0 if asked.start is None else asked.start, grid, f"{row_id} start")
        return list(asked.history), start  # type: ignore[arg-type]  # pydantic lets no mixture through
    if asked.start is not None:
        raise _wrong("there is a start, and points have times", "one of them", f"{row_id} start")
    found: dict[int, float] = {}
    for place, point in enumerate(asked.history):
        assert isinstance(point, Point)
        position = _position(point.time, grid, f"{row_id} history[{place}].time")
        if position in found:
            raise _wrong(
                f"a second value for {grid.label(position)}",
                f"one value for each step of frequency {grid.name}",
                f"{row_id} history[{place}]",
            )
        found[position] = point.value
    start, end = min(found), max(found)
    if end - start >= MOST_STEPS:
        raise _wrong(f"the points are spread over {end - start:,} steps", f"at most {MOST_STEPS:,}", f"{row_id} history")
    return [found.get(position) for position in range(start, end + 1)], start


def _position(time: str | float, grid: Grid, where: str) -> int:
    found = moment(time)
    if found is None or (isinstance(time, str) and grid.dated and _is_number(time)):
        raise _wrong(f"{time!r:.60} is no time", "ISO 8601, as in 2024-03-01T06:00", where)
    if not grid.holds(np.array([found]))[0]:
        raise _wrong(f"{time!r:.60} lies in no step of frequency {grid.name}", "a time of the series", where)
    return grid.position(found)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _wrong(came: str, expected: str, where: str) -> RequestError:
    return RequestError(came, expected=expected, where=where, remedy="Mend the request and send it again.")


def request_of(row: Row) -> dict[str, Any]:
    """A window as the request that asks for it."""
    grid, history = Grid(str(row.values["frequency"])), row.values["history"]
    position = grid.position(row.values["time"])
    known = {name.removeprefix(KNOWN): list(found) for name, found in row.values.items() if name.startswith(KNOWN)}
    label = grid.label(position - len(history))
    return {
        **({"series": row.values["series"]} if row.values.get("series") else {}),
        "start": label if grid.dated else float(label),
        "history": list(history),
        **({"known": known} if known else {}),
    }
