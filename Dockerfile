# Both stages stand on the same base: the environment built in the first runs in the second as it is.
FROM python:3.13.9-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

COPY requirements.lock requirements-dev.lock ./
RUN python3 -m venv --without-pip /opt/image-erase \
    && python3 -m pip --python /opt/image-erase/bin/python install --require-hashes --only-binary :all: -r requirements.lock \
    && python3 -m venv /opt/build \
    # of the development tools, only the one that makes the wheel
    && sed -n '/^setuptools==/,/[^\\]$/p' requirements-dev.lock > requirements-build.lock \
    && /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements-build.lock

COPY pyproject.toml README.md LICENSE ./
COPY app app
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && python3 -m pip --python /opt/image-erase/bin/python install --no-deps --no-index dist/*.whl


FROM python:3.13.9-slim-bookworm

LABEL org.opencontainers.image.title="image-erase" \
      org.opencontainers.image.description="A self-hosted, drop-in replacement server for the Image Erasure API" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"

COPY --from=build /opt/image-erase /opt/image-erase
ENV PATH="/opt/image-erase/bin:$PATH"

# Where no wheel has libjpeg-turbo's transform (ARM64), that of Debian is used. Debian removes a version when it mends it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libturbojpeg0 \
    && rm -rf /var/lib/apt/lists/*

# The import compiles what the base left uncompiled: the running server can't write, and would compile at every start.
RUN groupadd --gid 10001 erase \
    && useradd --no-log-init --uid 10001 --gid erase --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin erase \
    && install --directory --owner=erase --group=erase --mode=0750 /storage \
    && python3 -c "import image_erase.cli, image_erase.jobs.job"

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ERASE_HOST=0.0.0.0 \
    ERASE_STORAGE_URL=file:///storage

USER 10001:10001
WORKDIR /storage
VOLUME /storage
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["image-erase", "health"]
ENTRYPOINT ["image-erase"]
CMD ["serve"]
