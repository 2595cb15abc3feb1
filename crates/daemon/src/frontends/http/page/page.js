// The page: uploads files one after the other and shows the verdict, the objects, the bytes that matched, and what
// was not examined. Whatever comes from a file is hostile: it becomes text nodes and nothing else.
"use strict";

/** Objects, findings and gaps of one file that are shown; the saved report has all. */
const MOST_OBJECTS = 400;
const MOST_FINDINGS = 100;
const MOST_GAPS = 100;
/** Characters of one text that are shown. */
const MOST_TEXT = 2000;

const REASONS = {
  encrypted: "It is encrypted, and no password is known.",
  damaged: "It breaks the rules of its format. What could be read was examined.",
  truncated: "It ends too early. What is there was examined.",
  unsupported: "It is known what this is, but it cannot be opened yet.",
  unreadable: "It could not be read.",
  crashed: "The scan of it failed in a way that should be impossible.",
  database: "The database has a damaged record that was needed here.",
};
const LIMITS = {
  objects: "There are more objects in the file than may be taken out.",
  depth: "There are more containers around it than may be opened.",
  "unpacked-bytes": "More bytes come out of the file than may be taken out.",
  "object-bytes": "It is longer than an object may be.",
  "held-bytes": "It and the containers around it need more memory than they may.",
  time: "The time for this file was over.",
};
const HEADLINES = {
  trusted: "Trusted",
  undetected: "Undetected",
  suspicious: "Suspicious",
  unwanted: "Unwanted",
  prohibited: "Prohibited",
  malicious: "Malicious",
};

const place = (id) => document.getElementById(id);
let token = "";
let limit = Infinity;

/** An element with a class and children; strings become text nodes. */
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Hostile text with everything visible that controls, reorders or hides text. */
function visible(text) {
  const cut = text.length > MOST_TEXT ? text.slice(0, MOST_TEXT) + "…" : text;
  return cut.replace(/[\p{C}\p{Zl}\p{Zp}\u00ad\u115f\u1160\u3164\uffa0\u180e]/gu, (character) => {
    if (character === "\n") return "\\n";
    return `\\u{${character.codePointAt(0).toString(16)}}`;
  });
}

/** The same for text of several lines. */
const lines = (text) => text.split("\n").map(visible).join("\n");

function size(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let number = bytes;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    unit += 1;
  }
  if (unit === 0) return counted(bytes, "byte", "bytes");
  return `${number.toFixed(number < 10 ? 1 : 0)} ${units[unit]}`;
}

const counted = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

function duration(seconds) {
  return seconds < 1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}

/** One request; gives the status and the text of the answer. */
function ask(method, address, body, progress, cancelled) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    if (body) request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => progress?.(event.loaded, event.total);
    request.upload.onload = () => progress?.(1, 1);
    request.onload = () => resolve({ status: request.status, text: request.responseText });
    request.onerror = () => reject(new Error("The file or the service could not be reached. Folders cannot be sent."));
    request.onabort = () => reject(new Error("Cancelled."));
    cancelled?.(() => request.abort());
    request.send(body);
  });
}

/** What an answer says that is no result. */
function complaint({ status, text }) {
  try {
    return JSON.parse(text).detail ?? `The service answered ${status}.`;
  } catch {
    return `The service answered ${status}.`;
  }
}

async function status() {
  const answer = await ask("GET", "/v1/status");
  const wanted = answer.status === 401;
  place("authentication").hidden = !wanted;
  place("drop").hidden = wanted;
  if (wanted) {
    place("refusal").textContent = token ? "This token is not known here." : "";
    place("token").focus();
    return;
  }
  if (answer.status !== 200) throw new Error(complaint(answer));
  const { database, limits } = JSON.parse(answer.text);
  limit = limits.upload_bytes;
  place("limit").textContent = `At most ${size(limit)} each. They are examined by this service and not kept.`;
  place("database").replaceChildren(
    `${counted(database.signatures, "signature", "signatures")}, in use since ${local(database.since)}`,
  );
}

const local = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/** The card of a file that is on its way. */
function card(file) {
  const bar = element("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", "Upload");
  const state = element("span", "faint", "waiting");
  const cancel = element("button", "", "Cancel");
  cancel.type = "button";
  const name = element("div", "name", element("bdi", "path", visible(file.name)), element("span", "tag", size(file.size)));
  const head = element("div", "head", name, bar, element("div", "end", state, cancel));
  const article = element("article", "waiting", head);
  article.setAttribute("aria-busy", "true");
  return { article, bar, state, cancel, name };
}

async function scan(file, { article, bar, state, cancel, name }) {
  let failure = null;
  let result = null;
  let text = "";
  try {
    if (cancel.disabled) throw new Error("Cancelled.");
    if (file.size > limit) throw new Error(`It is longer than ${size(limit)}, and was not examined.`);
    state.textContent = "uploading";
    const address = `/v1/scan?objects=${MOST_OBJECTS}&name=${encodeURIComponent(file.name.toWellFormed?.() ?? file.name)}`;
    const progress = (loaded, total) => {
      if (loaded < total) {
        bar.value = loaded / total;
      } else {
        bar.removeAttribute("value");
        state.textContent = "examining";
      }
    };
    const answer = await ask("POST", address, file, progress, (abort) => (cancel.onclick = abort));
    if (answer.status === 401) await status();
    if (answer.status !== 200) throw new Error(complaint(answer));
    text = answer.text;
    result = JSON.parse(text);
  } catch (error) {
    failure = error.message;
  }
  article.removeAttribute("aria-busy");
  if (result === null) {
    article.className = "failed";
    article.replaceChildren(element("div", "head", name, element("h2", "", "Not examined"), element("p", "", visible(failure))));
    place("announcement").textContent = `${visible(file.name)}: not examined. ${visible(failure)}`;
  } else {
    const headline = show(article, name, result, text);
    place("announcement").textContent = `${visible(file.name)}: ${headline}`;
  }
}

/** Fills a card with a result; gives the verdict in words. */
function show(article, name, result, text) {
  const { root, names, database } = result;
  const undetected = root.verdict === "undetected";
  article.className = undetected && !root.fully_examined ? "undetected partly" : root.verdict;
  article.dataset.verdict = root.verdict;
  const headline = HEADLINES[root.verdict] ?? root.verdict;
  const examined = root.fully_examined
    ? "Everything was examined."
    : `Not everything was examined: ${counted(root.gaps.length, "gap", "gaps")}.`;
  const named = names.length > 0 ? element("p", "names", visible(names.join(", "))) : null;
  const head = element("div", "head", name, element("h2", "verdict", headline), named, element("p", "examined", examined));
  const body = element("div", "body", element("h3", "", "Objects"), tree(root));
  if (root.gaps.length > 0) body.append(element("h3", "", "Not examined"), gaps(root));
  body.append(end(database, result, root, text));
  article.replaceChildren(head, body);
  return `${headline}. ${examined}`;
}

/** The objects, each below its container, with their findings. */
function tree(root) {
  const nodes = new Map();
  const top = element("ul", "tree");
  const marked = new Set(root.gaps.map((gap) => gap.object));
  for (const object of root.objects.slice(0, MOST_OBJECTS)) {
    const label = object.name === "" ? `<${object.relation}>` : object.name;
    const shown = element("bdi", "path", visible(label));
    const item = element("li", "object", shown, " ", element("span", "faint", `${visible(object.file_type)}, ${size(object.size)}`));
    if (marked.has(object.id)) item.append(" ", element("span", "marker", "not fully examined"));
    if (object.sha256) item.append(element("div", "digest", `SHA-256 ${object.sha256}`));
    const container = nodes.get(object.parent);
    if (container) {
      container.children ??= container.item.appendChild(element("ul"));
      container.children.append(item);
    } else {
      top.append(item);
    }
    nodes.set(object.id, { item, children: null });
  }
  for (const finding of root.findings.slice(0, MOST_FINDINGS)) {
    const node = nodes.get(finding.object);
    if (node) node.item.insertBefore(evidence(finding), node.children);
  }
  const list = element("div", "", top);
  const hidden = root.object_count - Math.min(root.objects.length, MOST_OBJECTS);
  if (hidden > 0) list.append(element("p", "faint", `${counted(hidden, "further object", "further objects")} not shown.`));
  const silent = root.findings.length - MOST_FINDINGS;
  if (silent > 0) list.append(element("p", "faint", `${counted(silent, "further finding", "further findings")} in the report.`));
  return list;
}

/** A finding with the bytes that matched. */
function evidence(finding) {
  const weight = finding.detection ? "" : ", does not count";
  const source = finding.source === "" ? "" : `, ${finding.source}`;
  const about = `${finding.category}, ${finding.strength}${weight}; ${finding.detector}${source}`;
  const box = element("div", finding.detection ? "finding" : "finding weightless");
  box.append(element("b", "", visible(finding.name)), element("span", "faint", visible(about)));
  for (const match of finding.evidence) {
    const where = `${match.what} at ${match.offset} (0x${match.offset.toString(16)}), ${counted(match.size, "byte", "bytes")}`;
    box.append(element("div", "faint", visible(where)));
    if (match.excerpt_hex !== "") box.append(dump(match));
  }
  if (finding.signature !== "") {
    const signature = element("div", "signature", lines(finding.signature));
    box.append(element("details", "", element("summary", "", "Signature"), signature));
  }
  return box;
}

/** Bytes as hex and text side by side. */
function dump(match) {
  const narrower = (width) => matchMedia(`(max-width: ${width})`).matches;
  const width = narrower("30rem") ? 4 : narrower("50rem") ? 8 : 16;
  const bytes = match.excerpt_hex.match(/../g) ?? [];
  const pre = element("pre", "dump");
  pre.tabIndex = 0;
  pre.setAttribute("aria-label", "Bytes that matched");
  for (let start = 0; start < bytes.length; start += width) {
    const line = bytes.slice(start, start + width);
    const text = line.map((hex) => {
      const byte = parseInt(hex, 16);
      return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
    });
    pre.append(
      element("span", "offset", (match.offset + start).toString(16).padStart(8, "0")),
      "  ",
      element("span", "bytes", line.join(" ").padEnd(width * 3 - 1)),
      "  ",
      element("span", "text", text.join("")),
      "\n",
    );
  }
  const left = match.size - bytes.length;
  if (left > 0) pre.append(element("span", "offset", `and ${counted(left, "byte", "bytes")} more`));
  return pre;
}

/** What was not examined, and why. */
function gaps(root) {
  const list = element("ul", "gaps");
  for (const gap of root.gaps.slice(0, MOST_GAPS)) {
    const reason = gap.reason === "limit" ? LIMITS[gap.limit] : REASONS[gap.reason];
    const item = element("li", "gap", element("b", "reason", reason ?? visible(gap.reason)));
    item.append(element("bdi", "path", visible(gap.path)));
    if (gap.detail !== "") item.append(element("span", "faint", visible(gap.detail)));
    list.append(item);
  }
  const more = root.gaps.length - MOST_GAPS;
  if (more > 0) list.append(element("li", "faint", `${counted(more, "further gap", "further gaps")} in the report.`));
  return list;
}

/** With what it was examined, and the report to take away. */
function end(database, result, root, text) {
  const took = result.remembered ? "remembered from an earlier scan" : `examined in ${duration(result.seconds)}`;
  const about = `${took}, with ${counted(database.signatures, "signature", "signatures")}`;
  const identity = element("span", "digest", `Database ${database.identity}`);
  const save = element("button", "", "Save the report");
  save.type = "button";
  save.onclick = () => {
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "report.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  return element("div", "end", element("div", "faint", about, identity), save);
}

/** Files are sent one after the other, so that each has the whole line. */
let queue = Promise.resolve();

function add(files) {
  const pairs = [...files].map((file) => [file, card(file)]);
  place("results").prepend(...pairs.map(([, made]) => made.article));
  for (const [file, made] of pairs) {
    made.cancel.onclick = () => {
      made.cancel.disabled = true;
      made.state.textContent = "cancelled";
    };
    queue = queue.then(() => scan(file, made));
  }
}

place("files").onchange = (event) => {
  add(event.target.files);
  event.target.value = "";
};
place("authentication").onsubmit = (event) => {
  event.preventDefault();
  token = place("token").value.trim();
  start();
};
addEventListener("dragover", (event) => {
  event.preventDefault();
  place("drop").classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) place("drop").classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  place("drop").classList.remove("over");
  if (!place("drop").hidden) add(event.dataTransfer.files);
});

function start() {
  status().catch((error) => (place("database").textContent = visible(error.message)));
}

start();
