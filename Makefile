# Needs Python 3.11 to 3.13 and make; everything else is installed into this folder.
# ARGS hands options on: make test ARGS="-k funnel", make demo ARGS="--seed 8".

SHELL := /bin/sh
BIN := .venv/bin
STAMP := .venv/.installed
COMPILED := .venv/.compiled
ROOMS := schemas pipelines assets sensors emberline tests benchmarks docs
ARGS ?=
# Five workers on two cores: a test waits for an engine or a process more than half of its time.
WORKERS := -n 5 --dist worksteal
# Tests start a hundred processes: without bytecode each would compile the project's own modules again.
WITH_BYTECODE := env -u PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test soak lint up down bench chaos fuzz mutants docs readme clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Build .venv from uv.lock; nothing to do where it is up to date

$(STAMP): uv.lock pyproject.toml .ci/install
	@.ci/install
	@touch $@

demo: $(STAMP) ## Run everything once on a simulated company
	@$(BIN)/emberline demo $(ARGS)

test: $(COMPILED) ## Run what every change needs, against a real Kafka and a real PostgreSQL
	@$(WITH_BYTECODE) $(BIN)/pytest $(WORKERS) -m "not soak" $(ARGS)

soak: $(COMPILED) ## Run the long tests, and each property on all the examples it needs
	@$(WITH_BYTECODE) $(BIN)/pytest $(WORKERS) -m "soak or hypothesis" --hypothesis-profile=thorough $(ARGS)

# Whatever numba compiles, compiled once for all workers.
$(COMPILED): $(STAMP) $(shell grep -rlE --include='*.py' '^(import numba|from pipelines.compiled)' pipelines)
	-@$(WITH_BYTECODE) $(BIN)/python -m tests.compiled
	@touch $@

lint: $(STAMP) ## Check style, format, types, imports and Dagster's definitions
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/dagster definitions validate --log-level warning

up: $(STAMP) ## Start Kafka, PostgreSQL and Dagster, embedded; data lives in .emberline
	@$(BIN)/emberline up

down: $(STAMP) ## Stop them; the data stays
	@$(BIN)/emberline down

bench: $(STAMP) ## Measure the ingest beside the bare Kafka client
	@$(BIN)/python -m benchmarks $(ARGS)

chaos: $(STAMP) ## Break things at random under load for 30 minutes, then tell what is left
	@$(BIN)/python -m tests.chaos $(ARGS)

fuzz: $(STAMP) ## Run 2,000 command lines and settings at random, then tell which did not end as documented
	@$(BIN)/python -m tests.fuzz $(ARGS)

mutants: $(STAMP) ## Take each protection out, and see the tests of its fault fail
	@$(BIN)/python -m tests.faults.mutants $(ARGS)

docs: $(STAMP) ## Write docs/reference anew from the code
	@$(BIN)/python docs/build_reference.py

readme: $(STAMP) ## Run the demo, and write its figures into README.md
	@$(BIN)/python docs/build_readme.py

clean: ## Remove what make has installed and what tools cache; data folders stay
	@rm -rf .venv .uv dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find $(ROOMS) -name __pycache__ -type d -prune -exec rm -rf {} +
