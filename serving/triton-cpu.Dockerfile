# Triton for processors, with the shipped models: the server binary of nvidia-pytriton, and our backend.
#   make images        or        docker build --tag glioserve/triton-cpu --file serving/triton-cpu.Dockerfile .
# It listens on loopback unless it is told otherwise by name: docker run ... glioserve/triton-cpu triton --host 0.0.0.0
# On GPUs NVIDIA's own Triton image serves the same models.

FROM python:3.11-slim-bookworm AS dependencies
WORKDIR /src
# One environment to install with, which stays behind, and one to be installed.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && rm -rf /var/lib/apt/lists/* && \
    python -m venv /opt/build && python -m venv --without-pip /opt/glioserve
COPY constraints.txt pyproject.toml ./
COPY client/pyproject.toml client/
ENV PIP_CONSTRAINT=/src/constraints.txt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_INPUT=1
ARG EXTRAS=gateway,s3
# Both projects without a line of code, for what they depend on: this layer stays the same while only code changes.
# What no image needs goes: packages' own tests, sample pictures and sources in C, symbols that were not stripped, and
# bytecode, of which only that is made which `import` makes for the modules that are used.
RUN --mount=type=cache,target=/root/.cache/pip \
    touch LICENSE README.md client/README.md && \
    /opt/build/bin/pip --python /opt/glioserve/bin/python install --quiet --no-compile ./client ".[${EXTRAS}]" && \
    /opt/build/bin/pip --python /opt/glioserve/bin/python uninstall --quiet --yes glioserve glioserve-stack && \
    find /opt/glioserve/lib -type d -name tests -prune -exec rm -rf {} + && \
    find /opt/glioserve/lib -path '*/skimage/data/*' -size +16k -delete && \
    find /opt/glioserve/lib -regex '.*\.\(h\|hpp\|c\|cpp\|pyx\|pxd\|pyf\|f\|f90\|a\)' -type f -delete && \
    find /opt/glioserve/lib -regex '.*/\(_ml_dtypes_ext\|rapidjson\|_yaml\|_fmm_core\|_highspy/_core\)\.[^/]*so' \
      -exec strip --strip-unneeded {} + && \
    /opt/glioserve/bin/python -c "import SimpleITK, cryptography.x509, fsspec, grpc.aio, grpc_health.v1.health, \
      grpc_reflection.v1alpha.reflection, isal.igzip, nibabel, PIL.Image, \
      prometheus_client, pydantic_settings, scipy.ndimage, \
      scipy.io._fast_matrix_market._fmm_core, scipy.optimize, skimage.filters, \
      skimage.graph, skimage.measure, skimage.metrics, skimage.transform, \
      tritonclient.grpc.aio, typer.rich_utils, yaml"

FROM dependencies AS project
COPY LICENSE README.md ./
COPY client client
COPY imaging imaging
COPY serving serving
# The project's own files go into a tree of their own, to be laid over the dependencies; the bill of materials names both.
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/build/bin/pip wheel --quiet --no-deps --wheel-dir /wheels ./client . && \
    /opt/build/bin/pip --python /opt/glioserve/bin/python install --quiet --no-deps --root /project /wheels/*.whl && \
    /opt/build/bin/pip --python /opt/glioserve/bin/python install --quiet --no-deps --no-compile /wheels/*.whl && \
    /opt/build/bin/pip install --quiet cyclonedx-bom==7.5.0 && \
    /opt/build/bin/cyclonedx-py environment --output-format JSON --output-file /project/opt/glioserve/sbom.cdx.json \
      /opt/glioserve/bin/python && \
    /opt/glioserve/bin/python -c "import serving.cli"

# Triton's own environment, at the versions of serving/triton/requirements.txt: no constraints but those.
FROM project AS triton
RUN --mount=type=cache,target=/root/.cache/pip \
    PIP_CONSTRAINT='' GLIOSERVE_TRITON_RUNTIME=/opt/triton /opt/glioserve/bin/glioserve-server runtime build && \
    /opt/build/bin/cyclonedx-py environment --output-format JSON --output-file /opt/triton/sbom.cdx.json \
      /opt/triton/bin/python3 && \
    /opt/triton/bin/python3 -m pip uninstall --quiet --yes setuptools pip && \
    find /opt/triton/lib -type d -name tests -prune -exec rm -rf {} +

FROM python:3.11-slim-bookworm
# Debian keeps no old versions to pin to; the base image's tag says which release this is.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends tini && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* && \
    useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin glioserve
COPY --from=dependencies /opt/glioserve /opt/glioserve
COPY --from=triton /opt/triton /opt/triton
COPY --from=project /project /
COPY models /opt/glioserve/models
ENV PATH=/opt/glioserve/bin:$PATH \
    HOME=/tmp \
    GLIOSERVE_MODELS=/opt/glioserve/models \
    GLIOSERVE_TRITON_RUNTIME=/opt/triton \
    PYTHONUNBUFFERED=1
WORKDIR /tmp
USER 10001:10001
EXPOSE 8000 8001 8002
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-m", "serving.probe", "http://127.0.0.1:8000/v2/health/ready"]
ENTRYPOINT ["tini", "--", "glioserve-server"]
CMD ["triton"]
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="glioserve triton-cpu" \
      org.opencontainers.image.description="Triton Inference Server with glioserve's models, for processors. Research software, not a medical device." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
