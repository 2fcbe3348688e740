"""The CSS operations, one file per group: models, handler and declaration beside each other."""
