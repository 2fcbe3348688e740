"""The command line. Local commands go through app.py, the others through HTTP like any client."""
