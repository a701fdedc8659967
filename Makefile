# Needs Python 3.11 or newer, make and nothing else. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PORT ?= 8080
UPGRADE ?=
MINUTES ?= 10

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
UV := $(BIN)/uv

# The stamp's name carries a checksum of what decides the installation: while it is unchanged,
# `setup` has nothing to do.
LOCKED := bootstrap.lock requirements-dev.lock pyproject.toml
STAMP := $(VENV)/.installed-$(shell cat $(LOCKED) | cksum | tr ' ' '-')

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) ## Install everything into .venv, exactly as locked

$(STAMP): $(UV)
	@echo "Installing from requirements-dev.lock"
	@$(UV) pip sync --quiet --python $(PY) --require-hashes requirements-dev.lock
	@$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-*
	@touch $@

# uv, installed by pip from a short list of hashes, installs the rest.
$(UV): bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say where it is: make PYTHON=/path/to/python3.11")'
	@$(PY) -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing uv from bootstrap.lock"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement bootstrap.lock
	@touch $@

.PHONY: run
run: export CDS_AUTH ?= off
run: export CDS_DATABASE_URL ?= sqlite:///var/cds.sqlite3
run: setup ## Serve on http://127.0.0.1:8080 without authentication (PORT=... to change), with a clinic
	@mkdir -p var
	@exec $(PY) -m demo --port $(PORT)

.PHONY: demo
demo: export CDS_AUTH ?= off
demo: setup ## The same as run, on a store of its own that is emptied first
	@mkdir -p var
	@exec $(PY) -m demo --fresh --port $(PORT)

.PHONY: up
up: setup ## Start the containers with Docker or Podman, wait, print a signed call
	@$(PY) -m deploy.up

.PHONY: deploy-test
deploy-test: setup ## Try the containers for real, step by step (Docker or Podman)
	@$(PY) -m deploy.deploy_test

.PHONY: browser
browser: ## Find a Chromium for the browser tests, or install Debian's (as root)
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	  if command -v $$name > /dev/null; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	  echo "Installing Debian's Chromium for the browser tests"; \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } > /dev/null \
	    || echo "Chromium could not be installed: the browser tests will say so"; \
	else \
	  echo "No Chromium found: the browser tests are skipped, or fail where CI is set"; \
	fi

.PHONY: test
test: setup browser ## Run the tests, on all cores
	$(BIN)/pytest --numprocesses auto --dist loadfile

RENDERERS := build/renderers
$(RENDERERS)/smart-forms-built.js: $(wildcard tests/renderers/*)
	@command -v npm > /dev/null || { echo "make renderers needs Node 20 or newer" >&2; exit 1; }
	mkdir -p $(RENDERERS) && cp tests/renderers/* tests/renderers/.npmrc $(RENDERERS)
	cd $(RENDERERS) && npm ci --silent && npm run --silent build

.PHONY: renderers
renderers: setup browser $(RENDERERS)/smart-forms-built.js ## Show the forms in LHC-Forms and Smart Forms (needs Node)
	$(BIN)/pytest tests/renderers/checks.py

.PHONY: check
check: setup ## Check the clinical content: lint, vignettes, quiet panel
	$(BIN)/cds-service check

# No password has a default, so one is given here, to check the file with.
COMPOSE = CDS_POSTGRES_PASSWORD=only-to-check $(BIN)/docker-compose
.PHONY: lint
lint: setup ## Check the code, the compose file and the Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint --config .hadolint.yaml Dockerfile
	@# No engine is needed for this. Each profile alone, as somebody would start it, and all together.
	@for profile in '' $$($(COMPOSE) config --profiles) '*'; do \
	  echo "docker-compose --profile '$$profile' config --quiet"; \
	  $(COMPOSE) --profile "$$profile" config --quiet; \
	done

.PHONY: bench
bench: setup ## Measure against the budgets
	$(PY) -m benchmarks

.PHONY: soak
soak: setup ## Load, faults and odd requests, about ten minutes (MINUTES=... to change)
	$(PY) -m benchmarks.soak --minutes $(MINUTES)

.PHONY: demo-population
demo-population: setup ## Write 2,000 made-up people as NDJSON to var/population, to replay
	@$(PY) -m demo.population

.PHONY: review
review: setup ## Write the clinicians' review pages
	$(BIN)/cds-service review

# What ships and nothing else, in an environment of its own.
SHIPPED := build/shipped
.PHONY: shipped
shipped: setup
	@$(UV) venv --quiet --clear --python $(PY) $(SHIPPED)
	@$(UV) pip sync --quiet --python $(SHIPPED)/bin/python --require-hashes requirements.lock

.PHONY: licences
licences: shipped ## List the licenses of what ships; fail on GPL, AGPL or an unknown one
	@$(BIN)/pip-licenses --python $(SHIPPED)/bin/python --order=license --partial-match \
	  --fail-on='GPL;General Public;Affero;UNKNOWN' --ignore-packages psycopg psycopg-binary
	@echo 'With the extra `postgres`, and in the container image, also:'
	@$(BIN)/pip-licenses --python $(SHIPPED)/bin/python --packages psycopg psycopg-binary

.PHONY: sbom
sbom: shipped ## Write var/sbom.json, what ships as CycloneDX
	@mkdir -p var
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --validate \
	  --output-file var/sbom.json $(SHIPPED)/bin/python
	@echo 'Written to var/sbom.json'

.PHONY: wheel
wheel: setup ## Build the wheel into dist/
	@$(BIN)/hatchling build --target wheel

# Runtime pins are decided first; the others follow them.
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --no-header $(UPGRADE) pyproject.toml
.PHONY: lock
lock: $(UV) ## Write the lock files anew (UPGRADE=--upgrade takes newer releases)
	$(COMPILE) --extra postgres --output-file requirements.lock
	$(COMPILE) --all-extras --group dev --constraint requirements.lock --output-file requirements-dev.lock
	$(UV) pip compile --quiet --universal --generate-hashes --no-header $(UPGRADE) \
	  --group bootstrap --constraint requirements-dev.lock --output-file bootstrap.lock
	$(UV) pip compile --quiet --universal --generate-hashes --no-header $(UPGRADE) \
	  --group demo --constraint requirements-dev.lock --output-file requirements-demo.lock

.PHONY: clean
clean: ## Remove what the other targets made, except var/ (its database)
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
