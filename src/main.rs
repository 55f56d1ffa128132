//! The `stufpack` program; everything it does stands in the library.

fn main() -> std::process::ExitCode {
    stufpack::cli::run(std::env::args_os())
}
