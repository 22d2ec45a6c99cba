# The only entry points. Everything happens in .venv; nothing is installed anywhere else.
#
#   make demo            install, then run examples/news-desk from real articles to a priced release
#   make test            install what tests need, run them
#   make coverage        the same, and which lines they reach (half as long again)
#   make check           formatting, lint, types, the ladder between rooms, tests
#   make bench           every benchmark; figures go to benchmarks/results/
#   make docs            regenerate docs/cli.md, docs/project-file.md and docs/modelwright.schema.json
#   make constraints     rewrite constraints.txt from what .venv holds
#   make clean           remove .venv, caches and build folders (runs/ stay: they are results)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt
# Compiled modules are kept beside their sources, whatever the shell says: hundreds of processes start, and each would compile them.
# All at once, as pip does for packages: on a full disk CPython 3.11 would keep half a module and stumble over it ever after.
COMPILE := $(BIN)/python -m compileall -q src
unexport PYTHONDONTWRITEBYTECODE
PYTEST_ARGUMENTS ?=
# A worker a core, each with a thread of its own; the tests of one file stay together, because they share what was trained for
# them. In the order of the folders, the longest tests come early, and no worker is left with one at the end.
PYTEST_WORKERS ?= auto

.PHONY: demo test coverage check bench bench-serve bench-finetune bench-images bench-tabular bench-forecasts bench-recommend bench-llm bench-corpus bench-pretrain bench-own-bert bench-sft bench-chat docs constraints clean help

help:
	@sed -n '/^#   make/s/^# *//p' Makefile

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A stamp per set of extras: it is older than pyproject.toml or constraints.txt only if something has to be installed again.
$(VENV)/.installed-all: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing modelwright[all] into $(VENV) (once; some minutes)"
	$(PIP_INSTALL) -e '.[all]'
	@$(COMPILE)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing modelwright[dev] into $(VENV) (once; some minutes)"
	$(PIP_INSTALL) -e '.[dev]'
	@$(COMPILE)
	@touch $(VENV)/.installed-all $@

$(VENV)/.installed-bench: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing modelwright[bench] into $(VENV) (once; some minutes)"
	$(PIP_INSTALL) -e '.[bench]'
	@$(COMPILE)
	@touch $(VENV)/.installed-all $(VENV)/.installed-dev $@

demo: $(VENV)/.installed-all
	$(BIN)/modelwright run examples/news-desk

test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGUMENTS)

coverage:
	$(MAKE) --no-print-directory test PYTEST_ARGUMENTS="--cov --cov-report=term $(PYTEST_ARGUMENTS)"

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/contracts/test_ladder.py
	$(MAKE) --no-print-directory coverage

bench: bench-serve bench-finetune bench-images bench-tabular bench-forecasts bench-recommend bench-llm

bench-llm: bench-corpus bench-pretrain bench-own-bert bench-sft bench-chat

bench-serve bench-finetune bench-images bench-tabular bench-forecasts bench-recommend bench-corpus bench-pretrain bench-sft bench-chat: bench-%: $(VENV)/.installed-bench
	$(BIN)/python benchmarks/$*.py

bench-own-bert: $(VENV)/.installed-bench
	$(BIN)/python benchmarks/own_bert.py

docs: $(VENV)/.installed-dev
	$(BIN)/python scripts/reference.py

constraints: $(VENV)/.installed-dev
	$(BIN)/python scripts/constrain.py

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov build dist src/*.egg-info
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
