//! Reads are repeated, writes are not; outcomes are honest; nothing leaves the origin; tokens are
//! fetched once, renewed once and stored before use.

mod product;

use adapter_kit::{
    Auth, Call, ClientCredentials, Failure, Origin, Outcome, RefreshGrant, TokenStore, TokenStoreError, TokenStyle,
    Verdict,
};
use async_trait::async_trait;
use http::Method;
use product::{Asked, Product, Reply, ok, status};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

fn get(path: &str) -> Call {
    Call::read(Method::GET, path).what("GET x")
}

fn post(path: &str) -> Call {
    Call::write(Method::POST, path)
        .what("POST x")
        .json(json!({"family": "Samplewood"}))
}

/// Fails so often in this way, then answers.
fn failing(times: u32, how: impl Fn() -> Reply + Send + Sync + 'static) -> Arc<Product> {
    let left = AtomicU32::new(times);
    Product::new(move |_| {
        let fails = left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        if fails { how() } else { ok(json!({"fine": true})) }
    })
}

#[tokio::test]
async fn reads_get_over_what_passes() {
    for how in [
        (|| status(500)) as fn() -> Reply,
        || status(503),
        || status(408),
        || status(429),
        || Reply::Cut,
        || Reply::Refused,
    ] {
        let product = failing(3, how);
        let answer = product.client(|_| {}).send(get("x")).await.expect("the fourth attempt");
        assert_eq!(answer.http.json().expect("JSON"), json!({"fine": true}));
        assert_eq!(product.asked().len(), 4);
        assert_eq!(
            answer.started,
            product.asked()[3].at,
            "the moment of the attempt that was answered"
        );
        let product = failing(4, how);
        assert!(product.client(|_| {}).send(get("x")).await.is_err());
        assert_eq!(product.asked().len(), 4);
    }
}

#[tokio::test]
async fn reads_do_not_insist_on_what_does_not_pass() {
    for code in [400, 403, 404, 405, 409, 422, 501] {
        let product = failing(1, move || status(code));
        let failed = product.client(|_| {}).send(get("x")).await.err().expect("a failure");
        assert_eq!(failed.status(), Some(code));
        assert_eq!(product.asked().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_write_is_sent_once_and_its_outcome_is_told() {
    let outcomes: [(fn() -> Reply, Outcome); 10] = [
        (|| Reply::Refused, Outcome::NotProcessed),
        (|| status(429), Outcome::NotProcessed),
        (|| status(401), Outcome::NotProcessed),
        (|| Reply::Cut, Outcome::Unknown),
        (|| status(500), Outcome::Unknown),
        (|| status(503), Outcome::Unknown),
        (|| status(408), Outcome::Unknown),
        (|| status(302), Outcome::Unknown),
        (|| status(400), Outcome::Refused),
        (|| status(404), Outcome::Refused),
    ];
    for (nth, (how, outcome)) in outcomes.into_iter().enumerate() {
        let product = failing(1, how);
        let failed = product.client(|_| {}).send(post("x")).await.err().expect("a failure");
        assert_eq!(failed.outcome, outcome, "case {nth}");
        assert_eq!(failed.error.not_processed, outcome != Outcome::Unknown, "case {nth}");
        assert_eq!(product.asked().len(), 1, "case {nth}");
    }
    let product = failing(1, || status(412));
    let failed = product.client(|_| {}).send(post("x")).await.err().expect("a failure");
    assert_eq!(failed.verdict, Some(Verdict::Moved));
}

#[tokio::test]
async fn calls_are_counted_unless_they_never_left() {
    let product = failing(2, || Reply::Refused);
    let client = product.client(|_| {});
    client.send(get("x")).await.expect("an answer");
    client.send(post("x")).await.expect("an answer");
    let usage = client.usage();
    assert_eq!((usage.calls, usage.reads, usage.writes, usage.throttled), (2, 1, 1, 0));
}

#[tokio::test]
async fn nothing_leaves_the_origin() {
    let product = Product::new(|asked| {
        let to = |place: &str| Reply::Answer(307, vec![("location", place.to_string())], json!(null));
        match asked.url.as_str() {
            "https://crm.example.com/api/near" => to("/api/here"),
            "https://crm.example.com/api/far" => to("https://elsewhere.example.net/api/here"),
            "https://crm.example.com/api/ring" => to("/api/ring"),
            _ => ok(json!({})),
        }
    });
    let client = product.client(|options| options.auth = Auth::Bearer("secret".into()));
    client.send(get("near")).await.expect("a redirect within the origin");
    assert!(client.send(get("far")).await.is_err());
    assert!(client.send(get("ring")).await.is_err());
    assert!(
        client
            .send(get("https://elsewhere.example.net/api/page2"))
            .await
            .is_err()
    );
    assert!(client.send(get("//elsewhere.example.net/x")).await.is_err());
    client
        .send(get("https://crm.example.com/api/page2?after=7"))
        .await
        .expect("a next link of the same origin");
    assert!(
        product
            .asked()
            .iter()
            .all(|asked| asked.url.starts_with("https://crm.example.com/"))
    );
    let failed = client
        .send(Call::write(Method::POST, "near"))
        .await
        .err()
        .expect("a write follows nothing");
    assert_eq!(failed.outcome, Outcome::Unknown);
}

#[tokio::test]
async fn what_was_meant_as_one_parameter_arrives_as_one() {
    let product = Product::new(|_| ok(json!({})));
    let client = product.client(|options| options.user_agent = "BridgeTest (it@sampleton.example)".into());
    client
        .send(get("x?a=1").query("email", "a+b&c=d@example.org"))
        .await
        .expect("an answer");
    let asked = &product.asked()[0];
    assert_eq!(
        asked.url,
        "https://crm.example.com/api/x?a=1&email=a%2Bb%26c%3Dd%40example.org"
    );
    assert_eq!(asked.user_agent.as_deref(), Some("BridgeTest (it@sampleton.example)"));
}

fn credentials(options: &mut adapter_kit::ClientOptions) {
    options.auth = Auth::ClientCredentials(ClientCredentials {
        token_url: "https://crm.example.com/oauth/token".into(),
        client_id: "id".into(),
        client_secret: "s&cret".into(),
        style: TokenStyle::Json,
        scope: None,
        extra: Vec::new(),
        life_cap: Some(Duration::from_secs(14 * 60)),
    });
}

/// A product that gives out tokens `t1`, `t2`, ... and takes those this says.
fn guarded(takes: impl Fn(&Asked) -> bool + Send + Sync + 'static) -> Arc<Product> {
    let given = AtomicU32::new(0);
    Product::slow(Duration::from_millis(20), move |asked| {
        if asked.url.ends_with("/oauth/token") {
            let nth = given.fetch_add(1, Ordering::SeqCst) + 1;
            return ok(json!({"access_token": format!("t{nth}"), "expires_in": "3600", "token_type": "Bearer"}));
        }
        if takes(asked) { ok(json!({})) } else { status(401) }
    })
}

#[tokio::test]
async fn whoever_waits_for_a_token_waits_for_the_same_one() {
    let product = guarded(|_| true);
    let client = product.client(credentials);
    let sent: Vec<_> = (0..10).map(|_| client.send(get("x"))).collect();
    assert!(futures::future::join_all(sent).await.iter().all(Result::is_ok));
    let tokens = product.asked_for("oauth/token");
    assert_eq!(tokens.len(), 1);
    let body: serde_json::Value = serde_json::from_str(&tokens[0].body).expect("JSON");
    assert_eq!(
        body,
        json!({"grant_type": "client_credentials", "client_id": "id", "client_secret": "s&cret"})
    );
    assert!(
        product
            .asked_for("api/x")
            .iter()
            .all(|asked| asked.authorization.as_deref() == Some("Bearer t1"))
    );
    assert_eq!(client.usage().calls, 11, "token calls are calls");

    // Fourteen minutes, though the product promises an hour.
    product.clock.advance(Duration::from_secs(13 * 60 + 50));
    client.send(get("x")).await.expect("an answer");
    assert_eq!(product.asked_for("oauth/token").len(), 1);
    product.clock.advance(Duration::from_secs(20));
    client.send(get("x")).await.expect("an answer");
    assert_eq!(product.asked_for("oauth/token").len(), 2);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all_and_the_call_sent_again() {
    let product = guarded(|asked| asked.authorization.as_deref() != Some("Bearer t1"));
    let client = product.client(credentials);
    let sent: Vec<_> = (0..5).map(|_| client.send(post("x"))).collect();
    assert!(futures::future::join_all(sent).await.iter().all(Result::is_ok));
    assert_eq!(product.asked_for("oauth/token").len(), 2, "one renewal for all");
    assert_eq!(
        client.usage().writes,
        10,
        "a refused token proves that nothing was written"
    );
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_means_a_missing_scope() {
    let product = guarded(|asked| !asked.url.contains("invoices"));
    let client = product.client(credentials);
    let failed = client
        .send(get("invoices").what("GET invoices"))
        .await
        .err()
        .expect("a failure");
    assert_eq!(failed.error.failure, Failure::Scope("GET invoices".into()));
    assert_eq!(product.asked_for("invoices").len(), 2);
    client.send(get("contacts")).await.expect("other resources go on");
}

#[tokio::test]
async fn wrong_credentials_are_a_matter_for_a_person() {
    let product = Product::new(|_| Reply::Answer(401, Vec::new(), json!({"error": "invalid_client"})));
    let client = product.client(credentials);
    let failed = client.send(get("x")).await.err().expect("a failure");
    assert_eq!(
        (failed.error.failure, failed.error.code.as_str()),
        (Failure::Auth, "invalid_client")
    );
    assert_eq!(product.asked().len(), 1);
    let product = Product::new(|_| status(401));
    let client = product.client(|options| options.auth = Auth::Bearer("secret".into()));
    let failed = client.send(get("x")).await.err().expect("a failure");
    assert_eq!(failed.error.failure, Failure::Auth);
    let secret = format!("{failed:?} {failed}");
    assert!(!secret.contains("secret"), "{secret}");
}

/// Keeps the refresh token, or fails to; the log shows what happened when.
struct Drawer {
    token: Mutex<String>,
    works: AtomicU32,
    stored: Mutex<Vec<String>>,
}

#[async_trait]
impl TokenStore for Drawer {
    async fn load(&self) -> Result<Option<SecretString>, TokenStoreError> {
        Ok(Some(self.token.lock().expect("a drawer").clone().into()))
    }

    async fn store(&self, refresh_token: &SecretString) -> Result<(), TokenStoreError> {
        if self.works.load(Ordering::SeqCst) == 0 {
            return Err(TokenStoreError("the disk is full".into()));
        }
        let token = refresh_token.expose_secret().to_string();
        self.stored.lock().expect("a drawer").push(token.clone());
        *self.token.lock().expect("a drawer") = token;
        Ok(())
    }
}

/// A product whose refresh tokens work once each.
fn rotating() -> Arc<Product> {
    let current = Mutex::new(1_u32);
    Product::new(move |asked| {
        if !asked.url.contains("token") {
            return ok(json!({}));
        }
        let mut current = current.lock().expect("a counter");
        if !asked.body.contains(&format!("refresh_token=r{}", *current)) {
            return Reply::Answer(400, Vec::new(), json!({"error": "invalid_grant"}));
        }
        *current += 1;
        let refresh = format!("r{}", *current);
        ok(json!({"access_token": format!("a{}", *current), "expires_in": 1800, "refresh_token": refresh}))
    })
}

fn refreshing(drawer: &Arc<Drawer>) -> impl FnOnce(&mut adapter_kit::ClientOptions) {
    let store: Arc<dyn TokenStore> = drawer.clone();
    move |options| {
        options.auth = Auth::Refresh(RefreshGrant {
            token_url: "https://login.example.com/token".into(),
            client_id: "id".into(),
            client_secret: Some("secret".into()),
            style: TokenStyle::FormBasic,
            store,
            life_cap: None,
        });
    }
}

#[tokio::test]
async fn a_rotated_refresh_token_is_stored_before_its_access_token_is_used() {
    let product = rotating();
    let drawer = Arc::new(Drawer {
        token: Mutex::new("r1".into()),
        works: AtomicU32::new(1),
        stored: Mutex::default(),
    });
    let client = product.client(refreshing(&drawer));
    client.send(get("x")).await.expect("an answer");
    assert_eq!(*drawer.stored.lock().expect("a drawer"), ["r2"]);
    assert_eq!(product.asked()[1].authorization.as_deref(), Some("Bearer a2"));
    assert!(
        product.asked()[0]
            .authorization
            .as_deref()
            .is_some_and(|header| header.starts_with("Basic "))
    );
    assert_eq!(
        product.asked()[0].content_type.as_deref(),
        Some("application/x-www-form-urlencoded")
    );

    // The store fails: the new access token is not used, and the new refresh token is not lost.
    product.clock.advance(Duration::from_secs(1800));
    drawer.works.store(0, Ordering::SeqCst);
    let failed = client.send(get("x")).await.err().expect("no token");
    assert_eq!(failed.error.failure, Failure::Unavailable);
    assert_eq!(product.asked_for("/api/").len(), 1);
    drawer.works.store(1, Ordering::SeqCst);
    client.send(get("x")).await.expect("an answer");
    assert_eq!(*drawer.stored.lock().expect("a drawer"), ["r2", "r3", "r4"]);
}

#[tokio::test]
async fn the_products_clock_is_told_by_its_answers() {
    // Two minutes ahead; the header is cut to whole seconds.
    let ahead: i64 = 120_000_000;
    let product = Product::new(move |asked| {
        let at = std::time::UNIX_EPOCH + Duration::from_micros((asked.at + ahead).unsigned_abs());
        Reply::Answer(200, vec![("date", httpdate::fmt_http_date(at))], json!({}))
    });
    let client = product.client(|_| {});
    assert_eq!(client.server_now(), None);
    for _ in 0..30 {
        client.send(get("x")).await.expect("an answer");
        product.clock.advance(Duration::from_millis(370));
    }
    use adapter_kit::Clock as _;
    let now = product.clock.now();
    let least = client.server_at_least(now).expect("answers told");
    assert!(
        least <= now + ahead && least > now + ahead - 100_000,
        "{}",
        least - now - ahead
    );
}

#[test]
fn base_urls_that_would_leak_are_refused() {
    assert!(Origin::new("http://crm.example.com/").is_err());
    assert!(Origin::new("https://user:pass@crm.example.com/").is_err());
}
