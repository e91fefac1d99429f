# A static binary and nothing else. From outside the container, the control API requires a token:
#   docker build -t wfi-emulator .
#   docker run --rm -p 9340:9340 -e WFI_EMULATOR_CONTROL_TOKEN=secret wfi-emulator
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /source
COPY Cargo.toml Cargo.lock build.rs ./
COPY benches benches
COPY fixtures fixtures
COPY docs docs
COPY src src
COPY tests tests
RUN cargo build --release --locked --bin wfi-emulator

FROM scratch
COPY --from=build /source/target/release/wfi-emulator /wfi-emulator
# The user `nobody`, without any files. State and the local CA need a volume that this user can write to.
USER 65534:65534
EXPOSE 9340
ENV WFI_EMULATOR_HOST=0.0.0.0
HEALTHCHECK --interval=5s --timeout=3s CMD ["/wfi-emulator", "health"]
ENTRYPOINT ["/wfi-emulator"]
