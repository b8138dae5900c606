# Sourced by scripts/vsr, scripts/test and scripts/check, which set `root`: the checkout.
#
#   prepare EXTRA   makes the environment in .venv ready (EXTRA: empty, or "dev"). The first time that takes
#                   about a minute; after that it is repeated only when what was built has changed.
#
# All output goes to stderr and nothing reads stdin: both may be video pipes.

venv=$root/.venv

say() { printf 'vsr: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# What decides whether the environment is still right: the build's inputs, where it lies (its scripts hold
# absolute paths) and the Python it was made with. Runs at every start, so it costs milliseconds.
fingerprint() (
    cd "$root" || exit 1
    printf '%s\n' "$root"
    cat .venv/pyvenv.cfg 2>/dev/null
    find pyproject.toml CMakeLists.txt kernels scripts/_env.sh -type f -exec cksum {} + | LC_ALL=C sort
)

# Prints what a Python lacks for the build, as words; nothing if it is fit. Fails if it is none or too old.
probe_python='
import importlib.util, os.path, sys, sysconfig
if sys.version_info < (3, 11):
    sys.exit(1)
if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
    print("venv", end=" ")
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    print("headers", end=" ")
'

# Sets `python`: the first that is new enough and complete. VSR_PYTHON names another one.
find_python() {
    incomplete=
    for python in ${VSR_PYTHON:-python3.13 python3.12 python3.11 python3}; do
        command -v "$python" >/dev/null 2>&1 || continue
        lacks=$("$python" -c "$probe_python" 2>/dev/null) || continue
        [ -z "$lacks" ] && return
        incomplete=$python
    done
    [ -z "$incomplete" ] || fail "$incomplete is there without its venv module or its C headers;" \
        "on Debian or Ubuntu: apt-get install python3-venv python3-dev"
    fail "Python 3.11 or newer is needed; on Debian or Ubuntu: apt-get install python3 python3-venv python3-dev"
}

find_compiler() {
    for compiler in ${CXX:+"$CXX"} c++ g++ clang++; do
        command -v "$compiler" >/dev/null 2>&1 && return
    done
    fail "a C++ compiler is needed to build the kernels; on Debian or Ubuntu: apt-get install g++"
}

# Runs one step of the setup quietly; shows the end of what it printed if it fails.
step() {
    "$@" >>"$log" 2>&1 </dev/null && return
    say "setting up failed in: $*"
    tail -n 40 "$log" >&2
    fail "the whole output is in $log"
}

# Holds off other first starts. flock ends with the process, however that ends; where there is none (macOS),
# a folder does, and says what to do with one that a killed setup left.
lock() {
    mkdir -p "$root/build"
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$root/build/setup.lock"
        flock -n 9 || { say "waiting for another setup of this checkout"; flock 9; }
        return
    fi
    waited=0
    until mkdir "$root/build/setup.lock.d" 2>/dev/null; do
        [ "$waited" -eq 0 ] && say "waiting for another setup; if there is none, remove build/setup.lock.d"
        waited=1
        sleep 1
    done
    trap 'rmdir "$root/build/setup.lock.d"' EXIT
    trap 'exit 130' INT TERM
}

unlock() {
    if command -v flock >/dev/null 2>&1; then
        exec 9>&-
    else
        rmdir "$root/build/setup.lock.d"
        trap - EXIT INT TERM
    fi
}

is_ready() { [ -x "$venv/bin/vsr" ] && [ "$(fingerprint)" = "$(cat "$venv/ready$1" 2>/dev/null)" ]; }

set_up() {
    find_compiler
    log=$root/build/setup.log
    : >"$log"
    if [ "$(cat "$venv/root" 2>/dev/null)" = "$root" ] && "$venv/bin/python" -c pass 2>/dev/null; then
        say "setting up again, because what it is built from changed…"
    else
        find_python
        say "setting up (first start, about a minute)…"
        rm -rf "$venv"
        step "$python" -m venv "$venv"
        printf '%s\n' "$root" >"$venv/root"
    fi
    rm -f "$venv/ready" "$venv/readydev"
    step "$venv/bin/python" -m pip install --disable-pip-version-check --editable "$root${1:+[$1]}"
    fingerprint >"$venv/ready"
    [ -z "$1" ] || cp "$venv/ready" "$venv/ready$1"
}

prepare() {
    is_ready "$1" && return
    lock
    is_ready "$1" || set_up "$1"  # another setup may have done it meanwhile
    unlock
}
