# The dashboard with the published checkpoints, computing on processors. docs/deploy.md says how to build and run it.
FROM python:3.11-slim-bookworm
ENV PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1 DFS_DATA_DIR=/data
WORKDIR /app

# The CPU builds satisfy the pins of requirements.txt and save several GB.
COPY requirements.txt ./
RUN python -m pip install --index-url https://download.pytorch.org/whl/cpu $(grep ^torch requirements.txt)
RUN python -m pip install -r requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY dfs_core dfs_core
COPY dashboard dashboard
COPY pretrained pretrained
COPY results results
RUN python -m pip install --no-deps --editable .

RUN useradd --create-home dfs
USER dfs

EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["python", "-m", "dashboard", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
