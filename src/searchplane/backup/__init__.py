"""The control plane's own state in one file: made while the service runs, and put back.

    parts.py       what belongs to it, and where each part lies
    archive.py     the file: a manifest, and the parts it names
    making.py      `searchplane backup`
    restoring.py   `searchplane restore`

Nodes and buckets are not in it: they are large, they have snapshots of their own, and a record
without its node is shown as such, never filled with an empty one.
"""
