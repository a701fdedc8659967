"""Replay: the content over a whole population, before anybody sees a card (``docs/replay.md``)."""
