# shellcheck shell=bash
# Into the Debian 13 root with bubblewrap: its programs, this computer's files, compiler and desktop.

# Variables that name things of this computer's system which the root does not have.
foreign=(
    GDK_PIXBUF_MODULEDIR GDK_PIXBUF_MODULE_FILE GIO_EXTRA_MODULES GIO_MODULE_DIR GI_TYPELIB_PATH
    GSETTINGS_SCHEMA_DIR GTK_DATA_PREFIX GTK_EXE_PREFIX GTK_IM_MODULE GTK_IM_MODULE_FILE GTK_MODULES
    GTK_PATH GTK_THEME LD_LIBRARY_PATH LD_PRELOAD LIBGL_DRIVERS_PATH LOCPATH PKG_CONFIG_LIBDIR
    PKG_CONFIG_PATH PYTHONHOME PYTHONPATH QEMU_MODULE_DIR SESSION_MANAGER XDG_CONFIG_DIRS
    XDG_DATA_DIRS XKB_CONFIG_ROOT LC_ALL LC_CTYPE LC_MESSAGES LANGUAGE TMPDIR
)

# Variables that name this computer's certificates; the files are carried along.
certificates=(
    SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE CARGO_HTTP_CAINFO GIT_SSL_CAINFO NIX_SSL_CERT_FILE
    REQUESTS_CA_BUNDLE
)

# Runs a command in the root; does not come back.
enter_root() {
    local args=()
    enter_system
    [[ -z ${other_qemu-} ]] || enter_qemu "$other_qemu"
    enter_configuration
    enter_files
    enter_desktop
    enter_environment
    # The lock keeps the root from being removed while somebody is in it.
    exec flock --shared --close "$root.lock" \
        bwrap "${args[@]}" -- "$@" \
        11< <(passwd_lines passwd "$(id -u)") 12< <(passwd_lines group "$(id -g)") \
        13< <(machine_id)
}

# The root's own system, never written to; the rest of the tree is memory.
enter_system() {
    local entry
    args+=(--die-with-parent --unshare-pid)
    # Folders that only lead to others are root's alone, unless they are made: daemons run as somebody else.
    args+=(--perms 0755 --dir /usr --perms 0755 --dir /usr/src --perms 0755 --dir /var)
    # One by one, because Rust may live in /usr/local and a source tree in /usr/src.
    for entry in "$root"/usr/*; do
        case ${entry##*/} in
            local | src) ;;
            *) args+=(--ro-bind "$entry" "/usr/${entry##*/}") ;;
        esac
    done
    for entry in "$root"/usr/src/*; do
        [[ ! -e $entry ]] || args+=(--ro-bind "$entry" "/usr/src/${entry##*/}")
    done
    for entry in bin sbin lib lib64; do
        args+=(--symlink "usr/$entry" "/$entry")
    done
    args+=(
        --ro-bind "$root/etc" /etc
        --ro-bind "$root/boot" /boot
        --ro-bind "$root/var/lib/dpkg" /var/lib/dpkg
        --ro-bind "$root/var/cache/fontconfig" /var/cache/fontconfig
        --dir /var/log
        --bind /var/tmp /var/tmp
        --bind /tmp /tmp
        --dev-bind /dev /dev
        --proc /proc
        --ro-bind /sys /sys
        --tmpfs /run
        --symlink ../run /var/run
        --perms 0700 --dir "/run/user/$(id -u)"
    )
}

# Who we are, whom we trust, and how names are found.
enter_configuration() {
    local path fd=11
    # For all to read, which bubblewrap does not make them by itself.
    for path in /etc/passwd /etc/group /etc/machine-id; do
        args+=(--perms 0644 --ro-bind-data "$((fd++))" "$path")
    done
    for path in /etc/resolv.conf /etc/hosts /etc/ssl /etc/pki /usr/share/ca-certificates; do
        [[ -e $path && -e $root$path ]] && args+=(--ro-bind "$path" "$path")
    done
    args+=(--ro-bind-try /usr/local/share/ca-certificates /usr/local/share/ca-certificates)
    local variable
    for variable in "${certificates[@]}"; do
        path=${!variable-}
        case $path in
            '' | /etc/* | /usr/share/*) ;;
            *) args+=(--ro-bind-try "$path" "$path") ;;
        esac
    done
}

# The person's files and the compiler, at the paths they have outside.
enter_files() {
    local sysroot path
    cargo_home=${CARGO_HOME:-$HOME/.cargo}
    rustup_home=${RUSTUP_HOME:-$HOME/.rustup}
    target=${CARGO_TARGET_DIR:-$tree/target}
    sysroot=$(rustc --print sysroot)
    [[ $sysroot != /usr ]] ||
        die "the Rust in /usr is built for this computer's system: install one with rustup (https://rustup.rs)"
    mkdir -p "$cargo_home" "$target"
    [[ $HOME == / || ! -d $HOME ]] || args+=(--bind "$HOME" "$HOME")
    # Where the person stands, for the file names they give.
    case $(pwd -P)/ in
        // | /bin/* | /boot/* | /dev/* | /etc/* | /lib*/* | /proc/* | /run/* | /sbin/* | /sys/* | /usr/*) ;;
        *) args+=(--bind "$(pwd -P)" "$(pwd -P)") ;;
    esac
    for path in "$tree" "$cargo_home" "$target" "$cache"; do
        args+=(--bind "$path" "$path")
    done
    args+=(--bind-try "$rustup_home" "$rustup_home" --ro-bind "$sysroot" "$sysroot")
    rust_path=$sysroot/bin:$cargo_home/bin
}

# Display, sound and buses, where this computer has them.
enter_desktop() {
    local outside=${XDG_RUNTIME_DIR:-} inside
    inside=/run/user/$(id -u)
    if [[ $outside ]]; then
        local name
        for name in pipewire-0 pipewire-0-manager pulse at-spi libvirt; do
            [[ -e $outside/$name ]] && args+=(--bind "$outside/$name" "$inside/$name")
        done
    fi
    case ${WAYLAND_DISPLAY-} in
        '') ;;
        /*) args+=(--bind-try "$WAYLAND_DISPLAY" "$WAYLAND_DISPLAY") ;;
        *) args+=(--bind-try "$outside/$WAYLAND_DISPLAY" "$inside/$WAYLAND_DISPLAY") ;;
    esac
    # X11's sockets are in /tmp, which is there already.
    [[ ${XAUTHORITY-} ]] && args+=(--ro-bind-try "$XAUTHORITY" "$XAUTHORITY")
    # An abstract socket needs nothing.
    if [[ ${DBUS_SESSION_BUS_ADDRESS-} =~ unix:path=([^,;]+) ]]; then
        args+=(--bind-try "${BASH_REMATCH[1]}" "${BASH_REMATCH[1]}")
    elif [[ -S $outside/bus ]]; then
        args+=(--bind "$outside/bus" "$inside/bus")
    fi
    args+=(--bind-try /run/dbus /run/dbus --bind-try /run/libvirt /run/libvirt)
}

enter_environment() {
    local variable
    for variable in "${foreign[@]}"; do
        args+=(--unsetenv "$variable")
    done
    args+=(
        --setenv PATH "$rust_path:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        --setenv LANG C.UTF-8
        --setenv XDG_RUNTIME_DIR "/run/user/$(id -u)"
        --setenv CARGO_HOME "$cargo_home"
        --setenv RUSTUP_HOME "$rustup_home"
        # Apart from what a cargo outside builds against other libraries.
        --setenv CARGO_TARGET_DIR "$target/trixie"
        --setenv ORIEL_INSIDE "${root##*/}"
        --chdir "$(pwd -P)"
    )
}

# Prints the root's own users or groups, this person's where they are not among them, and libvirt's, which
# it asks for whatever it runs machines as, and which only its service's package makes.
passwd_lines() {
    cat "$root/etc/$1"
    grep -q '^libvirt-qemu:' "$root/etc/$1" || case $1 in
        passwd) echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' ;;
        group) echo 'libvirt-qemu:x:64055:' ;;
    esac
    awk -F: -v id="$2" '$3 == id { found = 1 } END { exit !found }' "$root/etc/$1" ||
        getent "$1" "$2" || echo "$(id -un 2>/dev/null || echo user):x:$2:$2::$HOME:/bin/bash"
}

# Prints this computer's machine id, which D-Bus wants to know, or one made up.
machine_id() {
    grep -E '^[0-9a-f]{32}$' /etc/machine-id 2>/dev/null || md5sum <<<"${root##*/}" | cut -c1-32
}
