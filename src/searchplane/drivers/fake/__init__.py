"""A driver without processes, and the engine it pretends to run."""

from searchplane.drivers.fake.driver import FakeDriver

__all__ = ["FakeDriver"]
