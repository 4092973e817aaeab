# Sourced by the load tests: a temporary folder `work`, and one server at a time on free ports, without limits.
# Removes the folder and stops the server and the processes in `bench` at the end.
work=$(mktemp -d) pid="" bench="" base=""
cleanup() { for child in $bench $pid; do kill "$child" 2>/dev/null || true; done; wait; rm -rf "$work"; }
trap cleanup EXIT
export DAILYFEED_LIMITS__ENABLED=false DAILYFEED_LOG__FORMAT=text DAILYFEED_LOG__LEVEL=error NO_COLOR=1
export DAILYFEED_HTTP__LISTEN=127.0.0.1:0 DAILYFEED_ADMIN__LISTEN=127.0.0.1:0

# Starts a server and waits until it is ready. Sets pid and base, its address.
start() { # binary data
  : >"$work/out"
  DAILYFEED_DATA_DIR=$2 "$1" >"$work/out" 2>>"$work/err" &
  pid=$! base=""
  until [ -n "$base" ] && curl -fs "$base/health/ready" >/dev/null; do
    kill -0 "$pid" || { tail -n 5 "$work/err" >&2; exit 1; }
    base=$(sed -n 's|^API *\(http://[0-9.:]*\)/api$|\1|p' "$work/out" | head -n 1)
    sleep 0.05
  done
}
stop() { kill "$pid"; wait "$pid" || true; pid=""; }

# Waits until the server has caught up with the seed: it uses less than a tenth of a core for two seconds.
settle() {
  local before after
  for _ in $(seq 60); do
    before=$(awk '{print $14 + $15}' "/proc/$pid/stat")
    sleep 2
    after=$(awk '{print $14 + $15}' "/proc/$pid/stat")
    [ $((after - before)) -ge 20 ] || return 0
  done
}

# Describes the machine for a table of results.
machine() {
  echo "$(nproc) cores ($(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1))," \
    "$(awk '/MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo), Linux $(uname -r)"
}
