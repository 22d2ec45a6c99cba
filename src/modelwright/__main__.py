"""`python -m modelwright`."""

from modelwright.cli import command

command()
