FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin signalbox && cp target/release/signalbox /signalbox

FROM debian:bookworm-slim
# Certificates for the HTTP connector and PostgreSQL over TLS.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/signalbox --create-home signalbox
COPY --from=build /signalbox /usr/local/bin/signalbox
COPY signalbox.toml /etc/signalbox/signalbox.toml
COPY rules /etc/signalbox/rules
ENV SIGNALBOX_CONFIG=/etc/signalbox/signalbox.toml
ENV SIGNALBOX_DATA_DIR=/var/lib/signalbox
USER signalbox
VOLUME /var/lib/signalbox
EXPOSE 1883 8080
STOPSIGNAL SIGTERM
# Whether clients may connect. The image has no HTTP client, bash can do without.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["signalbox"]
# Inside a container loopback reaches nobody; who may come in from outside decides `-p`.
CMD ["serve", "--http", "0.0.0.0:8080"]
