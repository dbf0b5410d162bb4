# glioserve: every task of the project, from a fresh clone, with Python and make alone.
# The targets below are the documentation: `make` prints them.

PYTHON ?= python3
VENV   ?= .venv
OUT    ?= out
CASE   ?=
DATA   ?=
MODELS ?= models
SCORES ?=
AGAINST ?=
PROFILE ?= best
RUN     ?= runs/$(PROFILE)
# Weights of VGG-19 by which generators are judged: a file, or the word random. Only smoke asks for random by itself.
VGG     ?= $(if $(filter smoke,$(PROFILE)),random)
ENGINE  ?= triton
TARGET  ?=
# A generator of the model repository, with which tables are made where none is to be trained.
GENERATOR ?=
DEVICE  ?= cpu
# For DEVICE=gpu: a Triton in explicit mode, and its model repository as seen from here.
TRITON_ADDRESS    ?=
TRITON_REPOSITORY ?=
FOLDS   ?=
SPEC    ?= docs/examples/cohort.yaml
BASE    ?=
BENCH   ?=
JOBS    ?= 2
IMAGES  ?= gateway triton-cpu batch training
# What the builder is told besides, such as volumes for a bundle of authorities and pip's configuration.
IMAGE_BUILD_FLAGS ?=

VGG_OPTION = $(if $(VGG),--vgg-weights "$(VGG)")

BIN := $(VENV)/bin
PY  := $(BIN)/python
UV  := $(shell command -v uv 2>/dev/null)
CONTAINERS ?= $(shell command -v podman || command -v docker)
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)

# uv where it is on PATH, pip alone otherwise; either way at the pinned versions.
ifneq ($(UV),)
INSTALL = $(UV) pip install --python $(PY) --constraint constraints.txt
else
INSTALL = $(PY) -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
endif

# What an environment is made from. A stamp older than one of these is made again; otherwise nothing is installed.
PINS   := pyproject.toml client/pyproject.toml constraints.txt
SERVE  := $(VENV)/.stamp-serving
DEV    := $(VENV)/.stamp-dev
TRITON := $(or $(GLIOSERVE_TRITON_RUNTIME),.triton)/glioserve-runtime.json

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run cohort serve doctor test check format train evaluate generators tables reader-study utility export export-generators export-brain tune replicas k8s-check k8s-digest bench performance perf images protos protos-check docs monitoring constraints clean distclean

help: ## Print this list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@printf '\nPYTHON=%s makes the environment (3.11, 3.12 or 3.13).\n' '$(PYTHON)'

##@ Use
run: $(TRITON) ## Draw a synthetic exam and segment it, through Triton and the gateway: [CASE=BraTS folder] [OUT=out]
	$(BIN)/glioserve-server demo --out "$(OUT)" $(if $(CASE),--case "$(CASE)")

cohort: $(TRITON) ## Make a synthetic cohort: [SPEC=docs/examples/cohort.yaml] [OUT=out]; see OUT/cohort/quality.html
	$(BIN)/glioserve synthesize "$(SPEC)" --out "$(OUT)/cohort" --models "$(MODELS)" --workers 2

serve: $(TRITON) ## Start Triton and the gateway on loopback, until Ctrl-C
	$(BIN)/glioserve-server up

doctor: $(SERVE) ## Say what this machine lacks for serving, and how to mend it
	$(BIN)/glioserve-server doctor

##@ Models
train: $(DEV) ## Train the three U-Nets: DATA=folder of BraTS cases [PROFILE=paper|best|smoke] [FOLDS=5] [RUN=runs/PROFILE]
	@$(call required,DATA,folder of BraTS cases)
	$(PY) -m training train --data "$(DATA)" --profile "$(PROFILE)" --run "$(RUN)" $(if $(FOLDS),--folds "$(FOLDS)")
	$(if $(FOLDS),$(PY) -m training calibrate --data "$(DATA)" --run "$(RUN)")

evaluate: $(DEV) $(TRITON) ## Score validation patients: DATA=folder [ENGINE=triton|onnxruntime|torch] [AGAINST=scores.json]
	@$(call required,DATA,folder of BraTS cases)
ifeq ($(ENGINE),torch)
	$(PY) -m training evaluate --data "$(DATA)" --run "$(RUN)"
else
	$(BIN)/glioserve-server evaluate --data "$(DATA)" --engine "$(ENGINE)" --models "$(MODELS)" \
	  --out "$(OUT)/scores-$(ENGINE).json" $(if $(AGAINST),--against "$(AGAINST)")
endif

generators: PROFILE = small
generators: RUN = runs/generators-$(PROFILE)
generators: $(DEV) ## Train the Augmentation Network: DATA=folder VGG=weights [PROFILE=paper|small|smoke] [RUN=...]
	@$(call required,DATA,folder of BraTS cases)
	$(PY) -m training generators --data "$(DATA)" --profile "$(PROFILE)" --run "$(RUN)" $(VGG_OPTION)

tables reader-study: PROFILE = smoke
tables reader-study: RUN = runs/tables-$(PROFILE)
tables: $(DEV) ## The paper's tables and figures: [DATA=folder VGG=weights|GENERATOR=model PROFILE=small|paper] [RUN=...]; smoke on phantoms
	$(if $(GENERATOR),$(PY) -m export recover "$(GENERATOR)" --run "$(RUN)/generators")
	$(PY) -m training tables $(if $(DATA),--data "$(DATA)") --profile "$(PROFILE)" --run "$(RUN)" $(VGG_OPTION) \
	  $(if $(GENERATOR),--variant joint)

reader-study: $(DEV) ## The blinded reader study's page, of a run of tables: DATA=folder PROFILE=... [RUN=...]
	$(PY) -m training tables $(if $(DATA),--data "$(DATA)") --profile "$(PROFILE)" --run "$(RUN)" --step reader-study

utility: RUN = runs/utility
utility: PROFILE = small
utility: $(DEV) ## What a synthetic cohort is worth to U-Nets: DATA=folder COHORT=folder [PROFILE=small] [RUN=...]
	@$(call required,DATA,folder of BraTS cases)
	@$(call required,COHORT,folder of a cohort)
	$(PY) -m training utility --data "$(DATA)" --cohort "$(COHORT)" --profile "$(PROFILE)" --run "$(RUN)"

export: $(DEV) ## Checkpoints to a verified model repository: [RUN=runs/PROFILE] [MODELS=models] [SCORES=scores.json]
	$(PY) -m export "$(RUN)" --models "$(MODELS)" $(if $(SCORES),--scores "$(SCORES)")

export-generators: RUN = runs/tables-small
export-generators: $(DEV) ## Generators of a run of tables to the model repository: [RUN=...] [TARGET=joint] [MODELS=models]
	$(PY) -m export generators "$(RUN)/generators" --models "$(MODELS)" $(if $(TARGET),--target "$(TARGET)") \
	  --quality "$(RUN)/quality.md" --replicas "$(RUN)/replicas.md"

export-brain: $(DEV) ## Brain extraction's networks, from the wheel of deepbet, to the model repository: [MODELS=models]
	$(PY) -m pip download --quiet --no-deps --dest build/deepbet deepbet==1.0.2
	$(PY) -m export brain build/deepbet/deepbet-1.0.2-py3-none-any.whl --models "$(MODELS)"

tune: $(DEV) $(TRITON) ## The fastest engine that keeps the masks, into config.pbtxt: DATA=folder [DEVICE=cpu|gpu] [MODELS=models]
	@$(call required,DATA,folder of BraTS cases)
	$(PY) -m export tune --data "$(DATA)" --models "$(MODELS)" --device "$(DEVICE)" \
	  $(if $(TRITON_ADDRESS),--triton "$(TRITON_ADDRESS)" --repository "$(TRITON_REPOSITORY)")

replicas: $(DEV) ## The index by which cohorts are checked for replicas: DATA=folder of BraTS cases
	@$(call required,DATA,folder of BraTS cases)
	$(PY) -m export replicas --data "$(DATA)"

##@ Work on glioserve
test: $(DEV) $(TRITON) ## All tests, with coverage: [JOBS=2] at one time
	$(BIN)/pytest --numprocesses "$(JOBS)" --dist loadfile --no-loadscope-reorder --cov --cov-report=term

check: $(DEV) protos-check ## Lint, formatting, types, generated stubs: what CI runs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(DEV) ## Format and mend what can be mended by itself
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: $(DEV) $(TRITON) ## Every benchmark that has no record yet: [BENCH="exam load"] [QUICK=1] [AGAIN=1]; patients by GLIOSERVE_BRATS_DIR
	$(PY) -m benchmarks $(BENCH) $(if $(QUICK),--quick --results build/benchmarks) $(if $(AGAIN),--again)

performance: bench ## The same, then the tables of docs/performance.md
	$(PY) -m benchmarks.tables

perf: $(DEV) $(TRITON) ## This tree against another revision, by turns in one run: BASE=revision [ENGINE=triton|onnxruntime]
	@$(call required,BASE,revision)
	$(PY) -m benchmarks.perf --base "$(BASE)" --engine "$(ENGINE)" --results build/benchmarks

images: ## Build the containers' images with podman or docker: [IMAGES="gateway batch"] [IMAGE_BUILD_FLAGS=...]
	@test -n "$(CONTAINERS)" || { echo "make images: needs podman or docker" >&2; exit 2; }
	@set -e; for image in $(IMAGES); do \
	  file=serving/$$image.Dockerfile; test -f "$$file" || file=$$image/Dockerfile; \
	  $(CONTAINERS) build $(if $(findstring podman,$(CONTAINERS)),--format docker) $(IMAGE_BUILD_FLAGS) \
	    --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) \
	    --tag glioserve/$$image:$(VERSION) --file "$$file" .; \
	done

k8s-check: $(DEV) ## Render every overlay of k8s/, check it by schemas, by tests and by checkov's policies (needs kubectl)
	$(BIN)/pytest -q tests/k8s
	@rm -rf build/k8s && mkdir -p build/k8s
	@for overlay in $(filter-out %/podman,$(wildcard k8s/overlays/*)); do \
	  kubectl kustomize $$overlay > build/k8s/$${overlay##*/}.yaml || exit 1; done
	@test -x build/checkov/bin/checkov || { $(PY) -m venv build/checkov && build/checkov/bin/pip install --quiet checkov==3.3.30; }
	build/checkov/bin/checkov --config-file k8s/checkov.yaml --directory build/k8s

k8s-digest: $(SERVE) ## After an export: write the digest of the shipped models to k8s/base/models.env
	@mkdir -p build
	@$(BIN)/glioserve-server models verify --models models > build/models.txt
	@sed -n 's/^digest /MODELS_DIGEST=/p' build/models.txt > k8s/base/models.env

protos: $(DEV) ## Generate the stubs of the contract from client/glioserve/v1/*.proto
	$(PY) client/generate_protos.py

monitoring: $(DEV) ## Write the alerts' Kubernetes form from k8s/monitoring/prometheus/alerts.yaml
	$(PY) k8s/monitoring/render_rules.py

docs: $(DEV) ## Write the tables of docs/reference from the code
	$(PY) docs/generate_reference.py

protos-check: $(DEV)
	@rm -rf build/protos && mkdir -p build/protos
	@$(PY) client/generate_protos.py --out build/protos
	@for file in build/protos/glioserve/v1/*; do \
	  cmp -s "$$file" "client/glioserve/v1/$$(basename "$$file")" || { echo "stale stub: $$(basename "$$file"); run 'make protos'" >&2; exit 1; }; \
	done

constraints: ## Pin every dependency anew (needs uv; UPGRADE=1 takes the newest releases)
	uv pip compile --universal --python-version 3.11 --all-extras --no-annotate --no-emit-package glioserve \
	  --custom-compile-command 'make constraints' $(if $(UPGRADE),--upgrade) --output-file constraints.txt \
	  pyproject.toml client/pyproject.toml

clean: ## Remove caches and outputs, keep the environments
	rm -rf build out .coverage .coverage.* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the environments too
	rm -rf "$(VENV)" .triton

define required
test -n "$($(1))" || { echo "make $@: say $(1)=<$(2)>" >&2; exit 2; }
endef

# The virtual environment itself; a Python outside 3.11 to 3.13 is refused by name.
$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	  found=$$($(PYTHON) --version 2>/dev/null) || found='not there'; \
	  echo "glioserve needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is $$found. Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv "$(VENV)"

$(SERVE): $(PINS) | $(PY)
	$(INSTALL) --editable ./client --editable '.[serving]'
	@touch $@

$(DEV): $(PINS) | $(PY)
	$(INSTALL) --editable ./client --editable '.[dev]'
	@touch $@ $(SERVE)

# Triton runs in an environment of its own, which `runtime build` makes or finds complete.
$(TRITON): serving/triton/requirements.txt | $(SERVE)
	$(BIN)/glioserve-server runtime build
	@touch $@
