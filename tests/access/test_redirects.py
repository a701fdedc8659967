"""Neither a redirect nor a next page leads anywhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cds_service.access.fhir_client import FhirClient
from tests.access.fetching import CONDITIONS, one, page, words
from tests.support.hostile_fhir import HostileServer, redirect, resource


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(
    code: int, client: FhirClient, server: HostileServer, other: HostileServer
) -> None:
    server.on("Patient/person", redirect(f"{other.base}/Patient/person", code))
    server.on("Patient/home", redirect(f"{server.base}/Patient/person", code))

    there, home = one(client, server), one(client, server, patient_id="home")

    assert words(there) == words(home) == f"could not be read: the FHIR server answered {code}"
    assert server.targets == ["/fhir/Patient/person", "/fhir/Patient/home"]


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize(
    "following",
    [
        lambda s, o: f"{o.base}/Condition?page=2",
        lambda s, o: f"http://127.0.0.1:{o.port}/fhir/Condition",
        lambda s, o: f"http://localhost:{s.port}/fhir/Condition?page=2",
        lambda s, o: f"https://127.0.0.1:{s.port}/fhir/Condition?page=2",
        lambda s, o: f"{s.origin}/other/Condition?page=2",
        lambda s, o: f"{s.origin}/fhirother/Condition?page=2",
        lambda s, o: f"{s.origin}?page=2",
        lambda s, o: f"http://me@127.0.0.1:{s.port}/fhir/Condition?page=2",
        lambda s, o: f"http://me:pw@127.0.0.1:{s.port}/fhir/Condition?page=2",
        lambda s, o: f"http://127.0.0.1:{s.port}@127.0.0.1:{o.port}/fhir/Condition",
        lambda s, o: f"http://127.0.0.1:{s.port}\\@127.0.0.1:{o.port}/fhir/Condition",
        lambda s, o: f"http://127.0.0.1:{o.port}#@127.0.0.1:{s.port}/fhir/Condition",
        lambda s, o: f"file://127.0.0.1:{s.port}/fhir/Condition",
        lambda s, o: f"http://:pw@127.0.0.1:{s.port}/fhir/Condition?page=2",
        lambda s, o: f"{s.base}/../other?page=2",
        lambda s, o: f"{s.base}/x/../../other?page=2",
        lambda s, o: f"{s.base}/%2e%2e/other?page=2",
        lambda s, o: f"{s.base}/%252e%252e/other?page=2",
        lambda s, o: f"{s.base}/Condition;x?page=2",
        lambda s, o: "../other?page=2",
        lambda s, o: f"//127.0.0.1:{o.port}/fhir/Condition",
    ],
    ids=[
        "another-port",
        "another-port-no-query",
        "another-name",
        "another-scheme",
        "another-path",
        "longer-path",
        "no-path",
        "user",
        "user-and-password",
        "base-as-user",
        "backslash",
        "fragment",
        "file",
        "password-only",
        "dots",
        "deeper-dots",
        "encoded-dots",
        "twice-encoded-dots",
        "semicolon",
        "relative-dots",
        "no-scheme",
    ],
)
def test_a_next_page_elsewhere_is_not_fetched(
    following: Callable[[HostileServer, HostileServer], str],
    client: FhirClient,
    server: HostileServer,
    other: HostileServer,
) -> None:
    server.on("Condition", resource(page(following=following(server, other))))

    outcome = one(client, server, CONDITIONS)

    assert (outcome["entry"], [x["relation"] for x in outcome["link"]]) == ([], ["next"])
    assert server.targets == ["/fhir/Condition?patient=person"]
