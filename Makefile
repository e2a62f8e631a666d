# Two targets do everything: `make demo` runs the main job, `make test` runs the tests. `make faults` runs every cell of
# the fault matrix, of which `make test` runs one a row, and writes docs/fault-matrix.md. `make corpus` runs every
# definition of the corpus, of which `make test` runs so many that nothing is missing.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
# `make demo` runs the example's own code. With SCENARIO=abalone-success, abalone-rejected or abalone-training-fails the jobs
# of another example are simulated. CONF has values of parameters, as JSON: CONF='{"LearningRate": 1.0}'.
SCENARIO ?=
CONF ?= {}
export CONF
# How many processes share the test files; a file's tests stay together, for some share a running Airflow, and files start
# in the order of tests/order.py.
WORKERS ?= 2
SHARED = --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
# No Airflow is started by these. The folders that have no other tests are not even read.
FAST = $(SHARED) -m "not airflow and not system" --ignore tests/runs --ignore tests/system
# Tests start hundreds of processes: without compiled files each of these would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE
SECONDS ?= 60
# `make scale`: which parts, and the share of the full size.
PARTS ?=
SIZE ?= 1
ROWS ?=

# `make test-next`: the newest pre-release of Airflow in an environment of its own. Beside the fast tests, a few runs, and
# what there is for that release alone.
NEXT := .venv-next
NEXT_TESTS := tests/importer tests/running tests/runs/test_core_path.py tests/runs/test_callback.py \
	tests/runs/test_callback_endpoint.py tests/runs/test_unowned_jobs.py tests/runs/test_cleared.py

# What the example's jobs run in: a Python of their own, without Airflow.
JOBS := .venv-jobs
# What needs the SageMaker SDK itself.
SDK := .sdk/2

# What `make sbom` and `make licences` look at: a folder of a virtual environment, of a deployment's for instance.
ENVIRONMENT ?= $(VENV)
# The tools that look have an environment of their own: they are no part of what they list.
TOOLS := .tools
# The documentation site's too.
SITE := .site
LICENCES := $(TOOLS)/bin/pip-licenses --python=$(ENVIRONMENT)/bin/python

# uv installs in a third of pip's time. It does not read pip's configuration: where it cannot install, pip does.
UV := .uv
, := ,
# $(call make_environment,folder,requirements)
define make_environment
	@echo "Installing into $(1) (once)"
	@$(PYTHON) -m venv $(1)
	@$(UV)/bin/uv pip install --quiet --system-certs --compile-bytecode --python $(1)/bin/python $(2) || \
		{ echo "uv could not; pip tries" && $(1)/bin/python -m pip install --quiet $(2); }
	@touch $(1)/.installed
endef

# `make matrix`: which sets of versions, with which Pythons. See docs/compatibility.md.
SETS ?= lowest airflow-3.3.1 airflow-3.3.2 newest next bare
PYTHONS ?= 3.11 3.12 3.13
TIERS ?= fast runs wheel

.PHONY: demo cluster cluster-down test test-next fast faults corpus fuzz bench scale sdk test-sdk lint licences sbom dist docs pins matrix clean

demo: $(INSTALLED) $(if $(SCENARIO),,$(JOBS)/.installed)
	@$(VENV)/bin/python examples/demo.py $(if $(SCENARIO),examples/scenarios/$(SCENARIO).json) --conf "$$CONF"

test: $(INSTALLED) $(JOBS)/.installed
	$(VENV)/bin/python -m pytest $(SHARED) --durations 40

test-next: $(NEXT)/.installed
	$(NEXT)/bin/python -m pytest $(FAST)
	$(NEXT)/bin/python -m pytest $(SHARED) $(NEXT_TESTS)

# @step functions, and the SDK's own local mode beside ours: with the SDK, version 2.
test-sdk: $(INSTALLED) $(SDK)/.installed
	$(VENV)/bin/python -m pytest tests/runs/test_sdk_local_mode.py

# The pure rooms: no Airflow is started. Some of them wait for processes: three share two cores.
fast: WORKERS = 3
fast: $(INSTALLED)
	$(VENV)/bin/python -m pytest $(FAST)

faults: $(INSTALLED)
	@SM_PIPELINES_TEST_FAULTS=all $(VENV)/bin/python -m pytest tests/faults; result=$$?; cat docs/fault-matrix.md; exit $$result

corpus: $(INSTALLED)
	@SM_PIPELINES_TEST_CORPUS=all $(VENV)/bin/python -m pytest --numprocesses $(WORKERS) tests/runs/test_corpus.py

fuzz: $(INSTALLED)
	@$(VENV)/bin/python -W ignore -m tests.fuzz --seconds $(SECONDS)

# What is measured and never asserted, into bench/RESULTS.md; with ROWS="build lint" these rows alone, into build/bench.md.
# It needs PostgreSQL as the system tests do. See docs/benchmarks.md.
bench: $(INSTALLED)
	@$(VENV)/bin/python -m bench $(ROWS)

# At the size where people need a distributed engine, into bench/SCALE.md: an hour and more, or PARTS="definition folder" of it.
# SIZE=0.1 is a tenth of the size, printed only.
scale: $(INSTALLED) $(NEXT)/.installed
	@$(VENV)/bin/python -m bench.scale --size $(SIZE) $(PARTS)

# The SageMaker SDK 2.x and 3.x, each in an environment of its own, as clients of the Pipelines API of a real Airflow.
sdk: $(INSTALLED)
	@$(VENV)/bin/python -m tests.sdk

# The services of docker-compose.yaml as processes of this machine; they need redis-server, and PostgreSQL on 127.0.0.1.
cluster: $(INSTALLED)
	@$(VENV)/bin/python -m tests.system.cluster up

cluster-down:
	@$(VENV)/bin/python -m tests.system.cluster down

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

# The wheel and the source archive: two builds give the same bytes, and an index would take them.
dist: $(TOOLS)/.installed
	@$(TOOLS)/bin/python -m dev.distribution

# The documentation site, in build/site. A warning is an error: no broken link, no page that cannot be found.
docs: $(SITE)/.installed
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --strict

# Other versions of Airflow, of dependencies and of Python, one environment after the other.
matrix: dist
	@PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" $(TOOLS)/bin/python -m dev.matrix --sets "$(SETS)" --pythons "$(PYTHONS)" --tiers "$(TIERS)"

# The sets of versions in pins/, and the lock file with hashes, made again from what the index has.
pins: $(TOOLS)/.installed
	@$(TOOLS)/bin/python -m dev.pins --uv $(TOOLS)/bin/uv

$(UV)/.installed: pins/tools.txt
	@$(PYTHON) -m venv $(UV)
	@$(UV)/bin/python -m pip install --quiet --constraint pins/tools.txt uv || echo "There is no uv here" >&2
	@touch $@

$(TOOLS)/.installed: pins/tools.txt | $(UV)/.installed
	$(call make_environment,$(TOOLS),--requirement pins/tools.txt)

$(SITE)/.installed: pins/docs.txt | $(UV)/.installed
	$(call make_environment,$(SITE),--requirement pins/docs.txt)

$(INSTALLED): pyproject.toml constraints.txt | $(UV)/.installed
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(call make_environment,$(VENV),--constraint constraints.txt --editable ".[dev]")

$(JOBS)/.installed: examples/diabetes/requirements.txt | $(UV)/.installed
	$(call make_environment,$(JOBS),--requirement examples/diabetes/requirements.txt)

$(SDK)/.installed: | $(UV)/.installed
	$(call make_environment,$(SDK),"sagemaker>=2.257$(,)<3")

$(NEXT)/.installed: pyproject.toml constraints-next.txt | $(UV)/.installed
	$(call make_environment,$(NEXT),--constraint constraints-next.txt --editable ".[dev]")

clean:
	rm -rf $(VENV) $(NEXT) $(JOBS) .sdk $(TOOLS) $(SITE) $(UV) .demo build dist
