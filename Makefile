# make app   opens the dashboard        make test  runs the tests        make lint  checks style and types
# Each makes the environment that it needs in .venv; nothing else has to be installed but Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
DATA_DIR ?= $(or $(DFS_DATA_DIR),data)

.PHONY: app test lint format bench data clean

app: $(VENV)/.app
	$(RUN) -m streamlit run dashboard/app.py

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

data: $(VENV)/.app
	$(RUN) -m dfs_core data download cifar10 --data-dir $(DATA_DIR)

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
