//! The `stufpack` program; everything it does stands in the library.

/// A package is made of many small values on several threads (`docs/decisions/dependencies.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    stufpack::cli::run(std::env::args_os())
}
