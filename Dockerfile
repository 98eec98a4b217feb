# Builds with nothing but this repository: docker build --tag partner-billing .
# How it is run: docs/scheduling.md. /data holds the configuration, the spool, the archive and a DuckDB file.

FROM node:22.23.3-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without scripts: no package of ours needs one to work, and ours would build before its source is here.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY connector ./connector
COPY schemas ./schemas
COPY transforms ./transforms
COPY types ./types
RUN npm run build
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund
RUN mkdir data

FROM node:22.23.3-bookworm-slim
ENV NODE_ENV=production
ENV PARTNER_BILLING_CONFIG=/data/connector.yaml
WORKDIR /app
COPY package.json connector.yaml CHANGELOG.md LICENSE ./
COPY sql ./sql
COPY schemas/connector.schema.json ./schemas/
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build --chown=node:node /app/data /data
VOLUME /data
WORKDIR /data
USER node
# No HEALTHCHECK here: most containers of this image run one command and end. A container of `schedule` is asked on its
# health port (docs/examples/compose.yaml).
ENTRYPOINT ["node", "/app/dist/connector/cli.js"]
CMD ["--help"]
