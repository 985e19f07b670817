#!/bin/sh
# As the official image does: the configuration is checked and what has to exist is made, then the server takes over.
set -e
mkdir -p /run /var/log/nginx
nginx -q -t
exec "$@"
