#!/usr/bin/env bash
# What action.yml runs, with its inputs in the environment: records a start unless the trace is there, rebuilds the image if there is a target,
# and tells the job what came of it, in its outputs and on its page.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
  printf '::error::%s\n' "$1"
  exit 1
}
# output NAME VALUE: a line of a file that the job reads.
output() {
  case $2 in *$'\n'*) fail "the $1 has more than one line" ;; esac
  printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}
headstart() {
  node "$root/cli/headstart.js" "$@"
}
# With our PATH, and the HOME that has the registry's login.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo --preserve-env=HOME,DOCKER_CONFIG,DOCKER_HOST env "PATH=$PATH" "$@"; fi
}
# lines TEXT: its lines as an array named `read`.
lines() {
  read=()
  local line
  while IFS= read -r line; do [ -z "$line" ] || read+=("$line"); done <<<"$1"
}

record() {
  local ready=()
  [ -z "${READY_LOG:-}" ] || ready+=(--ready-log "$READY_LOG")
  [ -z "${READY_HTTP:-}" ] || ready+=(--ready-http "$READY_HTTP")
  [ -z "${READY_TCP:-}" ] || ready+=(--ready-tcp "$READY_TCP")
  [ -z "${READY_EXEC:-}" ] || ready+=(--ready-exec "$READY_EXEC")
  [ -z "${PERIOD:-}" ] || ready+=(--period "$PERIOD")
  [ ${#ready[@]} -gt 0 ] || fail "there is no trace $TRACE, and no input says when the container is ready: ready-log, ready-http, ready-tcp, ready-exec or period"
  lines "${PROFILE_FLAGS:-}"
  mkdir -p "$(dirname "$TRACE")"
  as_root node "$root/cli/headstart.js" profile "$IMAGE" "${ready[@]}" -o "$TRACE" "${read[@]}"
  [ -O "$TRACE" ] || as_root chown "$(id -u):$(id -g)" "$TRACE"
}

rebuild() {
  local result digest
  lines "${OPTIMIZE_FLAGS:-}"
  result=$(headstart optimize "$IMAGE" "$TARGET" --trace "$TRACE" --json "${read[@]}")
  digest=$(node "$root/deploy/action-page.js" "$TARGET" <<<"$result")
  output digest "$digest"
  output image "$TARGET@$digest"
}

[ -n "${IMAGE:-}" ] || fail 'the input image is missing'
[ -n "${TRACE:-}" ] || fail 'the input trace is empty'
[ -e "$TRACE" ] || record
output trace "$TRACE"
[ -z "${TARGET:-}" ] || rebuild
