"""`run://folder[#route]`: a checkpoint that a run of one's own has trained, as the start of another route.

The folder is a project's (its newest run that has what is asked), or a single run's. Without a route it is the one that the run
chose. What it means today is a finished step's folder, whose manifest's digest is its identity: a new pre-training has another
one, so that whatever started from the old one is trained again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from modelwright.base.errors import DataError
from modelwright.base.nouns import Row
from modelwright.base.store import Artefact, read_json
from modelwright.data.cleaning.folding import fold_text
from modelwright.data.rows import read_split

SCHEME = "run://"
RUNS, CHECKPOINT = "runs", "checkpoint"
_EXPECTED = "run:// with a project's folder or a run's folder, and if need be #route: run://../own-bert#bert"


def trained(reference: str, folder: Path) -> Artefact:
    """The finished training that a reference means now.

    Args:
        reference: as the project file names it.
        folder: the project's folder; a relative path starts there.

    Raises:
        DataError: no such folder, no project or run in it, no run that is far enough, no such route, or a checkpoint of a kind
            that nothing can start from.
    """
    named, _, route = reference.removeprefix(SCHEME).partition("#")
    place = Path(os.path.normpath(folder / Path(named).expanduser()))
    if not named or not place.is_dir():
        raise DataError(
            "there is no such folder",
            expected=_EXPECTED,
            where=f"{reference} ({place})",
            remedy="Mend `from:` of the route; a relative path starts at the folder of the project file.",
        )
    runs = list(_runs(place))
    if not runs:
        raise DataError(
            "the folder holds no run",
            expected=_EXPECTED,
            where=f"{reference} ({place})",
            remedy=f"Make one first: modelwright run {place}",
        )
    for run in runs:
        taken = route or _chosen(run)
        found = Artefact.open(run / "train" / taken) if taken else None
        if found is not None:
            return _checked(found, reference)
    raise _unfinished(runs, route, reference, place)


def resolve(reference: str, folder: Path) -> Path:
    """The checkpoint's folder; arguments and errors as `trained`."""
    return trained(reference, folder).folder / CHECKPOINT


def identity(reference: str, folder: Path) -> str:
    """The digest of the training's manifest; arguments and errors as `trained`."""
    return trained(reference, folder).digest


def read_before(reference: str, folder: Path, rows: Sequence[Row]) -> int | None:
    """How many of `rows` hold a text that the training behind the reference learned from, word for word: such rows flatter whatever
    starts from it. Near copies are not found, nor what that training itself started from.

    Returns:
        None where the run's rows are not there any more.
    """
    data = trained(reference, folder).folder.parents[1] / "data"
    if Artefact.open(data) is None:
        return None
    asked = {fold_text(row.values["text"]) for row in rows if isinstance(row.values.get("text"), str)}
    learned = (row.values.get("text") for row in read_split(data, "train"))
    known = {text for one in learned if isinstance(one, str) and (text := fold_text(one)) in asked}
    return sum(1 for row in rows if isinstance(row.values.get("text"), str) and fold_text(row.values["text"]) in known)


def _runs(place: Path) -> Iterator[Path]:
    """The run's own folder, or the project's runs, the newest first (their names begin with the moment they began)."""
    if (place / "run.json").is_file():
        yield place
        return
    for run in sorted(place.glob(f"{RUNS}/*"), reverse=True):
        if (run / "run.json").is_file():
            yield run


def _chosen(run: Path) -> str | None:
    """The route that a run has chosen; None while it has not."""
    if Artefact.open(run / "choose") is None:
        return None
    try:
        return str(read_json(run / "choose" / "decision.json")["route"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"what the run chose can't be read: {error}",
            expected="decision.json as the stage choose wrote it",
            where=str(run / "choose" / "decision.json"),
            remedy="Choose again: modelwright run --from choose; or name the route behind a #.",
        ) from error


def _unfinished(runs: list[Path], route: str, reference: str, place: Path) -> DataError:
    """The error for runs of which none has what is asked."""
    if not route:
        return DataError(
            f"none of the {len(runs):,} runs there has got as far as choosing a route",
            expected="a run that has finished training, evaluating and choosing",
            where=reference,
            remedy=f"Finish it: modelwright run {place}; or name a trained route behind a #.",
        )
    known = sorted({path.parent.name for run in runs for path in run.glob("train/*/manifest.json")})
    return DataError(
        f"no run there has trained a route {route!r}",
        expected=f"one of: {', '.join(known)}" if known else "a route whose training is finished",
        where=reference,
        remedy="Mend the name behind the #." if known else f"Finish a training first: modelwright run {place}",
    )


def _checked(found: Artefact, reference: str) -> Artefact:
    """With a checkpoint of a kind that other routes can start from: a standard layout, not one that only its own route reads."""
    path = found.folder / CHECKPOINT
    try:
        kind = str(json.loads((path / "config.json").read_text(encoding="utf-8")).get("model_type"))
    except (OSError, ValueError, AttributeError):
        kind = ""
    if kind and not kind.startswith("modelwright-") and any(path.glob("*.safetensors")):
        return found
    route = found.folder.name
    raise DataError(
        f"the route {route} has a checkpoint that no other route starts from"
        + (f" (it is of kind {kind.removeprefix('modelwright-')})" if kind else " (it holds no network in a standard layout)"),
        expected="a route whose checkpoint is in a standard layout: an encoder such as BERT, or a language model",
        where=f"{reference} ({path})",
        remedy="Name another route behind the #, for example run://../own-bert#bert.",
    )
