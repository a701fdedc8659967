"""What a soak expects of the service, in words."""


class Disappointed(Exception):
    """Something that has to hold did not; the message says what."""


def expect(holds: object, words: str) -> None:
    """Raises Disappointed with the words unless it holds."""
    if not holds:
        raise Disappointed(words)
