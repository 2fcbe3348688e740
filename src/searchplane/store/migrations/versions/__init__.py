"""One module a migration; they run in the order of their revisions."""
