"""Recorder, journal, document: what ran, written down while it runs and put together afterwards.

What the recorder imports stays small: it runs in the user's kernel.
"""
