"""Three-valued logic over True, False and None (unknown)."""


def either(*terms: bool | None) -> bool | None:
    """OR: one yes decides."""
    return True if True in terms else None if None in terms else False


def both(*terms: bool | None) -> bool | None:
    """AND: one no decides."""
    return False if False in terms else None if None in terms else True


def no(term: bool | None) -> bool | None:
    """NOT: unknown stays unknown."""
    return None if term is None else not term


def below(value: float | None, limit: float) -> bool | None:
    """``value < limit``, unknown without a value."""
    return None if value is None else value < limit


def at_least(value: float | None, limit: float) -> bool | None:
    """``value >= limit``, unknown without a value."""
    return None if value is None else value >= limit


def at_most(value: float | None, limit: float) -> bool | None:
    """``value <= limit``, unknown without a value."""
    return None if value is None else value <= limit


def at_least_of(count: int, terms: tuple[bool | None, ...]) -> bool | None:
    """Whether ``count`` terms are true; unknown while they could be."""
    if terms.count(True) >= count:
        return True
    return None if len(terms) - terms.count(False) >= count else False
