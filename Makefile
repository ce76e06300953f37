# make test builds its own virtual environment; PYTHON=python3.13 picks another interpreter.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= auto
PYTEST ?=
SOAK ?=

.PHONY: help check lint format test fuzz images demo bench soak docs clean

help: ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

check: lint test ## Everything that has to hold before a commit

lint: $(VENV)/.dev ## Style, types and the arrows between rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Mend the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(VENV)/.dev ## All tests, in parallel; PYTEST='-k name' picks some
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST)

fuzz: $(VENV)/.dev ## Ten minutes of fuzzing at the parsers of all protocols
	$(BIN)/python tests/fuzz/run.py --seconds 600

images: $(VENV)/.dev ## Images for the tests of containers, for every engine that answers
	$(BIN)/python tests/containers.py

demo: $(VENV)/.dev ## The demonstration server on port 5000
	$(BIN)/cloche demo

bench: $(VENV)/.bench ## Cloche beside PyWPS on this machine
	$(BIN)/python -m bench

soak: $(VENV)/.dev ## 2,000 jobs of every fate while the server is killed 20 times; SOAK='--mode docker' and more
	$(BIN)/python -m bench.soak $(SOAK)

docs: $(VENV)/.dev ## Write the generated parts of the documentation anew
	$(BIN)/python docs/generate.py

$(VENV)/.dev: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,bench]'
	touch $@

clean: ## Remove the virtual environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
