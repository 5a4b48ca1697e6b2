# shellcheck shell=bash
# Other QEMUs than the root's own: taken from the distributions that ship them, kept in the cache.
#
# Only their packages are unpacked, nothing is installed. Such a QEMU runs by its own loader and with
# its own libraries, in the place where the Debian 13 root has QEMU.

# Distribution, component and the version at the time of writing, by the suite's name. The first ones
# are tested by default; those after `questing` are no longer on every mirror.
suites=(bookworm noble trixie resolute sid)
declare -A qemus=(
    [bookworm]='debian 7.2'
    [noble]='ubuntu 8.2'
    [plucky]='ubuntu 9.2'
    [trixie]='debian 10.0'
    [questing]='ubuntu 10.1'
    [resolute]='ubuntu 10.2'
    [sid]='debian 11.1'
)

# After so many days a suite that moves may have a newer one.
stale_days=60

# Unpacks the QEMU of suite $1 where it is not there yet.
unpack_qemu() {
    local suite=$1 lock
    local place=$cache/qemu-$suite
    exec {lock}>"$cache/qemu.lock"
    flock "$lock"
    if [[ -z $(find "$place" -maxdepth 0 -mtime "-$stale_days" 2>/dev/null) ]]; then
        fetch_qemu "$suite" "$place"
    fi
    exec {lock}>&-
}

fetch_qemu() {
    local suite=$1 place=$2 distribution version source packages option
    local partial=$cache/partial-qemu-$suite log=$cache/logs/qemu-$suite.log
    read -r distribution version <<<"${qemus[$suite]}"
    say "QEMU $version: unpacking it from $distribution's $suite (up to 400 MB)"
    packages=qemu-system-x86,qemu-system-modules-opengl
    # Its D-Bus display was not yet a package of its own.
    [[ $suite != bookworm ]] || packages=qemu-system-x86,qemu-system-common
    source=$("${distribution}_suite" "$suite")
    # Signatures are checked; that a mirror lags does not matter here.
    local options=(--variant=extract --include="$packages" --aptopt='Acquire::Check-Valid-Until "false"')
    for option in doc man locale icons; do
        options+=(--dpkgopt="path-exclude=/usr/share/$option/*")
    done
    remove_tree "$partial"
    unpack "$partial" "$suite" "$source" "${options[@]}" >"$log" 2>&1 ||
        fail_with_log "$log" "QEMU $version could not be unpacked"
    write_starter "$partial" "$place"
    remove_tree "$place"
    mv -T "$partial" "$place"
    touch "$place"
}

# Writes what starts the QEMU that will lie in $2 with its own loader and libraries, which is why it
# has to be told where everything else is.
write_starter() {
    local partial=$1 place=$2 path loader
    # Not the one in lib64, which may be a link to the place where it would be installed.
    for path in lib usr/lib; do
        path+=/x86_64-linux-gnu/ld-linux-x86-64.so.2
        [[ ! -e $partial/$path ]] || loader=$path
    done
    cat >"$partial/qemu" <<END
#!/bin/sh
export GIO_MODULE_DIR=/nonexistent QEMU_MODULE_DIR=/usr/lib/x86_64-linux-gnu/qemu
exec "$place/$loader" --argv0 qemu-system-x86_64 \\
    --library-path "$place/lib/x86_64-linux-gnu:$place/usr/lib/x86_64-linux-gnu" \\
    "$place/usr/bin/qemu-system-x86_64" -L /usr/share/qemu -L /usr/share/seabios "\$@"
END
    chmod 755 "$partial/qemu"
}

debian_suite() {
    debian_source | sed "s/ trixie main$/ $1 main/"
}

# Debian vouches for Ubuntu's keys.
ubuntu_suite() {
    local keys=$cache/ubuntu-keyring
    local keyring=$keys/usr/share/keyrings/ubuntu-archive-keyring.gpg
    if [[ ! -e $keyring ]]; then
        remove_tree "$keys"
        unpack "$keys" trixie "$(debian_source)" --variant=extract --include=ubuntu-keyring \
            >"$cache/logs/ubuntu-keyring.log" 2>&1 ||
            fail_with_log "$cache/logs/ubuntu-keyring.log" "Ubuntu's keys could not be unpacked"
    fi
    echo "deb [signed-by=$keyring] ${ORIEL_UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu} $1 main universe"
}

# Adds to `args` what puts the QEMU of suite $1 in the place of the root's.
enter_qemu() {
    local place=$cache/qemu-$1 path
    args+=(--ro-bind "$place/qemu" /usr/bin/qemu-system-x86_64)
    for path in /usr/lib/x86_64-linux-gnu/qemu /usr/share/qemu /usr/share/seabios; do
        args+=(--ro-bind "$place$path" "$path")
    done
}

# Runs the QEMU tests with the QEMU of each given suite, and says at the end how they went.
test_qemus() {
    local suite version status=0 log=$cache/logs/versions.log
    local results=()
    (($# > 0)) || set -- "${suites[@]}"
    for suite in "$@"; do
        [[ ${qemus[$suite]-} ]] || die "no QEMU is known from '$suite': $(listed "${!qemus[@]}")"
    done
    for suite in "$@"; do
        unpack_qemu "$suite"
    done
    for suite in "$@"; do
        version=$("$cache/qemu-$suite/qemu" --version | sed -n 's/^QEMU emulator version \([^ ]*\).*/\1/p')
        say "QEMU $version from $suite"
        (other_qemu=$suite enter_root "$tree/tools/test" qemu) | tee "$log" || status=1
        results+=("QEMU $version ($suite): $(tail -n 1 "$log")")
    done
    printf '%s\n' "${results[@]}"
    return "$status"
}
