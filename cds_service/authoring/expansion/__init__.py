"""Pinned expansions of value sets: intent in ``compose``, the frozen list in ``expansion``.

A filter such as "every product with this ingredient" is resolved once, by a command, from RxNorm's
files or a terminology server. The service reads the frozen list only: offline, the same each time.
"""
