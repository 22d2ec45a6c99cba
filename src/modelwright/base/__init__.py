"""Room `base`: errors, evidence, artefacts, the five nouns, optional imports, console. Imports nothing of ours."""
