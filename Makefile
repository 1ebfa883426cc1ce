# setup · demo · test · check · prove · bench · golden · clean. `.ci/run` does what a newcomer does.
BIN := .venv/bin
STAMP := .venv/.installed
PROVE ?= full

.DEFAULT_GOAL := help
.PHONY: help setup demo test check prove bench golden format clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv and install everything (again only when a list of packages changed)

$(STAMP): pyproject.toml package-lock.json
	test -x $(BIN)/python || $(or $(PYTHON),$$($(shell command -v python3.11 || command -v python3) tools/quickest_python.py)) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund; \
	else echo "npm is missing: the accessibility tests will skip" >&2; fi
	$(BIN)/python -m compileall -q src
	touch $@

demo: setup  ## a demo bureau on http://127.0.0.1:8000 (PEOPLE=20000 for more, RESET=1 afresh)
	$(BIN)/tallystick demo --data-folder .tallystick/demo $(if $(PEOPLE),--people $(PEOPLE)) $(if $(filter-out 0,$(RESET)),--reset)

test: setup  ## the tests, without the slow proofs
	$(BIN)/python -m pytest -m "not prove" -n 3 --dist worksteal

check: setup  ## format, lint, types, layers, sizes, docs, changelog
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_sizes.py
	$(BIN)/python tools/check_docs.py
	$(BIN)/python tools/check_fragments.py

prove: setup  ## the slow proofs (PROVE=short for a few rounds of each)
	TALLYSTICK_PROVE=$(PROVE) $(BIN)/python -m pytest -m prove

bench: setup  ## one benchmark: make bench NAME=inquiry
	@test -n "$(NAME)" || { echo "say which: make bench NAME=x, one of:"; \
	  ls benchmarks/*.py | xargs -n1 basename -s .py; exit 2; }
	$(BIN)/python -m benchmarks.$(NAME)

golden: setup  ## write the golden files anew; read the diff before you keep it
	TALLYSTICK_GOLDEN=write $(BIN)/python -m pytest -m "not prove" -k golden

format: setup  ## format and mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove caches and build output; .venv and data stay
	rm -rf build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
