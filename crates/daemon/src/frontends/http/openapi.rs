//! The description of the interface, OpenAPI 3.1, with the version of the program in it.

/// The document, in JSON.
pub(super) fn document() -> Vec<u8> {
    include_str!("openapi.json")
        .replace("\"0.0.0\"", concat!("\"", env!("CARGO_PKG_VERSION"), "\""))
        .into_bytes()
}
