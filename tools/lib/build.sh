# shellcheck shell=bash
# What several tasks build, and the surroundings that they run it in.

# Builds the guest's kernel and initramfs and tells programs where they are.
use_guest() {
    say 'building the guest'
    ORIEL_GUEST=$("$ORIEL_TREE/tests/guest/build")
    export ORIEL_GUEST
}

# Makes everything that follows see a fresh home, a runtime directory and no desktop, so that
# neither a person's settings nor their screen can change a result. Cleans up at the end.
use_nobodys_desktop() {
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/oriel-$1.XXXXXX")
    chmod 0700 "$scratch"
    mkdir -m 0700 "$scratch/home" "$scratch/run"
    export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
    export HOME=$scratch/home XDG_RUNTIME_DIR=$scratch/run
    unset DISPLAY WAYLAND_DISPLAY WAYLAND_SOCKET XAUTHORITY SWAYSOCK
    unset DBUS_SESSION_BUS_ADDRESS PIPEWIRE_REMOTE PULSE_SERVER
    unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CURRENT_DESKTOP
    export GSETTINGS_BACKEND=memory NO_AT_BRIDGE=1
}
