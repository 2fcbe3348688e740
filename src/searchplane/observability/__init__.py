"""Metrics and logs; every room may import it, it imports none."""
