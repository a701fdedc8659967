"""The form opened from an EHR, in a real browser and over two sites: signed in, answered, saved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from werkzeug.serving import make_server

from cds_service import create_app
from demo.authorization import App
from demo.ehr import DemoEhr
from tests.demo.test_servers import free_ports
from tests.support.clinic import settings_in
from tests.web.browser.looking import Quiet, barriers, keep
from tests.web.browser.watching import Watch
from tests.web.smart.conftest import APP, CHART

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

KIND = "QuestionnaireResponse"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory, ehr_beside: DemoEhr) -> Iterator[str]:
    """The service at ``localhost``: for a browser that is another site than the EHR's 127.0.0.1, so
    its cookie has to survive the way there and back."""
    (port,) = free_ports(1)
    origin = f"http://localhost:{port}"
    ehr_beside.authorization.apps = (App(APP, (f"{origin}/intake/callback",)),)
    settings = settings_in(
        tmp_path_factory.mktemp("service"),
        public_base_url=origin,
        smart_issuer=ehr_beside.fhir_base,
        smart_client_id=APP,
    )
    app = create_app(settings)
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield origin
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["cds_service.hooks.calls"].close()


@pytest.fixture(scope="module")
def ehr_beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoEhr]:
    ehr = DemoEhr(tmp_path_factory.mktemp("ehr"), CHART, tokens_required=True).start()
    yield ehr
    ehr.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en", viewport={"width": 390, "height": 844})
    yield context
    context.close()


def to_the_end(page: Page) -> None:
    """Goes through all steps to the page that reads the answers back."""
    onwards = page.get_by_role("button", name=re.compile("Continue|Go on|go to my answers"))
    while not page.url.endswith("/intake/review"):
        with page.expect_navigation():
            onwards.click()


def test_from_the_launch_to_the_saved_response(
    context: BrowserContext, origin: str, ehr_beside: DemoEhr
) -> None:
    watch, page = Watch(context), context.new_page()
    page.goto(ehr_beside.launch_url(f"{origin}/intake/launch", "ana"))

    assert page.url == f"{origin}/intake"
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("radio").first.check()
    to_the_end(page)
    ehr_beside.authorization.tokens.clear()  # the login ends while somebody reads
    page.get_by_role("button", name="Send my answers").click()
    keep(page, "launch-signed-out")
    page.get_by_role("link", name="Sign in again").click()
    assert page.url.startswith(f"{ehr_beside.root}/auth/authorize")
    keep(page, "launch-demo-sign-in")
    assert barriers(page) == []
    page.get_by_role("link", name="Ana Sample").click()
    page.get_by_role("button", name="Send my answers").click()
    page.get_by_role("heading", name="Your answers were sent").wait_for()

    (response,) = ehr_beside.find(KIND)
    assert response["subject"] == {"reference": "Patient/ana"}
    assert [len(item["answer"]) for item in response["item"]] == [1]
    assert watch.complaints == []
    assert watch.origins <= {origin, ehr_beside.root}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_the_way_in_are_open_to_everybody(
    scheme: str, context: BrowserContext, origin: str, ehr_beside: DemoEhr
) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{origin}/intake/launch")
    page.get_by_role("link", name="Do not allow").click()

    page.get_by_role("heading", name="You chose not to connect").wait_for()
    keep(page, f"launch-declined-{scheme}")
    assert barriers(page) == []


def test_signing_in_is_one_of_two_equal_choices(context: BrowserContext, origin: str) -> None:
    page = context.new_page()
    page.goto(f"{origin}/intake")
    first, second = page.locator(".choice > *").all()
    keep(page, "start-choice")
    sizes = [one.bounding_box() for one in (first, second)]

    assert "so that your clinic gets your answers" in first.inner_text()
    assert sizes[0] is not None
    assert sizes[1] is not None
    assert (sizes[0]["width"], sizes[0]["height"]) == (sizes[1]["width"], sizes[1]["height"])
    assert barriers(page) == []
    second.click()
    page.wait_for_url("**/step/1")
    assert "You are not signed in: your answers are not sent." in page.inner_text("footer")
