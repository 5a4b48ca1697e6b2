# shellcheck shell=bash
# What several tasks build, and the surroundings that they run it in.

# Builds the guest's kernel and initramfs and tells programs where they are.
use_guest() {
    say 'building the guest'
    ORIEL_GUEST=$("$ORIEL_TREE/tests/guest/build")
    export ORIEL_GUEST
}

# Builds the lab machine and lets cargo run tests in it.
use_lab() {
    say 'building the lab machine'
    ORIEL_LAB=$("$ORIEL_TREE/tests/lab/machine/build") || return
    ORIEL_TEST_ARTIFACTS=$ORIEL_TREE/target/test-artifacts/lab
    rm -rf "$ORIEL_TEST_ARTIFACTS"
    export ORIEL_LAB ORIEL_TEST_ARTIFACTS
    export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=$ORIEL_TREE/tests/lab/machine/boot
    # It shares few processors among a desktop, a viewer and a machine.
    export RUST_TEST_THREADS=1
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
