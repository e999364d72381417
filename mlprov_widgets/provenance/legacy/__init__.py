"""Provenance files of MLProvCodeGen, the prototype that this package re-implements, as values for the form."""
