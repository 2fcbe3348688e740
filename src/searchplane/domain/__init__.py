"""The rules of the service, pure: no I/O, no clock (`now` is an argument), no framework.

Everything here can be tested in microseconds with a table of cases.
"""
