//! Webhooks as connector files describe them: vectors computed by another implementation, and what is
//! refused.
#![allow(clippy::unwrap_used)]

use adapter_kit::webhook::{Arrival, News, Notice, Refused, Webhook};
use adapter_rest::{Connector, RestWebhook};
use http::{HeaderMap, HeaderName, HeaderValue};

const REST: &str = r#"
base_url = "https://product.example"
[auth]
style = "none"
[kinds.contacts]
full_scan = true
record = { id = "id" }
list = { call = "GET contacts", records = "items", paging = { style = "single" } }
read = { call = "GET contacts/{{ id }}" }
"#;
const STANDARD: &str = r#"
[webhook]
events = "."
id     = "data.id"
event  = ["type", "data.id"]
[webhook.signature]
header    = "webhook-signature"
algorithm = "hmac-sha256"
key       = "base64"
prefix    = "v1,"
several   = " "
signed    = ["header:webhook-id", "text:.", "stamp", "text:.", "body"]
stamp     = { header = "webhook-timestamp", unit = "s", window = "5m" }
[[webhook.rules]]
kind  = "contacts"
means = "changed"
"#;
const SECOND: i64 = 1_000_000;

fn webhook(text: &str, secret: &str) -> RestWebhook {
    let connector = Connector::parse("product.toml", text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    RestWebhook::new(connector.webhook.unwrap(), secret.into()).unwrap()
}

fn own(webhooks: &str, secret: &str) -> RestWebhook {
    webhook(&format!("name = \"product\"{REST}{webhooks}"), secret)
}

fn shipped(name: &str, secret: &str) -> RestWebhook {
    webhook(adapter_rest::shipped::connector(name).unwrap(), secret)
}

/// A request that can be changed in one place.
#[derive(Clone)]
struct Request {
    method: &'static str,
    uri: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    received: i64,
}

impl Request {
    fn with(&self, change: impl FnOnce(&mut Request)) -> Request {
        let mut other = self.clone();
        change(&mut other);
        other
    }

    fn read(&self, webhook: &RestWebhook) -> Result<Vec<Notice>, Refused> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        webhook.read(&Arrival {
            method: self.method,
            uri: &self.uri,
            event: None,
            headers: &headers,
            body: &self.body,
            received: self.received,
        })
    }
}

fn hubspot() -> Request {
    Request {
        method: "POST",
        uri: "https://bridge.example/webhooks/crm/abc?x=%3A%20y".into(),
        headers: vec![
            ("x-hubspot-signature-v3", "EjL3Sf+9MOcXHalNKwvJe9ZR3kpY2f6ai/GhAkxxock=".into()),
            ("x-hubspot-request-timestamp", "1564113601000".into()),
        ],
        body: br#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":123,"propertyName":"mobilephone","propertyValue":"x"}]"#.to_vec(),
        received: 1_564_113_602 * SECOND,
    }
}

#[test]
fn hubspot_signs_method_address_body_and_time() {
    let webhook = shipped("hubspot", "hub-secret");
    let told = hubspot().read(&webhook).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].kind.as_str(), &told[0].remote_ids[..], told[0].news),
        ("contacts", &["123".to_string()][..], News::Changed)
    );
    // A repetition is told by what stays the same over attempts.
    assert_eq!(
        told[0].event.as_deref(),
        Some("1/12345/contact.propertyChange/123//1564113600000")
    );
    let forged = |change: fn(&mut Request)| hubspot().with(change).read(&webhook);
    assert_eq!(forged(|r| r.body[3] ^= 1), Err(Refused::Forged));
    assert_eq!(forged(|r| r.uri.push('z')), Err(Refused::Forged));
    assert_eq!(
        forged(|r| r.uri = r.uri.replacen("https", "http", 1)),
        Err(Refused::Forged)
    );
    assert_eq!(forged(|r| r.method = "PUT"), Err(Refused::Forged));
    assert_eq!(
        forged(|r| r.headers[1].1 = "1564113602000".into()),
        Err(Refused::Forged)
    );
    assert_eq!(forged(|r| r.headers[0].1 = "bm90IGl0".into()), Err(Refused::Forged));
    assert_eq!(forged(|r| r.headers[0].1 = "%%%".into()), Err(Refused::Forged));
    assert_eq!(forged(|r| drop(r.headers.remove(1))), Err(Refused::Unsigned));
    assert_eq!(forged(|r| drop(r.headers.remove(0))), Err(Refused::Unsigned));
    assert_eq!(
        hubspot().read(&shipped("hubspot", "another secret")),
        Err(Refused::Forged)
    );
}

#[test]
fn hubspot_requests_older_than_five_minutes_are_stale_whoever_signed_them() {
    let webhook = shipped("hubspot", "hub-secret");
    let at = |seconds: i64| {
        hubspot()
            .with(|r| r.received = (1_564_113_601 + seconds) * SECOND)
            .read(&webhook)
    };
    assert!(at(300).is_ok() && at(-300).is_ok());
    assert_eq!(at(301), Err(Refused::Stale));
    assert_eq!(at(-301), Err(Refused::Stale));
}

#[test]
fn hubspot_merges_name_everybody_concerned_and_erasures_are_told_from_removals() {
    let spec = Connector::parse("hubspot.toml", adapter_rest::shipped::connector("hubspot").unwrap());
    let rules = spec.unwrap().webhook.unwrap().rules;
    let means = |event: serde_json::Value| {
        let rule = rules.iter().find(|rule| rule.when.holds(&event))?;
        let ids: Vec<String> = rule.ids.iter().flat_map(|place| place.texts(&event)).collect();
        Some((rule.means, ids))
    };
    let merge = serde_json::json!({"subscriptionType": "contact.merge", "primaryObjectId": 1, "mergedObjectIds": [2, 3], "newObjectId": 4});
    let ids = ["1", "2", "3", "4"].map(String::from).to_vec();
    assert_eq!(means(merge), Some((News::Merged, ids)));
    let of = |kind: &str| means(serde_json::json!({"subscriptionType": kind, "objectId": 9})).map(|(news, _)| news);
    assert_eq!(of("contact.privacyDeletion"), Some(News::Erased));
    assert_eq!(of("contact.deletion"), Some(News::Removed));
    assert_eq!(of("contact.restore"), Some(News::Changed));
    assert_eq!(of("company.creation"), None);
    let generic =
        |of: &str| means(serde_json::json!({"subscriptionType": "object.creation", "objectTypeId": of, "objectId": 9}));
    assert!(generic("0-1").is_some() && generic("0-2").is_none());
}

#[test]
fn xero_signs_the_body_and_probes_with_good_and_bad_signatures() {
    let webhook = shipped("xero", "xero-key");
    let request = |signature: &str, body: &str| Request {
        method: "POST",
        uri: "https://bridge.example/webhooks/books/abc".into(),
        headers: vec![("x-xero-signature", signature.into())],
        body: body.into(),
        received: 0,
    };
    let update = r#"{"events":[{"resourceUrl":"https://api.xero.com/api.xro/2.0/Contacts/717f2bfc-c6d4-41fd-b238-3f2f0c0cf777","resourceId":"717f2bfc-c6d4-41fd-b238-3f2f0c0cf777","eventDateUtc":"2017-06-21T01:15:39.902","eventType":"Update","eventCategory":"CONTACT","tenantId":"c2cc9b6e-9458-4c7d-93cc-f02b81b0594f","tenantType":"ORGANISATION"}],"lastEventSequence":1,"firstEventSequence":1,"entropy":"S0m3r4Nd0mt3xt"}"#;
    let told = request("k7zeoDbMysMpesWg26Afh3J/YQW+7YxJmAM/oxdj6I4=", update)
        .read(&webhook)
        .unwrap();
    assert_eq!(told[0].remote_ids, ["717f2bfc-c6d4-41fd-b238-3f2f0c0cf777"]);
    // Intent to receive: no events, and the answer must tell a right signature from a wrong one.
    let probe = r#"{"events":[],"lastEventSequence":0,"firstEventSequence":0,"entropy":"UQTFHRXGBFIEWQDJYQSE"}"#;
    let right = "xEXaFqqHJ27GV4c0ReFaWEHq8+dkCKLrR2jv7kbuDMU=";
    assert_eq!(request(right, probe).read(&webhook), Ok(vec![]));
    let wrong = request(&right.replace('x', "y"), probe).read(&webhook).unwrap_err();
    assert_eq!((wrong, wrong.status()), (Refused::Forged, 401));
}

#[test]
fn a_prefixed_hex_signature_over_time_and_body() {
    let webhook = shipped("example-crm", "plain");
    let good = Request {
        method: "POST",
        uri: String::new(),
        headers: vec![
            (
                "x-webhook-signature",
                "sha256=30357132708c3d9f634aedfd278af0b6f223d496603f66e4261d7d33a14e2f07".into(),
            ),
            ("x-webhook-timestamp", "1700000000".into()),
        ],
        body: br#"{"events":[{"id":"e1","type":"contact.updated","contact_id":7}]}"#.to_vec(),
        received: 1_700_000_100 * SECOND,
    };
    assert_eq!(good.read(&webhook).unwrap()[0].remote_ids, ["7"]);
    let bare = good.with(|r| r.headers[0].1 = r.headers[0].1.replace("sha256=", ""));
    assert_eq!(bare.read(&webhook), Err(Refused::Forged));
    let truncated = good.with(|r| r.headers[0].1.truncate("sha256=".len() + 32));
    assert_eq!(truncated.read(&webhook), Err(Refused::Forged));
    let replayed = good.with(|r| r.received += 3_600 * SECOND);
    assert_eq!(replayed.read(&webhook), Err(Refused::Stale));
}

#[test]
fn one_right_signature_among_several_is_enough() {
    let webhook = own(STANDARD, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let request = |proofs: &str| Request {
        method: "POST",
        uri: String::new(),
        headers: vec![
            ("webhook-id", "msg_1".into()),
            ("webhook-timestamp", "1700000000".into()),
            ("webhook-signature", proofs.into()),
        ],
        body: br#"{"type":"contact.updated","data":{"id":"c-1"}}"#.to_vec(),
        received: 1_700_000_000 * SECOND,
    };
    let right = "v1,DBafQw5AsKefZHkfxNEJQQfG1pvl9NtDaZa5WMnJoZs=";
    assert!(request(right).read(&webhook).is_ok());
    assert!(request(&format!("v2,x v1,AAAA {right}")).read(&webhook).is_ok());
    assert_eq!(request("v1,AAAA v2,x").read(&webhook), Err(Refused::Forged));
    let connector = Connector::parse("p.toml", &format!("name = \"p\"{REST}{STANDARD}")).unwrap();
    assert!(RestWebhook::new(connector.webhook.unwrap(), "not base64!".into()).is_err());
}

#[test]
fn what_is_signed_and_makes_no_sense_is_refused_by_name() {
    let token = r#"
[webhook]
events = "items"
id     = "id"
signature = { header = "x-token", algorithm = "token" }
[[webhook.rules]]
where = { type = "x" }
kind  = "contacts"
means = "removed"
"#;
    let webhook = own(token, "shared");
    let request = |body: &str| {
        Request {
            method: "POST",
            uri: String::new(),
            headers: vec![("x-token", "shared".into())],
            body: body.into(),
            received: 0,
        }
        .read(&webhook)
    };
    assert!(matches!(request("<xml/>"), Err(Refused::Content(_))));
    assert!(matches!(
        request(r#"{"items":[{"type":"x"}]}"#),
        Err(Refused::Content(_))
    ));
    let told = request(r#"{"items":[{"type":"x","id":1},{"type":"unheard of"}]}"#).unwrap();
    assert_eq!((told.len(), told[0].event.as_deref()), (1, None));
}

#[test]
fn mistakes_in_a_webhook_section_have_their_line_and_a_remedy() {
    let found = |webhook: &str| {
        let problems = Connector::parse("p.toml", &format!("name = \"p\"{REST}{webhook}")).unwrap_err();
        assert!(
            problems.iter().all(|p| p.line > 9 && !p.remedy.is_empty()),
            "{problems:#?}"
        );
        problems.into_iter().map(|p| p.message).collect::<Vec<_>>().join("\n")
    };
    assert!(found("[webhook]\nevents = \".\"\nid = \"id\"\n").contains("`signature` is missing"));
    assert!(found(&STANDARD.replace("hmac-sha256", "md5")).contains("`md5` is no algorithm"));
    assert!(found(&STANDARD.replace("\"contacts\"", "\"contact\"")).contains("no kind `contact`"));
    assert!(found(&STANDARD.replace("\"changed\"", "\"altered\"")).contains("`altered` is no means"));
    assert!(found(&STANDARD.replace("\"body\"", "\"text:x\"")).contains("leaves out the body"));
    assert!(found(&STANDARD.replace("\"stamp\", ", "")).contains("both described and signed"));
    assert!(found(&STANDARD.replace("\"header:webhook-id\"", "\"id\"")).contains("nothing that could be signed"));
}
