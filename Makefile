# make app   opens the dashboard        make test  runs the tests        make lint  checks style and types
# make fuzz  tries broken files        make soak  plays many users       make kills kills a training run
# make docs  builds the documentation   make data  fetches the images    make results  makes the tables
# On Linux without a GPU, make app CPU=1 leaves out several gigabytes of CUDA.
# Each makes the environment that it needs in .venv; nothing else has to be installed but Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
DATA_DIR ?= $(or $(DFS_DATA_DIR),data)

# The network of make data, make train and make seeds: make data train NETWORK=resnet74-cifar100
NETWORK ?= resnet38-cifar10
SWEEP = $(RUN) -m dfs_core sweep --network $(NETWORK) --data-dir "$(DATA_DIR)"

.PHONY: app test lint format docs bench measure fuzz soak kills data train seeds results screenshots clean

app: $(VENV)/.app
	$(RUN) -m dashboard

test: $(VENV)/.dev
	$(RUN) -m pytest

lint: $(VENV)/.dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

format: $(VENV)/.dev
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

# The documentation as pages, in site/; a link that leads nowhere ends it.
docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict

bench: $(VENV)/.app
	$(RUN) -m dfs_core bench --options paper

measure: $(VENV)/.dev
	$(RUN) -m tools.measure

# Broken files and odd command lines; fifty people for a while; a training run that is killed again and again.
MINUTES ?= 5
PACE ?= 1
SEED ?= 0
N ?= 100
fuzz: $(VENV)/.dev
	$(RUN) -m tools.fuzz --minutes $(MINUTES) --seed $(SEED)

soak: $(VENV)/.dev
	$(RUN) -m tools.soak --minutes $(MINUTES) --pace $(PACE)

kills: $(VENV)/.dev
	$(RUN) -m tools.kills --kills $(N) --seed $(SEED)

data: $(VENV)/.app
	$(RUN) -m dfs_core data download $(lastword $(subst -, ,$(NETWORK))) --data-dir "$(DATA_DIR)"

train: $(VENV)/.app
	$(SWEEP) configs/sweeps/published.toml

# In runs/, from the shared weights that make train left there.
seeds: $(VENV)/.app
	$(SWEEP) configs/sweeps/seeds.toml
	$(RUN) -m dfs_core results --seeds runs --readme README.md

results: $(VENV)/.app
	$(RUN) -m dfs_core results --readme README.md

screenshots: $(VENV)/.dev
	$(RUN) -m tools.screenshots

clean:
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

$(VENV)/.app: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 app")'
	$(PYTHON) -m venv $(VENV)
	@$(RUN) -c 'import sys; sys.exit(sys.version_info < (3, 11) and ".venv was made by an older Python: run make clean first")'
	$(if $(CPU),$(RUN) -m pip install --quiet --index-url https://download.pytorch.org/whl/cpu $(shell grep ^torch requirements.txt))
	$(RUN) -m pip install --quiet -r requirements.txt
	$(RUN) -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.app requirements-dev.txt
	$(RUN) -m pip install --quiet -r requirements-dev.txt
	touch $@
