# Sourced by scripts/demo and scripts/test: installs what is missing, quickly when nothing is.
# Needs Debian or Ubuntu, root, and any Node with npm; the Node that runs headstart comes with npm ci.

fail() {
  printf 'headstart: %s\n' "$*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail "run this as root: it mounts file systems and starts containers"
command -v npm >/dev/null || fail "npm is not installed: install Node.js first"

# install_packages NAME|COMMAND=NAME…: those that are not there yet, from the distribution. With COMMAND= a program of
# that name is enough, wherever it came from: docker.io must not push out somebody's docker-ce.
install_packages() {
  local missing=() name
  for name in "$@"; do
    case $name in
      *=*) command -v "${name%%=*}" >/dev/null || missing+=("${name#*=}") ;;
      *) [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name") ;;
    esac
  done
  [ ${#missing[@]} = 0 ] && return
  printf 'installing %s\n' "${missing[*]}" >&2
  local log
  log=$(mktemp)
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1 </dev/null || { tail -20 "$log" >&2; fail "apt-get could not install ${missing[*]}"; }
  rm -f "$log"
}

# first_known NAME…: the first that this release has. Names change: libfuse2 became libfuse2t64, docker's client left docker.io.
first_known() {
  local name
  [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit)" ] || apt-get update >/dev/null 2>&1
  for name in "$@"; do
    if apt-cache show "$name" >/dev/null 2>&1; then
      echo "$name"
      return
    fi
  done
  echo "$1"
}

# The packages of the lock file; again only when it changed.
install_node_modules() {
  if ! cmp -s package-lock.json node_modules/.headstart-lock || [ ! -x node_modules/.bin/node ]; then
    printf 'installing the packages of package-lock.json\n' >&2
    local log
    log=$(mktemp)
    # npm would keep compiled code in $TMPDIR, where anyone could plant it.
    NODE_DISABLE_COMPILE_CACHE=1 npm ci --no-audit --no-fund >"$log" 2>&1 </dev/null || { tail -20 "$log" >&2; fail "npm ci failed"; }
    rm -f "$log"
    cp package-lock.json node_modules/.headstart-lock
  fi
  PATH=$PWD/node_modules/.bin:$PATH
  export PATH
}
