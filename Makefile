# Everything lands in .venv/, var/, build/ and dist/, which may be deleted at any time.

BIN := .venv/bin
# One more than there are processors: many tests wait.
PYTEST := $(BIN)/pytest --numprocesses $(shell expr 1 + $$(nproc)) --maxprocesses 8 --dist worksteal

# Real servers wait for each other here; what failed beside others is tried once more alone, and once only.
AGAIN := $(BIN)/pytest --numprocesses 0 --last-failed --last-failed-no-failures none --maxfail 1

.PHONY: help setup run test unit thorough lint viewer deb binary packages chaos blackout restarts bench soak huge fuzz pictures
.PHONY: lock runtime programs tools
.NOTPARALLEL:

help: ## say what there is (this)
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## make .venv/bin/studypub
	@.ci/venv requirements.lock

run: setup ## try it: daemon, small PACS, a published study; Ctrl-C ends it
	@exec $(BIN)/studypub demo --state var

test: programs lint ## install what the tests need, then check everything
	$(PYTEST) || $(AGAIN)

unit: programs tools ## the tests that take seconds
	$(PYTEST) -m "not slow and not long" tests/unit

thorough: programs tools ## the tests that try more than `make test` has time for
	$(PYTEST) -m long

lint: tools ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

viewer: setup ## fetch OHIF Viewer by npm, for `make run`
	@$(BIN)/studypub viewer install --folder var/viewer

deb: runtime ## pack one file to install, dist/studypub_VERSION_amd64.deb; on Debian 12
	@packaging/deb build/runtime dist

binary: runtime ## pack one executable file, dist/studypub; on Debian 12
	@packaging/binary build/runtime dist

packages: programs tools ## as root: install and use both in clean Debian 12, Debian 13 and Ubuntu 24.04
	$(BIN)/pytest -m long tests/packaging

chaos: tools ## random faults for SECONDS with a SEED; says what does not hold
	@$(BIN)/python -m tests.chaos --seconds $(SECONDS) --seed $(SEED)

blackout: tools ## PostgreSQL, PACS and store silent at once for SECONDS, and a minute to recover
	@$(BIN)/python -m tests.chaos blackout --seconds $(SECONDS)

restarts: tools ## restart the daemon TIMES times while TASKS studies are asked for; says what does not hold
	@$(BIN)/python -m tests.chaos restarts --times $(TIMES) --tasks $(TASKS)

SECONDS := 60
SEED := 1
TIMES := 10
TASKS := 200

bench: programs tools ## measure everything that is to be fast or small, and print a table; takes most of an hour
	@$(BIN)/python -m tests.bench

soak: programs tools ## twenty studies at once, again and again, and a hundred people looking, for MINUTES; says what grows
	@$(BIN)/python -m tests.bench.soak $(MINUTES)

MINUTES := 30

huge: programs tools ## publish 10,000 images, and one of 2 GB; says how long it takes and how much memory
	@$(BIN)/python -m tests.bench.huge

fuzz: tools ## feed the listener with what a fuzzer makes up, EXECUTIONS times
	@$(BIN)/python -m tests.fuzz.listener $(EXECUTIONS) $(SEED)

EXECUTIONS := 10000000

pictures: programs tools ## make the pictures of the README and of docs/ anew
	$(BIN)/pytest --quiet tests/e2e/make_pictures.py tests/e2e/make_manual_pictures.py

lock: tools ## choose the newest allowed versions of all libraries anew
	$(BIN)/uv pip compile $(LOCK) --group build --output-file requirements.lock
	$(BIN)/uv pip compile $(LOCK) --group dev --constraints requirements.lock --output-file requirements-dev.lock

# One lock for every Python from 3.11 on.
LOCK := pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header

runtime: setup
	@echo patchelf | .ci/apt
	@mkdir -p dist
	@packaging/runtime build/runtime

programs:
	@.ci/apt <.ci/packages

tools:
	@.ci/venv requirements-dev.lock
