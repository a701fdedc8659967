"""Puts the service together: the one place where collaborators are made and handed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from flask import Flask

from cds_service.access.clients import Client, SmartApp, read_clients
from cds_service.access.tokens import Authenticator, ClaimTokenId, ReplayCache, Verifier
from cds_service.app.middleware import add_cors, add_errors, add_host_check
from cds_service.app.openapi import openapi_blueprint
from cds_service.app.operations import operations_blueprint
from cds_service.app.request_log import add_request_log
from cds_service.app.switches import LastKnown, Switches
from cds_service.app.topics import contents_of, names_of, pipelines_of, results_of, silent_names
from cds_service.content import Content
from cds_service.fhir_api.populate import Populator
from cds_service.fhir_api.routes import fhir_blueprint
from cds_service.hooks.calls import HookCalls
from cds_service.hooks.pipeline import ANONYMOUS
from cds_service.hooks.routes import hooks_blueprint
from cds_service.settings import Settings, blamed, listed
from cds_service.store import Store, StoreUnavailable, StoreUnusable, load_key
from cds_service.store.migrations import upgrade
from cds_service.telemetry.logs import LOG
from cds_service.web.content_pages import content_blueprint
from cds_service.web.form import Forms, form_blueprints, forms_of
from cds_service.web.form.client_address import AddressLimit, read_networks
from cds_service.web.form.sessions import Sessions
from cds_service.web.pages import add_page_headers, static_blueprint
from cds_service.web.reports import reports_blueprint
from cds_service.web.site import site_blueprint
from cds_service.web.smart.apps import Apps
from cds_service.web.smart.flow import LaunchFlow
from cds_service.web.smart.routes import CALLBACK, launch_blueprint
from cds_service.web.smart.submission import submit_with

HOOK_CALLS, SESSIONS = "cds_service.hooks.calls", "cds_service.sessions"  # in app.extensions
LAUNCH_FLOW = "cds_service.launch_flow"
SWITCHES = "cds_service.switches"


def assemble(settings: Settings, clock: Callable[[], datetime]) -> Flask:
    """The application of these settings; raises what ``create_app`` says."""
    clients, anonymous = _clients(settings)
    contents = contents_of(settings)
    store, reached = _store(settings)
    names, silent = names_of(contents), silent_names(settings, contents)
    with blamed("CDS_SILENT"):
        names.check(silent)
        switches = Switches(store, names, silent, LastKnown(settings.key_file))
    if reached:  # else a thread that still waits for it could be there when the server forks
        switches.read_patiently()
        store.close()  # what was opened here must not be shared with workers
    pipelines = pipelines_of(settings, contents, names, switches, store.names.uuid)
    calls = HookCalls(pipelines, store, settings)
    authenticator = _authenticator(settings, store, clients, anonymous)
    app = Flask(__name__, static_folder=None)
    app.extensions[HOOK_CALLS], app.extensions[SWITCHES] = calls, switches
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    add_request_log(app, contents[0].version)
    add_host_check(app)
    add_cors(app, listed(settings.cors_origins))
    add_errors(app)
    add_page_headers(app)
    app.register_blueprint(hooks_blueprint(calls, authenticator, clock))
    app.register_blueprint(operations_blueprint(calls, switches, clock, settings.site_words))
    app.register_blueprint(openapi_blueprint(pipelines, settings))
    populators: dict[str, Populator] = {}  # of the forms of all topics, by id
    for pipeline in pipelines:
        own = {form.id: Populator.of(pipeline, form) for form in pipeline.content.forms}
        populators |= own
        base = settings.public_base_url
        app.register_blueprint(fhir_blueprint(pipeline, own, authenticator, clock, base))
        results = results_of(settings.vignette_results, pipeline)
        app.register_blueprint(content_blueprint(pipeline, results))
    app.register_blueprint(static_blueprint())
    app.register_blueprint(site_blueprint(calls, settings.clinic_url))
    app.register_blueprint(reports_blueprint(pipelines, store, settings.report_token, clock))
    sessions = app.extensions[SESSIONS] = Sessions(store, clock, settings.forms_a_minute)
    apps = Apps((anonymous, *clients), settings.development)  # the file has the last word
    made = {
        name: form
        for content in contents
        for name, form in forms_of(
            content,
            sessions,
            clock,
            settings.public_base_url,
            settings.age_range,
            is_main=content is contents[0],
        ).items()
    }
    networks = read_networks(settings.trusted_proxies)
    limit = None if networks is None else AddressLimit(networks)
    intakes = {
        name: replace(
            one,
            site_words=settings.site_words,
            shows_initials=settings.show_initials,
            address_limit=limit,
        )
        for name, one in made.items()
    }
    flows = {
        name: LaunchFlow(calls, populators[name], one, apps, settings.public_base_url + CALLBACK)
        for name, one in intakes.items()
    }
    app.extensions[LAUNCH_FLOW] = flows[contents[0].questionnaire.id]
    submits = {name: submit_with(flow) for name, flow in flows.items()} if apps else {}
    forms = Forms(intakes, submits)
    for routes in form_blueprints(forms):
        app.register_blueprint(routes)
    app.register_blueprint(launch_blueprint(Forms(flows, {})))
    _log_start(contents, silent)
    return app


def _log_start(contents: Sequence[Content], silent: tuple[str, ...]) -> None:
    """Returns what an operator should know of a service that starts."""
    lacking = ", ".join(sorted({name for content in contents for name in content.placeholders}))
    if lacking:
        LOG.warning(
            "the form's texts lack words of the site", setting="CDS_SITE_WORDS", reason=lacking
        )
    if silent:
        LOG.warning(
            "silent: evaluated and recorded, never shown, emergencies included",
            silent=", ".join(silent),
        )


def _store(settings: Settings) -> tuple[Store, bool]:
    """The store, and whether it was there a moment ago."""
    with blamed("CDS_KEY_FILE"):
        key = load_key(settings.key_file)
    with blamed("CDS_DATABASE_URL"):
        store = Store(settings.database_url, key)
    try:
        upgrade(settings.database_url)
    except StoreUnusable as error:
        raise RuntimeError(f"the store cannot be used: {error}") from None
    except StoreUnavailable:
        LOG.error("the store cannot be reached: cards are served, calls are not recorded")
        return store, False
    return store, True


def _clients(settings: Settings) -> tuple[tuple[Client, ...], Client]:
    """Those of the file, and the one that stands for calls without a token."""
    smart = None
    if settings.smart_issuer:
        issuer = settings.smart_issuer
        host = urlsplit(issuer).hostname
        smart = SmartApp(name=host, issuer=issuer, client_id=settings.smart_client_id)
    anonymous = Client(id=ANONYMOUS, fhir_servers=listed(settings.fhir_servers), smart=smart)
    with blamed("CDS_CLIENTS"):
        clients = read_clients(settings.clients)
    if settings.auth != "off" and not any(client.issuer for client in clients):
        raise RuntimeError(
            f"CDS_AUTH={settings.auth} needs CDS_CLIENTS, a file with at least one issuer "
            "(CDS_AUTH=off is for development on a loopback address)"
        )
    if not settings.development:
        _refuse_plain_http(clients, anonymous)
    return clients, anonymous


def _refuse_plain_http(clients: tuple[Client, ...], anonymous: Client) -> None:
    """Raises RuntimeError for addresses that could never be called: plain http is for development,
    so a loopback address that was left over is told at the start, not at the first call."""
    written = [
        (f"CDS_CLIENTS: fhirServers of {client.id!r}", client.fhir_servers) for client in clients
    ]
    written += [
        (f"CDS_CLIENTS: smart.issuer of {client.id!r}", (client.smart.issuer,))
        for client in clients
        if client.smart
    ]
    written.append(("CDS_FHIR_SERVERS", anonymous.fhir_servers))
    if anonymous.smart:
        written.append(("CDS_SMART_ISSUER", (anonymous.smart.issuer,)))
    for where, addresses in written:
        if any(urlsplit(address).scheme == "http" for address in addresses):
            raise RuntimeError(
                f"{where} has an address with http://, which is called only with CDS_AUTH=off: "
                "name it with https://"
            )


def _authenticator(
    settings: Settings, store: Store, clients: tuple[Client, ...], anonymous: Client
) -> Authenticator:
    verifier = Verifier(clients, _claim(store))
    return Authenticator(verifier, settings.auth, settings.public_base_url, anonymous)


def _claim(store: Store) -> ClaimTokenId:
    """Token ids are claimed in the store, by this worker alone while the store is down."""
    seen = ReplayCache()

    def claim(issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        fresh = seen.claim(issuer, jti, expires, now)
        try:
            return store.claim_jti(issuer, jti, expires, now) and fresh
        except StoreUnavailable:
            return fresh

    return claim
