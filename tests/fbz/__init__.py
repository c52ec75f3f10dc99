"""A second implementation of `docs/file-format.md`, written apart from the Rust one."""
