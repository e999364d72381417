"""Notebooks are run in a process of their own, run again, and the two runs compared."""
