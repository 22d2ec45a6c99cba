"""The data room: a folder that an investor's or regulator's people walk through, made from one run.

Eight numbered sub-folders hold copies of the artefacts, tables made from them, cards, licences and the page; `manifest.json` says of
each file its hash and where it comes from; `index.md` lists what is there and what is absent. Data sets and weights stay out;
the mistaken rows that the evaluation reads aloud are in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.base.store import file_hash, read_json, write_bytes, write_json, write_text, writing
from modelwright.report.cards import data_card
from modelwright.report.read import LEDGER, Run, read_run
from modelwright.report.room_tables import TABLES, as_csv, ledger
from modelwright.report.words_room import ROOM

SECTIONS = ("corporate", "financial", "technical", "data-and-ip", "commercial", "team", "security-and-regulation", "risk")
_COPIES = {
    "corporate": ("plan/financing.json",),
    "financial": ("plan/plan.json", "plan/capacity.json"),
    "technical": (
        "run.json", "project.json", LEDGER, "choose/decision.json", "plan/route.json", "compress/variants.json",
        "rehearse/load.json", "release/release.json", "release/README.md", "release/manifest.json",
    ),
    "data-and-ip": ("data/card.json", "release/LICENSES.json", "release/sbom.json", "plan/learning.json"),
    "security-and-regulation": ("plan/compliance.json",),
    "risk": ("plan/risks.json",),
}  # fmt: skip
_BY_ROUTE = ("forecast/{route}/forecast.json", "train/{route}/result.json", "evaluate/{route}/evaluation.json")
_IF_THERE = {
    "corporate": ("plan/*.ocf.zip",),
    "financial": ("plan/*.xlsx",),
    "security-and-regulation": ("plan/technical-documentation.*.md",),
}
_BY_HAND = {
    "corporate": ("articles", "board"),
    "financial": ("accounts",),
    "data-and-ip": ("ip",),
    "commercial": ("contracts",),
    "team": ("employment",),
    "security-and-regulation": ("penetration",),
}


@dataclass(frozen=True)
class _Absent:
    section: str
    name: str
    why: str


def write_room(run: Path, out: Path, language: str) -> Path:
    """Write the data room.

    Args:
        run: the run folder; what it lacks is listed as absent.
        out: the room's folder, made new: what an older room left in it goes. A page beside it (`index.html` in the folder
            above) is taken in, else the run's.
        language: "en" or "zh", of index and cards.

    Returns:
        `out`.

    Raises:
        DataError: `run` is no folder, or an artefact in it is damaged.
        MachineError: `out` can't be written.
    """
    return _Room(read_run(run), out, language).write()


class _Room:
    """Collects files, what each comes from, and what is absent."""

    def __init__(self, run: Run, out: Path, language: str) -> None:
        self.run, self.out, self.language = run, out, language
        self.say = {key: pair[language == "zh"] for key, pair in ROOM.items()}
        self.files: dict[str, dict[str, Any]] = {}
        self.absent: list[_Absent] = []

    def write(self) -> Path:
        with writing(self.out):
            shutil.rmtree(self.out, ignore_errors=True)
            for section in SECTIONS:
                (self.out / _numbered(section)).mkdir(parents=True)
                self._section(section)
        self._pages()
        write_json(self.out / "manifest.json", self._manifest())
        write_text(self.out / "index.md", self._index())
        return self.out

    def _section(self, section: str) -> None:
        for path in _COPIES.get(section, ()):
            self._copy(section, path)
        if section == "technical":
            for route in self.run.routes:
                for pattern in _BY_ROUTE:
                    path = pattern.format(route=route)
                    self._copy(section, path, path.replace("/", "-"))
        for pattern in _IF_THERE.get(section, ()):
            for file in sorted(self.run.folder.glob(pattern)):
                self._copy(section, file.relative_to(self.run.folder).as_posix())
        for name, path, rows_of in TABLES.get(section, ()):
            self._table(section, name, path, rows_of)
        if section == "technical":
            rows = ledger(self.run.records)
            self._add(section, "evidence.csv", as_csv(rows), LEDGER) if rows else self._gone(
                section, "evidence.csv", "run", LEDGER
            )
        if section == "data-and-ip" and self.run.card is not None:
            self._add(
                section, "data-card.md", data_card(self.run.card, self.language).encode("utf-8", "replace"), "data/card.json"
            )
        self.absent += [_Absent(section, self.say[f"hand.{name}"], self.say["absent.hand"]) for name in _BY_HAND.get(section, ())]

    def _copy(self, section: str, path: str, name: str | None = None) -> None:
        source = self.run.folder / path
        name = name or ("model-card.md" if path == "release/README.md" else _flat(path))
        if source.is_file():
            self._add(section, name, source.read_bytes(), path)
        else:
            self._gone(section, name, "run", path)

    def _table(self, section: str, name: str, path: str, rows_of: Any) -> None:
        source = self.run.folder / path
        if not source.is_file():
            self._gone(section, name, "run", path)
            return
        rows = rows_of(read_json(source))
        if rows is None:
            self._gone(section, name, "empty", path)
        else:
            self._add(section, name, as_csv(rows), path)

    def _pages(self) -> None:
        page = next(
            (page for page in (self.out.parent / "index.html", self.run.folder / "report/index.html") if page.is_file()), None
        )
        if page is None:
            self._gone("technical", "report.html", "run", "report/index.html")
        else:
            self._add("technical", "report.html", page.read_bytes(), "report/index.html")

    def _add(self, section: str, name: str, content: bytes, path: str) -> None:
        target = self.out / _numbered(section) / name
        write_bytes(target, content)
        inside = target.relative_to(self.out).as_posix()
        self.files[inside] = {"sha256": file_hash(target), "bytes": len(content), "from": path, **self._origin(path)}

    def _gone(self, section: str, name: str, why: str, path: str) -> None:
        self.absent.append(_Absent(section, name, self.say[f"absent.{why}"].format(path=path)))

    def _origin(self, path: str) -> dict[str, Any]:
        """Run, stage and command of an artefact; hardware, time and input of the newest record that its stage left."""
        parts = path.split("/")
        stages = ("/".join(parts[:2]), parts[0]) if len(parts) > 2 else (parts[0] if len(parts) > 1 else "run",)
        source = next(
            (record.source for stage in stages for record in reversed(self.run.records) if record.source.stage == stage), None
        )
        found: dict[str, Any] = {"run": self.run.info.get("id"), "stage": stages[0], "command": self.run.info.get("command")}
        if source is not None:
            found |= {"run": source.run, "command": source.command, "hardware": source.hardware, "time": source.time}
            found["input_hash"] = source.input_hash
        return found

    def _manifest(self) -> Mapping[str, Any]:
        info = self.run.info
        return {
            "format": 1,
            "run": {key: info.get(key) for key in ("id", "project", "task", "created", "hash", "command")},
            "language": self.language,
            "files": self.files,
            "absent": [{"section": item.section, "name": item.name, "why": item.why} for item in self.absent],
        }

    def _index(self) -> str:
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        say, info = self.say, self.run.info
        yield f"# {say['title']}\n"
        yield say["intro"].format(project=_plain(info.get("project") or self.run.folder.name)) + "\n"
        yield f"{say['run']}: `{_plain(info.get('id') or '–')}` · {_plain(info.get('created') or '–')}\n"
        yield f"*{say['notice']}*"
        for section in SECTIONS:
            folder = _numbered(section)
            yield f"\n## {SECTIONS.index(section) + 1}. {say[f'section.{section}']}\n"
            mine = [(path, entry) for path, entry in self.files.items() if path.startswith(folder + "/")]
            if mine:
                yield f"| {say['file']} | {say['from']} | {say['stage']} |\n| --- | --- | --- |"
            for path, entry in mine:
                yield f"| [{_plain(path.partition('/')[2])}]({path.replace(' ', '%20')}) | `{_plain(entry['from'])}` | {_plain(entry['stage'])} |"
            gone = [item for item in self.absent if item.section == section]
            if gone:
                yield f"\n{say['absent']}:\n"
                yield from (f"- {_plain(item.name)}: {_plain(item.why)}" for item in gone)
        yield f"\n{say['absent.intro']}"


def _numbered(section: str) -> str:
    return f"{SECTIONS.index(section) + 1}-{section}"


def _flat(path: str) -> str:
    """`data/card.json` → `data-card.json`; the plan's files keep their own names."""
    return path.removeprefix("plan/").replace("/", "-")


def _plain(text: Any) -> str:
    """Foreign text inside Markdown: one line, no markup, no table bars."""
    line = " ".join(str(text).split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("[", "\\[").replace("`", "'")
