"""The loop that makes the wanted state true.

    loop.py      which cluster is looked at when; one task a cluster, a bounded number at work
    one_pass.py  one pass: read the record, observe, plan, record what is said, act
    observe.py   one look at a cluster: its processes, its engine, its distribution
    act.py       one step made true, and stored
    load.py      how loaded nodes are, looked at in passes now and then
    compose.py   what a driver is told about a node
    ports.py     what the loop needs of other rooms

The loop is level-triggered: nothing is remembered between passes but the record in the database.
A crash at any line is cured by the next pass, because every step may be repeated and every pass
starts from a fresh look.

Threads. The loop has a thread and an event loop of its own (app.py starts it), so that a busy
HTTP edge cannot hold it up. Within it everything is asyncio; SQL and key generation go to worker
threads. A cluster is tended by exactly one task, so there is never more than one pass at a time
over it; the right to tend (Tenure in ports.py) makes that true across processes. No pass waits in
a procedure: what takes long is started, and looked at again by a later pass.

What it will not do: decide anything. domain/plan.py decides, from values alone.
"""
