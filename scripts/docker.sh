# Sourced by scripts/test: a Docker engine for as long as this script runs. One that answers already is used as it is.

engine_pid=
engine_folder=
had_bridge=

start_engine() {
  docker version >/dev/null 2>&1 && return
  # An engine of a run that was killed may have left its state; it gets a folder of its own each time.
  engine_folder=$(mktemp -d /var/tmp/headstart-engine.XXXXXX)
  rm -f /var/run/docker.pid
  [ ! -e /sys/class/net/docker0 ] || had_bridge=yes
  dockerd --data-root "$engine_folder/data" --exec-root "$engine_folder/exec" --pidfile "$engine_folder/pid" \
    >"$engine_folder/log" 2>&1 </dev/null &
  engine_pid=$!
  local attempt
  for attempt in $(seq 300); do
    docker version >/dev/null 2>&1 && return
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 0.1
  done
  tail -20 "$engine_folder/log" >&2
  fail "the Docker engine did not start"
}

stop_engine() {
  [ -n "$engine_pid" ] || return 0
  kill "$engine_pid" 2>/dev/null
  wait "$engine_pid" 2>/dev/null
  awk -v below="$engine_folder/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
  rm -rf "$engine_folder"
  [ -n "$had_bridge" ] || ip link delete docker0 2>/dev/null || true
}
