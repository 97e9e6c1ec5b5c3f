# Everything runs in .venv, which the first target that needs it makes. PYTHON chooses the interpreter.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo demo-fit test check lint types docs figures bench clean

demo: .venv/installed
	$(BIN)/lifetimescale plan --like 13B --inference-tokens 2T

# Runs planted with a known law, the law fitted to them, and a plan by that law.
demo-fit: .venv/installed
	@mkdir -p build
	$(BIN)/lifetimescale fit --example > build/runs.csv
	$(BIN)/lifetimescale fit build/runs.csv --bootstrap 4000 --holdout compute:0.2 --save build/law.json
	$(BIN)/lifetimescale plan --law build/law.json --like 13B --inference-tokens 2T

test: .venv/dev
	$(BIN)/pytest -m "not network and not browser"

check: lint types test

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/dev
	$(BIN)/pyright

# The pages, with every cell run; a warning is an error.
docs: .venv/dev
	$(BIN)/sphinx-build -W --keep-going -q -j 2 -b html docs build/docs

# The README's picture, and the paper's figures and tables in build/figures.
RUNS := $(wildcard ../shared/data/sardana2024.csv)
figures: .venv/dev
	$(BIN)/lifetimescale plan --like 13B --inference-tokens 2T --plot docs/pictures/plan.svg
	$(BIN)/lifetimescale figures --out build/figures $(if $(RUNS),--runs $(RUNS))

bench: .venv/dev
	$(BIN)/python benchmarks/plan.py
	$(BIN)/python benchmarks/roots.py
	$(BIN)/python benchmarks/cli.py
	$(BIN)/python benchmarks/fit.py
	$(BIN)/python benchmarks/serving.py
	$(BIN)/python benchmarks/regret.py
	$(BIN)/python benchmarks/roofline.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/uncertainty.py
	$(BIN)/python benchmarks/laws.py
	$(BIN)/python benchmarks/page.py

clean:
	rm -rf .venv build dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'lifetimescale needs Python 3.11 or newer: make PYTHON=python3.12 ...'; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo 'this Python makes no virtual environments: on Debian, apt-get install python3-venv'; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/dev: .venv/installed
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@
