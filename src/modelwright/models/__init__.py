"""Room `models`: one file per architecture: batch in, outputs out; knows no task, no loop."""
