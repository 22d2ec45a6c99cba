"""`python -m modelwright`."""

from modelwright.cli import command

if __name__ == "__main__":  # a process that multiprocessing starts reads this file too
    command()
