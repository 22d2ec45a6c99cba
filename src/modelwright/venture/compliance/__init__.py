"""The checklist of law and ethics, as data, and its states, computed.

catalogue       the items and the dates of the law (`items.yaml`, `instruments.yaml`)
classify        which duties concern this venture: market, role, use, measured operations
checks          the four kinds of check
check           the checklist: `check(settings, evidence, artefacts, today)` → plan/compliance.json
documentation   a draft of technical documentation, filled from the run

Readiness evidence, not legal advice.
"""

from modelwright.venture.compliance.check import STATEMENT, check
from modelwright.venture.compliance.documentation import draft

__all__ = ["STATEMENT", "check", "draft"]
