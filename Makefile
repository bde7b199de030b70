# `make demo` runs the main job, `make test` the tests, `make check` everything that CI runs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: help demo test check format clean

help:
	@echo "make demo    install, then run the main job into results/demo"
	@echo "make test    install the test extra, then run every test and doctest"
	@echo "make check   format, lint, types, tests, doctests: what CI runs"
	@echo "make format  rewrite the code in the house style"
	@echo "Without make:"
	@echo "  demo:  $(PYTHON) -m venv .venv && .venv/bin/pip install -e . && .venv/bin/v1sim revcorr --out results/demo"
	@echo "  test:  $(PYTHON) -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest"

demo: $(VENV)/.core
	$(BIN)/v1sim revcorr --out results/demo

test: $(VENV)/.test
	$(BIN)/pytest

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) results .pytest_cache .ruff_cache .mypy_cache

# One stamp a set of extras, so that each command installs only what it needs.
$(VENV)/.core: EXTRA =
$(VENV)/.test: EXTRA = [test]
$(VENV)/.dev:  EXTRA = [dev]
$(VENV)/.core $(VENV)/.test $(VENV)/.dev: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.$(EXTRA)'
	touch $@
