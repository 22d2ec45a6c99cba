"""The queue's state and its workers: nothing is done twice, nothing is lost, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modelwright.base.console import Console
from modelwright.base.errors import MachineError, SpecError
from modelwright.pipeline.queue import settings as queue_settings
from modelwright.pipeline.queue import show
from modelwright.pipeline.queue.policy import Job, Rules
from modelwright.pipeline.queue.settings import Place, QueueSettings
from modelwright.pipeline.queue.store import Store, held
from modelwright.pipeline.queue.worker import Worker

JOB = [sys.executable, str(Path(__file__).with_name("queue_job.py"))]
WORK = """
import sys
from pathlib import Path
from modelwright.base.console import Console
from modelwright.pipeline.queue.settings import Place
from modelwright.pipeline.queue.worker import Worker
Worker(Place(Path(sys.argv[1])), Console(quiet=True), process=sys.argv[2:]).work(until_empty=True)
"""
CLAIM = """
import sys, time
from pathlib import Path
from modelwright.pipeline.queue.policy import Rules
from modelwright.pipeline.queue.settings import Place
from modelwright.pipeline.queue.store import Store, held
where, name = Place(Path(sys.argv[1])), sys.argv[2]
with Store(where) as store, held(where.locks, name):
    store.arrive(name, 9, time.time())
    print("ready", flush=True)
    sys.stdin.readline()
    while (job := store.claim(name, Rules(10_000), time.time())) is not None:
        print(job.id, flush=True)
        time.sleep(0.003)
"""


@pytest.fixture
def where(tmp_path: Path) -> Place:
    return Place(tmp_path / "queue.sqlite")


def add(where: Place, folder: Path, *overrides: str, priority: float = 0.0) -> Job:
    folder.mkdir(exist_ok=True)
    with Store(where) as store:
        return store.add(folder.name, str(folder), overrides, priority, time.time(), None)


def jobs(where: Place) -> dict[int, Job]:
    with Store(where) as store:
        return {job.id: job for job in store.jobs()}


def wait_for(true: Callable[[], object], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.02)


def state(where: Place, number: int) -> str:
    return jobs(where)[number].state


def began(folder: Path) -> list[dict]:
    path = folder / "began.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def worker(where: Place) -> Worker:
    return Worker(where, Console(quiet=True), process=JOB)


def other_worker(where: Place) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORK, str(where.file), *JOB])


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_jobs_are_done_by_priority_and_their_money_is_kept(where: Place, tmp_path: Path) -> None:
    first, second = add(where, tmp_path / "one", "money=2"), add(where, tmp_path / "two", "money=3", priority=1.0)
    done = worker(where).work(until_empty=True)["done"]
    assert [item["job"] for item in done] == [second.id, first.id]
    found = jobs(where)
    assert {job.state for job in found.values()} == {"finished"}
    assert [(job.money, job.money_basis, job.forecast_money) for job in found.values()] == [
        (2, "measured", 2),
        (3, "measured", 3),
    ]


def test_a_failed_job_keeps_its_error_and_the_next_one_runs(where: Place, tmp_path: Path) -> None:
    bad, good = add(where, tmp_path / "bad", "fail=1"), add(where, tmp_path / "good")
    worker(where).work(until_empty=True)
    found = jobs(where)
    assert found[bad.id].state == "failed"
    assert found[bad.id].error == {"error": "DataError", "came": "no rows"}
    assert found[bad.id].money_basis == "estimated"
    assert found[good.id].state == "finished"


def test_a_job_that_is_killed_again_and_again_is_given_up(where: Place, tmp_path: Path) -> None:
    where.settings.write_text("crashes: 2\n")
    add(where, tmp_path / "one", "die=1")
    worker(where).work(until_empty=True)
    job = jobs(where)[1]
    assert (job.state, job.crashes) == ("failed", 2)
    assert job.error is not None
    assert "SIGKILL" in job.error["came"]
    assert len(began(tmp_path / "one")) == 2


def test_a_job_beyond_the_budget_is_held_after_its_forecast_and_started_when_there_is_money(where: Place, tmp_path: Path) -> None:
    where.settings.write_text("budget: 5 USD\n")
    add(where, tmp_path / "one", "money=3", priority=1.0)
    dear = add(where, tmp_path / "two", "money=2.5")
    add(where, tmp_path / "three", "money=2", priority=-1.0)
    worker(where).work(until_empty=True)
    assert [job.state for job in jobs(where).values()] == ["finished", "waiting", "finished"]
    rows = show.listed(list(jobs(where).values()), queue_settings.read(where, time.time()).rules(), time.time())
    assert next(row for row in rows if row["id"] == dear.id)["reason"] == "over-budget"
    where.settings.write_text("budget: 8 USD\n")
    worker(where).work(until_empty=True)
    assert state(where, dear.id) == "finished"


def test_slots_run_side_by_side_with_their_share_of_the_cores(
    where: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    where.settings.write_text("slots: 2\n")
    for name in ("one", "two"):
        add(where, tmp_path / name, "seconds=1")
    worker(where).work(until_empty=True)
    first, second = jobs(where).values()
    assert first.finished is not None
    assert second.claimed is not None
    assert second.claimed < first.finished
    cores = len(os.sched_getaffinity(0))
    assert began(tmp_path / "one")[0]["threads"] == str(max(1, cores // 2))


def test_a_running_job_can_be_cancelled(where: Place, tmp_path: Path) -> None:
    job = add(where, tmp_path / "one", "seconds=60")
    working = other_worker(where)
    wait_for(lambda: began(tmp_path / "one") and jobs(where)[job.id].admitted)
    with Store(where) as store:
        assert store.cancel(job.id, time.time()).cancel
    assert working.wait(30) == 0
    found = jobs(where)[job.id]
    assert (found.state, found.money_basis) == ("cancelled", "estimated")
    assert found.money is not None
    assert found.money > 0
    wait_for(lambda: not alive(began(tmp_path / "one")[0]["pid"]))


def test_a_waiting_job_can_be_cancelled_and_an_ended_one_stays(where: Place, tmp_path: Path) -> None:
    job = add(where, tmp_path / "one")
    with Store(where) as store:
        assert store.cancel(job.id, time.time()).state == "cancelled"
        with pytest.raises(SpecError) as error:
            store.cancel(99, time.time())
    assert "job 99" in error.value.came
    other = add(where, tmp_path / "two")
    worker(where).work(until_empty=True)
    with Store(where) as store:
        assert store.cancel(other.id, time.time()).state == "finished"


def test_a_stopped_worker_gives_its_jobs_back(where: Place, tmp_path: Path) -> None:
    job = add(where, tmp_path / "one", "seconds=2")
    working = other_worker(where)
    wait_for(lambda: jobs(where)[job.id].admitted)
    working.send_signal(signal.SIGTERM)
    assert working.wait(30) == 0
    assert jobs(where)[job.id].state == "waiting"
    assert jobs(where)[job.id].admitted
    worker(where).work(until_empty=True)
    assert state(where, job.id) == "finished"


def test_a_killed_workers_job_ends_with_it_and_is_continued_by_the_next(where: Place, tmp_path: Path) -> None:
    job = add(where, tmp_path / "one", "seconds=3")
    working = other_worker(where)
    wait_for(lambda: began(tmp_path / "one") and jobs(where)[job.id].admitted)
    pid = began(tmp_path / "one")[0]["pid"]
    working.kill()
    working.wait(30)
    wait_for(lambda: not alive(pid))
    assert state(where, job.id) == "running"  # nobody has looked yet
    worker(where).work(until_empty=True)
    found = jobs(where)[job.id]
    assert (found.state, found.crashes) == ("finished", 0)
    assert len(began(tmp_path / "one")) == 2
    with Store(where) as store:
        workers, stays = store.spans(time.time())
    assert len(workers) == 2
    assert len(stays) == 2
    assert all(span.end >= span.start for span in (*workers, *stays))


def test_a_job_cancelled_while_its_worker_was_dead_is_not_continued(where: Place, tmp_path: Path) -> None:
    job = add(where, tmp_path / "one", "seconds=30")
    working = other_worker(where)
    wait_for(lambda: jobs(where)[job.id].admitted)
    working.kill()
    working.wait(30)
    with Store(where) as store:
        store.cancel(job.id, time.time())
        assert store.reclaim() == [job.id]
    worker(where).work(until_empty=True)
    assert state(where, job.id) == "cancelled"
    assert len(began(tmp_path / "one")) == 1


def test_two_workers_share_the_jobs_and_do_none_twice(where: Place, tmp_path: Path) -> None:
    where.settings.write_text("slots: 2\n")
    for number in range(12):
        add(where, tmp_path / f"p{number}", "seconds=0.1")
    workers = [other_worker(where) for _ in range(2)]
    assert [item.wait(120) for item in workers] == [0, 0]
    assert {job.state for job in jobs(where).values()} == {"finished"}
    assert [len(began(tmp_path / f"p{number}")) for number in range(12)] == [1] * 12
    with sqlite3.connect(where.file) as connection:
        spans = connection.execute("SELECT started, ended FROM stays ORDER BY started").fetchall()
    connection.close()
    assert max(sum(start <= moment < end for start, end in spans) for moment, _ in spans) <= 2


def test_processes_that_claim_at_once_never_get_the_same_job(where: Place) -> None:
    with Store(where) as store:
        for number in range(200):
            store.add("p", f"/p{number}", [], 0.0, 1.0, None)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    claimers = [subprocess.Popen([sys.executable, "-c", CLAIM, str(where.file), f"w{n}"], text=True, **pipes) for n in range(4)]  # type: ignore[call-overload]
    for claimer in claimers:
        assert claimer.stdout.readline() == "ready\n"
    for claimer in claimers:
        claimer.stdin.write("\n")
        claimer.stdin.flush()
    taken = [[int(line) for line in claimer.communicate(timeout=60)[0].split()] for claimer in claimers]
    assert sorted(number for part in taken for number in part) == list(range(1, 201))
    assert sum(bool(part) for part in taken) > 1


def test_a_worker_is_gone_when_its_lock_is_free(where: Place) -> None:
    with Store(where) as store:
        store.add("p", "/p", [], 0.0, 0.0, None)
        with held(where.locks, "w"):
            store.arrive("w", 1, 10.0)
            assert store.claim("w", Rules(1), 11.0) is not None
            store.seen("w", 15.0)
            assert (store.reclaim(), store.present()) == ([], 1)
        assert store.spans(100.0)[0][0].end == 15.0  # it counts up to when it was last seen
        assert (store.reclaim(), store.present()) == ([1], 0)
        assert store.job(1).state == "waiting"
        assert store.spans(100.0)[1][0].end == 15.0


def test_a_file_that_is_no_queue_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "queue.sqlite"
    wrong.write_text("a letter to an aunt, long enough to be no empty file " * 40)
    with pytest.raises(MachineError) as error:
        Store(Place(wrong))
    assert error.value.where == str(wrong)
    later = tmp_path / "later.sqlite"
    with sqlite3.connect(later) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(MachineError, match="form 7"):
        Store(Place(later))


@pytest.mark.parametrize(
    ("text", "came", "line"),
    [
        ("slots: 0\n", "slots is set to 0", 1),
        ("slots: 4096\n", "slots is 4096", 1),
        ("slots: 1\nbudgte: 3 USD\n", "budgte is not a setting", 2),
        ("budget: 5\n", "budget is", 1),
        ("timezone: Mars/Base\n", "timezone is", 1),
        ("reservations:\n- {project: a, from: '09:00', until: 2026-12-01}\n", "reservations.0 is", 2),
        ("reservations:\n- {project: a, from: '09:00'}\n", "reservations.0.until is missing", 2),
        (
            "reservations:\n- {project: a, from: '09:00', until: '10:00'}\n- {project: b, from: '09:30', until: '10:00'}\n",
            "2 slots",
            1,
        ),
        ("slots: [\n", "expected", 2),
    ],
)
def test_wrong_settings_are_refused_with_their_line(where: Place, text: str, came: str, line: int) -> None:
    where.settings.write_text(text)
    with pytest.raises(SpecError) as error:
        queue_settings.read(where, 1_800_000_000.0, cores=2)
    assert came in error.value.came
    assert error.value.where == f"queue.yaml:{line}"
    assert error.value.expected
    assert error.value.remedy


def test_times_of_day_without_quotes_are_understood(where: Place) -> None:
    where.settings.write_text("timezone: Asia/Shanghai\nreservations:\n- {project: a, from: 9:00, until: 18:30}\n")
    (reservation,) = queue_settings.read(where, 0.0, cores=1).rules().reservations
    assert (reservation.starts.isoformat(), reservation.ends.isoformat()) == ("09:00:00", "18:30:00")
    assert reservation.active(queue_settings.moment("2026-11-23T10:00", queue_settings.read(where, 0.0).zone))
    assert not reservation.active(queue_settings.moment("2026-11-23T10:00Z", queue_settings.read(where, 0.0).zone) + 3600)


def test_a_moment_that_is_none_is_refused() -> None:
    with pytest.raises(SpecError, match="is no moment"):
        queue_settings.moment("tonight", QueueSettings().zone)


def test_a_broken_settings_file_does_not_stop_a_worker(where: Place, tmp_path: Path) -> None:
    add(where, tmp_path / "one")
    working = worker(where)
    where.settings.write_text("slots: many\n")
    working.work(until_empty=True)
    assert state(where, 1) == "finished"
    assert "slots" in working.warned


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_whole_is_shown(where: Place, tmp_path: Path, language: str) -> None:
    where.settings.write_text(
        f"language: {language}\nslots: 2\nbudget: 9 USD\nreservations:\n- {{project: two, from: 9:00, until: 18:00}}\n"
    )
    add(where, tmp_path / "one", "money=2", "seconds=0.5")
    worker(where).work(until_empty=True)
    add(where, tmp_path / "two")
    now = time.time()
    settings = queue_settings.read(where, now)
    with Store(where) as store:
        content = show.state(store, settings, now, 1.0)
    assert 0 < content["usage"]["utilisation"] <= 1
    assert (content["spent"], content["left"]) == (2.0, 7.0)
    assert [row["state"] for row in content["jobs"]] == ["waiting", "finished"]
    text = "\n".join(show.lines(content, settings))
    assert ("利用率" in text) is (language == "zh")
    assert "9.00 USD" in text
    assert "two: 1" in text or "two：1" in text
    assert json.loads(json.dumps(content))["usage"]["waits"]["started"] == 1
