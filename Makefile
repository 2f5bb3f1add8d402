# `make demo` and `make test` each work alone on a fresh checkout, and can be repeated.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test engines test-engines test-dataflow check-image lint clean wheel-check kenlm-tools test-trainers \
	compare-env bench-check help

help:
	@echo "make demo         install into .venv and run the main job on the bundled samples"
	@echo "make test         install into .venv, then ruff, mypy and the tests"
	@echo "make engines      fetch Beam's Prism (built with Go) and its job servers for Spark and Flink into .engines"
	@echo "make test-engines run the samples on these, and with 1 and 2 workers here; compare the checksums of all files"
	@echo "make test-dataflow  make a run's jobs by Dataflow's own runner, without network, and look into them"
	@echo "make check-image  do what deploy/Dockerfile does, without Docker, and look at what comes of it"
	@echo "make wheel-check  build the wheel, install it in an empty environment, run it on one file"
	@echo "make test-trainers  have megatron-core, olmo-core, datatrove, litgpt and streaming read our shards; tests with PyTorch"
	@echo "make kenlm-tools  build lmplz and build_binary, which train language models, into .kenlm"
	@echo "make compare-env  install datatrove into .venv-compare, for python -m benchmarks.run --compare"
	@echo "make bench-check  fail where a stage has become slower beside its native floor"
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

engines: $(STAMP)
	PYTHON="$(BIN)/python" sh scripts/engines.sh

test-engines: engines
	WINNOW_ENGINES=1 $(BIN)/python -m pytest -rs tests/test_engines.py

wheel-check: $(STAMP)
	PYTHON="$(PYTHON)" sh scripts/wheel_check.sh

test-dataflow: .venv-gcp/.installed
	.venv-gcp/bin/python -m pytest tests/test_dataflow.py

.venv-gcp/.installed: $(STAMP) scripts/gcp_env.sh
	PYTHON="$(BIN)/python" sh scripts/gcp_env.sh

check-image: $(STAMP)
	$(BIN)/python scripts/check_image.py

kenlm-tools: $(STAMP)
	PYTHON="$(BIN)/python" sh scripts/kenlm_tools.sh .kenlm

test-trainers: $(STAMP)
	PYTHON="$(PYTHON)" sh scripts/test_trainers.sh

compare-env:
	PYTHON="$(PYTHON)" sh scripts/compare_env.sh

bench-check: $(STAMP)
	$(BIN)/python -m benchmarks.check

clean:
	rm -rf $(VENV) .venv-gcp .venv-trainers .venv-compare .kenlm .engines out build dist *.egg-info
