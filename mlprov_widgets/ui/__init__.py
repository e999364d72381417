"""The form: choices in a notebook, a Voilà page or on Binder.

Only this package imports ipywidgets; `graph` alone imports ipycytoscape and `lab` alone ipylab.
"""
