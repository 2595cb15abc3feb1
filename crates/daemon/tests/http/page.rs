//! The page, in Chromium: files are chosen and dropped, and what people would read is read.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::authentication::digest;
use crate::foreign_clients::installed;
use crate::program::DEADLINE;
use crate::samples::{eicar, truncated_gzip, zip};
use crate::start;

/// A browser with one page, told what to do by the DevTools protocol through pipes.
struct Browser {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    session: Option<String>,
    number: u64,
    /// What the page complained about.
    complaints: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    fn open(address: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // It reads orders from descriptor 3 and writes answers to 4.
        let script = "exec chromium --headless=new --no-sandbox --disable-gpu --window-size=1200,900 --disable-dev-shm-usage \
            --no-first-run --disable-background-networking --remote-debugging-pipe --user-data-dir=\"$0\" \
            about:blank 3<&0 4>&1 0</dev/null 1>/dev/null 2>&1";
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(profile.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut browser = Self {
            child,
            orders,
            answers,
            session: None,
            number: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached =
            browser.call("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Runtime", "Log", "Page", "DOM"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.call("Page.navigate", json!({ "url": address }));
        browser.wait_for("document.getElementById('database')?.textContent || document.getElementById('authentication')?.hidden === false");
        browser
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let mut order = json!({ "id": self.number, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            order["sessionId"] = session.as_str().into();
        }
        self.orders.write_all(format!("{order}\0").as_bytes()).unwrap();
        loop {
            let mut message = Vec::new();
            self.answers.read_until(0, &mut message).unwrap();
            message.pop();
            let message: Value =
                serde_json::from_slice(&message).unwrap_or_else(|error| panic!("{error}: Chromium ended?"));
            if message["id"] == self.number {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            if ["Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening"]
                .iter()
                .any(|bad| message["method"] == *bad)
            {
                self.complaints.push(message["params"].clone());
            }
        }
    }

    /// What an expression gives.
    fn value(&mut self, expression: &str) -> Value {
        let answer = self.call(
            "Runtime.evaluate",
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
        );
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The text of the elements that a selector finds.
    fn texts(&mut self, selector: &str) -> Vec<String> {
        let texts =
            self.value(&format!("[...document.querySelectorAll({selector:?})].map(e => e.textContent)"));
        texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    fn wait_for(&mut self, expression: &str) {
        let start = Instant::now();
        while self.value(&format!("Boolean({expression})")) != json!(true) {
            let page = self.value("document.body?.innerText");
            assert!(start.elapsed() < DEADLINE, "{expression} does not become true: {page}");
            sleep(Duration::from_millis(20));
        }
    }

    fn choose(&mut self, files: &[&Path]) {
        let document = self.call("DOM.getDocument", json!({}));
        let input = json!({ "nodeId": document["root"]["nodeId"], "selector": "#files" });
        let input = self.call("DOM.querySelector", input);
        self.call("DOM.setFileInputFiles", json!({ "files": files, "nodeId": input["nodeId"] }));
    }

    fn drop(&mut self, files: &[&Path]) {
        let center = self.value("(() => { const r = document.getElementById('drop').getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()");
        for kind in ["dragEnter", "dragOver", "drop"] {
            let data = json!({ "items": [], "files": files, "dragOperationsMask": 1 });
            self.call(
                "Input.dispatchDragEvent",
                json!({ "type": kind, "x": center[0], "y": center[1], "data": data }),
            );
        }
    }

    /// Waits until so many files have been answered.
    fn finished(&mut self, count: usize) {
        self.wait_for(&format!(
            "document.querySelectorAll('article').length === {count} && !document.querySelector('article[aria-busy]')"
        ));
    }

    /// Keeps a picture where `CANDOR_PICTURES` says, for people to look at.
    fn picture(&mut self, name: &str) {
        if let Some(folder) = std::env::var_os("CANDOR_PICTURES") {
            let picture = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
            fs::write(PathBuf::from(folder).join(name), picture["data"].as_str().unwrap()).unwrap();
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.orders.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let start = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none())
            && start.elapsed() < Duration::from_secs(10)
        {
            sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_file_is_chosen_and_its_report_read() {
    if !installed("chromium") {
        return;
    }
    let program = start("");
    let archive = program.folder().join("<img src=x onerror=alert(1)>.zip");
    fs::write(
        &archive,
        zip(&[("<script>alert(2)</script>\u{202e}txt.com", &eicar()), ("broken.gz", &truncated_gzip())]),
    )
    .unwrap();
    let mut browser = Browser::open(&format!("http://{}/", program.tcp("http")));
    browser.choose(&[&archive]);
    browser.finished(1);
    assert_eq!(browser.texts(".verdict"), ["Malicious"]);
    assert_eq!(browser.texts(".head .path"), ["<img src=x onerror=alert(1)>.zip"]);
    assert_eq!(browser.texts(".names"), ["Candor.Test.Malware.Eicar-1"]);
    assert_eq!(browser.texts(".examined"), ["Not everything was examined: 1 gap."]);
    let path = |depth: usize| format!(".tree{} > .object > .path", " > .object > ul".repeat(depth));
    assert_eq!(browser.texts(&path(0)), ["<img src=x onerror=alert(1)>.zip"]);
    assert_eq!(browser.texts(&path(1)), ["<script>alert(2)</script>\\u{202e}txt.com", "broken.gz"]);
    assert_eq!(browser.texts(&path(2)), ["<stream>"]);
    assert_eq!(browser.texts(".dump .offset")[..2], ["00000000", "00000010"]);
    assert_eq!(browser.texts(".dump .bytes")[0], "58 35 4f 21 50 25 40 41 50 5b 34 5c 50 5a 58 35");
    assert_eq!(browser.texts(".dump .text")[0], "X5O!P%@AP[4\\PZX5");
    assert_eq!(browser.texts(".gap .reason"), ["It ends too early. What is there was examined."]);
    assert!(browser.texts(".gap .path")[0].ends_with("> broken.gz > <stream>"));
    let end = browser.texts(".end").concat();
    let database = browser
        .value("fetch('/v1/status').then(answer => answer.json()).then(status => status.database.identity)");
    assert!(end.contains(database.as_str().unwrap()), "{end}");
    assert_eq!(browser.value("document.querySelectorAll('main img, main script').length"), 0);
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
    browser.picture("chosen.base64");
    drop(browser);
    program.stop();
}

#[test]
fn several_files_are_dropped() {
    if !installed("chromium") {
        return;
    }
    let program = start("upload = \"1M\"\n");
    let folder = program.folder().to_owned();
    let path = |name: &str, content: &[u8]| {
        fs::write(folder.join(name), content).unwrap();
        folder.join(name)
    };
    let (quiet, partly) = (path("quiet.txt", b"nothing"), path("partly.gz", &truncated_gzip()));
    let (alarm, long) = (path("alarm.com", &eicar()), path("long", &vec![b'x'; 2 << 20]));
    let mut browser = Browser::open(&format!("http://{}/", program.tcp("http")));
    browser.drop(&[&quiet, &partly, &alarm, &long]);
    browser.finished(4);
    assert_eq!(browser.texts("article h2"), ["Undetected", "Undetected", "Malicious", "Not examined"]);
    assert_eq!(
        browser.texts(".examined"),
        ["Everything was examined.", "Not everything was examined: 1 gap.", "Everything was examined."]
    );
    assert!(browser.texts("article.failed p").concat().contains("longer than 1.0 MiB"));
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
    browser.picture("dropped.base64");
    drop(browser);
    program.stop();
}

#[test]
fn the_page_asks_for_a_token() {
    if !installed("chromium") {
        return;
    }
    let tokens = tempfile::NamedTempFile::new().unwrap();
    fs::write(tokens.path(), digest("secret")).unwrap();
    let program = start(&format!("tokens = {:?}\n", tokens.path()));
    let sample = program.folder().join("sample.com");
    fs::write(&sample, eicar()).unwrap();
    let mut browser = Browser::open(&format!("http://{}/", program.tcp("http")));
    browser.wait_for("place('drop').hidden");
    let enter = |browser: &mut Browser, token: &str| {
        browser
            .value(&format!("place('token').value = {token:?}; place('authentication').requestSubmit(); 1"));
    };
    enter(&mut browser, "wrong");
    browser.wait_for("place('refusal').textContent === 'This token is not known here.'");
    enter(&mut browser, "secret");
    browser.wait_for("place('authentication').hidden && !place('drop').hidden");
    browser.choose(&[&sample]);
    browser.finished(1);
    assert_eq!(browser.texts(".verdict"), ["Malicious"]);
    drop(browser);
    program.stop();
}

#[test]
fn another_web_site_reaches_nothing() {
    if !installed("chromium") {
        return;
    }
    let (program, other) = (start(""), start(""));
    // The page of one service is another web site for the other.
    let mut browser = Browser::open(&format!("http://{}/", other.tcp("http")));
    browser.call("Page.setBypassCSP", json!({ "enabled": true }));
    browser.call("Page.reload", json!({}));
    browser
        .wait_for("document.readyState === 'complete' && document.getElementById('database')?.textContent");
    let address = format!("http://{}/v1/scan", program.tcp("http"));
    for options in ["{}", "{method: 'POST', body: 'x'}", "{method: 'POST', body: 'x', mode: 'no-cors'}"] {
        let seen = browser.value(&format!(
            "fetch({address:?}, {options}).then(answer => answer.type + answer.status, () => 'refused')"
        ));
        assert!(seen == "refused" || seen == "opaque0", "{seen}");
    }
    drop(browser);
    let log = program.stop();
    assert!(!log.contains("scanned"), "{log}");
    other.stop();
}
