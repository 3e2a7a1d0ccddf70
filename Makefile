# Everything that people and CI do with this tree; `make` lists it. No step is needed before any.

ifeq ($(wildcard pyproject.toml),)
$(error Run make in Enrol's folder, or say: make -C FOLDER)
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo serve test faults check bench docs lock clean

# What an active virtual environment or a personal pip setting says is not for this tree.
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV
unexport PIP_CONSTRAINT PIP_PREFIX PIP_REQUIREMENT PIP_ROOT PIP_TARGET PIP_USER
# The tests start many hundreds of processes, each of which would compile all of Enrol anew.
unexport PYTHONDONTWRITEBYTECODE
# Node trusts the certificates that the machine trusts, as behind a company's proxy.
export NODE_USE_SYSTEM_CA := 1

PYTHON := python3.14 python3.13 python3.12 python3.11 python3
VENV_PYTHON := .venv/bin/python
PIP := $(VENV_PYTHON) -m pip --disable-pip-version-check
NPM := ../../.venv/bin/npm --cache ../../.venv/npm-cache --no-audit --no-fund --no-update-notifier

# A stamp's name holds a checksum of what it stands for: an unchanged tree installs nothing,
# another lock or a folder that was moved installs again. The virtual environment goes with its path.
checksum = $(shell { $(1); } 2>/dev/null | cksum | cut -d' ' -f1)
LOCKS := $(call checksum,cat pyproject.toml requirements/*.txt)
VENV := .venv/made-$(call checksum,pwd -P)
RUNTIME := .venv/runtime-$(LOCKS)
DEV := .venv/dev-$(LOCKS)
AXIOS := tests/js/node_modules/.package-lock.json

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

setup: $(DEV) $(AXIOS) ## install all that working on Enrol needs, into .venv

demo: $(RUNTIME) ## enrol a sample batch into a database of its own, and show it
	.venv/bin/enrol demo

serve: $(RUNTIME) ## the demo, which then goes on serving
	.venv/bin/enrol demo --serve

# Faults by themselves, two at a time: on a machine that is busy with other tests they would take
# longer than they allow a server.
# One more than there are cores, for tests wait a good deal.
WORKERS = $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 8 ? n + 1 : 8)))
PYTEST := PATH="$(CURDIR)/.venv/bin:$$PATH" $(VENV_PYTHON) -m pytest
test: $(DEV) $(AXIOS) ## run the tests; ARGS="-k wallet" picks some
ifdef ARGS
	$(PYTEST) $(ARGS)
else
	$(PYTEST) -n $(WORKERS) --dist worksteal --ignore=tests/faults
	$(PYTEST) -n 2 --dist worksteal tests/faults
endif

SECONDS := 600
faults: $(DEV) ## break both stores at random under load; SECONDS=60, ARGS="--seed 1 --store sqlite"
	$(VENV_PYTHON) -m tests.faults.run --seconds $(SECONDS) $(ARGS)

check: $(DEV) ## lint, format and types
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy

bench: $(DEV) ## measure Enrol, the raw limit and the reference side by side
	$(VENV_PYTHON) -m benchmarks.run $(ARGS)

docs: $(DEV) ## write the tables of the guides again
	$(VENV_PYTHON) docs/generate.py

COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header $(ARGS)

lock: $(DEV) ## write the lock files again; ARGS=--upgrade takes newer versions
	$(COMPILE) pyproject.toml --group build --group test --group bench --group dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml --no-annotate -c requirements/dev.txt -o requirements/runtime.txt
	$(COMPILE) --group build --no-annotate -c requirements/dev.txt -o requirements/build.txt
	cd tests/js && $(NPM) install --package-lock-only

clean: ## remove what the other targets made
	rm -rf .venv dist .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/js/node_modules
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

ifeq ($(realpath $(VENV_PYTHON)),) # there is none yet, or the Python beneath it is gone
.PHONY: $(VENV)
endif
$(VENV):
	@found=; for python in $(PYTHON); do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		found=$$python; \
		"$$python" -c 'import ensurepip, venv' 2>/dev/null || continue; \
		echo "$$python -m venv .venv"; \
		"$$python" -m venv --clear .venv && touch $@ && exit 0; \
		exit 1; \
	done; \
	if [ -n "$$found" ]; then \
		echo "$$found cannot make virtual environments: install its venv and ensurepip modules" \
			"(Debian and Ubuntu: apt install python3-venv)." >&2; \
	else \
		echo "Enrol needs Python 3.11 or newer; none of these is: $(PYTHON)." \
			"Install one, or say where it is: make PYTHON=/path/to/python3" >&2; \
	fi; \
	exit 1

$(RUNTIME): $(VENV)
	@rm -f .venv/runtime-* .venv/dev-*
	$(PIP) install -qq --no-deps --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUNTIME)
	$(PIP) install -qq --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

$(AXIOS): tests/js/package.json tests/js/package-lock.json | $(DEV)
	cd tests/js && $(NPM) ci --loglevel=error
	@touch $@
