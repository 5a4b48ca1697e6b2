# shellcheck shell=bash
# What this computer has of what the tasks need.

# Oldest versions that will do, by pkg-config's names; Cargo.toml asks for the same API levels.
libraries=(
    'gtk4 4.18'
    'gtk4-wayland 4.18'
    'libadwaita-1 1.7'
    'libvirt 11.0'
    'wayland-client 1.20'
)

# Prints one line for each library that is missing or too old.
lacking_libraries() {
    local name version have
    for entry in "${libraries[@]}"; do
        read -r name version <<<"$entry"
        pkg-config --atleast-version="$version" "$name" 2>/dev/null && continue
        have=$(pkg-config --modversion "$name" 2>/dev/null || true)
        echo "$name $version${have:+ (has $have)}"
    done
}

# Prints the programs that task $1 runs.
programs_for() {
    local build='cc pkg-config glib-compile-resources glib-compile-schemas msgfmt'
    local guest='qemu-system-x86_64 cpio modprobe xz zstd sway grim dbus-daemon dbus-run-session'
    local lab='busybox gcc make modinfo strip'
    local libvirt='libvirtd unshare virt-xml-validate'
    local data='desktop-file-validate appstreamcli xgettext xmllint meson ninja'
    case $1 in
        run) echo "$build" ;;
        shell) echo "$build $guest $lab $libvirt $data" ;;
        check) echo "$build $data" ;;
        demo) echo "$build $guest" ;;
        lab) echo "$build $guest $lab" ;;
        test) echo "$build $guest $lab $libvirt $data mutter weston Xvfb xdotool wtype wayland-info import" ;;
        bench) echo "$build $guest remote-viewer" ;;
        album) echo "$build sway grim dbus-daemon dbus-run-session" ;;
    esac
}

lacking_programs() {
    local program
    for program in $(programs_for "$1"); do
        command -v "$program" >/dev/null || echo "$program"
    done
}

# Prints what is missing for machines to connect to: QEMU's D-Bus display, firmware, a kernel.
lacking_machine() {
    if command -v qemu-system-x86_64 >/dev/null; then
        qemu-system-x86_64 -display help 2>/dev/null | grep --quiet --line-regexp dbus ||
            echo "QEMU's D-Bus display"
    fi
    [[ -e /usr/share/OVMF/OVMF_CODE_4M.fd ]] || echo 'the UEFI firmware (ovmf)'
    local kernel
    for kernel in /boot/vmlinuz-*; do
        [[ -r $kernel && -d /lib/modules/${kernel#/boot/vmlinuz-} ]] && return
    done
    echo 'a readable kernel in /boot'
}

# Prints what is missing to build the lab machine.
lacking_lab() {
    local build
    for build in /lib/modules/*/build/Makefile; do
        [[ -e $build ]] || echo "the kernel's headers"
        break
    done
    compgen -G '/usr/src/linux-source-*.tar.xz' >/dev/null || echo "the kernel's source"
}

# Prints, as one phrase, what keeps task $1 from running on this computer itself.
lacking_for() {
    case ${ORIEL_ROOT:-auto} in
        auto) ;;
        never) return ;;
        always)
            echo "nothing (ORIEL_ROOT=always)"
            return
            ;;
        *) die "ORIEL_ROOT is auto, always or never, not '$ORIEL_ROOT'" ;;
    esac
    local missing=()
    readarray -t missing < <(
        lacking_libraries
        lacking_programs "$1"
        case $1 in demo | lab | test | bench | shell) lacking_machine ;; esac
        case $1 in lab | test | shell) lacking_lab ;; esac
    )
    if ((${#missing[@]} > 4)); then
        missing=("${missing[@]:0:3}" "$((${#missing[@]} - 3)) more")
    fi
    listed "${missing[@]}"
}

# The compiler comes from this computer in any case: Debian's is too old for the code.
require_rust() {
    local needed have
    needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$tree/Cargo.toml")
    if ! command -v cargo >/dev/null && [[ -x ${CARGO_HOME:-$HOME/.cargo}/bin/cargo ]]; then
        PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    fi
    if ! command -v cargo >/dev/null || ! have=$(rustc --version 2>/dev/null); then
        die "Rust is missing: install Rust $needed or newer with rustup (https://rustup.rs)"
    fi
    have=$(cut -d' ' -f2 <<<"$have")
    at_least "$have" "$needed" ||
        die "Rust $have is too old: 'rustup update stable' fetches a newer one ($needed is needed)"
}
