//! The whole way, as a person goes it: window, compositor, keyboard and pointer, and back from the guest.

use std::io::Result;
use std::path::Path;
use std::process::Command;

use crate::support::{ORIEL, qemu_version};

/// The demonstration checks itself: firmware and guest are seen pixel by pixel, the guest reports each
/// key, button and place, and closing the window presses its power button.
#[test]
fn a_person_works_in_the_guest() -> Result<()> {
    let demo = Path::new(ORIEL).with_file_name("demo");
    let folder = std::env::temp_dir().join(format!("oriel-demonstration-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let output = Command::new(&demo)
        .args(["--headless", "--seconds", "3", "--shot"])
        .arg(folder.join("demo.png"))
        .env("ORIEL_BIN", ORIEL)
        .output()?;
    std::fs::remove_dir_all(&folder)?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", said(&output.stderr), said(&output.stdout));
    let words = said(&output.stdout);
    // Older ones have no way to pass a picture's memory on.
    let expected = if qemu_version() < (9, 2) { "because the picture came in messages" } else { "direct" };
    assert!(words.contains(expected), "the picture did not come the expected way: {words}");
    Ok(())
}
