//! The C library gives `main` its caller and `memcpy` its body.

fn main() {
    println!("cargo::rustc-link-lib=c");
}
