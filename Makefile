# The commands of the project. They need Python 3.11 or newer and nothing else; PYTHON names another interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests of one file run in the same process, so that they can share a server; `ARGS="-n 0"` runs all in one process.
# One more process than processors, since many tests wait for another program; the longest files first (tests/conftest.py).
PARALLEL := -n $(or $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1),auto) --maxprocesses 5 --dist loadfile --no-loadscope-reorder
# How long `make fuzz` runs.
SECONDS ?= 600
# Tools that check the page's modules, installed by npm if there is one.
PAGE_TOOLS := typescript@5.9.3 @biomejs/biome@2.3.8
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Installs a lock file. uv takes a tenth of pip's time; pip helps where only pip knows how to reach the registry.
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes --requirement $(1) \
	|| $(PIP) install --quiet --require-hashes --requirement $(1)
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# The tests start hundreds of processes: each would compile the whole project again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install serve test test-all lint lint-page format bench fuzz examples screenshots lock clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

install: $(VENV)/.installed ## install the project and its tools into .venv

$(VENV)/.installed: $(VENV)/.runtime requirements-dev.lock
	$(call INSTALL,requirements-dev.lock)
	@touch $@

# What the server needs to run, and of the tools only those that install it.
$(VENV)/.runtime: requirements.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.x")'
	$(PYTHON) -m venv $(VENV)
	sed -nE '/^(setuptools|uv)==/,/[^\\]$$/p' requirements-dev.lock > $(VENV)/requirements-build.lock
	$(PIP) install --quiet --require-hashes --requirement $(VENV)/requirements-build.lock
	$(call INSTALL,requirements.lock)
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

serve: $(VENV)/.runtime ## run the server and print a line that tries it
	@$(BIN)/image-erase serve

test: install ## run the tests of the kinds unit and whole; ARGS go to pytest
	$(BIN)/python -m pytest $(PARALLEL) -m "unit or whole" $(ARGS)

test-all: install ## run all tests, including attacks and browsers
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

lint: install ## check style, types, imports between packages, the Dockerfile, and the page's modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory .node/.installed lint-page; \
	else echo "npm is not installed: the modules of the page are not checked."; fi

lint-page: .node/.installed
	.node/node_modules/.bin/tsc --project .
	.node/node_modules/.bin/biome lint --error-on-warnings

.node/.installed: Makefile
	npm install --prefix .node --silent --no-fund --no-audit --no-save --no-package-lock $(PAGE_TOOLS)
	@touch $@

format: install ## format the code and apply ruff's automatic fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## run the benchmarks; ARGS are theirs
	$(BIN)/python -m bench $(ARGS)

fuzz: install ## run coverage-guided fuzzing for SECONDS (600); ARGS are folders with more seed files
	$(PIP) install --quiet atheris==3.0.0
	PYTHONPATH=tests $(BIN)/python -m fuzz.seeds fuzz/corpus $(ARGS)
	OPENBLAS_NUM_THREADS=1 PYTHONPATH=tests nice $(BIN)/python -m fuzz.files -max_total_time=$(SECONDS) -max_len=8192 \
		-timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=tests/hostile/found/ fuzz/corpus

examples: install ## create examples/result.jpg again
	$(BIN)/python examples/make_result.py

screenshots: install ## create examples/page-*.webp again; needs Chromium
	$(BIN)/python examples/make_screenshots.py

lock: install ## write the lock files again; ARGS=--upgrade updates the versions
	$(LOCK) $(ARGS) pyproject.toml --output-file requirements.lock
	printf 'setuptools>=77\nuv\n' | $(LOCK) $(ARGS) pyproject.toml - --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove everything that the other commands created, except results
	rm -rf $(VENV) .node fuzz/corpus build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find app bench examples fuzz tests -name __pycache__ -type d -prune -exec rm -rf {} +
