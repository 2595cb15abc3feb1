//! The input is a program, a signature in a program that is right otherwise, or a catalog. Nobody has signed it whom a
//! root stands for, so that nothing may speak for it.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use candor_detect::trust::{Catalog, SignerSignature, signatures, trusted};
use candor_detect::{Compiler, DETECTORS, Database, Digests, Found, Inspection};
use candor_object::{Category, Content, Object, ObjectId, Signed};
use libfuzzer_sys::fuzz_target;

/// Entries with a key that nobody has.
static DATABASES: LazyLock<Vec<Arc<Database>>> = LazyLock::new(|| {
    let mut compiler = Compiler::default();
    for category in [Category::Trusted, Category::Malware] {
        compiler.signer(&SignerSignature {
            name: "Somebody".to_owned(),
            source: "list.crb".to_owned(),
            text: String::new(),
            category,
            subject: [0; 20],
            serial: None,
            modulus: vec![0xc3; 256],
            code: true,
            time: true,
            certificates: true,
        });
    }
    vec![Arc::new(Database::from_vec(compiler.finish()).unwrap())]
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first() else { return };
    if choice % 3 == 2 {
        assert!(Catalog::verify(body, &DATABASES).is_err(), "nobody has signed this");
        return;
    }
    let content = Content::from_vec(body.to_vec());
    let format = candor_formats::format_of("pe").unwrap();
    let signed = match choice % 3 {
        0 => format.signed(&content).unwrap(),
        _ => Some(Signed { signatures: std::iter::once(0..body.len() as u64).collect(), ..Signed::default() }),
    };
    let Some(signed) = signed else { return };
    let size = content.size();
    assert!(signed.covered.iter().chain(&signed.signatures).all(|part| part.end <= size), "{signed:?}");
    let deadline = Instant::now() + Duration::from_secs(60);
    let object = Object::root(content.clone(), format.file_type());
    let digests = Digests::default();
    let inspection = Inspection { signed: Some(&signed), ..Inspection::of(&object, &digests, deadline) };
    let mut found = Found::default();
    for detector in DETECTORS {
        detector.inspect(&DATABASES[0], &inspection, &mut found).unwrap();
    }
    assert!(found.findings.is_empty(), "{found:?}");
    assert_eq!(trusted(&DATABASES, &content, &signed, ObjectId::ROOT, deadline).unwrap(), None);
    signatures(&content, &signed, deadline).unwrap();
});
