//! Requests as JSON, one on each line: Zeek's logs and Suricata's
//! [EVE](https://docs.suricata.io/en/latest/output/eve/eve-json-format.html).

use super::{Addresses, Request};
use crate::document::{Json, records};
use crate::{Error, Facts, Reader, Subject};

pub(crate) struct Events;

impl Reader for Events {
    fn name(&self) -> &'static str {
        "event log"
    }

    fn reads(&self, subject: &Subject<'_>) -> bool {
        let zeek = subject.says("\"id.orig_h\"")
            && ["\"query\"", "\"host\"", "\"server_name\""].iter().any(|name| subject.says(name));
        subject.begins_with(b'{')
            && (zeek || (subject.says("\"event_type\"") && subject.says("\"timestamp\"")))
    }

    fn read(&self, subject: &Subject<'_>, facts: &mut Facts<'_>) -> Result<(), Error> {
        let mut addresses = Addresses::new(self.name());
        let result = records(
            &mut Json::new(subject)?,
            |path| path.is_empty().then_some(()),
            |record| {
                let node = record.node;
                // Answers repeat the question.
                if node.first(&["dns/type", "dns/query/item/type"]) == "answer" {
                    return Ok(());
                }
                let names = [
                    "query",
                    "host",
                    "server_name",
                    "dns/rrname",
                    "dns/query/item/rrname",
                    "http/hostname",
                    "tls/sni",
                ];
                let request = Request {
                    target: node.first(&names),
                    path: node.first(&["uri", "http/url"]),
                    time: node.first(&["ts", "timestamp"]),
                };
                addresses.add(&request, record.line);
                Ok(())
            },
        );
        addresses.tell(facts).and(result)
    }
}

#[cfg(test)]
mod tests {
    use candor_object::Attribute;

    use crate::reader::tests::told;

    use super::*;

    #[test]
    fn events_of_both_and_broken_lines() {
        let json = b"{\"ts\": 1.5, \"id.orig_h\": \"10.0.0.1\", \"query\": \"a.example\"}\n{\"ts\":\n\
            {\"timestamp\": \"t\", \"event_type\": \"http\", \"http\": {\"hostname\": \"b.example\", \"url\": \"/x\"}}\n";
        let (facts, result) = told(&Events, "eve.json", json);
        let hosts: Vec<_> = facts.iter().map(|fact| fact.get(Attribute::Host).unwrap()).collect();
        assert_eq!(hosts, ["a.example", "b.example"]);
        assert!(result.unwrap_err().to_string().starts_with("line 2"));
        let json = b"{\"timestamp\": \"t\", \"event_type\": \"http\", \"http\": {\"hostname\": \"b.example\", \"url\": \"/x\"}}\n";
        assert_eq!(told(&Events, "eve.json", json).0[0].get(Attribute::Url), Some("b.example/x"));
    }
}
