# shellcheck shell=bash
# What every script here uses: words to the person, and where things are kept.

# Everything that outlives a run and is not a build product: roots, logs, fetched tools.
cache=${ORIEL_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/oriel}
export ORIEL_CACHE=$cache

# Standard output belongs to results; this is for everything else.
say() {
    printf '%s\n' "dev: $*" >&2
}

die() {
    say "$*"
    exit 1
}

is_root() {
    ((EUID == 0))
}

# Prints how long ago the time $1 (in $SECONDS) was, as in '2 min 05 s'.
since() {
    local seconds=$((SECONDS - $1))
    if ((seconds < 60)); then
        printf '%d s' "$seconds"
    else
        printf '%d min %02d s' $((seconds / 60)) $((seconds % 60))
    fi
}

# Whether version $1 is at least $2.
at_least() {
    printf '%s\n%s\n' "$2" "$1" | sort --version-sort --check=quiet
}

# Prints "a, b and c" for the arguments a b c.
listed() {
    local all=("$@") last=$(($# - 1)) text
    if (($# < 2)); then
        printf '%s' "$*"
        return
    fi
    printf -v text '%s, ' "${all[@]:0:last}"
    printf '%s and %s' "${text%, }" "${all[last]}"
}
