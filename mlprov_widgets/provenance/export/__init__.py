"""A document in other forms: the serialisations of PROV, a crate, a script, a picture, a report."""
