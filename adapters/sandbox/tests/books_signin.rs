//! Signing in to the accounting stand-in: consent with PKCE, rotating refresh tokens, client credentials, tenants, scopes.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_sandbox::Manners;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::Answer;
use common::books::Office;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const TOKEN: &str = "/books/connect/token";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rule-of-43";

fn query(fields: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields);
    query.finish()
}

/// Walks through the consent page; gives what the redirect carries.
async fn consent(office: &Office, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let client = office.desk.at.books.client_id.clone();
    let mut fields = vec![
        ("response_type", "code"),
        ("client_id", &client),
        ("redirect_uri", "http://127.0.0.1:9/back?x=1"),
        ("scope", "offline_access accounting.invoices accounting.settings.read"),
        ("state", "s t"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in more {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    let path = format!("/books/identity/connect/authorize?{}", query(&fields));
    let answer = office.desk.raw("GET", &path, &[], String::new()).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    let location: url::Url = answer.header("location").parse().unwrap();
    assert_eq!((location.host_str(), location.path()), (Some("127.0.0.1"), "/back"));
    location.query_pairs().into_owned().collect()
}

fn field<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

async fn exchange(office: &Office, code: &str, verifier: &str, with_secret: bool) -> Answer {
    let books = &office.desk.at.books;
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("client_id", books.client_id.as_str()),
        ("code", code),
        ("redirect_uri", "http://127.0.0.1:9/back?x=1"),
        ("code_verifier", verifier),
    ];
    if with_secret {
        fields.push(("client_secret", &books.client_secret));
    }
    office.form(TOKEN, &fields).await
}

async fn refresh(office: &Office, token: &str) -> Answer {
    let books = &office.desk.at.books;
    let basic = format!("{}:{}", books.client_id, books.client_secret);
    let headers = [("authorization", format!("Basic {}", STANDARD.encode(basic)))];
    let body = query(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
    office.desk.raw("POST", TOKEN, &headers, body).await
}

fn text<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.body[name].as_str().unwrap_or_default()
}

#[tokio::test]
async fn consent_gives_a_code_that_is_good_once_and_for_its_verifier() {
    let mut office = Office::open(Manners::Real).await;
    let back = consent(&office, &[]).await;
    assert_eq!(
        (field(&back, "x"), field(&back, "state"), field(&back, "error")),
        ("1", "s t", "")
    );
    // A wrong verifier spends the code.
    let code = field(&back, "code");
    let wrong = exchange(&office, code, &"x".repeat(43), true).await;
    assert_eq!((wrong.status, text(&wrong, "error")), (400, "invalid_grant"));
    assert_eq!(exchange(&office, code, VERIFIER, true).await.status, 400);
    // Without a secret PKCE alone proves the client.
    let back = consent(&office, &[]).await;
    let given = exchange(&office, field(&back, "code"), VERIFIER, false).await;
    assert_eq!(given.status, 200, "{}", given.text);
    let members: Vec<&String> = given.body.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["access_token", "expires_in", "token_type", "scope", "refresh_token"]
    );
    assert_eq!(given.body["expires_in"], 1_800);
    // The scopes consented to open their paths, for reading only where they say so, and no others.
    office.token = text(&given, "access_token").to_owned();
    assert_eq!(office.get("Invoices").await.status, 200);
    assert_eq!(office.get("Accounts").await.status, 200);
    let closed = office.get("Payments").await;
    assert_eq!(
        (closed.status, text(&closed, "Detail")),
        (401, "AuthorizationUnsuccessful")
    );
    // Codes do not last.
    let back = consent(&office, &[]).await;
    office.desk.advance(301_000);
    assert_eq!(
        exchange(&office, field(&back, "code"), VERIFIER, true).await.status,
        400
    );
}

#[tokio::test]
async fn a_refused_consent_comes_back_as_an_error_and_strangers_are_sent_nowhere() {
    let office = Office::open(Manners::Real).await;
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("scope", "accounting.transactions", "invalid_scope"),
        ("scope", "", "invalid_scope"),
        ("code_challenge_method", "plain", "invalid_request"),
    ] {
        let back = consent(&office, &[(name, value)]).await;
        assert_eq!((field(&back, "error"), field(&back, "state")), (error, "s t"));
        assert_eq!(field(&back, "code"), "");
    }
    office.set(json!({"consent_refused": true})).await;
    assert_eq!(field(&consent(&office, &[]).await, "error"), "access_denied");
    let path = format!(
        "/books/authorize?{}",
        query(&[("client_id", "stranger"), ("redirect_uri", "http://a.example/")])
    );
    assert_eq!(office.desk.raw("GET", &path, &[], String::new()).await.status, 400);
}

#[tokio::test]
async fn refresh_tokens_rotate_and_the_old_one_dies_after_its_grace() {
    let office = Office::open(Manners::Real).await;
    let first = office.desk.at.books.refresh_token.clone();
    let second = refresh(&office, &first).await;
    assert_eq!(second.status, 200, "{}", second.text);
    let next = text(&second, "refresh_token").to_owned();
    assert_ne!(next, first);
    // In its grace the old one still works, after it no more.
    office.desk.advance(1_799_000);
    assert_eq!(refresh(&office, &first).await.status, 200);
    office.desk.advance(1_000);
    let dead = refresh(&office, &first).await;
    assert_eq!((dead.status, text(&dead, "error")), (400, "invalid_grant"));
    office.set(json!({"refresh_grace_seconds": 0})).await;
    let third = refresh(&office, &next).await;
    assert_eq!(third.status, 200);
    assert_eq!(refresh(&office, &next).await.status, 400);
    // Unused for sixty days it is dead.
    office.desk.advance(60 * 86_400_000);
    assert_eq!(refresh(&office, text(&third, "refresh_token")).await.status, 400);
}

#[tokio::test]
async fn access_tokens_end_and_tenants_must_be_named() {
    let office = Office::open(Manners::Real).await;
    let signed = refresh(&office, &office.desk.at.books.refresh_token).await;
    let bearer = format!("Bearer {}", text(&signed, "access_token"));
    let ask = |tenant: &'static str| {
        let (office, bearer) = (&office, bearer.clone());
        async move {
            let more = [("authorization", bearer.as_str()), ("xero-tenant-id", tenant)];
            office.with("GET", "Organisation", &more, Value::Null).await
        }
    };
    assert_eq!(ask("").await.status, 403);
    assert_eq!(ask("00000000-0000-4000-8000-000000000000").await.status, 403);
    let tenant = office.desk.at.books.tenant_id.clone();
    let more = [("authorization", bearer.as_str()), ("xero-tenant-id", tenant.as_str())];
    assert_eq!(office.with("GET", "Organisation", &more, Value::Null).await.status, 200);
    // One organisation's own connection needs no tenant.
    let own = [("xero-tenant-id", "")];
    assert_eq!(office.with("GET", "Organisation", &own, Value::Null).await.status, 200);
    for path in ["/books/connections", "/books/Connections"] {
        let headers = [("authorization", bearer.clone())];
        let found = office.desk.raw("GET", path, &headers, String::new()).await;
        assert_eq!((found.status, &found.body[0]["tenantId"]), (200, &json!(tenant)));
    }
    office.set(json!({"second_organisation": true})).await;
    let headers = [("authorization", bearer.clone())];
    let found = office
        .desk
        .raw("GET", "/books/connections", &headers, String::new())
        .await;
    assert_eq!(found.body.as_array().unwrap().len(), 2);
    // Disconnected, the books are closed until somebody connects again.
    let id = found.body[1]["id"].as_str().unwrap();
    let gone = office
        .desk
        .raw("DELETE", &format!("/books/connections/{id}"), &headers, String::new())
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(office.get("Organisation").await.status, 403);
    office.set(json!({"connected": true})).await;
    assert_eq!(office.get("Organisation").await.status, 200);
    office.desk.advance(1_800_000);
    let late = office.with("GET", "Organisation", &more, Value::Null).await;
    assert_eq!(late.status, 401);
    assert!(text(&late, "Detail").starts_with("TokenExpired"), "{}", late.text);
}

#[tokio::test]
async fn the_clients_secret_is_checked_wherever_it_stands() {
    let office = Office::open(Manners::Real).await;
    let books = &office.desk.at.books;
    for (id, secret, grant, error) in [
        (
            books.client_id.as_str(),
            "wrong",
            "client_credentials",
            "invalid_client",
        ),
        (
            "wrong",
            books.client_secret.as_str(),
            "client_credentials",
            "invalid_client",
        ),
        (
            &books.client_id,
            &books.client_secret,
            "password",
            "unsupported_grant_type",
        ),
        (&books.client_id, &books.client_secret, "refresh_token", "invalid_grant"),
    ] {
        let fields = [("grant_type", grant), ("client_id", id), ("client_secret", secret)];
        let answer = office.form(TOKEN, &fields).await;
        assert_eq!((answer.status, text(&answer, "error")), (400, error));
    }
    let found = office
        .desk
        .raw("GET", "/books/.well-known/openid-configuration", &[], String::new())
        .await;
    assert_eq!(text(&found, "token_endpoint"), books.token_url);
    office.set(json!({"missing_scopes": ["accounting.payments"]})).await;
    assert_eq!(office.get("Payments").await.status, 401);
    assert_eq!(office.get("Invoices").await.status, 200);
}
