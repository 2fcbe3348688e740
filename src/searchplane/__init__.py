"""searchplane: a self-hosted Cloud Search Service."""

__version__ = "0.1.0"
