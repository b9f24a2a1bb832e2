//! A client of the accounting stand-in.

use adapter_sandbox::{CrmKind, Manners};
use serde_json::{Value, json};

use super::{Answer, Desk};

/// A desk with a token of the books.
pub struct Office {
    pub desk: Desk,
    pub token: String,
}

impl Office {
    pub async fn open(manners: Manners) -> Self {
        let desk = Desk::open(manners, CrmKind::Plain, 0, 0).await;
        let mut office = Self {
            desk,
            token: String::new(),
        };
        office.sign_in().await;
        office
    }

    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
        self.desk.raw("POST", path, &headers, body.finish()).await
    }

    pub async fn sign_in(&mut self) {
        let books = self.desk.at.books.clone();
        let answer = self
            .form(
                "/books/connect/token",
                &[
                    ("grant_type", "client_credentials"),
                    ("client_id", &books.client_id),
                    ("client_secret", &books.client_secret),
                ],
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        self.token = answer.body["access_token"].as_str().unwrap().to_owned();
    }

    /// A call with more headers.
    pub async fn with(&self, method: &str, path: &str, more: &[(&'static str, &str)], body: Value) -> Answer {
        let mut headers = vec![
            ("authorization", format!("Bearer {}", self.token)),
            ("xero-tenant-id", self.desk.at.books.tenant_id.clone()),
            ("accept", "application/json".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        for (name, value) in more {
            headers.retain(|(known, _)| known != name);
            headers.push((name, (*value).to_owned()));
        }
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.desk
            .raw(method, &format!("/books/api.xro/2.0/{path}"), &headers, body)
            .await
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.with(method, path, &[], body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    /// Makes one record, which must be taken; gives it as answered.
    pub async fn make(&self, plural: &str, record: Value) -> Value {
        let answer = self.call("PUT", plural, json!({plural: [record]})).await;
        assert_eq!(answer.status, 200, "{plural}: {}", answer.text);
        answer.body[plural][0].clone()
    }

    /// The first message of a refusal.
    pub async fn refused(&self, method: &str, path: &str, body: Value) -> String {
        let answer = self.call(method, path, body).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        message(&answer)
    }

    /// An approved invoice of one line.
    pub async fn invoice(&self, contact: &str, amount: f64, code: &str) -> Value {
        self.make("Invoices", invoice(contact, amount, code)).await
    }

    pub async fn pay(&self, invoice: &Value, amount: f64, account: &str) -> Value {
        self.make(
            "Payments",
            json!({
                "Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Account": {"Code": account},
                "Date": "2026-03-02", "Amount": amount,
            }),
        )
        .await
    }

    pub async fn report(&self, path: &str) -> Value {
        let answer = self.desk.control("GET", &format!("books/{path}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body
    }

    /// The balance of an account in cents, debits positive.
    pub async fn balance(&self, code: &str) -> i64 {
        let report = self.report("trial-balance").await;
        assert_eq!(report["balanced"], true, "{report}");
        let rows = report["accounts"].as_array().unwrap();
        rows.iter().find(|row| row["code"] == code).map_or(0, |row| {
            row["debit"].as_i64().unwrap() - row["credit"].as_i64().unwrap()
        })
    }

    pub async fn set(&self, switches: Value) {
        let answer = self.desk.control("PATCH", "switches/books", switches).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    pub async fn lock(&self, date: Value) {
        let answer = self
            .desk
            .control(
                "PATCH",
                "records/books/organisation/any",
                json!({"PeriodLockDate": date}),
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

/// The first message of a refusal.
pub fn message(answer: &Answer) -> String {
    answer.body["Elements"][0]["ValidationErrors"][0]["Message"]
        .as_str()
        .or_else(|| answer.body["Message"].as_str())
        .unwrap_or_default()
        .to_owned()
}

/// An approved invoice of one line, amounts without tax.
pub fn invoice(contact: &str, amount: f64, code: &str) -> Value {
    json!({
        "Type": "ACCREC", "Contact": {"Name": contact}, "Date": "2026-03-01", "DueDate": "2026-03-15",
        "Status": "AUTHORISED", "LineAmountTypes": "Exclusive",
        "LineItems": [{"Description": "Service", "Quantity": 1, "UnitAmount": amount, "AccountCode": code}],
    })
}

/// The first message of the refusal of a new record.
pub async fn refused(office: &Office, plural: &str, record: Value) -> String {
    office.refused("PUT", plural, json!({plural: [record]})).await
}

/// A record with other members.
pub fn with(mut record: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

/// An approved invoice with this line.
pub fn lined(line: Value) -> Value {
    with(invoice("Payer", 0.0, "200"), json!({"LineItems": [line]}))
}
