# `make demo` and `make test` work on a bare machine with Python 3.11+; both set up .venv first, once.

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
# Two threads a process are slower than one for matrices as small as ours, and the tests run in two processes.
export OMP_NUM_THREADS := 1

.PHONY: setup demo test bench

setup: $(INSTALLED)
	@:

# The stamp is written last, so a broken set-up is repeated and a finished one costs nothing.
$(INSTALLED): pyproject.toml constraints.txt $(wildcard package-lock.json)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tonewheel needs Python 3.11 or newer")'
	@echo 'Setting up $(VENV) (once, some minutes) ...'
	@$(PYTHON) -m venv $(VENV)
	@PIP_CONSTRAINT=constraints.txt $(VENV)/bin/python -m pip install --disable-pip-version-check --quiet \
		--editable '.[dev]'
	@npm ci --ignore-scripts --silent || echo 'No onnxruntime-web (npm): tests of networks in a browser are skipped.'
	@touch $@

demo: setup
	$(VENV)/bin/tonewheel demo --force

# Everything that CI runs: tests, doctests, and (as tests) ruff, mypy and import-linter.
test: setup
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile

# Speed and size as ratios, each from one run; benchmarks/README.md says beside what.
bench: setup
	$(VENV)/bin/python benchmarks
