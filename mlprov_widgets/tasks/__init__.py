"""Tasks: what can be chosen, as data, and a Plan: what was chosen.

A task is a folder with ``task.toml`` and one template a cell. Nothing in here knows of a particular
task, of notebooks or of provenance.
"""
