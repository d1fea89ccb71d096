# Everything a contributor runs. Each target first makes the environment it needs; `make help` lists them.

PYTHON  ?= python3
WORKERS ?= 2
PYTEST  := -m pytest tests -n $(WORKERS) --dist loadscope

# .venv holds the oldest supported Lightning and NeMo, .venv-newest the newest Lightning without NeMo, .venv-field the
# same with packages whose modules are tested and the newest transformers.
OLDEST_PYTHON := .venv/bin/python
NEWEST_PYTHON := .venv-newest/bin/python
FIELD_PYTHON  := .venv-field/bin/python
PIP := -m pip install -qq --progress-bar off --no-input --disable-pip-version-check
OLDEST := -c requirements/constraints-oldest.txt
NEWEST := -c requirements/constraints.txt
DECLARED := setup.cfg setup.py requirements/constraints.txt requirements/constraints-oldest.txt

.PHONY: help install demo test test-newest test-field test-gpu lint format types docs package bench soak matrix clean check-python check-nemo-python

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.full ## make .venv with everything `make test` needs

demo: export OMP_NUM_THREADS := 1 # the model is too small to be shared
demo: .venv-newest/.light ## train on real digits: stop, resume, compare
	$(NEWEST_PYTHON) -m examples.demo

# One thread for each worker: workers that share the cores gain nothing from a pool of their own.
test test-newest: export OMP_NUM_THREADS := 1

test: .venv/.full ## all tests, then the examples as their users run them
	$(OLDEST_PYTHON) $(PYTEST)
	$(OLDEST_PYTHON) -m unittest discover -s examples -p 'test_*.py' -t .

test-newest: .venv-newest/.full ## the same with the newest Lightning; what needs NeMo is skipped
	$(NEWEST_PYTHON) $(PYTEST)

test-field: export OMP_NUM_THREADS := 1
test-field: .venv-field/.full ## modules as people write them, those of real packages, and the newest transformers
	$(FIELD_PYTHON) -m pytest tests/field tests/huggingface -n $(WORKERS) --dist loadscope

test-gpu: .venv/.full ## the tests that need a GPU
	$(OLDEST_PYTHON) -m unittest discover -s tests/gpu -t .

lint: .venv/.full ## rules and formatting
	$(OLDEST_PYTHON) -m ruff check
	$(OLDEST_PYTHON) -m ruff format --check

format: .venv/.full ## put the formatting right
	$(OLDEST_PYTHON) -m ruff check --fix
	$(OLDEST_PYTHON) -m ruff format

types: .venv/.full ## mypy --strict
	$(OLDEST_PYTHON) -m mypy

docs: .venv/.full ## build docs/_build/html, warnings are errors
	$(OLDEST_PYTHON) -m sphinx -qEnW --keep-going docs docs/_build/html

package: .venv-newest/.full ## build wheel and sdist, and try the wheel away from the checkout
	.ci/package $(NEWEST_PYTHON)

bench: .venv-newest/.full ## what the harness costs
	$(NEWEST_PYTHON) -m benchmarks

soak: .venv-newest/.full ## a hundred clean runs, none of which may fail, and a hundred kills, none of which may go unnoticed
	$(NEWEST_PYTHON) -m benchmarks.soak
	$(NEWEST_PYTHON) -W ignore -m benchmarks.kills

matrix: .venv/.full .venv-newest/.full ## which cells of the Lightning matrix resume exactly, measured
	$(OLDEST_PYTHON) -W ignore -m benchmarks.matrix
	$(NEWEST_PYTHON) -W ignore -m benchmarks.matrix

clean: ## remove build results and caches, keep the environments
	rm -rf build dist docs/_build .*_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

# The environments. torch comes first and alone: with 2.13.0 in place nothing asks for the CUDA builds.

.venv/.full: $(DECLARED) | check-python check-nemo-python
	$(PYTHON) -m venv .venv
	$(OLDEST_PYTHON) $(PIP) $(OLDEST) pip torch
	$(OLDEST_PYTHON) $(PIP) $(OLDEST) -e '.[lightning,demo,nemo,test,docs,lint]'
	touch $@

.venv-newest/.light: $(DECLARED) | check-python
	$(PYTHON) -m venv .venv-newest
	$(NEWEST_PYTHON) $(PIP) $(NEWEST) pip torch
	$(NEWEST_PYTHON) $(PIP) $(NEWEST) --upgrade lightning -e '.[lightning,demo]'
	touch $@

.venv-newest/.full: .venv-newest/.light
	$(NEWEST_PYTHON) $(PIP) $(NEWEST) -e '.[lightning,demo,test]'
	touch $@

.venv-field/.full: $(DECLARED) | check-python
	$(PYTHON) -m venv .venv-field
	$(FIELD_PYTHON) $(PIP) $(NEWEST) pip torch
	$(FIELD_PYTHON) $(PIP) $(NEWEST) -e '.[lightning,transformers,field,test]'
	touch $@

check-python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit( \
	    "stopgo_mixins needs Python 3.10 or newer, and $(PYTHON) is %d.%d: say make PYTHON=..." % sys.version_info[:2])'

check-nemo-python:
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 13) or sys.exit( \
	    "the NeMo packages need Python 3.12 or older, and $(PYTHON) is %d.%d: say make PYTHON=..." % sys.version_info[:2])'
