# The two commands to start with: `make train` and `make test`. Both make the environment in .venv first.
PYTHON ?= python3
CONFIG ?= configs/fashion_mlp.yaml
KERAS_PYTHON ?= .venv-keras/bin/python
BIN := .venv/bin

.PHONY: train test slow check format lint types docs parity reference bench clean help

train: .venv/installed  ## train the classic first network (CONFIG=… for another file)
	$(BIN)/seqnet train $(CONFIG)

test: .venv/installed-dev  ## run the tests
	$(BIN)/python -m pytest -m "not slow"

slow: .venv/installed-dev  ## run all tests, the slow ones too
	$(BIN)/python -m pytest

check: .venv/installed-dev lint types test  ## format, lint, types, tests

format: .venv/installed-dev  ## bring the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/installed-dev
	$(BIN)/mypy

parity: .venv/installed-dev .venv-keras/installed  ## compare with Keras live, instead of with stored values
	rm -rf build/parity && mkdir -p build/parity
	KERAS_BACKEND=jax $(KERAS_PYTHON) -m tests.reference.make_all build/parity
	SEQNET_REFERENCE=build/parity $(BIN)/python -m pytest -m "not slow"

reference: .venv-keras/installed  ## make the stored reference values anew
	KERAS_BACKEND=jax $(KERAS_PYTHON) -m tests.reference.make_all tests/reference

bench: .venv/installed-dev .venv-keras/installed  ## race against Keras and PyTorch
	$(BIN)/python -m tests.bench --peers $(KERAS_PYTHON) --write
	$(BIN)/python -m tests.bench.scaling --write

docs: .venv/installed-dev  ## write the reference of every component
	$(BIN)/python -m seqnet.spec.reference seqnet/assets/reference.md

clean:  ## remove what make made
	rm -rf .venv .venv-keras build *.egg-info

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python -m compileall -q seqnet  # where Python may not write bytecode itself, commands would start slowly
	touch $@

.venv/installed-dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	$(BIN)/python -m compileall -q seqnet
	touch $@ .venv/installed

.venv-keras/installed:
	$(PYTHON) -m venv .venv-keras
	.venv-keras/bin/python -m pip install --quiet keras jax jaxlib tensorflow-cpu torch==2.13.0 scikit-learn scipy onnx
	touch $@
