"""The training queue: several projects' runs share one machine, by priority, reservation and a budget of money.

`settings` what founders state · `policy` which job may start, pure · `usage` how busy the slots were, pure · `store` the state,
SQLite · `worker` takes jobs · `job` one job in a process of its own · `show` what is printed.
"""
