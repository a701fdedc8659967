"""docker-compose.yml, the Dockerfile and the proxy's configuration say the same as the service."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds_service.access.clients import read_clients
from cds_service.settings import Settings
from cds_service.store.engines import FEEDBACK_CALL, HOOK_CALL, OFFLINE, POOL
from tests.support.clinic import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
REPLICAS = ("cds-1", "cds-2")
CADDYFILE = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
REPLICA = {k: v for k, v in SERVICES["cds-1"].items() if k != "build"}
# What the largest may take: a host with 8 GB runs all profiles.
MOST_MEMORY = 3 * 1024**3


def image_of(service: dict[str, Any]) -> str:
    return service["image"]


# -- the replicas ------------------------------------------------------------------------------


def test_every_setting_reaches_every_replica() -> None:
    names = {f"CDS_{name.upper()}" for name in Settings.model_fields}

    for replica in REPLICAS:
        passed = SERVICES[replica]["environment"]
        assert {name for name in passed if name.startswith("CDS_")} == names


def default_of(written: str) -> str:
    """What ``${NAME:-default}`` is when nothing is set; the value itself without a variable."""
    found = re.fullmatch(r"\$\{\w+:-(.*)\}", written)
    return found[1] if found else written


def test_compose_changes_no_default_but_where_files_and_the_proxy_are() -> None:
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
    proxy = "CDS_TRUSTED_PROXIES"
    assert changed == {"CDS_CLIENTS", "CDS_CONTENT", "CDS_DATABASE_URL", proxy, *in_the_volume}


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

    files = {"clients", "content", "database_url", "key_file", "vignette_results"}
    assert differing <= {*files, "trusted_proxies"}


def test_the_replicas_are_one_service_and_share_database_and_key() -> None:
    first, second = (SERVICES[name] for name in REPLICAS)
    keys = [v for v in first["volumes"] if v.endswith(":/var/lib/cds")]

    assert {k: v for k, v in second.items() if k != "pull_policy"} == REPLICA
    assert first["environment"]["CDS_DATABASE_URL"].startswith("postgresql+psycopg://")
    assert first["environment"]["CDS_KEY_FILE"].startswith("/var/lib/cds/")
    assert [v.partition(":")[0] in COMPOSE["volumes"] for v in keys] == [True]


def test_an_image_is_built_by_one_service_and_never_fetched_by_the_others() -> None:
    built = [image_of(s) for s in SERVICES.values() if "build" in s]

    assert len(built) == len(set(built))
    for service in SERVICES.values():
        if image_of(service) in built and "build" not in service:
            assert service["pull_policy"] == "never"


def mounts_of(service: dict[str, Any]) -> list[tuple[Path, str]]:
    """What of this machine is mounted, by default, and where."""
    written = (re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", v) for v in service.get("volumes", ()))
    split = (mount.split(":") for mount in written)
    return [(ROOT / source, target) for source, target, *_ in split if source.startswith(".")]


@pytest.mark.parametrize("name", REPLICAS)
def test_what_is_put_in_place_anew_is_mounted_with_its_folder(name: str) -> None:
    """A bind mount follows the inode: a file or folder that replaces it is not seen."""
    environment = SERVICES[name]["environment"]
    mounts = mounts_of(SERVICES[name])
    folders = {target for source, target in mounts if source.is_dir()}

    assert len(folders) == len(mounts)
    assert str(Path(environment["CDS_CLIENTS"]).parent) in folders
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    served = re.search(r"^ *CDS_CONTENT=(\S+)$", operating, re.M)[1]
    assert str(Path(served).parent) in folders  # the link that is changed lies in the mount


def test_files_that_the_clients_file_names_come_along() -> None:
    (clients,) = [s for s, target in mounts_of(SERVICES["cds-1"]) if target == "/etc/cds"]

    for client in json.loads((clients / "clients.json").read_bytes())["clients"]:
        for kind in ("jwksFile", "clientSecretFile"):
            assert kind not in client or (clients / client[kind]).is_file()
    assert read_clients(clients / "clients.json")


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
    assert re.search(r"^USER \d{3,}:\d{3,}$", stages["runtime"], re.M)
    assert "FROM runtime AS demo\n" in DOCKERFILE
    assert DOCKERFILE.endswith("FROM runtime AS service\n")  # what is built unless another is asked
    assert not [name for name in ("demo", "service") if "USER" in stages[name]]
    assert "--require-hashes" in DOCKERFILE


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_container_can_gain_rights(name: str) -> None:
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]
    assert "privileged" not in SERVICES[name]
    assert SERVICES[name]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_container_can_exhaust_the_machine(name: str) -> None:
    number, unit = re.fullmatch(r"(\d+)([mg])", SERVICES[name]["mem_limit"]).groups()

    assert int(number) * {"m": 1024**2, "g": 1024**3}[unit] <= MOST_MEMORY
    assert 0 < SERVICES[name]["pids_limit"] <= 512


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_file_system_is_read_only_unless_something_has_to_be_written_into_it(name: str) -> None:
    """An engine cannot write a config or secret that is given as text into a read-only one."""
    service = SERVICES[name]
    named = [c["source"] if isinstance(c, dict) else c for c in service.get("configs", ())]
    written = [c for c in named if "file" not in COMPOSE["configs"][c]]
    written += [s for s in service.get("secrets", ()) if "file" not in COMPOSE["secrets"][s]]

    assert not (written and service.get("read_only"))
    assert service.get("read_only") or written or name == "hapi"


def test_only_plain_options_are_given_to_tmpfs() -> None:
    """Podman refuses uid and gid there: a folder of a user's own is a named volume."""
    mounted = [t for s in SERVICES.values() for t in s.get("tmpfs", ())]

    assert mounted
    assert not [t for t in mounted if "uid=" in t or "gid=" in t]


def test_health_is_asked_by_our_own_command() -> None:
    checks = re.findall(r"^HEALTHCHECK .*\\\n  CMD (\[.*\])$", DOCKERFILE, re.M)

    assert [json.loads(c)[:2] for c in checks] == [["cds-service", "health"]] * len(checks)
    assert len(checks) == 2
    assert REPLICA["healthcheck"]["test"] == ["CMD", "cds-service", "health"]


def test_the_user_has_a_fixed_number_and_any_other_can_use_the_folder() -> None:
    """As platforms start it that choose a user id: in group 0."""
    assert "USER 10001:10001\n" in DOCKERFILE
    assert re.search(r"install --directory .*--group=root --mode=0770 /var/lib/cds", DOCKERFILE)
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert "10001" in operating


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
    assert f'"health", "--port", "{port + 2}"' in DOCKERFILE  # its health is the clinic's
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
