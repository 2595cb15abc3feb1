//! Package URLs ([specification](https://github.com/package-url/purl-spec)).

use std::fmt::Write;

/// The package URL of a package of a manager; none where the manager's packages have none, or the version is a
/// range or a variable.
pub(crate) fn purl(manager: &str, name: &str, version: &str) -> Option<String> {
    let kind = match manager {
        "cargo" | "npm" | "maven" | "composer" | "gem" | "nuget" | "conda" | "rpm" | "apk" => manager,
        "dpkg" => "deb",
        "pip" => "pypi",
        "go" => "golang",
        "pacman" => "alpm",
        _ => return None,
    };
    if name.is_empty() || name.contains("${") {
        return None;
    }
    let name = match kind {
        "pypi" => name.to_lowercase().replace('_', "-"),
        "composer" => name.to_lowercase(),
        "maven" => name.replacen(':', "/", 1),
        _ => name.to_owned(),
    };
    let parts: Vec<String> = name.split('/').filter(|part| !part.is_empty()).map(encoded).collect();
    let mut purl = format!("pkg:{kind}/{}", parts.join("/"));
    if !version.is_empty() && !version.contains(['$', '^', '~', '*', '<', '>', '=', ' ', '|']) {
        let _ = write!(purl, "@{}", encoded(version));
    }
    Some(purl)
}

/// The same with the processor architecture that it is for.
pub(crate) fn purl_for(manager: &str, name: &str, version: &str, architecture: &str) -> String {
    let purl = purl(manager, name, version).unwrap_or_default();
    if purl.is_empty() || architecture.is_empty() {
        purl
    } else {
        format!("{purl}?arch={}", encoded(architecture))
    }
}

fn encoded(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:+".contains(&byte) {
            all.push(char::from(byte));
        } else {
            let _ = write!(all, "%{byte:02X}");
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_each_type_wants_them() {
        for (manager, name, version, expected) in [
            ("npm", "@babel/core", "7.1.0", "pkg:npm/%40babel/core@7.1.0"),
            ("pip", "Django_Rest", "1", "pkg:pypi/django-rest@1"),
            ("maven", "org.a:b", "${v}", "pkg:maven/org.a/b"),
            ("go", "github.com/a/b", "v1.2.3+incompatible", "pkg:golang/github.com/a/b@v1.2.3+incompatible"),
            ("npm", "a", "^1.0", "pkg:npm/a"),
        ] {
            assert_eq!(purl(manager, name, version).as_deref(), Some(expected));
        }
        assert_eq!(purl("snap", "a", "1"), None);
    }
}
