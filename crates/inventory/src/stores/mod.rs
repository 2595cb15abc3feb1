//! Stores of certificates that programs trust.

pub(crate) mod der_file;
pub(crate) mod java;
pub(crate) mod nss;
pub(crate) mod pem;
pub(crate) mod pkcs12;

/// The kind of store that a path is one of: `system`, `java`, `nss`; empty for a file that could be anything.
fn kind(path: &str) -> &'static str {
    let path = path.to_ascii_lowercase();
    let holds = |parts: &[&str]| parts.iter().any(|part| path.contains(part));
    if path.ends_with("cacerts") || holds(&["lib/security/", "/java/", "java/cacerts"]) {
        "java"
    } else if holds(&[
        "etc/ssl/",
        "etc/pki/",
        "etc/ca-certificates/",
        "usr/share/ca-certificates/",
        "usr/local/share/ca-certificates/",
        "usr/lib/ssl/",
        "system/etc/security/cacerts/",
        "misc/user/",
        "ca-certificates.crt",
        "ca-bundle",
        "var/lib/ca-certificates/",
    ]) {
        "system"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn paths_tell_the_store() {
        assert_eq!(kind("etc/ssl/certs/ca-certificates.crt"), "system");
        assert_eq!(kind("usr/lib/jvm/x/lib/security/cacerts"), "java");
        assert_eq!(kind("home/a/server.pem"), "");
    }
}
