//! Compiles what the graphical program carries inside, and what it needs to run from the source tree.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "gui")]
    gui::prepare();
}

#[cfg(feature = "gui")]
mod gui {
    use std::env;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// Where the installed program finds its translations. Set by `meson.build`, absent under plain cargo.
    const INSTALLED_LOCALE_DIR: &str = "ORIEL_LOCALE_DIR";

    /// Compiles `oriel.gresource` into `OUT_DIR` and tells the program where its translations and its settings' schema lie.
    ///
    /// Built by meson, translations come from the prefix and the schema from where every other program's is. Built by
    /// cargo alone nothing is installed, so both are compiled here and `ORIEL_SCHEMA_DIR` names the schema's folder.
    pub(super) fn prepare() {
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        glib_build_tools::compile_resources(
            &["data/resources", "data/ui", "data/icons", "data"],
            "data/resources/oriel.gresource.xml",
            "oriel.gresource",
        );

        println!("cargo::rerun-if-env-changed={INSTALLED_LOCALE_DIR}");
        if let Ok(installed) = env::var(INSTALLED_LOCALE_DIR) {
            println!("cargo::rustc-env=ORIEL_LOCALE_DIR={installed}");
            return;
        }
        let locales = out.join("locale");
        compile_translations(&locales);
        println!("cargo::rustc-env=ORIEL_LOCALE_DIR={}", locales.display());

        let schemas = out.join("schemas");
        compile_schema(&schemas);
        println!("cargo::rustc-env=ORIEL_SCHEMA_DIR={}", schemas.display());
    }

    /// Writes `LANGUAGE/LC_MESSAGES/oriel.mo` under `target` for every language in `po/LINGUAS`.
    fn compile_translations(target: &Path) {
        println!("cargo::rerun-if-changed=po/LINGUAS");
        let linguas = fs::read_to_string("po/LINGUAS").expect("po/LINGUAS is part of the source");
        for language in linguas.split_whitespace() {
            let source = format!("po/{language}.po");
            println!("cargo::rerun-if-changed={source}");
            let folder = target.join(language).join("LC_MESSAGES");
            fs::create_dir_all(&folder).expect("OUT_DIR can be written");
            run(Command::new("msgfmt").arg("-o").arg(folder.join("oriel.mo")).arg(source), "gettext");
        }
    }

    fn compile_schema(target: &Path) {
        const SCHEMA: &str = "io.github.oriel_viewer.Oriel.gschema.xml";
        let source = Path::new("data").join(SCHEMA);
        println!("cargo::rerun-if-changed={}", source.display());
        fs::create_dir_all(target).expect("OUT_DIR can be written");
        fs::copy(&source, target.join(SCHEMA)).expect("the schema is part of the source");
        run(Command::new("glib-compile-schemas").arg("--strict").arg(target), "libglib2.0-bin");
    }

    /// Runs `command`, or ends the build with the Debian package to install.
    fn run(command: &mut Command, package: &str) {
        let program = command.get_program().to_string_lossy().into_owned();
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => panic!("{program} failed: {status}"),
            Err(error) => panic!("cannot run {program} (package {package}): {error}"),
        }
    }
}
