"""The rate for each client address, and whose word on it counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from cds_service.web.form import Forms, form_blueprints
from cds_service.web.form.client_address import AddressLimit, read_networks
from cds_service.web.form.rate_limit import RateLimitExceeded
from tests.web.form.forms import BASE, Garden

PROXY = "10.1.2.3"


def hits(limit: AddressLimit, peer: str, forwarded: str = "") -> bool:
    """Whether one more from there is let in."""
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    with Flask("x").test_request_context(
        headers=headers, environ_base={"REMOTE_ADDR": peer}
    ) as context:
        try:
            limit.acquire(context.request)
        except RateLimitExceeded:
            return False
    return True


def limited(trusted: str) -> AddressLimit:
    return AddressLimit(read_networks(trusted) or (), most=2)


def test_one_address_cannot_keep_others_out() -> None:
    limit = limited("none")

    assert [hits(limit, "198.51.100.7") for _ in range(3)] == [True, True, False]
    assert hits(limit, "198.51.100.8")


@pytest.mark.parametrize(
    ("trusted", "peer", "first", "second", "same"),
    [
        ("10.0.0.0/8", PROXY, "198.51.100.7", "198.51.100.8", False),
        ("10.0.0.0/8", PROXY, "1.1.1.1, 198.51.100.7", "2.2.2.2, 198.51.100.7", True),
        ("10.0.0.0/8", PROXY, "198.51.100.7, 10.9.9.9", "198.51.100.8, 10.9.9.9", False),
        ("10.0.0.0/8", "198.51.100.7", "1.1.1.1", "2.2.2.2", True),
        ("none", PROXY, "1.1.1.1", "2.2.2.2", True),
        ("10.0.0.0/8", PROXY, "2001:db8::1", "2001:db8::ffff:1", True),
        ("10.0.0.0/8", PROXY, "2001:db8::1", "2001:db8:0:1::1", False),
        ("10.0.0.0/8", PROXY, "nonsense", "more nonsense", True),
    ],
)
def test_only_a_trusted_proxy_names_the_client(
    trusted: str, peer: str, first: str, second: str, same: bool
) -> None:
    limit = limited(trusted)
    assert hits(limit, peer, first)
    assert hits(limit, peer, first)

    assert hits(limit, peer, second) is not same


def test_the_form_says_that_it_is_busy(tmp_path: Path) -> None:
    garden = Garden(tmp_path)
    app = Flask("limited", static_folder=None)
    intake = replace(garden.intake, address_limit=limited("none"))
    for routes in form_blueprints(Forms({"garden": intake}, {})):
        app.register_blueprint(routes)

    answers = [app.test_client().post("/intake", base_url=BASE) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [303, 303, 503]
    assert "The form is very busy just now" in answers[-1].text
    assert app.test_client().get("/intake/print", base_url=BASE).status_code == 200
