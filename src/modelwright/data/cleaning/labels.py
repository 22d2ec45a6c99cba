"""Labels: spellings united, contradictions found, rare ones taken out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from modelwright.data.cleaning.folding import fold_label
from modelwright.data.cleaning.record import Quarantine, Record, keep


def labels_of(record: Record, role: str) -> tuple[str, ...]:
    """The row's labels as a tuple, whether it carries one, several, or (where the task allows it) none."""
    label = record.values.get(role)
    if label is None:
        return ()
    return label if isinstance(label, tuple) else (label,)


def unite_spellings(records: Sequence[Record], role: str) -> dict[str, str]:
    """Give labels that differ only by case or spaces one spelling, in place: the most frequent, the first seen in a tie.

    Returns:
        spelling that was replaced → spelling that replaced it.
    """
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        for label in labels_of(record, role):
            spellings[fold_label(label)][label] += 1
    folds: dict[str, str] = {}
    for counts in spellings.values():
        best = counts.most_common(1)[0][0]
        folds |= {label: best for label in counts if label != best}
    if folds:
        for record in records:
            found = record.values.get(role)
            if isinstance(found, tuple):
                record.values[role] = tuple(dict.fromkeys(folds.get(part, part) for part in found))
            elif found is not None:
                record.values[role] = folds.get(found, found)
    return folds


def remove_contradictions(records: Sequence[Record], role: str, quarantine: Quarantine) -> list[Record]:
    """Take out every copy of a text that occurs under different labels: nobody can say which is right."""
    labels: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for record in records:
        labels[record.key].add(tuple(sorted(labels_of(record, role))))
    removed = set()
    for position, record in enumerate(records):
        if len(labels[record.key]) > 1:
            removed.add(position)
            spelled = sorted("+".join(found) for found in labels[record.key])
            quarantine.add(record, "contradiction", f"the same text is labelled {' and '.join(spelled)}")
    return keep(records, removed)


def remove_rare(records: Sequence[Record], role: str, minimum: int, quarantine: Quarantine) -> list[Record]:
    """Take out rows with a label that fewer than `minimum` rows carry; again, while that makes another label rare."""
    kept = list(records)
    while True:
        counts = Counter(label for record in kept for label in labels_of(record, role))
        rare = {label for label, count in counts.items() if count < minimum}
        if not rare:
            return kept
        removed = set()
        for position, record in enumerate(kept):
            found = [label for label in labels_of(record, role) if label in rare]
            if found:
                removed.add(position)
                quarantine.add(
                    record, "rare_label", f"only {counts[found[0]]} rows are labelled {found[0]!r}, fewer than {minimum}"
                )
        kept = keep(kept, removed)
