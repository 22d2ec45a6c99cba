"""`routes:` in the project file, one module per route.

A route's module says which tasks it serves, how it reads rows, which architecture in `models/` it trains, and its
settings. It is torch-free: reading a project file never loads a training library. Adding a route is adding a module here
(and one in `models/` if the architecture is new); the folder is walked, there is no list to edit.
"""
