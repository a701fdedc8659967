"""``make soak``: load and faults against the service as operators run it (``docs/performance.md``).

``load`` measures it beside the bare echo; each module of ``faults`` breaks one thing on purpose and
says what became of the calls and of the feedback that was acknowledged.
"""
