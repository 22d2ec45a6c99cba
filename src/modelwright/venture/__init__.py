"""Room `venture`: money, energy, demand, cash. Pure numbers: evidence and assumptions in, figures out."""
