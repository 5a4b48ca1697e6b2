//! The program: see [`oriel::app`].

fn main() -> std::process::ExitCode {
    oriel::app::run()
}
