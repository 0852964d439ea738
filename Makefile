# make app   opens the dashboard        make test  runs the tests        make lint  checks style and types
# Each makes the environment that it needs in .venv; nothing else has to be installed but Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
DATA_DIR ?= $(or $(DFS_DATA_DIR),data)

# Every published run, in the order in which they start from one another.
RUNS := resnet38-cifar10 gates-paper-small supernet-skipnet \
	$(addprefix dfs-resnet38-cifar10-,b10 b20 b30 b40 b20-a1e-6 b20-a2.5e-5) \
	supernet-lowbit $(foreach method,lowbit mixed blockdrop skipnet,$(method)-gates $(method)-resnet38-cifar10) \
	$(addsuffix -resnet38-cifar10,static2 static3 static4 static8)

.PHONY: app test lint format bench measure data train seeds results screenshots clean

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

bench: $(VENV)/.app
	$(RUN) -m dfs_core bench --options paper

measure: $(VENV)/.dev
	$(RUN) -m tools.measure

data: $(VENV)/.app
	$(RUN) -m dfs_core data download cifar10 --data-dir $(DATA_DIR)

train: $(VENV)/.app
	set -e; for run in $(RUNS); do \
		$(RUN) -m dfs_core train configs/$$run.toml --data-dir $(DATA_DIR) --resume; \
	done

# The low-bit networks for every budget and their static rivals again, with other seeds, from the same shared weights
# (runs/supernet-lowbit, which make train leaves).
SEEDS := 1 2
TRAIN_AGAIN = $(RUN) -m dfs_core train --data-dir $(DATA_DIR) --resume --seed $$seed

seeds: $(VENV)/.app
	set -e; for seed in $(SEEDS); do \
		for method in lowbit mixed blockdrop; do \
			$(TRAIN_AGAIN) configs/$$method-gates.toml; \
			$(TRAIN_AGAIN) configs/$$method-resnet38-cifar10.toml --start-from $$method-gates-seed$$seed; \
		done; \
		for bits in 2 3 4 8; do $(TRAIN_AGAIN) configs/static$$bits-resnet38-cifar10.toml; done; \
	done
	$(RUN) -m dfs_core results --seeds runs --readme README.md

results: $(VENV)/.app
	$(RUN) -m dfs_core results --readme README.md

screenshots: $(VENV)/.dev
	$(RUN) -m tools.screenshots

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

$(VENV)/.app: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 app")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet -r requirements.txt
	$(RUN) -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.app requirements-dev.txt
	$(RUN) -m pip install --quiet -r requirements-dev.txt
	touch $@
