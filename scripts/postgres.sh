# Sourced by scripts/test: PostgreSQL's programs for the tests, which start a server of their own.
#
# `ensure_postgres` installs Debian's package where it is missing and this user may. The package's
# own server is neither needed nor stopped. Elsewhere a sentence says what is right, and the tests
# that need a server fail with the same one.

has_postgres() {
    for program in /usr/lib/postgresql/*/bin/postgres; do
        [ -x "$program" ] && return
    done
    return 1
}

ensure_postgres() {
    has_postgres && return
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        printf '%s\n' 'PostgreSQL is missing. As root on Debian: apt-get install postgresql' >&2
        return
    fi
    printf '%s\n' "Installing PostgreSQL from Debian's packages, for the tests"
    install_postgres || { apt-get update -q && install_postgres; } ||
        printf '%s\n' "PostgreSQL could not be installed; see apt-get's message above." >&2
}

install_postgres() {
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql
}
