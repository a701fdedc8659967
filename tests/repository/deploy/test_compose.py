"""docker-compose.yml, the Dockerfile and the proxy's configuration say the same as the service."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from cds_service.settings import Settings
from cds_service.store.engines import FEEDBACK_CALL, HOOK_CALL, OFFLINE, POOL
from tests.support.clinic import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
REPLICAS = ("cds-1", "cds-2")
CADDYFILE = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IN_THE_IMAGE = {"CDS_CONTENT"}  # set by the Dockerfile, which has the content


def image_of(service: dict[str, Any]) -> str:
    return service["image"]


# -- the replicas ------------------------------------------------------------------------------


def test_every_setting_reaches_every_replica() -> None:
    names = {f"CDS_{name.upper()}" for name in Settings.model_fields}

    for replica in REPLICAS:
        passed = SERVICES[replica]["environment"]
        assert {name for name in passed if name.startswith("CDS_")} == names - IN_THE_IMAGE
    assert all(f"{name}=" in DOCKERFILE for name in IN_THE_IMAGE)


def default_of(written: str) -> str:
    """What ``${NAME:-default}`` is when nothing is set; the value itself without a variable."""
    found = re.fullmatch(r"\$\{\w+:-(.*)\}", written)
    return found[1] if found else written


def test_compose_changes_no_default_but_where_files_are() -> None:
    environment = SERVICES["cds-1"]["environment"]
    # An empty variable is as good as none.
    ours = {
        f"CDS_{n.upper()}": "" if f.default in (None, {}) else f.default
        for n, f in Settings.model_fields.items()
    }
    changed = {
        name
        for name, written in environment.items()
        if name in ours and default_of(written) not in (str(ours[name]), str(ours[name]).lower())
    }

    in_the_volume = {"CDS_KEY_FILE", "CDS_VIGNETTE_RESULTS"}
    assert changed == {"CDS_CLIENTS", "CDS_DATABASE_URL", *in_the_volume}


def test_what_compose_passes_when_nothing_is_set_are_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An empty variable is not the same as none: every setting must take what it is passed."""
    for name, written in SERVICES["cds-1"]["environment"].items():
        monkeypatch.setenv(name, default_of(written))
    passed, bare = Settings(), Settings.model_construct()
    differing = {
        name
        for name in Settings.model_fields
        if (getattr(passed, name) or None) != (getattr(bare, name) or None)
    }

    assert differing <= {"clients", "database_url", "key_file", "vignette_results"}


def test_the_replicas_are_one_service_and_share_database_and_key() -> None:
    first, second = (SERVICES[name] for name in REPLICAS)
    keys = [v for v in first["volumes"] if v.endswith(":/var/lib/cds")]

    assert first == second
    assert first["environment"]["CDS_DATABASE_URL"].startswith("postgresql+psycopg://")
    assert first["environment"]["CDS_KEY_FILE"].startswith("/var/lib/cds/")
    assert [v.partition(":")[0] in COMPOSE["volumes"] for v in keys] == [True]


def test_the_clients_file_is_mounted_where_the_replicas_look() -> None:
    mounted = [volume.rsplit(":", 2) for volume in SERVICES["cds-1"]["volumes"]]
    clients = SERVICES["cds-1"]["environment"]["CDS_CLIENTS"]

    assert ["${CDS_CLIENTS:-./examples/clients.json}", clients, "ro"] in mounted


def test_replicas_and_database_are_reached_through_the_proxy_only() -> None:
    published = {name: s["ports"] for name, s in SERVICES.items() if "ports" in s}

    assert not set(published) & {*REPLICAS, "postgres"}
    assert all(
        p.startswith("127.0.0.1:") for n, ps in published.items() if n != "proxy" for p in ps
    )
    assert all(":-127.0.0.1:" in port for port in published["proxy"])
    assert COMPOSE["networks"]["store"]["internal"]
    assert {n for n, s in SERVICES.items() if "store" in s.get("networks", ())} == {
        *REPLICAS,
        "postgres",
    }


def test_operating_names_replicas_that_exist() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")

    assert set(re.findall(r"\bcds-\d+", page)) == set(REPLICAS)
    assert set(re.findall(r"docker compose exec -T (\S+)", page)) <= set(SERVICES)


def test_database_takes_the_connections_of_all_workers_even_while_they_change() -> None:
    environment = SERVICES["cds-1"]["environment"]
    workers = len(REPLICAS) * int(default_of(environment["CDS_WORKERS"]))
    pools = [HOOK_CALL, FEEDBACK_CALL, OFFLINE]
    taken = int(SERVICES["postgres"]["command"][-1].removeprefix("max_connections="))

    assert 2 * workers * len(pools) * POOL["pool_size"] < taken
    assert POOL["max_overflow"] == 0


# -- images and passwords ----------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_image_is_of_one_exact_version(name: str) -> None:
    tag = image_of(SERVICES[name]).rpartition(":")[2]

    assert re.match(r"v?\d+\.\d+(\.\d+)?", tag), tag


def test_the_dockerfile_names_one_exact_base_and_runs_as_nobody_in_particular() -> None:
    bases = set(re.findall(r"^FROM (\S+:\S+)", DOCKERFILE, re.M))
    stages = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.M | re.S))

    assert len(bases) == 1
    assert re.search(r":\d+\.\d+\.\d+-slim-", bases.pop())
    assert re.search(r"^USER \d{3,}$", stages["runtime"], re.M)
    assert "FROM runtime AS demo\n" in DOCKERFILE
    assert DOCKERFILE.endswith("FROM runtime AS service\n")  # what is built unless another is asked
    assert not [name for name in ("demo", "service") if "USER" in stages[name]]
    assert "--require-hashes" in DOCKERFILE


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_container_can_gain_rights(name: str) -> None:
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]
    assert "privileged" not in SERVICES[name]


def test_no_password_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"\$\{(CDS_\w*PASSWORD)\b", text))

    assert named == {"CDS_POSTGRES_PASSWORD", "CDS_GRAFANA_PASSWORD"}
    assert re.search(r"\$\{CDS_POSTGRES_PASSWORD:\?", text)
    assert SERVICES["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == (
        "${CDS_GRAFANA_PASSWORD:-}"
    )
    assert "${GF_SECURITY_ADMIN_PASSWORD:?" in SERVICES["grafana"]["entrypoint"][-1]
    assert all(f"\n{name}=\n" in example for name in named)


# -- the demo ----------------------------------------------------------------------------------


def test_the_demo_has_the_same_addresses_inside_and_outside() -> None:
    demo, door = SERVICES["demo"], (ROOT / "deploy" / "demo.Caddyfile").read_text(encoding="utf-8")
    port = int(re.search(r'"demo", "--port", "(\d+)"', DOCKERFILE)[1])
    let_in = dict(re.findall(r"^http://:(\d+) \{\n\treverse_proxy 127\.0\.0\.1:(\d+)$", door, re.M))
    published = [published.split(":") for published in demo["ports"]]

    assert {outside for _, outside, _ in published} == {str(port + n) for n in range(3)}
    assert {inside: outside for _, outside, inside in published} == let_in
    assert f"http://127.0.0.1:{port + 2}/'" in DOCKERFILE  # its health is the clinic's
    assert SERVICES["demo-door"]["network_mode"] == "service:demo"
    assert SERVICES["hapi"]["environment"]["hapi.fhir.server_address"] == (
        f"http://127.0.0.1:{port + 1}/fhir"
    )
    assert '"--fhir-server", "http://hapi:8080/fhir"' in DOCKERFILE
    assert {name for name, s in SERVICES.items() if "demo" in s.get("networks", ())} == {
        "demo",
        "hapi",
    }


# -- the proxy ---------------------------------------------------------------------------------


def directives(name: str) -> list[str]:
    """What follows each directive of this name, comments left out."""
    lines = (line.split(" #")[0].strip() for line in CADDYFILE.splitlines())
    return [line.removeprefix(name).strip() for line in lines if line.split(" ")[0] == name]


def test_the_proxy_takes_bodies_as_large_as_the_service_does() -> None:
    limit = SERVICES["cds-1"]["environment"]["CDS_MAX_BODY_BYTES"]

    assert directives("max_size") == ["{$CDS_MAX_BODY_BYTES:10000000}"]
    assert SERVICES["proxy"]["environment"]["CDS_MAX_BODY_BYTES"] == limit
    assert default_of(limit) == "10000000" == str(Settings.model_fields["max_body_bytes"].default)


def test_the_proxy_knows_every_replica_and_asks_whether_it_is_ready() -> None:
    told = SERVICES["proxy"]["environment"]["CDS_REPLICAS"]

    assert told == " ".join(f"{name}:8080" for name in REPLICAS)
    assert directives("reverse_proxy") == [f"{{$CDS_REPLICAS:{told}}} {{"]
    assert directives("health_uri") == ["/health/ready"]
    assert "8080" in re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.M)


def test_the_proxy_hides_what_is_for_operators_and_logs_no_request() -> None:
    hidden = directives("@inside")[0].split()[1:]

    assert {"/metrics", "/reports/*"} <= set(hidden)
    assert directives("log") == ["default {"]  # of the server as a whole; no site has an access log
    assert directives("request") == ["delete"]


def test_the_proxy_leaves_request_ids_alone() -> None:
    assert directives("header_up") == directives("header_down") == []
    assert not [line for line in directives("header") if "request-id" in line.lower()]
