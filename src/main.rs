//! The `stufpack` program; everything it does stands in the library.

/// A package is made of many small values on several threads (`docs/decisions/dependencies.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let code = stufpack::cli::run(std::env::args_os());
    // Whatever was to be written or removed is; what is left is memory, which the system takes back at once.
    signal_hook::low_level::exit(i32::from(code));
}
