//! `connect`: signing in to an accounting system, against an identity server of a few lines.
#![allow(clippy::unwrap_used, clippy::panic)]

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

type Fields = BTreeMap<String, String>;

/// What the identity server knows.
#[derive(Default)]
struct Identity {
    /// Challenge by code that was not redeemed yet.
    codes: BTreeMap<String, String>,
    refresh: BTreeSet<String>,
    organisations: Vec<&'static str>,
    denies: bool,
    /// Everything asked of the token endpoint.
    asked: Vec<Fields>,
    /// What it showed first, to be redeemed again.
    first_code: Option<String>,
}

type Shared = Arc<Mutex<Identity>>;

async fn authorize(State(identity): State<Shared>, Query(asked): Query<Fields>) -> Redirect {
    let mut identity = identity.lock().unwrap();
    let (back, state) = (&asked["redirect_uri"], &asked["state"]);
    assert_eq!(
        (asked["response_type"].as_str(), asked["client_id"].as_str()),
        ("code", "client-1")
    );
    assert_eq!(asked["code_challenge_method"], "S256");
    if identity.denies {
        return Redirect::to(&format!("{back}?error=access_denied&state={state}"));
    }
    let code = format!("code-{}", identity.codes.len());
    identity.codes.insert(code.clone(), asked["code_challenge"].clone());
    identity.first_code.get_or_insert(code.clone());
    Redirect::to(&format!("{back}?code={code}&state={state}"))
}

async fn token(State(identity): State<Shared>, Form(asked): Form<Fields>) -> Response {
    use base64::Engine as _;
    use sha2::{Digest, Sha256};
    let mut identity = identity.lock().unwrap();
    identity.asked.push(asked.clone());
    let refused = || (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    match asked["grant_type"].as_str() {
        "authorization_code" => {
            let challenge = identity.codes.remove(&asked["code"]);
            let hash = Sha256::digest(&asked["code_verifier"]);
            let ours = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash);
            if challenge != Some(ours) {
                return refused();
            }
        }
        "refresh_token" => {
            if !identity.refresh.remove(&asked["refresh_token"]) {
                return refused();
            }
        }
        other => panic!("{other}"),
    }
    let number = identity.asked.len();
    identity.refresh.insert(format!("refresh-{number}"));
    Json(
        json!({"access_token": format!("access-{number}"), "refresh_token": format!("refresh-{number}"),
        "expires_in": 1800, "token_type": "Bearer"}),
    )
    .into_response()
}

async fn connections(State(identity): State<Shared>) -> Json<Value> {
    let organisations = identity.lock().unwrap().organisations.clone();
    Json(
        organisations
            .iter()
            .map(|id| json!({"tenantId": id, "tenantName": format!("Practice {id}")}))
            .collect(),
    )
}

/// The organisation's own answers, as far as `check` asks; the other systems are closed.
async fn books(request: axum::extract::Request) -> Response {
    if !request.uri().path().starts_with("/api.xro/") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let bearer = request.headers()["authorization"].to_str().unwrap();
    assert!(bearer.starts_with("Bearer access-"));
    assert_eq!(request.headers()["xero-tenant-id"], "org-1");
    Json(
        json!({"Organisations": [{"Name": "Practice", "CountryCode": "AU", "BaseCurrency": "AUD"}],
        "Accounts": [], "TaxRates": [], "TrackingCategories": [], "Contacts": [], "Invoices": [], "CreditNotes": [],
        "Payments": [], "BankTransactions": [], "Prepayments": [], "Overpayments": [], "ManualJournals": []}),
    )
    .into_response()
}

struct Desk {
    identity: Shared,
    base: String,
    folder: tempfile::TempDir,
    secret: String,
}

async fn desk(organisations: &[&'static str]) -> Desk {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let identity: Shared = Arc::default();
    identity.lock().unwrap().organisations = organisations.to_vec();
    let router = Router::new()
        .route("/authorize", get(authorize))
        .route("/token", post(token))
        .route("/connections", get(connections))
        .fallback(books)
        .with_state(identity.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk {
        identity,
        base,
        folder,
        secret: String::new(),
    };
    desk.configure("");
    desk
}

impl Desk {
    fn configure(&self, more: &str) {
        let base = &self.base;
        let text = format!(
            r#"
[practice]
name = "Sampleton"
country = "AU"
time_zone = "Australia/Sydney"

[store]
url = "sqlite:bridge.db"
key = "env:CONNECT_TEST_KEY"

[systems.halaxy]
connector = "halaxy"
client_id = "env:CONNECT_TEST_KEY"
client_secret = "env:CONNECT_TEST_KEY"
user_agent = "test"
base_url = "{base}/halaxy/"

[systems.crm]
connector = "hubspot"
token = "env:CONNECT_TEST_KEY"
base_url = "{base}/crm/"

[systems.books]
connector = "xero"
client_id = "client-1"
base_url = "{base}/api.xro/2.0"
token_url = "{base}/token"
authorize_url = "{base}/authorize"
tenants_url = "{base}/connections"
{more}
[sync.person]
systems = ["halaxy", "crm"]
"#
        );
        std::fs::write(self.folder.path().join("bridge.toml"), text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_halaxy-bridge"));
        command
            .args(words)
            .arg("-c")
            .arg(self.folder.path().join("bridge.toml"))
            .env("CONNECT_TEST_KEY", "ab".repeat(32))
            .env("CONNECT_TEST_SECRET", &self.secret)
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts signing in; gives the address to open.
    async fn begin(&self, words: &[&str]) -> (Child, BufReader<tokio::process::ChildStdout>, String) {
        let mut child = self.command(words).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.trim().starts_with("http://127.0.0.1") {
            line.clear();
            assert_ne!(lines.read_line(&mut line).await.unwrap(), 0, "no address");
        }
        (child, lines, line.trim().to_string())
    }

    async fn ended(&self, words: &[&str]) -> (i32, String) {
        let output = self.command(words).output().await.unwrap();
        let text = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .concat();
        (output.status.code().unwrap(), text)
    }

    fn refreshes(&self) -> usize {
        let identity = self.identity.lock().unwrap();
        identity
            .asked
            .iter()
            .filter(|asked| asked["grant_type"] == "refresh_token")
            .count()
    }
}

async fn rest(child: Child, mut lines: BufReader<tokio::process::ChildStdout>) -> (i32, String) {
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut lines, &mut text)
        .await
        .unwrap();
    let output = child.wait_with_output().await.unwrap();
    (
        output.status.code().unwrap(),
        text + &String::from_utf8(output.stderr).unwrap(),
    )
}

/// Where the sign-in would send a browser.
async fn redirected(address: &str) -> String {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let answer = client.get(address).send().await.unwrap();
    answer.headers()["location"].to_str().unwrap().to_string()
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// Whether `check` has found anything wrong with the books; that their destination is not declared is a note.
fn troubled(text: &str) -> bool {
    text.lines()
        .any(|line| line.contains("books:") && !line.starts_with("note:"))
}

#[tokio::test]
async fn somebody_signs_in_and_the_account_stays_connected() {
    let desk = desk(&["org-1"]).await;
    let (code, text) = desk.ended(&["check"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("books: the account is not connected") && text.contains("connect books"),
        "{text}"
    );

    let port = free_port();
    let (child, lines, address) = desk.begin(&["connect", "books", "--port", &port]).await;
    // What is no answer, and what answers another sign-in, is turned away; the wait goes on.
    let page = |path: &str| format!("http://127.0.0.1:{port}{path}");
    assert_eq!(reqwest::get(page("/favicon.ico")).await.unwrap().status(), 404);
    assert_eq!(
        reqwest::get(page("/callback?code=c&state=wrong"))
            .await
            .unwrap()
            .status(),
        400
    );
    assert!(desk.identity.lock().unwrap().asked.is_empty(), "nothing was redeemed");
    let signed = reqwest::get(&address).await.unwrap();
    assert_eq!(signed.status(), 200, "the browser is sent back to this machine");
    assert!(signed.text().await.unwrap().contains("signed in"));
    let (code, text) = rest(child, lines).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("books is connected to Practice org-1."), "{text}");
    let stored = std::fs::read(desk.folder.path().join("bridge.db")).unwrap();
    for secret in ["refresh-1", "access-1", "org-1"] {
        let found = stored.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "{secret} stands in the store unsealed");
    }
    // Every process finds what was kept; none renews before it must.
    let (_, text) = desk.ended(&["check"]).await;
    assert!(!troubled(&text), "{text}");
    assert_eq!(desk.refreshes(), 0);
    // Somebody else's application is another account.
    let config = std::fs::read_to_string(desk.folder.path().join("bridge.toml")).unwrap();
    std::fs::write(
        desk.folder.path().join("bridge.toml"),
        config.replace("client-1", "client-2"),
    )
    .unwrap();
    let (_, text) = desk.ended(&["check"]).await;
    assert!(text.contains("books: the account is not connected"), "{text}");
}

#[tokio::test]
async fn a_pasted_address_must_answer_this_sign_in() {
    let desk = desk(&["org-1"]).await;
    let pasted = async |address: String, (mut child, lines): (Child, BufReader<tokio::process::ChildStdout>)| {
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(format!("{address}\n").as_bytes()).await.unwrap();
        drop(stdin);
        rest(child, lines).await
    };
    let (child, lines, address) = desk.begin(&["connect", "books", "--paste"]).await;
    let good = redirected(&address).await;
    let (code, text) = pasted(good.replace("state=", "state=x"), (child, lines)).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("another sign-in"), "{text}");

    // An answer to a sign-in that ended is none to the next.
    let (child, lines, _) = desk.begin(&["connect", "books", "--paste"]).await;
    let (code, text) = pasted(good, (child, lines)).await;
    assert_eq!(code, 1, "{text}");
    assert!(desk.identity.lock().unwrap().asked.is_empty());

    desk.identity.lock().unwrap().denies = true;
    let (child, lines, address) = desk.begin(&["connect", "books", "--paste"]).await;
    let (code, text) = pasted(redirected(&address).await, (child, lines)).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("did not give access: access_denied"), "{text}");
    desk.identity.lock().unwrap().denies = false;

    // A code works once: somebody else redeemed it already.
    let (child, lines, address) = desk.begin(&["connect", "books", "--paste"]).await;
    let answer = redirected(&address).await;
    desk.identity.lock().unwrap().codes.clear();
    let (code, text) = pasted(answer, (child, lines)).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("invalid_grant"), "{text}");

    let (child, lines, address) = desk.begin(&["connect", "books", "--paste"]).await;
    let (code, text) = pasted(redirected(&address).await, (child, lines)).await;
    assert_eq!(code, 0, "{text}");
}

#[tokio::test]
async fn of_several_organisations_one_is_named() {
    let desk = desk(&["org-1", "org-2"]).await;
    let (mut child, lines, address) = desk.begin(&["connect", "books", "--port", &free_port()]).await;
    drop(child.stdin.take());
    reqwest::get(&address).await.unwrap();
    let (code, text) = rest(child, lines).await;
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("org-1  Practice org-1") && text.contains("org-2  Practice org-2"),
        "{text}"
    );
    let (_, text) = desk.ended(&["check"]).await;
    assert!(text.contains("books: the account is not connected"), "{text}");

    // The sign-in was kept: naming one takes no other.
    let (code, text) = desk.ended(&["connect", "books", "--tenant", "org-3"]).await;
    assert_eq!(code, 2, "{text}");
    let (code, text) = desk.ended(&["connect", "books", "--tenant", "org-1", "--json"]).await;
    assert_eq!(code, 0, "{text}");
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["organisation"], json!({"id": "org-1", "name": "Practice org-1"}));
    let (_, text) = desk.ended(&["check"]).await;
    assert!(!troubled(&text), "{text}");
}

#[tokio::test]
async fn what_bridge_toml_says_wins_and_mistakes_are_named() {
    let desk = desk(&["org-1", "org-2"]).await;
    desk.configure("tenant_id = \"org-1\"\n");
    let (child, lines, address) = desk.begin(&["connect", "books", "--port", &free_port()]).await;
    reqwest::get(&address).await.unwrap();
    let (code, text) = rest(child, lines).await;
    assert_eq!(code, 0, "{text}");

    let (code, text) = desk.ended(&["connect", "crm"]).await;
    assert!(code == 2 && text.contains("name one of books"), "{text}");
    let config = Path::new(desk.folder.path()).join("bridge.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        good.replace("[\"halaxy\", \"crm\"]", "[\"halaxy\", \"books\"]"),
    )
    .unwrap();
    let (code, text) = desk.ended(&["check", "--offline"]).await;
    assert!(
        code == 2 && text.contains("`books` is an accounting system: it holds no people"),
        "{text}"
    );
    std::fs::write(&config, good.replace("client_id = \"client-1\"\n", "")).unwrap();
    let (code, text) = desk.ended(&["check", "--offline"]).await;
    assert!(code == 2 && text.contains("client_id"), "{text}");
}

/// The stand-in's own consent page, token endpoint and books; its second organisation has to be told apart.
#[tokio::test]
async fn the_stand_in_is_connected_like_the_product() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sandbox = adapter_sandbox::Sandbox::new(adapter_sandbox::SandboxOptions::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = sandbox.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let at = sandbox.endpoints(&base).books;
    let mut desk = desk(&[]).await;
    desk.configure("");
    let config = desk.folder.path().join("bridge.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text
        .replace(
            "client_id = \"client-1\"",
            &format!(
                "client_id = \"{}\"\nclient_secret = \"env:CONNECT_TEST_SECRET\"",
                at.client_id
            ),
        )
        .replace(&format!("{}/api.xro/2.0", desk.base), &at.base_url)
        .replace(&format!("{}/token", desk.base), &at.token_url)
        .replace(&format!("{}/authorize", desk.base), &at.authorize_url)
        .replace(&format!("{}/connections", desk.base), &at.connections_url);
    std::fs::write(&config, text).unwrap();
    desk.secret = at.client_secret.clone();
    let (child, lines, address) = desk.begin(&["connect", "books", "--port", &free_port()]).await;
    assert_eq!(reqwest::get(&address).await.unwrap().status(), 200);
    let (code, text) = rest(child, lines).await;
    assert_eq!(code, 0, "{text}");
    let (_, text) = desk.ended(&["check"]).await;
    assert!(!troubled(&text), "{text}");
    let kept = sandbox
        .calls_after(0)
        .into_iter()
        .filter(|call| call.path.contains("api.xro"))
        .count();
    assert!(kept > 8, "check asked the books");
}
