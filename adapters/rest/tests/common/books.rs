//! An accounting product of a few lines, and documents to post there.
#![allow(dead_code)]

use super::stub::{Asked, Reply, product};
use super::{TestClock, clock, over};
use adapter_kit::{Posted, Posting};
use adapter_rest::{Connector, RestBooks, RestOptions};
use bridge_core::ledger::{Cents, Currency, Document, DocumentKind, DocumentLine};
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Books over such a product.
pub struct Desk {
    pub books: RestBooks,
    pub clock: Arc<TestClock>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Desk {
    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn last(&self) -> Asked {
        self.asked().last().cloned().unwrap()
    }
}

/// Books of a shipped connector, signed in by a token endpoint that always answers.
pub fn desk(connector: &str, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Desk {
    let clock = clock();
    let (router, asked) = product(move |asked| {
        if asked.path.ends_with("/token") {
            return super::stub::ok(
                serde_json::json!({"access_token": "t", "refresh_token": "r2", "expires_in": 1800}),
            );
        }
        answer(asked)
    });
    let text = adapter_rest::shipped::connector(connector).unwrap();
    let connector = Connector::parse(connector, text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let settings = [
        ("client_id", "client"),
        ("tenant_id", "tenant-1"),
        ("company_id", "4620"),
        ("business_id", "file-1"),
        ("shipping_item", "1"),
    ];
    let options = RestOptions {
        base_url: Some("http://localhost:9/api".into()),
        token_url: Some("http://localhost:9/connect/token".into()),
        secrets: [("client_secret", "shh"), ("api_key", "k"), ("token", "s3cret")]
            .map(|(name, secret)| (name.to_string(), secret.into()))
            .into(),
        settings: settings
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .into(),
        ..RestOptions::default()
    };
    let tokens = Arc::new(Kept);
    let transport = over(router, &clock);
    let books = RestBooks::new("books", connector, options, transport, clock.clone(), Some(tokens)).unwrap();
    Desk { books, clock, asked }
}

struct Kept;

#[async_trait::async_trait]
impl adapter_kit::TokenStore for Kept {
    async fn load(&self) -> Result<Option<secrecy::SecretString>, adapter_kit::TokenStoreError> {
        Ok(Some("r1".into()))
    }

    async fn store(&self, _: &secrecy::SecretString) -> Result<(), adapter_kit::TokenStoreError> {
        Ok(())
    }
}

pub fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn line(account: &str, tax_code: &str, net: i64, tax: i64) -> DocumentLine {
    DocumentLine {
        description: "Consultation".into(),
        quantity: Decimal::ONE,
        unit: Decimal::new(net, 2),
        net: Cents(net),
        tax: Cents(tax),
        account: account.into(),
        tax_code: tax_code.into(),
        tracking: BTreeMap::new(),
        rule: "default".into(),
    }
}

pub fn document(kind: DocumentKind, key: &str, lines: Vec<DocumentLine>) -> Document {
    let tax = lines.iter().map(|line| line.tax).sum::<Cents>();
    Document {
        kind,
        key: key.into(),
        note: String::new(),
        date: day("2026-10-05"),
        due: None,
        currency: Currency::new("AUD").unwrap(),
        contact: None,
        of: None,
        to: None,
        account: None,
        total: lines.iter().map(|line| line.net).sum::<Cents>() + tax,
        lines,
        tax,
    }
}

/// Money: a payment, allocation or refund of that many cents.
pub fn money(kind: DocumentKind, key: &str, cents: i64) -> Document {
    Document {
        account: Some("090".into()),
        total: Cents(cents),
        ..document(kind, key, Vec::new())
    }
}

pub fn posting(document: Document) -> Posting {
    Posting {
        attempt: format!("try-{}", document.key),
        contact: document.lines.first().map(|_| "c-1".to_string()),
        document,
        of: None,
        to: None,
    }
}

pub fn id_of(posted: &Posted) -> &str {
    match posted {
        Posted::Applied { remote_id, .. } => remote_id,
        other => panic!("{other:?}"),
    }
}
