"""Which job comes next, and how busy the slots were: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from modelwright.pipeline.queue.policy import (
    Job,
    Reservation,
    Rules,
    committed,
    in_order,
    left,
    next_job,
    overbooked,
    spent,
    verdict,
)
from modelwright.pipeline.queue.usage import Span, slot_seconds, usage

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NOON = (MONDAY + timedelta(hours=12)).timestamp()
HOUR = 3600.0


def job(number: int, **values: object) -> Job:
    return Job(**{"id": number, "project": f"p{number}", "folder": f"/p{number}", "added": NOON - HOUR, **values})  # type: ignore[arg-type]


def running(number: int, **values: object) -> Job:
    return job(number, state="running", claimed=NOON, admitted=True, **values)


def test_a_higher_priority_comes_first_then_the_older_job() -> None:
    jobs = [job(1), job(2, priority=3.0), job(3, added=NOON - 2 * HOUR)]
    assert [found.id for found in in_order(jobs, Rules(1), NOON)] == [2, 3, 1]


def test_waiting_weighs_more_with_time_so_that_nothing_waits_for_ever() -> None:
    old, urgent = job(1, added=NOON - 25 * HOUR), job(2, priority=1.0, added=NOON)
    assert next_job([old, urgent], Rules(1, aging_hours=24), NOON) == old
    assert next_job([old, urgent], Rules(1, aging_hours=48), NOON) == urgent


def test_a_job_that_can_not_start_lets_the_next_one_pass() -> None:
    early, other = job(1, priority=9.0, not_before=NOON + 60), job(2)
    assert verdict(early, [early, other], Rules(1), NOON) == "not-before"
    assert next_job([early, other], Rules(1), NOON) == other
    assert next_job([early, other], Rules(1), NOON + 60) == early


def test_two_runs_of_one_project_never_run_side_by_side() -> None:
    first, second = running(1), job(2, folder="/p1")
    assert verdict(second, [first, second], Rules(4), NOON) == "project-busy"


def test_slots_are_not_exceeded() -> None:
    jobs = [running(1), running(2), job(3)]
    assert verdict(jobs[2], jobs, Rules(2), NOON) == "no-slot"
    assert verdict(jobs[2], jobs, Rules(3), NOON) == ""


def test_a_job_beyond_the_budget_waits_and_a_cheaper_one_passes() -> None:
    done = job(1, state="finished", money=6.0, money_basis="measured")
    busy = running(2, forecast_money=1.0)
    dear, cheap = job(3, priority=5.0, forecast_money=3.5), job(4, forecast_money=2.5)
    jobs, rules = [done, busy, dear, cheap], Rules(4, budget=10.0)
    assert (spent(jobs), committed(jobs), left(jobs, rules)) == (6.0, 1.0, 3.0)
    assert verdict(dear, jobs, rules, NOON) == "over-budget"
    assert next_job(jobs, rules, NOON) == cheap


def test_an_unknown_forecast_may_start_as_long_as_money_is_left() -> None:
    done = job(1, state="finished", money=10.0)
    new = job(2)
    assert verdict(new, [done, new], Rules(1, budget=10.0), NOON) == "over-budget"
    assert verdict(new, [done, new], Rules(1, budget=10.1), NOON) == ""


def test_a_job_whose_money_was_promised_goes_on_after_its_worker_died() -> None:
    again = job(1, admitted=True, forecast_money=8.0)
    other = job(2, forecast_money=3.0)
    jobs, rules = [again, other], Rules(1, budget=10.0)
    assert committed(jobs) == 8.0
    assert verdict(again, jobs, rules, NOON) == ""
    assert verdict(other, jobs, rules, NOON) == "over-budget"


def office(project: str = "p9", slots: int = 1) -> Reservation:
    return Reservation(project, slots, time(9), time(18), ("mon", "tue", "wed", "thu", "fri"))


def test_reserved_slots_are_kept_for_their_owner() -> None:
    other, owner = job(1), job(2, project="p9")
    rules = Rules(1, reservations=(office(),))
    assert verdict(other, [other, owner], rules, NOON) == "reserved"
    assert verdict(owner, [other, owner], rules, NOON) == ""
    assert verdict(other, [other, owner], rules, NOON + 8 * HOUR) == ""
    assert verdict(other, [other, owner], rules, NOON - 24 * HOUR) == ""  # a Sunday


def test_a_reservation_that_its_owner_uses_blocks_no_other_slot() -> None:
    mine = running(1, project="p9")
    other = job(2)
    rules = Rules(2, reservations=(office(),))
    assert verdict(other, [mine, other], rules, NOON) == ""
    assert verdict(other, [running(3), other], rules, NOON) == "reserved"


def test_a_long_job_does_not_start_just_before_a_reservation() -> None:
    before_nine = (MONDAY + timedelta(hours=8)).timestamp()
    rules = Rules(1, reservations=(office(),))
    short, long = job(1, forecast_seconds=0.9 * HOUR, added=0.0), job(2, forecast_seconds=1.1 * HOUR, added=0.0)
    assert verdict(short, [short], rules, before_nine) == ""
    assert verdict(long, [long], rules, before_nine) == "reserved"
    # a slot that gets free before the window is enough for its owner
    ending = running(3, forecast_seconds=0.5 * HOUR)
    ending = replace(ending, claimed=before_nine)
    assert verdict(long, [long, ending], Rules(2, reservations=(office(),)), before_nine) == ""
    lasting = replace(ending, forecast_seconds=3 * HOUR)
    assert verdict(long, [long, lasting], Rules(2, reservations=(office(),)), before_nine) == "reserved"


def test_a_window_over_midnight_and_a_dated_window() -> None:
    night = Reservation("p9", 1, time(22), time(6), ("sun",))
    assert night.active((MONDAY + timedelta(hours=5)).timestamp())  # the night from Sunday
    assert not night.active((MONDAY + timedelta(hours=23)).timestamp())
    dated = Reservation("p9", 1, MONDAY, MONDAY + timedelta(days=2))
    assert dated.active(NOON)
    assert not dated.active(NOON + 48 * HOUR)


def test_overbooked_windows_are_found() -> None:
    assert overbooked(Rules(2, reservations=(office("a"), office("b"))), NOON) is None
    found = overbooked(Rules(1, reservations=(office("a"), office("b"))), NOON)
    assert found is not None
    assert found[1] == 2
    later = Reservation("c", 2, MONDAY + timedelta(days=300), MONDAY + timedelta(days=301))
    assert overbooked(Rules(1, reservations=(later,)), NOON) == (later.starts.timestamp(), 2)  # type: ignore[union-attr]


jobs_of_any_kind = some.lists(
    some.builds(
        dict,
        priority=some.floats(-5, 5),
        project=some.sampled_from(["a", "b", "c"]),
        state=some.sampled_from(["waiting", "running", "finished"]),
        forecast_money=some.none() | some.floats(0, 5),
        forecast_seconds=some.none() | some.floats(0, 1e5),
        money=some.floats(0, 5),
    ),
    max_size=8,
)


@given(jobs_of_any_kind, some.integers(1, 3), some.none() | some.floats(0, 20), some.integers(0, 1))
def test_admitting_until_nothing_may_start_keeps_slots_budget_and_reservations(
    made: list[dict], slots: int, budget: float | None, reserved: int
) -> None:
    reservations = (office("a", min(slots, reserved)),) if reserved else ()
    rules = Rules(slots, budget, reservations=reservations)
    jobs = []
    for number, values in enumerate(made):
        money = values.pop("money") if values["state"] == "finished" else values.pop("money") and None
        jobs.append(job(number, money=money, admitted=False, **values))
    jobs = [item for item in jobs if item.state != "running"]
    while (found := next_job(jobs, rules, NOON)) is not None:
        admitted = replace(found, state="running", admitted=True, claimed=NOON)
        jobs = [admitted if item.id == found.id else item for item in jobs]
    held = [item for item in jobs if item.state == "running"]
    assert len(held) <= slots
    if reserved:
        assert sum(item.project != "a" for item in held) <= slots - min(slots, reserved)
    if budget is not None and held:
        known = spent(jobs) + sum(item.forecast_money or 0.0 for item in held)
        assert known <= budget + 1e-9


@pytest.mark.parametrize(
    ("spans", "most", "expected"),
    [
        ([], None, 0.0),
        ([Span(-10, 5)], None, 5.0),
        ([Span(2, 4), Span(3, 20, 2)], None, 16.0),
        ([Span(2, 4), Span(3, 20, 2)], 2, 15.0),
        ([Span(11, 12)], None, 0.0),
        ([Span(4, 4)], None, 0.0),
    ],
)
def test_slot_seconds(spans: list[Span], most: int | None, expected: float) -> None:
    assert slot_seconds(spans, 0, 10, most) == pytest.approx(expected)


def test_utilisation_is_busy_over_available_and_adds_up_over_its_parts() -> None:
    workers, stays = [Span(0, 100, 2), Span(150, 200, 1)], [Span(10, 60), Span(20, 60), Span(150, 160)]
    jobs = [job(1, added=0.0, started=10.0), job(2, added=0.0, not_before=15.0, started=20.0), job(3, added=190.0)]
    found = usage(workers, stays, jobs, 2, 0.0, 200.0, parts=8)
    assert (found.busy_s, found.available_s) == (100.0, 250.0)
    assert found.utilisation == pytest.approx(0.4)
    assert sum(busy for _, busy, _ in found.hours) == pytest.approx(100.0)
    assert sum(available for _, _, available in found.hours) == pytest.approx(250.0)
    assert found.waits == (2, 7.5, 10.0)
    assert found.waiting == (1, 10.0)


def test_without_a_worker_there_is_no_utilisation() -> None:
    assert usage([], [], [], 2, 0.0, 10.0).utilisation is None
