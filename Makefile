# Murmur: `make help` lists what there is. Needs Python 3.11 or 3.12 and make, nothing else.

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
RUN_STAMP := $(VENV)/.installed-to-run

.NOTPARALLEL:
.PHONY: help run down status test test-memory test-real check demo chaos sim bench bench-quick clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

# The last line of each recipe is an exec, so that Ctrl-C and SIGTERM reach the Python process itself.

run: $(RUN_STAMP)  ## start the whole system here; Ctrl-C stops it
	@exec $(PYTHON) -m cluster up

down: $(RUN_STAMP)  ## stop the system that runs on this data folder
	@exec $(PYTHON) -m cluster down

status: $(RUN_STAMP)  ## show each dependency and actor of the running system
	@exec $(PYTHON) -m cluster status

test: test-memory test-real  ## every test tier, against real stores

IN_MEMORY := tests/unit tests/simulation

test-memory: $(STAMP)  ## tiers on stores in memory, on all cores
	@exec $(PYTHON) -m pytest $(IN_MEMORY) -p no:cacheprovider -n auto $(PYTEST_ARGS)

test-real: $(STAMP)  ## tiers that start stores or whole systems, one test after another
	@exec $(PYTHON) -m pytest tests $(IN_MEMORY:%=--ignore=%) -p no:cacheprovider $(PYTEST_ARGS)

check: $(STAMP)  ## ruff, mypy and the tests of the repository's own rules
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	@exec $(PYTHON) -m pytest tests/unit/test_tidy.py tests/unit/test_imports.py tests/unit/test_words.py -p no:cacheprovider -q

demo: $(STAMP)  ## real tweets through a system of its own, compared with an oracle
	@exec $(PYTHON) -m tests.acceptance

chaos: $(STAMP)  ## break a system under load in every way, or in one: FAULT=shard-killed
	@exec $(PYTHON) -m tests.chaos $(FAULT)

SEEDS := 1000
sim: $(STAMP)  ## so many seeded histories in simulated time, and a crash at every call: SEEDS=1000
	@exec $(PYTHON) -m pytest tests/simulation -p no:cacheprovider -n auto -q --seeds $(SEEDS)

bench: $(STAMP)  ## measure and print the table of ratios
	@exec $(PYTHON) -m benchmarks

bench-quick: $(STAMP)  ## the same with short loads
	@exec $(PYTHON) -m benchmarks --quick

clean:  ## remove the virtual environment (data folders stay)
	rm -rf $(VENV)

INSTALL = $(PYTHON) -m pip install --disable-pip-version-check -c constraints.txt

# A stamp is written last: an interrupted installation is taken up again.
$(STAMP): $(RUN_STAMP)
	@echo 'Installing what tests and checks need besides.'
	@$(INSTALL) -e '.[dev]'
	@touch $(STAMP)

# Cassandra's jars come meanwhile, unless there is a Cassandra; where that fails, `cluster up` tries again and says why.
$(RUN_STAMP): pyproject.toml constraints.txt
	@found=; for name in python3.11 python3.12 python3 python; do \
	  if $$name -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' >/dev/null 2>&1; then \
	    found=$$name; break; fi; done; \
	if [ -z "$$found" ]; then \
	  echo 'Murmur needs Python 3.11 or 3.12, and neither is on PATH: install one of them and run make again.' >&2; exit 1; fi; \
	if ! $(PYTHON) -c '' >/dev/null 2>&1; then echo "Creating $(VENV) with $$found."; rm -rf $(VENV); $$found -m venv $(VENV) || { \
	  echo "$$found cannot make a virtual environment: install its venv package (python3-venv) and run make again." >&2; exit 1; }; fi; \
	echo 'Installing the dependencies (a few minutes the first time).'
	@$(INSTALL) --quiet jgo rich
	@if [ -z "$$MURMUR_CASSANDRA_CONTACT_POINTS" ]; then \
	  $(PYTHON) -m cluster.embedded.cassandra_jars "$${XDG_CACHE_HOME:-$$HOME/.cache}/murmur" >/dev/null 2>&1 & fi; \
	$(INSTALL) -e . && wait
	@touch $(RUN_STAMP)
