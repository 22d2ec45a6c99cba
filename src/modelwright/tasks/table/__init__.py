"""Tables: how columns of every type become the numbers and categories that a model reads."""
