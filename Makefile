# Every target sets up what it needs first. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
CATALOGUES := $(wildcard newsletter_service/translations/*/LC_MESSAGES/*.po)
COMPILED := $(CATALOGUES:.po=.mo)
# One more than there are cores: the longest tests wait for leases to run out.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(min(8, (os.cpu_count() or 1) + 1))")

# What one process has compiled the next need not; an environment that forbids that costs half a second each.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo up test bench fuzz month spam lint lock clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMPS)/project $(COMPILED) ## Install everything, locked, into .venv (skipped when done)

demo: setup ## Run the main job once, from sign-up to statement, with no server beside it
	$(BIN)/newsletter demo

up: setup ## Start the service for a person, with sample news and readers
	$(BIN)/newsletter up

test: setup ## Run all tests
	scripts/need_system.sh
	$(BIN)/pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(TESTS)

bench: setup ## Measure this machine: table, bench-results/ (QUICK=1: does it run; BENCH="send …")
	$(BIN)/newsletter bench $(if $(QUICK),--quick) $(BENCH)

fuzz: setup ## Spoil what strangers send and read it (MINUTES=3 SEED= FUZZ="bounces …")
	$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),3) $(if $(SEED),--seed $(SEED)) $(FUZZ)

month: setup ## Live a month of schedules with the scheduler killed at random (DAYS=31 SEED=1)
	$(BIN)/python -m tests.month --days $(or $(DAYS),31) --seed $(or $(SEED),1)

spam: setup ## What SpamAssassin says of every shipped mail (needs its Debian package; no network)
	$(BIN)/python scripts/spam_score.py

lint: setup ## Check style, types, layers and translations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/check_translations.py

lock: setup ## Resolve the dependencies anew into requirements.lock (needs uv)
	uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--extra dev --output-file requirements.lock --quiet pyproject.toml

clean: ## Remove the virtual environment and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is missing or older than 3.11: install Python 3.11 or newer, or name one with make PYTHON=python3.12."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "$(PYTHON) has no venv: install it, on Debian with apt-get install python3-venv."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/locked: requirements.lock $(STAMPS)/venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock
	@touch $@

$(STAMPS)/project: pyproject.toml $(STAMPS)/locked
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

%.mo: %.po $(STAMPS)/locked
	$(BIN)/pybabel --quiet compile --input-file $< --output-file $@
