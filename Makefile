# Two targets do everything: `make demo` runs the main job, `make test` runs the tests. `make faults` runs every cell of
# the fault matrix, of which `make test` runs one a row, and writes docs/fault-matrix.md.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
SCENARIO ?= abalone-success
# How many processes share the test files; a file's tests stay together, for some share a running Airflow.
WORKERS ?= 2
SECONDS ?= 60

# What `make sbom` and `make licences` look at: a folder of a virtual environment, of a deployment's for instance.
ENVIRONMENT ?= $(VENV)
# The tools that look have an environment of their own: they are no part of what they list.
TOOLS := .tools
LICENCES := $(TOOLS)/bin/pip-licenses --python=$(ENVIRONMENT)/bin/python

.PHONY: demo test fast faults fuzz lint licences sbom clean

demo: $(INSTALLED)
	@$(VENV)/bin/python examples/demo.py examples/scenarios/$(SCENARIO).json

test: $(INSTALLED)
	$(VENV)/bin/python -m pytest --numprocesses $(WORKERS) --dist loadfile

# The pure rooms: no Airflow is started.
fast: $(INSTALLED)
	$(VENV)/bin/python -m pytest -m "not airflow and not system"

faults: $(INSTALLED)
	@SM_PIPELINES_TEST_FAULTS=all $(VENV)/bin/python -m pytest tests/faults; result=$$?; cat docs/fault-matrix.md; exit $$result

fuzz: $(INSTALLED)
	@$(VENV)/bin/python -W ignore -m tests.fuzz --seconds $(SECONDS)

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Every package's licence, and an error for one that [tool.pip-licenses] in pyproject.toml does not name.
licences: $(INSTALLED) $(TOOLS)/.installed
	@mkdir -p build
	@$(LICENCES) --allow-only='' --output-file=build/licences.md >/dev/null
	@$(LICENCES) --ignore-packages openlineage_sql >/dev/null
	@echo "build/licences.md: `grep -c '^|' build/licences.md` lines, all licences allowed"

# The same, and a CycloneDX bill of materials.
sbom: licences
	@$(TOOLS)/bin/cyclonedx-py environment $(ENVIRONMENT)/bin/python --pyproject pyproject.toml --output-reproducible \
		--output-file build/sbom.cdx.json
	@echo "build/sbom.cdx.json"

$(TOOLS)/.installed: constraints.txt
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --constraint constraints.txt cyclonedx-bom pip-licenses
	@touch $@

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	@echo "Installing into $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $(INSTALLED)

clean:
	rm -rf $(VENV) $(TOOLS) .demo build
