"""One module for each thing that is broken on purpose.

Each has ``check(visits, seconds)``: a sentence about what was seen; raises Disappointed when the
service did not hold, Skipped when this machine cannot break that thing.
"""


class Skipped(Exception):
    """This machine cannot do it; the message says why."""


FAULTS = (
    "killed-worker",
    "store-away",
    "postgres-restart",
    "full-disk",
    "hanging-ehr",
    "large-bodies",
    "slow-clients",
    "chunked-bodies",
    "slow-readers",
    "announced-bodies",
    "stalled-uploads",
    "waiting-bodies",
)
