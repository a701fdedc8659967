# Sourced: Podman as Docker's engine, with storage and socket in CDS_OFFLINE, nothing of the machine.
work=${CDS_OFFLINE:-/var/tmp/cds-offline}
mkdir -p "$work"
cat > "$work/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$work/storage"
runroot = "$work/run"
CONF
export CONTAINERS_CONF="${here:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}/containers.conf"
export CONTAINERS_STORAGE_CONF=$work/storage.conf
export DOCKER_HOST=unix://$work/podman.sock DOCKER_BUILDKIT=0
if ! [ -S "$work/podman.sock" ] || ! podman --url "$DOCKER_HOST" info > /dev/null 2>&1; then
  rm -f "$work/podman.sock"
  nohup podman system service --time=0 "$DOCKER_HOST" > "$work/engine.log" 2>&1 &
  echo $! > "$work/engine.pid"
fi
if ! [ -d /run/systemd/system ] && ! kill -0 "$(cat "$work/health.pid" 2> /dev/null)" 2> /dev/null; then
  nohup "$(dirname "$CONTAINERS_CONF")/health.sh" > /dev/null 2>&1 &
  echo $! > "$work/health.pid"
fi
