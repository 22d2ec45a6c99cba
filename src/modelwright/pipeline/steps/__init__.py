"""One module per stage: reads artefacts, calls the rooms, writes artefacts and evidence."""
