# Two commands for a new user: `make demo` and `make test`. Both set themselves up; see README.md.
# Set PYTHON to choose the interpreter (3.11 or newer), VENV to put the environment elsewhere.
PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
ROOM := .check
WORKERS ?= auto

.PHONY: demo test check setup peers format lint layers types tests bench lock clean

demo: setup ## the main job on a simulated book, start to finish
	@echo "==> demo: simulate, check, features, train, evaluate, register, promote, recommend, explain"
	@$(BIN)/lighttouch demo
	@echo "==> demo: done; lighttouch and mlflow are on the path after: . $(VENV)/bin/activate"

test: setup tests ## sets up and passes the tests

check: setup format lint layers types tests ## what CI runs

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml requirements/dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	@echo "==> setup: a virtual environment in $(VENV), about a minute or two"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "==> setup: done"

peers: .venv-peers/.ready ## what the benchmarks compare with, in .venv-peers: EconML, causalml, obp (1.1 GB; Python 3.11)

.venv-peers/.ready: requirements/peers.lock
	@echo "==> peers: a virtual environment in .venv-peers, some minutes"
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/peers.lock
	@touch $@

format:
	@echo "==> format"; $(BIN)/ruff format --check --quiet .

lint:
	@echo "==> lint"; $(BIN)/ruff check --quiet .

layers:
	@echo "==> layers"; $(BIN)/lint-imports --no-cache > $(VENV)/layers.txt || { cat $(VENV)/layers.txt; exit 1; }

# Types are checked as the package: the folder of a clone may have any name, so a link has the package's.
types:
	@echo "==> types"; mkdir -p $(ROOM); ln -sfn "$(CURDIR)" $(ROOM)/lighttouch
	@cd $(ROOM) && $(BIN)/mypy --config-file "$(CURDIR)/pyproject.toml" -p lighttouch

tests:
	@echo "==> tests, doctests and the README's blocks; real data: $${LIGHTTOUCH_REAL_DATA:-not set, those tests are skipped}"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
	@echo "==> tests passed; what was skipped and why stands above. Next: make demo"

bench: setup ## prints every yardstick's table (many hours; two want LIGHTTOUCH_REAL_DATA)
	@for file in $$(grep -l '^def main' benchmarks/*.py); do echo "==> $$file"; $(BIN)/python $$file || exit 1; done

lock: ## renews the locked dependencies
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --extra postgres --group dev pyproject.toml --output-file requirements/dev.lock
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --override requirements/peers-without.txt requirements/peers.in --output-file requirements/peers.lock

clean:
	@rm -rf $(VENV) .venv-peers $(ROOM) var build dist *.egg-info
