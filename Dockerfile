# The tag is pinned by name. To pin the exact image as well, ask your registry for its digest
# (`docker buildx imagetools inspect python:3.11.15-slim-bookworm`) and write it behind the tag in
# both FROM lines: python:3.11.15-slim-bookworm@sha256:...

FROM python:3.11.15-slim-bookworm AS build

WORKDIR /src

# Dependencies first: this layer changes only with the lock files.
COPY bootstrap.lock requirements.lock ./
RUN python -m venv /opt/build \
 && /opt/build/bin/python -m pip install --no-cache-dir --require-hashes --requirement bootstrap.lock \
 && python -m venv --without-pip /opt/cds \
 && /opt/build/bin/uv pip sync --no-cache --python /opt/cds/bin/python --require-hashes \
      --compile-bytecode requirements.lock

# Then the project, as the same wheel anyone else would install. .dockerignore lists what comes along.
COPY . .
RUN /opt/build/bin/python -m pip wheel --no-cache-dir --no-deps --no-build-isolation \
      --wheel-dir /tmp/wheel . \
 && /opt/build/bin/uv pip install --no-cache --python /opt/cds/bin/python --no-deps \
      --compile-bytecode /tmp/wheel/*.whl \
 && cp -r /opt/cds/lib/python3.11/site-packages/cds_service/_content /content


FROM python:3.11.15-slim-bookworm AS runtime

# The folder is of group 0 and writable by it, for platforms that choose a user id of their own.
RUN groupadd --system --gid 10001 cds \
 && useradd --system --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin cds \
 && install --directory --owner=cds --group=root --mode=0770 /var/lib/cds

COPY --from=build /opt/cds /opt/cds
# The reviewed content of this version. A site mounts its own folders over these, read-only.
COPY --from=build /content /content

ENV PATH=/opt/cds/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CDS_CONTENT=/content \
    CDS_DATABASE_URL=sqlite:////var/lib/cds/cds.sqlite3 \
    CDS_KEY_FILE=/var/lib/cds/cds.key

# There is no default for CDS_CLIENTS, the file that says whose tokens are accepted: without it the
# service does not start (docs/operating.md).

# By number, so that an orchestrator can see it is not root.
USER 10001:10001
WORKDIR /var/lib/cds
EXPOSE 8080

HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
  CMD ["cds-service", "health", "--live"]

CMD ["cds-service", "serve", "--host", "0.0.0.0", "--port", "8080"]


# The demo clinic (docker-compose.yml, profile demo). Never for real patients: nobody signs in.
FROM build AS demo-build

COPY requirements-demo.lock ./
RUN /opt/build/bin/uv pip install --no-cache --python /opt/cds/bin/python --require-hashes \
      --compile-bytecode --requirement requirements-demo.lock


FROM runtime AS demo

COPY --from=demo-build /opt/cds /opt/cds
COPY demo /opt/demo/demo
ENV PYTHONPATH=/opt/demo
HEALTHCHECK --interval=10s --timeout=5s --start-period=5m --retries=3 \
  CMD ["cds-service", "health", "--port", "8085", "--path", "/"]
CMD ["python", "-m", "demo", "--port", "8083", "--fhir-server", "http://hapi:8080/fhir"]


# Last, so that this is what is built unless another is asked for.
FROM runtime AS service
