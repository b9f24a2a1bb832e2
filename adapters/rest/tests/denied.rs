//! What may go nowhere does not go: no body with a healthcare identifier is sent, whatever it is about.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adapter_kit::{
    Accounting, Activities, Answer, BooksRefusalKind, ChangedActivity, NewActivity, NewReferrer, Posted, Referrers,
    RefusalKind,
};
use adapter_sandbox::Manners;
use bridge_core::care::refer::{Field, Fields, Sort};
use bridge_core::deny::CODE;
use bridge_core::diary::{Member, Members};
use bridge_core::ledger::DocumentKind;
use common::books::{desk, document, id_of, line, posting};
use common::stub::{ok, reply};
use common::{Desk, applied};
use serde_json::json;

const IHI: &str = "8003 6088 3335 7361";

fn is_denied(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused(refusal) if refusal.kind == RefusalKind::Forbidden && refusal.code == CODE)
}

#[tokio::test]
async fn nothing_of_a_person_an_activity_or_a_referrer_leaves_with_one() {
    let crm = Desk::plain(Manners::Polite, 1);
    let (id, _) = applied(crm.create("P1", json!({"first_name": "Miriam"})).await);
    let members = |title: &str| -> Members {
        let texts = [
            (Member::Title, title),
            (Member::Start, "1772614800"),
            (Member::End, "1772618400"),
        ];
        texts
            .into_iter()
            .map(|(member, text)| (member, text.to_string()))
            .collect()
    };
    let new = |key: &str, title: &str| NewActivity {
        key: key.into(),
        contact: id.clone(),
        members: members(title),
    };
    let made = Activities::create(&crm.adapter, &[new("a", "Appointment"), new("b", IHI)]).await;
    let (visit, _) = applied(made[0].clone());
    assert!(is_denied(&made[1]));
    let before = crm.last_call();
    let changed = ChangedActivity {
        id: visit,
        attempt: "1".into(),
        members: members(&format!("Visit of {IHI}")),
    };
    assert!(is_denied(&Activities::change(&crm.adapter, &[changed]).await[0]));
    let referrer = NewReferrer {
        key: "halaxy-referrer-EP-1".into(),
        fields: Fields::from([(Field::Family, "Ashgrove".into()), (Field::Street, IHI.into())]),
    };
    assert!(is_denied(
        &Referrers::create(&crm.adapter, Sort::Person, &[referrer]).await[0]
    ));
    assert!(is_denied(
        &crm.create("P2", json!({"first_name": "Miriam", "notes": IHI})).await
    ));
    assert!(is_denied(
        &crm.update(&id, |body| body["notes"] = json!({"ihi": "1"})).await
    ));
    let writes = crm.calls_since(before);
    assert!(
        !writes
            .iter()
            .any(|call| call.starts_with("POST") || call.starts_with("PATCH")),
        "{writes:?}"
    );
}

#[tokio::test]
async fn no_document_leaves_with_one() {
    let books = desk("xero", move |asked| match asked.path.as_str() {
        "/api/Organisation" => {
            ok(json!({"Organisations": [{"Name": "Demo", "CountryCode": "AU", "BaseCurrency": "AUD"}]}))
        }
        "/api/Accounts" => ok(json!({"Accounts": [
            {"AccountID": "a-200", "Code": "200", "Name": "Fees", "Type": "REVENUE", "Status": "ACTIVE"}]})),
        "/api/TaxRates" => ok(json!({"TaxRates": [
            {"TaxType": "OUTPUT", "Name": "GST on Income", "EffectiveRate": 10.0, "Status": "ACTIVE"}]})),
        "/api/TrackingCategories" => ok(json!({"TrackingCategories": []})),
        "/api/Invoices" => {
            assert!(!asked.json().to_string().contains("3335"), "it left");
            ok(
                json!({"Invoices": [{"InvoiceID": "i-1", "InvoiceNumber": "HX-1", "Type": "ACCREC", "Status": "AUTHORISED",
                "Contact": {"ContactID": "c-1", "Name": "x"}, "DateString": "2026-10-05T00:00:00", "Total": 1.1,
                "TotalTax": 0.1, "CurrencyCode": "AUD", "LineItems": []}]}),
            )
        }
        _ => reply(500, json!({})),
    });
    let mut all: Vec<_> = ["HX-1", "HX-2"]
        .map(|key| {
            posting(document(
                DocumentKind::Invoice,
                key,
                vec![line("200", "OUTPUT", 100, 10)],
            ))
        })
        .into();
    all[1].document.note = format!("for {IHI}");
    let posted = books.books.post(&all).await;
    assert_eq!(id_of(&posted[0]), "i-1");
    let denied = |posted: &Posted| match posted {
        Posted::Refused(refusal) => (refusal.kind, refusal.code.clone()) == (BooksRefusalKind::Forbidden, CODE.into()),
        _ => false,
    };
    assert!(denied(&posted[1]), "{:?}", posted[1]);
}
