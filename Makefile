# `make repro` builds everything and ends with a list to open; `make test` runs every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: repro check test lock audit sbom docs catalogues pictures

repro: $(VENV)/installed
	@python -m pipeline.params
	@dvc repro --quiet example
	@retention check --brief
	dvc repro
	@echo && python -m pipeline.publish

check: $(VENV)/installed  ## what is wrong or doubtful in params.yaml and the files it names
	@retention check

# Two processes share the cores: a thread that waits for another must leave its core, not spin.
test: export OMP_WAIT_POLICY := passive
test: $(VENV)/installed-spark
	ruff check .
	ruff format --check .
	lint-imports
	mypy
	python -m slipcover -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The environment, from hashed pins: uv installs fast; where it cannot, pip does the same.
$(VENV)/installed: requirements.lock requirements-uv.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)
	-$(BIN)/pip install --quiet --require-hashes -r requirements-uv.lock
	$(call install,requirements.lock)
	$(call link)
	touch $@

$(VENV)/installed-spark: $(VENV)/installed requirements-spark.lock
	$(call install,requirements-spark.lock)
	touch $@

$(VENV)/installed-audit: $(VENV)/installed requirements-audit.lock
	$(call install,requirements-audit.lock)
	touch $@

install = uv pip install --python $(BIN)/python --quiet --require-hashes -r $(1) || $(BIN)/pip install --quiet --require-hashes -r $(1)
link = uv pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation -e . || $(BIN)/pip install --quiet --no-deps --no-build-isolation -e .

lock:  ## pin every dependency anew, with hashes and without an index's address
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements-uv.in -o requirements-uv.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra spark -c requirements.lock pyproject.toml -o requirements-spark.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra audit -c requirements.lock pyproject.toml -o requirements-audit.lock

# --strict: a package of which nothing can be learnt fails the audit; without it the tool ends with
# "no known vulnerabilities" where it could not look.
audit: $(VENV)/installed-audit  ## known vulnerabilities of all pins, from the advisories of PyPI; needs a network
	@for lock in requirements*.lock; do echo "$$lock" && pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r $$lock || exit 1; done

sbom: $(VENV)/installed-audit  ## sbom.json, what is installed by requirements.lock, as CycloneDX
	cyclonedx-py requirements requirements.lock --output-format JSON --output-reproducible --output-file sbom.json

docs: $(VENV)/installed  ## docs/features.md and data/README.md, from the code
	python -m tools.docs

catalogues: $(VENV)/installed  ## retention/i18n/locale/*.po, with every message staff may read; translate what is empty
	python -m tools.catalogues

pictures: $(VENV)/installed  ## docs/images/, from the current run; needs chromium
	python -m tools.pictures
