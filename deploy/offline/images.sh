#!/usr/bin/env bash
# Builds stand-ins for every image that the deployment names (README.md). As root, on Debian, with
# podman, runc and debootstrap. CDS_OFFLINE is the folder to work in.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${CDS_OFFLINE:-/var/tmp/cds-offline}
mkdir -p "$work"
# shellcheck source=/dev/null
. "$here/engine.sh"

if [ ! -e "$work/base/etc/debian_version" ]; then
  debootstrap --variant=minbase \
    --include=python3,python3-venv,ca-certificates,netcat-openbsd,postgresql-15,prometheus,libcap2-bin,passwd \
    bookworm "$work/base"
fi
podman image exists localhost/debian:stand-in \
  || tar -C "$work/base" -c . | podman import - localhost/debian:stand-in

# The certificates by which this machine reaches a package index.
context=$work/context
rm -rf "$context"
mkdir -p "$context/machine/etc/ssl/certs"
cp -L /etc/ssl/certs/ca-certificates.crt "$context/machine/etc/ssl/certs/"
cp "$here"/{postgres-entrypoint.sh,grafana.sh,fhir_server.py} "$context/"
cp -r "$root/demo" "$context/demo"
cp "$(command -v caddy || echo "$root/.venv/bin/caddy")" "$context/caddy"

image_of() { sed -n "s|^ *image: *\($1:[^ ]*\).*|\1|p" "$root/docker-compose.yml" | head -1; }
python=$(sed -n 's/^FROM \(python:[^ ]*\).*/\1/p' "$root/Dockerfile" | head -1)
for pair in python="$python" caddy="$(image_of caddy)" postgres="$(image_of postgres)" \
  prometheus="$(image_of prom/prometheus)" grafana="$(image_of grafana/grafana)" \
  hapi="$(image_of hapiproject/hapi)"; do
  echo "${pair%%=*}: docker.io/${pair#*=}"
  name=${pair#*=}
  [ "${name#*/}" != "$name" ] || name=library/$name
  podman build --quiet --network=host --file "$here/Dockerfile" --target "${pair%%=*}" \
    --tag "docker.io/$name" "$context"
done
