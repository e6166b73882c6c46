# syntax=docker/dockerfile:1
# `make image` builds it. The image is the static `mds` and nothing else: no shell, no package, no C library. The authorities of
# TLS and the time zones are built in. /tmp is empty; steps keep responses there while they read them.

ARG RUST_VERSION=1.94.1

FROM rust:${RUST_VERSION}-alpine AS build
# A C compiler and make build the cryptography and the compression.
# hadolint ignore=DL3018
RUN apk add --no-cache build-base cmake linux-headers perl
WORKDIR /source
COPY . .
# The commit, since the context has no .git.
ARG MDS_BUILD_COMMIT=""
ARG MDS_BUILD_IMAGE=""
ARG SOURCE_DATE_EPOCH=""
# `sandbox` starts a Postgres of the machine, so it is of no use here.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --profile dist --locked --package mds-cli --no-default-features && \
    install -D --mode 755 target/dist/mds /image/usr/local/bin/mds && \
    strip /image/usr/local/bin/mds && \
    install -d --mode 1777 /image/tmp

FROM scratch
ARG VERSION=""
ARG MDS_BUILD_COMMIT=""
LABEL org.opencontainers.image.title="mds-etl" \
      org.opencontainers.image.description="Pulls shared-mobility trips from MDS providers into S3, Postgres and Socrata" \
      org.opencontainers.image.licenses="GPL-3.0-only" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${MDS_BUILD_COMMIT}"
COPY --from=build /image /
# With the flag --docker-mode, which jobs of older tools give in a container, nothing else happens here.
ENV MDS_IN_CONTAINER=1
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["/usr/local/bin/mds"]
CMD ["--help"]
