"""Nodes as processes of this machine. Start reading at driver.py, then launcher.py."""
