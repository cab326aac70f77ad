# One image for the API and every worker: `serve`, `work publisher`, `migrate`, …
FROM python:3.13-slim AS build
WORKDIR /source
RUN python -m venv /opt/checkout
COPY pyproject.toml constraints.txt README.md ./
COPY domain domain
COPY adapters adapters
COPY api api
COPY workers workers
COPY cli cli
RUN /opt/checkout/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt '.[console]'

FROM python:3.13-slim
# A volume here may hold a local issuer's key; in production CHECKOUT_JWKS_URL names the real issuer. The files of
# CHECKOUT_DATA_KEY_FILE and CHECKOUT_PROMISE_KEY_FILE are secrets: mount them, never copy them into an image.
RUN useradd --system --uid 10001 --create-home checkout \
    && install -d -o checkout -g checkout /var/lib/checkout
COPY --from=build /opt/checkout /opt/checkout
ENV PATH=/opt/checkout/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CHECKOUT_HOST=0.0.0.0 \
    CHECKOUT_LOCAL_ISSUER_KEY_FILE=/var/lib/checkout/issuer-key.pem
USER checkout
WORKDIR /home/checkout
EXPOSE 8080 8081 8082
STOPSIGNAL SIGTERM
ENTRYPOINT ["checkout"]
CMD ["serve"]
