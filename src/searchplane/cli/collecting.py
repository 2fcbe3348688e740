"""The garbage collector is spared what a service makes at its start, which lasts until its end.

A start makes more than a hundred thousand objects. The collector would look at them again and again
while they come, a tenth of the time until the first answer; and later every full collection would
look at all of them once more, which no thread, and so no request, gets past. So it rests while the
service starts, and then sets aside what is there.
"""

from __future__ import annotations

import gc


def rest() -> None:
    """To be called before anything large is imported."""
    gc.disable()


def resume() -> None:
    """From now on what comes and goes is collected, as long as `rest` was called before."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
