# One target per wish. Each makes its own .venv first, exactly as requirements/dev.txt says.

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
TESTS ?= tests
SUPPORTED := import ensurepip, sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && { echo $$python; break; }; done)

# The real data sets, where they are at hand; without them every service makes its own.
ifneq ($(wildcard ../shared/data),)
export TOWPATH_DATA ?= $(abspath ../shared/data)
endif

# --universal with the fewest forks: one version of each package for every Python and every system.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--annotation-style line --custom-compile-command "make pins"
UPGRADE :=

.DEFAULT_GOAL := help
.PHONY: help setup tools demo test unit bench bench-peers soak lint format typecheck ci-local coverage-map docs clean \
	pins pins-check pins-outdated pins-update pins-upgrade

help: ## Show this list
	@awk 'BEGIN {FS = ":.*?## "} /^[a-z-]+:.*?## / {printf "%-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/made ## Make .venv with every package at its pinned version

$(VENV)/made: $(VENV)/packages pyproject.toml $(wildcard towpath/engine/*.c)
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# --clear, so that what is installed is what the file says and nothing that was there before.
$(VENV)/packages: requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "make: found no Python 3.11 to 3.13 that can make a venv;" \
		"name one: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# Programs that the tests compare with, each in an environment of its own, because it wants other versions than we do.
tools: .tools/dvc/made .tools/mlflow/made .tools/schemathesis/made ## Install the real dvc, MLflow and Schemathesis, which some tests ask

.tools/%/made: requirements/tools/%.txt
	@test -n "$(PYTHON)" || { echo "make: found no Python 3.11 to 3.13 that can make a venv" >&2; exit 2; }
	$(PYTHON) -m venv --clear .tools/$*
	.tools/$*/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements/tools/$*.txt
	@touch $@

# Hundreds of megabytes each, so none of them is part of `make tools`.
PEERS := $(foreach peer,bentoml litserve mlserver mlflow ray,.tools/peer-$(peer)/made)

demo: setup ## Train, prove, pack, serve and ask real models, in a minute
	$(BIN)/towpath demo

test: setup ## Run the tests; TESTS="tests/core -k plan" for some of them
	$(BIN)/python -m pytest -n auto $(TESTS)

unit: setup ## Run the quick part of the tests, for the inner loop: no processes, browser, real data or tools
	$(BIN)/python -m pytest -n auto -m "not slow and not integration and not browser and not data and not tool" $(TESTS)

bench: setup .tools/reference/made ## Run every benchmark: half an hour and 8 GB of disk
	@set -e; for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script; done

soak: setup ## Try for an hour what nobody should send or do, and swaps, kills and stops; SHORT=1 for some of each in a minute
	$(BIN)/python bench/fuzz.py $(if $(SHORT),--small,--full) --check
	$(BIN)/python bench/connections.py $(if $(SHORT),--small,--check)
	$(BIN)/python bench/overload.py $(if $(SHORT),--small,--check)
	$(BIN)/python bench/stops.py $(if $(SHORT),--small) --check
	$(BIN)/python bench/soak.py $(if $(SHORT),--small) --check

bench-peers: setup .tools/reference/made $(PEERS) ## Race BentoML, LitServe, MLServer, MLflow and Ray Serve too (2 GB of disk)
	$(BIN)/python bench/serving.py --peers --cases bankchurn-four

lint: setup ## Check style, likely bugs and forbidden calls
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup ## Write the code as lint wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

typecheck: setup ## Check the types of towpath/
	$(BIN)/mypy

ci-local: ## What CI does first: lint, typecheck, test; stops at the first failure
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory typecheck
	@$(MAKE) --no-print-directory test

docs: setup ## Write the tables and command pages of docs/ anew, from the code
	$(BIN)/python -m tests.docs.generate

coverage-map: setup ## Show which runbook rows and scenarios the tests prove
	$(BIN)/python -m tests.coverage_map

# dev.txt holds everything and decides; the others are its subsets, so one package has one version everywhere.
pins: setup ## Compile requirements/*.in to exact, hashed *.txt; versions stay unless a line asks for more
	cd requirements && $(abspath $(BIN))/$(COMPILE) $(UPGRADE) --output-file dev.txt dev.in serving.in training.in control.in boosting.in tuning.in tracking.in
	cd requirements && $(abspath $(BIN))/$(COMPILE) --constraints dev.txt --output-file serving.txt serving.in
	cd requirements && $(abspath $(BIN))/$(COMPILE) --constraints dev.txt --output-file training.txt serving.in training.in
	cd requirements && $(abspath $(BIN))/$(COMPILE) --constraints dev.txt --output-file control.txt serving.in control.in
	@set -e; cd requirements; for extra in boosting tuning tracking; do \
		$(abspath $(BIN))/$(COMPILE) --constraints dev.txt --output-file $$extra.txt serving.in training.in $$extra.in; done
	@set -e; cd requirements/tools; for tool in *.in; do \
		$(abspath $(BIN))/$(COMPILE) --output-file $${tool%.in}.txt $$tool; done

pins-check: setup ## Refuse unpinned or unhashed lines, two versions of one package, conflicts, what does not resolve
	$(PIP) check
	$(BIN)/towpath deps check
	@set -e; for file in requirements/*.txt requirements/tools/*.txt; do echo "$$file resolves"; \
		$(PIP) install --dry-run --ignore-installed --require-hashes -r $$file; done

pins-outdated: setup ## List packages that have a newer version
	$(BIN)/python -m pip --disable-pip-version-check list --outdated

pins-update: ## Move one package: make pins-update PACKAGE=numpy VERSION=2.4.7
	@set -- $(PACKAGE); test $$# -eq 1 -a -n "$(VERSION)" || { echo "make: one package at a time, so that a failing" \
		"test names it: make pins-update PACKAGE=numpy VERSION=2.4.7" >&2; exit 2; }
	@$(MAKE) --no-print-directory pins UPGRADE="--upgrade-package $(PACKAGE)==$(VERSION)"
	@grep -q "^$(PACKAGE)==$(VERSION) " requirements/dev.txt || { echo \
		"make: requirements/*.in leave no room for $(PACKAGE)==$(VERSION), or do not need it" >&2; exit 1; }
	@$(MAKE) --no-print-directory test

pins-upgrade: ## Move every package to its newest version (monthly), then run the tests
	@$(MAKE) --no-print-directory pins UPGRADE=--upgrade
	@$(MAKE) --no-print-directory test

clean: ## Remove .venv and everything that tools left behind
	rm -rf $(VENV) .tools build dist reports .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
