# shellcheck shell=bash
# The Debian 13 root: built once for each package list, kept in the cache, never changed after.

# Prints the package list, one name a line.
packages() {
    sed 's/#.*//' "$tree/tools/packages" | tr -s ' \t' '\n' | sed '/^$/d' | LC_ALL=C sort -u
}

root_key() {
    packages | sha256sum | cut -c1-12
}

# Makes sure of the programs that build and enter the root; with $1, also of those that only build.
require_root_tools() {
    [[ $(uname -sm) == 'Linux x86_64' ]] ||
        die "the Debian 13 root is made for x86_64 Linux only, and this is $(uname -sm)"
    local packages=()
    command -v bwrap >/dev/null || packages+=(bubblewrap)
    command -v flock >/dev/null || packages+=(util-linux)
    if [[ ${1-} == mmdebstrap || ! -d $cache/root-$(root_key) ]]; then
        command -v mmdebstrap >/dev/null || packages+=(mmdebstrap)
        is_root || command -v newuidmap >/dev/null || packages+=(uidmap)
    fi
    if ((${#packages[@]} > 0)); then
        install_root_tools "${packages[@]}"
    fi
    local trouble
    trouble=$(bwrap --ro-bind / / --dev /dev true 2>&1) ||
        die "bubblewrap cannot make a namespace here: $trouble"
}

install_root_tools() {
    if ! is_root; then
        die "missing: please run 'sudo apt install $*' (or your distribution's packages of these names)"
    fi
    command -v apt-get >/dev/null || die "missing: please install $(listed "$@")"
    say "installing $(listed "$@") with apt-get"
    mkdir -p "$cache/logs"
    local log=$cache/logs/apt.log
    export DEBIAN_FRONTEND=noninteractive
    apt-get install --yes --no-install-recommends "$@" >"$log" 2>&1 </dev/null ||
        { apt-get update && apt-get install --yes --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null ||
        fail_with_log "$log" "apt-get could not install $(listed "$@")"
}

# Says what went wrong after the end of the log that tells why.
fail_with_log() {
    tail -n 30 "$1" | sed 's/^/  | /' >&2
    die "$2 (all of it: $1)"
}

# Sets root to a complete root for the package list, building it where there is none.
build_root() {
    root=$cache/root-$(root_key)
    mkdir -p "$cache/logs"
    # A complete root only ever appears by a rename, so its being there is enough.
    if [[ ! -d $root ]]; then
        local lock
        exec {lock}>"$cache/build.lock"
        flock --nonblock "$lock" || { say 'root: waiting for another build'; flock "$lock"; }
        [[ -d $root ]] || make_root
        exec {lock}>&-
    fi
    touch "$root.lock"
}

# Builds under another name and renames when all is there. The caller holds the lock, so whatever
# lies under such a name is left from a build that was interrupted.
make_root() {
    local partial=$cache/partial-${root##*/} log=$cache/logs/root.log started=$SECONDS
    remove_partial
    remove_unused_roots
    local free
    free=$(df --output=avail --block-size=1M "$cache" | tail -n 1)
    ((free > 4096)) || die "root: needs 4 GB in $cache, where $free MB are free (ORIEL_CACHE moves it)"
    say "root: installing $(packages | wc -l) packages and what they need (2 GB, about two minutes)"
    trap 'remove_partial; exit 130' INT
    trap 'remove_partial; exit 143' TERM HUP
    if ! bootstrap "$partial" 2>&1 | tee "$log" | show_steps; then
        remove_partial
        fail_with_log "$log" 'root: mmdebstrap failed'
    fi
    trap - INT TERM HUP
    # Places where something of the host is put later.
    mkdir -p "$partial/etc/pki"
    touch "$partial/etc/resolv.conf" "$partial/etc/machine-id"
    mv -T "$partial" "$root"
    say "root: ready after $(since "$started")"
}

# Makes the root in the directory $1.
bootstrap() {
    unpack "$1" trixie "$(debian_source)" \
        --variant=minbase \
        --include="$(packages | paste -sd,)" \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-include=/usr/share/doc/*/copyright'
}

# Runs mmdebstrap into the directory $1 with suite $2 of the source $3 and further options.
unpack() {
    local directory=$1 suite=$2 source=$3 option
    shift 3
    local options=("$@" --dpkgopt=force-unsafe-io)
    while read -r option; do
        options+=(--aptopt="$option")
    done < <(apt_options)
    if is_root; then
        mmdebstrap "${options[@]}" --format=directory "$suite" "$directory" "$source" </dev/null
    else
        unpack_as_user "$directory" "${options[@]}" "$suite" - "$source"
    fi
}

# As an ordinary user the files would belong to subordinate identities, which can neither reach a
# private home nor be removed in the ordinary way. So they are built elsewhere and unpacked here.
unpack_as_user() {
    local directory=$1 building
    shift
    building=$(mktemp -d "${TMPDIR:-/var/tmp}/oriel-root.XXXXXX")
    echo "$building" >"$cache/partial-building"
    chmod 1777 "$building"
    mkdir "$directory"
    TMPDIR=$building mmdebstrap --mode=unshare --format=tar "$@" </dev/null |
        tar --extract --directory="$directory" --exclude='./dev/*' --no-same-owner \
            --warning=no-unknown-keyword --delay-directory-restore || return
    chmod -R u+rwX "$directory"
    remove_building
}

# Turns mmdebstrap's log into a few words of progress.
show_steps() {
    local line
    while read -r line; do
        case $line in
            'I: running apt-get update'*) say 'root: reading package lists' ;;
            'I: downloading packages'*) say 'root: downloading the base system' ;;
            'I: installing remaining packages'*) say 'root: downloading and unpacking everything else' ;;
            'I: cleaning package lists'*) say 'root: finishing' ;;
        esac
    done
}

remove_partial() {
    local partial
    for partial in "$cache"/partial-root-* "$cache"/partial-qemu-*; do
        [[ ! -d $partial ]] || remove_tree "$partial"
    done
    remove_building
}

# Removes what an unfinished build as an ordinary user left outside the cache.
remove_building() {
    [[ -e $cache/partial-building ]] || return 0
    local building
    building=$(<"$cache/partial-building")
    if [[ -d $building ]]; then
        # Its files belong to subordinate identities.
        unshare --user --map-root-user --map-auto rm -rf "$building"/* 2>/dev/null || true
        rm -rf "$building"
    fi
    rm -f "$cache/partial-building"
}

# Removes roots of older package lists once nobody has entered them for a week.
remove_unused_roots() {
    local old lock
    for old in "$cache"/root-*; do
        [[ -d $old && $old != "$root" ]] || continue
        [[ -e $old.lock ]] || touch "$old.lock"
        [[ $(find "$old.lock" -mtime +7) ]] || continue
        exec {lock}<"$old.lock"
        if flock --nonblock "$lock"; then
            say "root: removing ${old##*/}, unused for a week"
            mv -T "$old" "$cache/partial-${old##*/}"
            remove_tree "$cache/partial-${old##*/}"
            rm -f "$old.lock"
        fi
        exec {lock}<&-
    done
}

remove_tree() {
    chmod -R u+rwX "$1" 2>/dev/null || true
    rm -rf --one-file-system "$1"
}
