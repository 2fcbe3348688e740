# Sourced by the other scripts: this checkout and its pinned dependencies in a virtual environment.
#
# `ensure_venv` or `ensure_venv test` (with what lint and tests need) makes it, brings it up to
# date, or finds in a few milliseconds that it is. A stamp is written last: whatever was interrupted
# is made anew. Where packages come from is pip's own business (pip.conf, PIP_INDEX_URL and so on).
# PYTHON names the Python to use, SEARCHPLANE_VENV another place than .venv.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
venv=${SEARCHPLANE_VENV:-$root/.venv}

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

ensure_venv() {
    extra=${1:-}
    is_current "$extra" && return
    choose_python
    mkdir -p "$venv" 2>/dev/null && [ -w "$venv" ] ||
        die "$venv cannot be written by $(id -un); clone the project into a folder of yours, or set SEARCHPLANE_VENV to one."
    # Two scripts at once: the second waits, and then mostly finds nothing left to do.
    exec 9>"$venv.lock"
    flock 9
    is_current "$extra" || install "$extra"
    exec 9>&-
}

# What an environment was made from; another answer means another environment.
wanted() {
    cat "$root/pyproject.toml" "$root/constraints.txt" | sha256sum | cut -d ' ' -f 1
    printf '%s\n' "$root"
}

is_current() {
    case $1 in '') stamps='made made-test' ;; *) stamps=made-$1 ;; esac
    for stamp in $stamps; do
        [ -f "$venv/$stamp" ] && [ "$(wanted)" = "$(cat "$venv/$stamp")" ] &&
            "$venv/bin/python" -c '' 2>/dev/null && return
    done
    return 1
}

# Whether an installation of this checkout, in this place, came to its end.
is_complete() {
    for stamp in made made-test; do
        [ -f "$venv/$stamp" ] && [ "$(sed -n 2p "$venv/$stamp")" = "$root" ] &&
            "$venv/bin/python" -c '' 2>/dev/null && return
    done
    return 1
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- python3 python3.13 python3.12 python3.11; fi
    for python; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        "$python" -c 'import ensurepip, venv' 2>/dev/null && return
        die "$("$python" --version) has no venv module. Install it with: apt-get install python3-venv"
    done
    found=$("${PYTHON:-python3}" --version 2>&1) || found='no Python'
    die "Python 3.11 or later is needed; here is $found. On Debian 12 or later: apt-get install python3 python3-venv"
}

install() {
    printf '%s\n' "Installing searchplane and its dependencies into $venv"
    # What was cut off can look whole to pip: it goes. A complete environment is brought up to date,
    # since a service may be running from it.
    is_complete || "$python" -m venv --clear "$venv" || die "The environment $venv cannot be made."
    rm -f "$venv/made" "$venv/made-test"
    if [ -t 1 ]; then quiet=; else quiet=--quiet; fi
    "$venv/bin/python" -m pip install $quiet --disable-pip-version-check --no-input \
        --constraint "$root/constraints.txt" --editable "$root${1:+[$1]}" ||
        die "The installation did not succeed; see pip's message above. Running the same command again repeats it."
    # pip compiles what it installs, but not a checkout. Without this, where Python is told to write
    # nothing beside its sources, every start would compile them, which takes a third of a second.
    "$venv/bin/python" -m compileall -q "$root/src/searchplane"
    wanted >"$venv/made.new"
    mv "$venv/made.new" "$venv/made${1:+-$1}"
}
