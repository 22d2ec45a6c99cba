"""Near-duplicate removal and tokenising beside datatrove, in the same run, on the same texts and the same two cores.

Texts are novels, speeches and news of the catalogue, cut into documents of about 3,000 characters. One in ten gets a copy in which one
word of a hundred is another: these planted copies are what both should find. Ours is the whole data stage of a corpus (reading, one way of
writing, copies, splits, Parquet) and the lessons of the text-generation task (tokenised into memory-mapped files); theirs is their
documented MinHash pipeline and their tokenizer, each with its defaults, with the same tokenizer.json.

    python benchmarks/corpus.py                               makes an environment for datatrove, once
    python benchmarks/corpus.py --datatrove /path/to/python   an environment that has it
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright.base.console import Console
from modelwright.base.machine import describe
from modelwright.base.store import write_json
from modelwright.data.catalogue.fetch import cache_folder
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split
from modelwright.data.sources import open_source
from modelwright.spec.data import Data
from modelwright.spec.routes.route import all_routes
from modelwright.tasks.contract import get_task

HERE = Path(__file__).resolve().parent
SOURCES = ("novels", "moby-dick", "union-speeches", "bbc-news")
CHARACTERS = 3000
COPIED, CHANGED = 0.1, 0.01
SEED = 7
PEER = ("datatrove[processing]==0.10.1", "orjson", "spacy>=3.8")
TARGET = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datatrove", help="a Python that has datatrove[processing], orjson and spacy")
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--out", default="corpus")
    given = parser.parse_args()
    python = given.datatrove or _environment()
    with tempfile.TemporaryDirectory(prefix="corpus-") as name:
        folder = Path(name)
        documents = list(_documents(given.megabytes))
        texts, planted = _planted(documents)
        size = sum(len(text.encode()) for text in texts.values()) / 1e6
        (folder / "in").mkdir()
        for part in range(2):
            with (folder / "in" / f"{part}.jsonl").open("w", encoding="utf-8") as file:
                for key in list(texts)[part::2]:
                    file.write(json.dumps({"id": key, "text": texts[key]}, ensure_ascii=False) + "\n")
        print(f"{len(texts):,} documents, {size:.1f} MB, {len(planted):,} planted copies", flush=True)
        ours = _ours(folder)
        print(_line("modelwright", ours, size, planted), flush=True)
        theirs = _theirs(folder, python)
        print(_line("datatrove", theirs, size, planted), flush=True)
    figures = {name: _figures(one, size, planted) for name, one in (("modelwright", ours), ("datatrove", theirs))}
    ratios = {
        what: figures["modelwright"][what] / figures["datatrove"][what]
        for what in ("copies_mb_per_s", "tokens_mb_per_s", "both_mb_per_s")
    }
    result = {
        "command": shlex.join(
            ["python", "benchmarks/corpus.py", *(a if a != given.datatrove else "PYTHON" for a in sys.argv[1:])]
        ),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe().line,
        "sources": list(SOURCES),
        "documents": len(texts),
        "megabytes": size,
        "planted": len(planted),
        "figures": figures,
        "ratios": ratios,
        "target": TARGET,
        "met": min(ratios["copies_mb_per_s"], ratios["both_mb_per_s"]) >= TARGET
        and figures["modelwright"]["recall"] >= figures["datatrove"]["recall"],
    }
    write_json(HERE / "results" / f"{given.out}.json", result)
    print(json.dumps(ratios, indent=1))


def _environment() -> str:
    folder = cache_folder() / "peers" / "datatrove"
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        print(f"installing {', '.join(PEER)} (once)", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEER], check=True)
        (folder / "installed").write_text(" ".join(PEER), encoding="utf-8")
    return str(python)


def _documents(megabytes: float) -> Iterator[str]:
    """Pieces of the sources at ends of sentences, some of each source in turn."""
    streams = [_pieces(name) for name in SOURCES]
    size = 0
    while streams:
        for stream in list(streams):
            piece = next(stream, None)
            if piece is None:
                streams.remove(stream)
                continue
            yield piece
            size += len(piece.encode())
            if size >= megabytes * 1e6:
                return


def _pieces(name: str) -> Iterator[str]:
    reading = open_source(Data(source=f"catalogue://{name}"), Path(), Console())
    for row in reading.rows:
        sentences = re.findall(r"[^.!?]+[.!?]+[\"'”’]*\s*", row.values["text"] or "")
        piece = ""
        for sentence in sentences:
            piece += sentence
            if len(piece) >= CHARACTERS:
                yield piece.strip()
                piece = ""
        if len(piece) > CHARACTERS / 4:
            yield piece.strip()


def _planted(documents: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """All texts by id, in a shuffled order, and copy → original."""
    generator = random.Random(SEED)
    words = sorted({word for text in documents[:200] for word in text.split()})
    texts = {f"d{number}": text for number, text in enumerate(documents)}
    planted = {}
    for key in generator.sample(sorted(texts), int(len(texts) * COPIED)):
        copy = texts[key].split(" ")
        for place in generator.sample(range(len(copy)), max(1, round(len(copy) * CHANGED))):
            copy[place] = generator.choice(words)
        texts[f"c{key}"] = " ".join(copy)
        planted[f"c{key}"] = key
    keys = list(texts)
    generator.shuffle(keys)
    return {key: texts[key] for key in keys}, planted


def _ours(folder: Path) -> dict[str, Any]:
    task = get_task("text-generation")
    out = folder / "prepared"
    out.mkdir()
    spec = Data(
        source="in",
        columns={"id": "id"},
        clean={"duplicates": "near"},  # type: ignore[arg-type]
        split={"test": 0.005, "validation": 0.005},  # type: ignore[arg-type]
    )
    start = time.perf_counter()
    prepare(spec, task.columns, folder, out, Console(quiet=True), habits=task.habits)
    copies = time.perf_counter() - start
    rows = {name: read_split(out, name) for name in ("train", "validation", "test")}
    route = next(route for route in all_routes().values() if route.reads == "byte-pairs")()
    fitted = task.fit(rows["train"], route)
    saved = folder / "task"
    saved.mkdir()
    fitted.save(saved)
    (saved / "tokenizer.json").replace(folder / "tokenizer.json")
    start = time.perf_counter()
    lessons = fitted.lessons(rows["train"])
    tokens = (time.perf_counter() - start) * sum(map(len, rows.values())) / len(rows["train"])
    assert len(lessons)
    return {"seconds": {"copies": copies, "tokens": tokens}, "kept": [row.id for part in rows.values() for row in part]}


def _theirs(folder: Path, python: str) -> dict[str, Any]:
    with (folder / "datatrove.log").open("w") as log:
        done = subprocess.run([python, HERE / "peer_datatrove.py", folder], stdout=log, stderr=log, check=False)
    if done.returncode:
        raise SystemExit("datatrove failed:\n" + (folder / "datatrove.log").read_text()[-2000:])
    found = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    stages = found["seconds"]
    copies = sum(seconds for name, seconds in stages.items() if name != "tokens")
    return {"seconds": {"copies": copies, "tokens": stages["tokens"]}, "stages": stages, "kept": found["kept"]}


def _figures(one: dict[str, Any], size: float, planted: dict[str, str]) -> dict[str, Any]:
    kept, seconds = set(one["kept"]), one["seconds"]
    found = sum(not {copy, original} <= kept for copy, original in planted.items())
    lost = sum(copy not in kept and original not in kept for copy, original in planted.items())
    return {
        "copies_mb_per_s": size / seconds["copies"],
        "tokens_mb_per_s": size / seconds["tokens"],
        "both_mb_per_s": size / (seconds["copies"] + seconds["tokens"]),
        "recall": found / len(planted),
        "both_lost": lost,
        "kept": len(kept),
        "seconds": seconds,
        **({"stages": one["stages"]} if "stages" in one else {}),
    }


def _line(name: str, one: dict[str, Any], size: float, planted: dict[str, str]) -> str:
    found = _figures(one, size, planted)
    return (
        f"{name:<12} copies {found['copies_mb_per_s']:.2f} MB/s · tokens {found['tokens_mb_per_s']:.2f} MB/s · "
        f"planted copies found {found['recall']:.1%} · kept {found['kept']:,}"
    )


if __name__ == "__main__":
    main()
