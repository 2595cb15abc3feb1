//! Results: the same words as the command line's, every file answered, and what was not examined told.

use std::fs;

use serde_json::{Value, json};

use crate::client::{Answer, ask, ask_unix, exchange, tcp};
use crate::program::Program;
use crate::samples::{eicar, form, truncated_gzip, zip};
use crate::start;

const EICAR: &str = "Candor.Test.Malware.Eicar-1";

/// The description that the service gives of itself.
fn description(program: &Program) -> Value {
    ask(program, "GET /openapi.json", "", b"").json()
}

/// Looks whether a record is as a schema of the description says.
pub(crate) fn assert_described(description: &Value, schema: &str, record: &Value) {
    let mut whole = description.clone();
    whole["$ref"] = format!("#/components/schemas/{schema}").into();
    let validator = jsonschema::draft202012::new(&whole).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(record).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{schema}: {errors:?}\n{record:#}");
}

#[test]
fn a_result_has_the_words_of_the_command_line() {
    let program = start("");
    let archive = zip(&[("folder/a.com", &eicar()), ("readme.txt", b"nothing")]);
    let answer = ask(&program, "POST /v1/scan?name=a%20b.zip", "", &archive);
    assert_eq!(answer.status, 200, "{answer:?}");
    let result = answer.json();
    let root = &result["root"];
    assert_eq!(
        (&root["path"], &root["verdict"], &root["action"]),
        (&json!("a b.zip"), &json!("malicious"), &json!("report"))
    );
    assert_eq!(
        (&root["object_count"], &root["size"], &root["fully_examined"]),
        (&json!(3), &json!(archive.len()), &json!(true))
    );
    assert_eq!(root["objects"].as_array().unwrap().len(), 2, "only what is concerned");
    let finding = &root["findings"][0];
    assert_eq!((&finding["path"], &finding["name"]), (&json!("a b.zip > folder/a.com"), &json!(EICAR)));
    let evidence = &finding["evidence"][0];
    assert_eq!(evidence["offset"], 0);
    assert!(evidence["excerpt_hex"].as_str().unwrap().starts_with("58354f2150"));
    assert_eq!(result["names"], json!([EICAR]));
    assert_described(&description(&program), "Result", &result);
    let again = ask(&program, "POST /v1/scan?objects=3", "", &archive).json();
    assert_eq!(again["remembered"], true);
    assert_eq!(again["root"]["objects"].as_array().unwrap().len(), 3);
    assert_eq!(again["root"]["findings"][0]["path"], "<root> > folder/a.com");
    program.stop();
}

#[test]
fn the_root_is_that_of_the_report_schema() {
    let program = start("");
    let mut report: Value =
        serde_json::from_str(include_str!("../../../../docs/report.schema.json")).unwrap();
    // The service takes no files.
    report["$defs"]["root"]["properties"].as_object_mut().unwrap().remove("quarantine").unwrap();
    let described = description(&program);
    for (of_report, of_service) in
        [("root", "Root"), ("object", "Object"), ("finding", "Finding"), ("gap", "Gap")]
    {
        let text = report["$defs"][of_report].to_string();
        let text = text
            .replace("#/$defs/object", "#/components/schemas/Object")
            .replace("#/$defs/finding", "#/components/schemas/Finding")
            .replace("#/$defs/gap", "#/components/schemas/Gap");
        let expected: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(described["components"]["schemas"][of_service], expected, "{of_service}");
    }
    program.stop();
}

#[test]
fn what_was_not_examined_is_told() {
    let program = start("");
    let result = ask(&program, "POST /v1/scan?name=a.gz", "", &truncated_gzip()).json();
    assert_eq!(
        (&result["root"]["verdict"], &result["root"]["fully_examined"]),
        (&json!("undetected"), &json!(false))
    );
    assert_eq!(result["root"]["gaps"][0]["reason"], "truncated");
    assert_described(&description(&program), "Result", &result);
    program.stop();
}

#[test]
fn every_file_of_a_form_is_answered() {
    let program = start("files = 3\n");
    let files: [(&str, &[u8]); 3] = [("one.com", &eicar()), ("<img src=x>", b"two"), ("", b"")];
    let (fields, body) = form(&files);
    let answer = ask(&program, "POST /v1/scan", &fields, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let results = answer.json();
    assert_described(&description(&program), "Results", &results);
    let verdicts: Vec<_> =
        results["results"].as_array().unwrap().iter().map(|one| &one["root"]["verdict"]).collect();
    assert_eq!(verdicts, ["malicious", "undetected", "undetected"]);
    assert_eq!(results["results"][1]["root"]["path"], "<img src=x>");
    let (fields, body) = form(&[("a", b"a"), ("b", b"b"), ("c", b"c"), ("d", b"d")]);
    assert_eq!(ask(&program, "POST /v1/scan", &fields, &body).status, 413);
    let (fields, _) = form(&[]);
    for malformed in [
        "",
        "--limit--\r\n",
        "--limit\r\n\r\ncontent",
        "--limit\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n--limit--",
    ] {
        let answer = ask(&program, "POST /v1/scan", &fields, malformed.as_bytes());
        assert_eq!(answer.status, 400, "{malformed}: {answer:?}");
    }
    assert_eq!(ask(&program, "POST /v1/scan?name=x", &fields, b"--limit--").status, 400);
    program.stop();
}

#[test]
fn many_requests_go_through_one_connection() {
    let program = start("");
    let mut stream = tcp(program.tcp("http"));
    for content in [b"".as_slice(), b"one", &[b'x'; 300_000]] {
        let answer = exchange(&mut stream, "POST /v1/scan", "", content);
        assert_eq!(answer.json()["root"]["size"], content.len());
    }
    let chunks = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let answer = exchange(
        &mut stream,
        "POST /v1/scan",
        "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n",
        chunks,
    );
    assert_eq!(answer.json()["root"]["size"], 5);
    program.stop();
}

#[test]
fn local_files_are_scanned_by_their_paths() {
    let program = start("");
    let file = program.folder().join("a file.com");
    fs::write(&file, eicar()).unwrap();
    let by_path = |path: &str| {
        let body = json!({ "path": path }).to_string();
        ask_unix(&program, "POST /v1/scan/path", "Content-Type: application/json\r\n", body.as_bytes())
    };
    let answer = by_path(file.to_str().unwrap());
    assert_eq!(answer.status, 200, "{answer:?}");
    let result = answer.json();
    assert_eq!(result["root"]["verdict"], "malicious");
    assert_eq!(result["root"]["path"], file.to_str().unwrap());
    assert_described(&description(&program), "Result", &result);
    let folder = program.folder().to_str().unwrap().to_owned();
    let fifo = program.folder().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    for (path, status) in [
        (format!("{folder}/nothing"), 404),
        (folder.clone(), 422),
        (fifo.to_str().unwrap().to_owned(), 422),
        (program.unix("http").to_str().unwrap().to_owned(), 422),
        (format!("{folder}/a\0b"), 422),
        ("relative".to_owned(), 400),
        (String::new(), 400),
    ] {
        let answer = by_path(&path);
        assert_eq!(answer.status, status, "{path:?}: {answer:?}");
        answer.problem();
    }
    for (line, fields, body, status) in [
        ("POST /v1/scan/path", "Content-Type: application/json\r\n", "{", 400),
        ("POST /v1/scan/path", "Content-Type: application/json\r\n", "{\"path\": \"/a\", \"other\": 1}", 400),
        ("POST /v1/scan/path?name=x", "Content-Type: application/json\r\n", "{\"path\": \"/a\"}", 400),
        ("POST /v1/scan/path", "", "{\"path\": \"/a\"}", 415),
    ] {
        let answer = ask_unix(&program, line, fields, body.as_bytes());
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    let long =
        ask_unix(&program, "POST /v1/scan/path", "Content-Type: application/json\r\n", &[b' '; 40_000]);
    assert_eq!(long.status, 413);
    let body = json!({ "path": file }).to_string();
    let remote = ask(&program, "POST /v1/scan/path", "Content-Type: application/json\r\n", body.as_bytes());
    assert_eq!(remote.status, 403, "nobody names paths by TCP");
    program.stop();
}

#[test]
fn the_status_is_as_described() {
    let program = start("");
    let status = ask(&program, "GET /v1/status", "", b"").json();
    assert_described(&description(&program), "Status", &status);
    assert!(status["database"]["signatures"].as_u64().unwrap() > 0);
    program.stop();
}

#[test]
fn malformed_requests_are_problems() {
    let program = start("");
    let asked = |line: &str, fields: &str| -> Answer { ask(&program, line, fields, b"") };
    for (line, fields, status) in [
        ("POST /v1/scan?objects=x", "", 400),
        ("POST /v1/scan?objects=-1", "", 400),
        ("POST /v1/scan?objects=+1", "", 400),
        ("POST /v1/scan?objects=100001", "", 400),
        ("POST /v1/scan?name=a&name=b", "", 400),
        ("POST /v1/scan?other=1", "", 400),
        ("POST /v1/scan", "Content-Encoding: gzip\r\n", 415),
        ("POST /v1/scan", "Content-Type: multipart/form-data\r\n", 400),
        ("POST /v1/jobs", "Content-Type: multipart/form-data; boundary=x\r\n", 415),
        ("GET /v1/scan", "", 405),
        ("PUT /", "", 405),
        ("POST /openapi.json", "", 405),
        ("DELETE /v1/jobs", "", 405),
        ("PATCH /v1/jobs/00112233445566778899aabbccddeeff", "", 405),
        ("POST /v1/status", "", 405),
        ("GET /v1/jobs/00112233445566778899aabbccddeeff", "", 404),
        ("GET /v1/jobs/x", "", 404),
        ("GET /v1/jobs/a/b", "", 404),
        ("GET /nothing", "", 404),
        ("GET /v1/nothing", "", 404),
        ("GET //", "", 404),
    ] {
        let answer = asked(line, fields);
        assert_eq!(answer.status, status, "{line}: {answer:?}");
        answer.problem();
        assert_eq!(answer.field("allow").is_some(), status == 405, "{line}");
    }
    assert_eq!(asked("HEAD /v1/status", "").status, 200);
    program.stop();
}
