# `make demo` and `make test` each work alone on a fresh checkout, and can be repeated.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-engines lint clean wheel-check kenlm-tools test-trainers help

help:
	@echo "make demo         install into .venv and run the main job on the bundled samples"
	@echo "make test         install into .venv, then ruff, mypy and the tests"
	@echo "make test-engines run the samples on Beam's Prism too, compare all files (builds Prism with Go, or PRISM=path)"
	@echo "make wheel-check  build the wheel, install it in an empty environment, run it on one file"
	@echo "make test-trainers  have megatron-core, olmo-core, datatrove, litgpt and streaming read our shards"
	@echo "make kenlm-tools  build lmplz and build_binary, which train language models, into .kenlm"
	@echo "make clean        remove .venv and out"

$(STAMP): pyproject.toml constraints.txt scripts/check_system.sh
	@PYTHON="$(PYTHON)" sh scripts/check_system.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m pipeline.run --runner DirectRunner

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-engines: $(STAMP)
	PYTHON="$(BIN)/python" sh scripts/test_prism.sh

wheel-check: $(STAMP)
	PYTHON="$(PYTHON)" sh scripts/wheel_check.sh

kenlm-tools: $(STAMP)
	PYTHON="$(BIN)/python" sh scripts/kenlm_tools.sh .kenlm

test-trainers: $(STAMP)
	PYTHON="$(PYTHON)" sh scripts/test_trainers.sh

clean:
	rm -rf $(VENV) .venv-trainers .kenlm .prism out build dist *.egg-info
