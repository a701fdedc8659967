"""The Kubernetes manifests: valid by Kubernetes' own schemas, confined, and of one mind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from cds_service.access.clients import read_clients
from cds_service.settings import Settings
from tests.support.clinic import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
VERSION = "1.30"  # the schemas that the manifests are checked with, strictly
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))
RESOURCES = [yaml.safe_load((FOLDER / n).read_text("utf-8")) for n in KUSTOMIZATION["resources"]]
BUILT: dict[str, dict[str, Any]] = {r["kind"]: r for r in RESOURCES}
POD = BUILT["Deployment"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("kind", sorted(BUILT))
def test_every_manifest_fits_the_schema_of_kubernetes(kind: str) -> None:
    kubernetes_validate.validate(BUILT[kind], VERSION, strict=True)


def test_the_schemas_do_refuse() -> None:
    wrong = json.loads(json.dumps(BUILT["Deployment"]))
    wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_every_file_is_listed_and_every_kind_is_there() -> None:
    listed = {*KUSTOMIZATION["resources"], "kustomization.yaml", "README.md"}
    for made in KUSTOMIZATION["configMapGenerator"]:
        listed |= {*made.get("envs", ()), *made.get("files", ())}

    assert listed == {path.name for path in FOLDER.iterdir()}
    assert {"Deployment", "PodDisruptionBudget", "NetworkPolicy", "HorizontalPodAutoscaler"} <= set(
        BUILT
    )


def test_pods_are_confined() -> None:
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    for container in [*POD["containers"], *POD["initContainers"]]:
        confined = container["securityContext"]
        assert confined["readOnlyRootFilesystem"] is True
        assert confined["allowPrivilegeEscalation"] is False
        assert confined["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
    labels = BUILT["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_user_folder_and_image_are_those_of_the_dockerfile_and_of_compose() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    user, group = re.search(r"^USER (\d+):(\d+)$", dockerfile, re.M).groups()
    (container,) = POD["containers"]

    context = POD["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (int(user), int(group))
    assert container["image"] == compose["services"]["cds-1"]["image"]
    assert container["ports"][0]["containerPort"] == int(
        re.search(r"^EXPOSE (\d+)$", dockerfile, re.M)[1]
    )


def test_settings_and_clients_are_taken_by_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = (FOLDER / "settings.env").read_text("utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    mounts = {m["mountPath"] for m in POD["containers"][0]["volumeMounts"]}
    given = {e["name"] for e in POD["containers"][0]["env"]}

    assert {name.removeprefix("CDS_").lower() for name in settings} <= set(Settings.model_fields)
    assert Settings().auth == "required"
    assert str(Path(settings["CDS_KEY_FILE"]).parent) in mounts
    assert str(Path(settings["CDS_CLIENTS"]).parent) in mounts
    assert "PGPASSWORD" in given
    assert any(client.issuer for client in read_clients(FOLDER / "clients.json"))


def test_every_selector_means_the_pods() -> None:
    labels = BUILT["Deployment"]["spec"]["template"]["metadata"]["labels"]

    assert BUILT["Service"]["spec"]["selector"] == labels
    for kind, key in (
        ("Deployment", "selector"),
        ("PodDisruptionBudget", "selector"),
        ("NetworkPolicy", "podSelector"),
    ):
        assert BUILT[kind]["spec"][key] == {"matchLabels": labels}


def test_probes_ask_what_they_should_and_traffic_goes_to_ready_pods_only() -> None:
    (container,) = POD["containers"]

    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert BUILT["Deployment"]["spec"]["replicas"] == 2
    assert BUILT["PodDisruptionBudget"]["spec"]["minAvailable"] == 1
    assert BUILT["HorizontalPodAutoscaler"]["spec"]["minReplicas"] == 2
