//! Holds the shape of the program: who may use whom, how long files are, where `unsafe` is.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module with the modules of ours that it may use, and what of the outside is barred.
///
/// In reading order; a module that is not listed fails the test.
const RULES: &[(&str, &[&str])] = &[
    ("geometry", &[]),
    ("pixel", &[]),
    ("clock", &[]),
    ("folders", &[]),
    ("markup", &[]),
    ("clipboard", &[]),
    ("resolution", &["geometry", "clock"]),
    ("frame", &["geometry", "pixel", "clock"]),
    ("input", &["geometry", "clock"]),
    ("stats", &["clock"]),
    ("display1", &["geometry", "pixel", "clock", "clipboard", "frame", "input", "stats"]),
    ("source", &["display1", "clock", "folders", "markup"]),
    (
        "session",
        &["source", "display1", "clipboard", "frame", "input", "geometry", "clock", "resolution", "stats"],
    ),
    ("present", &["frame", "geometry", "pixel", "clock", "stats"]),
    ("view", &["present", "frame", "input", "geometry", "pixel", "clock", "stats"]),
    ("host", &["markup", "clock", "folders", "source"]),
    ("window", &["*"]),
    (
        "library",
        &[
            "clock", "folders", "frame", "geometry", "host", "markup", "present", "session", "source",
            "stats", "window",
        ],
    ),
    ("app", &["*"]),
];

/// Who may name these crates: everybody else may not.
const CRATES: &[(&[&str], &[&str])] = &[
    (&["zbus"], &["display1", "source", "session"]),
    (&["zruntime"], &["display1", "source", "session", "app"]),
    (&["gtk", "gdk", "glib", "gio", "adw", "gdk_wayland"], &["present", "view", "window", "library", "app"]),
    (&["wayland_client", "wayland_protocols"], &["present", "view"]),
    (&["x11rb"], &["view"]),
    (&["quick_xml"], &["markup"]),
    (&["similar"], &["host"]),
    (&["virt"], &["source"]),
    (&["khronos_egl", "glow", "gbm", "drm"], &["present"]),
];

/// The only files with `unsafe`; each block in them says why it is sound.
const UNSAFE: &[&str] = &[
    "src/present/gpu/egl.rs",
    "src/present/gpu/gl.rs",
    "src/present/gtk/dmabuf.rs",
    "src/present/gtk/own.rs",
    "src/present/mapping.rs",
    "src/present/surface/foreign.rs",
    "src/source/fd.rs",
    "src/source/libvirt/client/events.rs",
    "src/source/libvirt/client/ffi.rs",
    "src/view/hold/source.rs",
];

/// Pure modules read no clock and do no I/O.
const PURE: &[&str] = &["geometry", "pixel", "markup", "clipboard", "resolution", "frame", "input", "stats"];
/// Pure parts of modules that are not: these know no toolkit, either.
const PURE_PARTS: &[&str] = &["src/library/model"];
const IMPURE: &[&str] = &[
    "clock::now(",
    "clock::date(",
    "Instant::now",
    "SystemTime",
    "std::env",
    "std::fs",
    "std::net",
    "std::thread",
];

/// Lines that a file may have; tables and generated files are exempt by name.
const LONGEST: usize = 600;
const TABLES: &[&str] = &["src/input/keymap/table.rs", "src/input/typing/layouts.rs"];

struct Source {
    path: PathBuf,
    module: String,
    /// Without comments and test modules.
    code: String,
    lines: usize,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    rust_files(&root().join("src"), &mut paths);
    paths.sort();
    paths.into_iter().map(read).filter(|source| !source.path.ends_with("tests.rs")).collect()
}

fn read(path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).expect("a source file");
    let path = path.strip_prefix(root()).expect("below the root").to_owned();
    let module = path.iter().nth(1).expect("below src").to_string_lossy().replace(".rs", "");
    let before_tests = text.split("\n#[cfg(test)]\n").next().unwrap_or_default();
    let code = before_tests.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = code.collect::<Vec<_>>().join("\n");
    Source { path, module, code, lines: text.lines().count() }
}

/// The identifiers behind each `crate::`, also in `crate::{a, b}`.
fn used_modules(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let group = group.split('}').next().unwrap_or_default();
            used.extend(group.split(',').map(first_word));
        } else {
            used.push(first_word(rest));
        }
    }
    used.retain(|name| name.starts_with(|letter: char| letter.is_ascii_lowercase()));
    used
}

fn first_word(text: &str) -> String {
    text.trim().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

fn names_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':')
    })
}

fn complain(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn dependencies_point_inward() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| !["lib", "main"].contains(&source.module.as_str())) {
        let Some((_, allowed)) = RULES.iter().find(|(module, _)| *module == source.module) else {
            faults.push(format!("{}: the module has no rule", source.path.display()));
            continue;
        };
        for used in used_modules(&source.code) {
            let known = RULES.iter().any(|(module, _)| *module == used);
            let fine = used == source.module || allowed.contains(&"*") || allowed.contains(&used.as_str());
            if known && !fine {
                faults.push(format!("{}: uses {used}", source.path.display()));
            }
        }
    }
    complain(&faults);
}

#[test]
fn outer_crates_stay_in_their_modules() {
    let mut faults = Vec::new();
    for source in sources() {
        for (crates, modules) in CRATES {
            for name in crates.iter().filter(|name| names_crate(&source.code, name)) {
                if !modules.contains(&source.module.as_str()) {
                    faults.push(format!("{}: names {name}", source.path.display()));
                }
            }
        }
    }
    complain(&faults);
}

#[test]
fn pure_modules_read_no_clock_and_do_no_io() {
    let mut faults = Vec::new();
    let is_part =
        |source: &Source| PURE_PARTS.iter().any(|part| source.path.to_string_lossy().starts_with(part));
    for source in sources().iter().filter(|source| PURE.contains(&source.module.as_str()) || is_part(source))
    {
        for word in IMPURE.iter().filter(|word| source.code.contains(**word)) {
            faults.push(format!("{}: {word}", source.path.display()));
        }
    }
    for source in sources().iter().filter(|source| is_part(source)) {
        for name in ["gtk", "gdk", "glib", "gio", "adw"].iter().filter(|name| names_crate(&source.code, name))
        {
            faults.push(format!("{}: names {name}", source.path.display()));
        }
    }
    complain(&faults);
}

#[test]
fn unsafe_stays_in_its_files() {
    let mut faults = Vec::new();
    for source in sources() {
        let path = source.path.display().to_string();
        if source.code.contains("unsafe ") && !UNSAFE.contains(&path.as_str()) {
            faults.push(path);
        }
    }
    complain(&faults);
}

#[test]
fn files_are_short_and_begin_with_their_charter() {
    let mut faults = Vec::new();
    for source in sources() {
        let path = source.path.display().to_string();
        if source.lines > LONGEST && !TABLES.contains(&path.as_str()) {
            faults.push(format!("{path}: {} lines", source.lines));
        }
        let text = fs::read_to_string(root().join(&source.path)).expect("a source file");
        if !text.starts_with("//! ") {
            faults.push(format!("{path}: does not begin with its charter"));
        }
    }
    complain(&faults);
}
