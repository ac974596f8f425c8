# `make demo` and `make test` need Python 3.11 or newer and a package index. They install everything else into
# `.venv`.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test lint train-smoke clean

demo: $(VENV)/.installed-eval
	$(BIN)/python -m scripts.demo

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

train-smoke: $(VENV)/.installed-test
	$(BIN)/python -m training.smoke

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-eval: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e '.[eval]'
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e '.[train,eval,demos,test]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-test
	$(BIN)/python -m pip install -q -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) out build dist *.egg-info
