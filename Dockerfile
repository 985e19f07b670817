# headstart and what recording needs beside it: FUSE's library, runc, and the tools for extended attributes.
#
#   docker build -t headstart .
#   docker run --rm --privileged -v /var/run/docker.sock:/var/run/docker.sock -v "$PWD:/work" headstart profile web:1 --ready-log listening
#   docker run --rm --user "$(id -u)" -v "$PWD:/work" headstart optimize registry.example/web:1 oci:web-esgz --trace trace.json
#   docker run --rm --privileged --pid host -v /var/run/docker.sock:/var/run/docker.sock -v /var/tmp:/var/tmp:rshared headstart run -p 8000:8000 registry.example/web:1-esgz
ARG NODE_IMAGE=node:24-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# The packages of the lock file, without those that only building needs.
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${BASE_IMAGE}
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends attr libfuse2 mount runc \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /build/package.json /build/LICENSE /build/CHANGELOG.md /opt/headstart/
COPY --from=build /build/node_modules /opt/headstart/node_modules
COPY --from=build /build/cli/headstart.js /opt/headstart/cli/headstart.js
COPY --from=build /build/dist /opt/headstart/dist
RUN ln -s /opt/headstart/cli/headstart.js /usr/local/bin/headstart
# The root of a recorded container is an overlay, which can't lie on the overlay that this container's own root is.
VOLUME /var/tmp
# What is remembered of layers lasts as long as that volume.
ENV HEADSTART_CACHEDIR=/var/tmp/headstart-cache
WORKDIR /work
ENTRYPOINT ["headstart"]
