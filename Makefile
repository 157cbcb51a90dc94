# Each set-up step is redone when what it is made from changes. BIN may be called directly, too.
.PHONY: help setup setup-test up down demo test lint unit build bench lock clean
BIN := .venv/bin
SUPERSET := .venv-superset
STAMPS := $(BIN)/.requirements $(SUPERSET)/.requirements .lakehouse/.parts

help:           ## What can be made
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/  /'

demo: setup     ## The main job: start all, replay real data, build, train, publish; leave it running
	$(BIN)/lakehouse demo

test: setup setup-test ## Lint and the whole test suite, on real servers of its own
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint unit
	$(BIN)/python -m pytest --durations=20 --durations-min=5 tests/golden tests/engine tests/e2e

lint: $(BIN)/.requirements ## ruff, mypy, import-linter, sqlfluff
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint models macros tests/sql

unit: $(BIN)/.requirements ## Tests without a JVM, on all cores
	$(BIN)/python -m pytest -n auto tests/unit tests/test_architecture.py tests/test_docs.py

up: setup       ## Start every server
	$(BIN)/lakehouse up

down:           ## Stop every server
	$(BIN)/lakehouse down

build: setup    ## dbt build on the running lakehouse
	$(BIN)/dbt build

bench: setup    ## First figures of this machine: landing
	$(BIN)/python -m benchmarks.landing

setup: $(STAMPS) ## Environments with hashes checked, JVM parts with hashes checked

setup-test:     # A browser and a PostgreSQL for tests, where they may be installed; else those skip by name
	@$(call debian,command -v chromium chromedriver,chromium chromium-driver,browser tests)
	@$(call debian,ls /usr/lib/postgresql/*/bin/initdb,postgresql,tests of captured databases)

# $(call debian,what finds it,packages,what is skipped without)
debian = $(1) >/dev/null 2>&1 || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	  && apt-get update -qq && apt-get install -y -qq --no-install-recommends $(2) >/dev/null; } \
	  || echo "No $(firstword $(2)) here and none may be installed: the $(3) will be skipped."

$(BIN)/python:
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version.split()[0] + ".")'
	python3 -m venv .venv || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq python3-venv && python3 -m venv --clear .venv; }

$(BIN)/uv: requirements/uv.txt $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(BIN)/.requirements: requirements/lakehouse.txt pyproject.toml $(BIN)/uv
	$(BIN)/uv pip sync --python $(BIN)/python --compile-bytecode --require-hashes requirements/lakehouse.txt requirements/uv.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(SUPERSET)/.requirements: superset/requirements.txt $(BIN)/uv
	test -x $(SUPERSET)/bin/python || $(BIN)/python -m venv --without-pip $(SUPERSET)
	$(BIN)/uv pip sync --python $(SUPERSET)/bin/python --compile-bytecode --require-hashes superset/requirements.txt
	@touch $@

.lakehouse/.parts: lakehouse/servers/ivy.xml lakehouse/servers/jars.sha256 $(BIN)/.requirements
	$(BIN)/lakehouse install
	@mkdir -p $(@D) && touch $@

lock: $(BIN)/uv ## Resolve requirements/*.in and superset/requirements.in anew
	for name in requirements/uv requirements/lakehouse superset/requirements; do \
	  $(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header $$name.in -o $$name.txt; done

clean: down     ## Stop, and delete what the lakehouse made: data, logs, secrets
	rm -rf .lakehouse/state target logs
