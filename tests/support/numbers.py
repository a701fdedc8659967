"""Numbers of ``/metrics`` as tests read them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from tests.support.ward import Ward

Sample = tuple[str, tuple[tuple[str, str], ...]]


def samples(text: str) -> dict[Sample, float]:
    """Name and labels -> value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float:
    """The value of a sample; 0 when it is not there."""
    return samples(text).get((name, tuple(sorted(labels.items()))), 0)


class Counted:
    """What one application adds to the numbers of this process."""

    def __init__(self, ward: Ward) -> None:
        self.ward = ward
        self.before = samples(self.page())

    def page(self) -> str:
        """The page as it is now."""
        answer = self.ward.client.get("/metrics")
        assert answer.status_code == 200
        return answer.text

    def more(self, name: str, **labels: str) -> float:
        """How much was added to a sample since the beginning."""
        key = (name, tuple(sorted(labels.items())))
        return samples(self.page()).get(key, 0) - self.before.get(key, 0)

    def labels(self, name: str) -> Iterator[dict[str, str]]:
        """The labels of every sample of that name that grew."""
        for (found, labels), now in samples(self.page()).items():
            if found == name and now > self.before.get((found, labels), 0):
                yield dict(labels)
