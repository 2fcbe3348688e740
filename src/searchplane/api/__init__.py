"""The HTTP edge: it checks, commits what is wanted, and answers. It cannot start a process.

Read operation.py (what a declaration holds), then pipeline.py (what happens to a request), then
any file of css/ or identity/ (the declarations). web.py is the only file that knows ASGI.
"""
