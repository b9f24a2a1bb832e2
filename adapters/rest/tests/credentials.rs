//! Every auth style, as it arrives at the product.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adapter_kit::{Adapter, Failure, TokenStore, TokenStoreError};
use adapter_rest::{Connector, RestAdapter, RestOptions, SetupError};
use common::KIND;
use common::stub::{Asked, Stub, connector, empty, ok, reply, stub, stub_with};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

async fn first_call(auth: &str) -> Asked {
    let stub = stub(&connector(&format!("[auth]\n{auth}"), ""), |_| ok(json!({"items": []})));
    stub.adapter.changes(KIND, None).await.unwrap();
    stub.last()
}

#[tokio::test]
async fn static_credentials() {
    assert_eq!(
        first_call("style = \"bearer\"").await.header("authorization"),
        "Bearer s3cret"
    );
    assert_eq!(
        first_call("style = \"header\"\nheader = \"X-Api-Key\"")
            .await
            .header("x-api-key"),
        "s3cret"
    );
    let prefixed = first_call("style = \"header\"\nheader = \"Authorization\"\nprefix = \"Token token=\"").await;
    assert_eq!(prefixed.header("authorization"), "Token token=s3cret");
    assert_eq!(
        first_call("style = \"query\"\nparameter = \"api_token\"")
            .await
            .param("api_token"),
        Some("s3cret")
    );
    // ann:pa:ss
    assert_eq!(
        first_call("style = \"basic\"").await.header("authorization"),
        "Basic YW5uOnBhOnNz"
    );
    assert_eq!(first_call("style = \"none\"").await.header("authorization"), "");
}

/// A product that gives tokens `token-1`, `token-2`, .. and takes only the latest.
fn oauth(auth: &str, rotates: bool, tokens: Option<Arc<dyn TokenStore>>) -> Stub {
    let given = Mutex::new(0);
    stub_with(
        &connector(&format!("[auth]\n{auth}"), ""),
        RestOptions::default(),
        tokens,
        move |asked| {
            let mut given = given.lock().unwrap();
            if asked.path.ends_with("/oauth/token") {
                *given += 1;
                let mut answer = json!({"access_token": format!("token-{given}"), "expires_in": 1800});
                if rotates {
                    answer["refresh_token"] = json!(format!("refresh-{}", *given + 1));
                }
                return ok(answer);
            }
            match asked.header("authorization") == format!("Bearer token-{given}") {
                true => ok(json!({"items": []})),
                false => reply(401, json!({"error": "stale"})),
            }
        },
    )
}

#[tokio::test]
async fn client_credentials_in_every_spelling() {
    let base = "style = \"client_credentials\"\ntoken_url = \"oauth/token\"\nscope = \"contacts\"\nextra = { audience = \"crm\" }\n";
    let stub = oauth(base, false, None);
    stub.adapter.changes(KIND, None).await.unwrap();
    stub.adapter.changes(KIND, None).await.unwrap();
    let asked = stub.asked();
    assert_eq!(asked.len(), 3, "one token for both calls");
    assert_eq!(asked[0].path, "/api/oauth/token");
    let mut form = asked[0].form();
    form.sort();
    let want = [
        ("audience", "crm"),
        ("client_id", "client"),
        ("client_secret", "shh"),
        ("grant_type", "client_credentials"),
        ("scope", "contacts"),
    ];
    assert_eq!(form, want.map(|(name, value)| (name.to_string(), value.to_string())));
    stub.clock.advance(Duration::from_secs(1_800));
    stub.adapter.changes(KIND, None).await.unwrap();
    assert_eq!(stub.asked().len(), 5, "a new token when the old one is too old");

    let json = oauth(&format!("{base}body = \"json\"\n"), false, None);
    json.adapter.changes(KIND, None).await.unwrap();
    assert_eq!(json.asked()[0].json()["client_secret"], json!("shh"));
    let basic = oauth(&format!("{base}client = \"basic\"\n"), false, None);
    basic.adapter.changes(KIND, None).await.unwrap();
    assert_eq!(basic.asked()[0].header("authorization"), "Basic Y2xpZW50OnNoaA==");
    assert!(!basic.asked()[0].body.contains("shh"));
}

/// A token store that notes what it is told, and can be out of order.
#[derive(Default)]
struct Drawer {
    held: Mutex<Option<String>>,
    broken: Mutex<bool>,
}

#[async_trait::async_trait]
impl TokenStore for Drawer {
    async fn load(&self) -> Result<Option<SecretString>, TokenStoreError> {
        Ok(self.held.lock().unwrap().clone().map(Into::into))
    }

    async fn store(&self, token: &SecretString) -> Result<(), TokenStoreError> {
        if *self.broken.lock().unwrap() {
            return Err(TokenStoreError("disk full".into()));
        }
        *self.held.lock().unwrap() = Some(token.expose_secret().to_string());
        Ok(())
    }
}

#[tokio::test]
async fn refresh_tokens_rotate_and_are_stored_before_use() {
    let drawer = Arc::new(Drawer::default());
    let auth = "style = \"refresh_token\"\ntoken_url = \"oauth/token\"\n";
    let stub = oauth(auth, true, Some(drawer.clone()));
    stub.adapter.changes(KIND, None).await.unwrap();
    let field = |asked: &Asked| {
        asked
            .form()
            .into_iter()
            .find(|(name, _)| name == "refresh_token")
            .unwrap()
            .1
    };
    assert_eq!(
        field(&stub.asked()[0]),
        "refresh-1",
        "the configuration's, as long as none is stored"
    );
    assert_eq!(drawer.held.lock().unwrap().as_deref(), Some("refresh-2"));
    *drawer.broken.lock().unwrap() = true;
    stub.clock.advance(Duration::from_secs(3_600));
    let calls = stub.asked().len();
    stub.adapter.changes(KIND, None).await.unwrap_err();
    assert_eq!(
        stub.asked().len(),
        calls + 1,
        "a token whose successor is not stored is not used"
    );
    *drawer.broken.lock().unwrap() = false;
    stub.adapter.changes(KIND, None).await.unwrap();
    assert_eq!(
        field(&stub.asked()[calls + 1]),
        "refresh-3",
        "the one that could not be stored is not lost"
    );
    assert_eq!(drawer.held.lock().unwrap().as_deref(), Some("refresh-4"));
}

#[tokio::test]
async fn refused_credentials_are_a_matter_for_a_person() {
    let stub = stub(&connector("[auth]\nstyle = \"bearer\"", ""), |_| empty(401));
    assert_eq!(
        stub.adapter.changes(KIND, None).await.unwrap_err().failure,
        Failure::Auth
    );
    let probes = stub.adapter.probe(&[KIND.to_string()]).await;
    let failed = probes.iter().find(|probe| probe.what == "list contacts").unwrap();
    assert!(failed.problem.as_ref().unwrap().1.contains("credentials"));
    assert!(
        stub.adapter.probe(&["deals".to_string()]).await[1]
            .problem
            .as_ref()
            .unwrap()
            .1
            .contains("connector file")
    );
}

#[tokio::test]
async fn what_the_configuration_lacks_is_named() {
    let setup = |head: &str, options: RestOptions| {
        let connector = Connector::parse("x", &connector(head, "")).unwrap();
        let router = axum::Router::new();
        let clock = common::clock();
        RestAdapter::new(
            "crm",
            connector,
            options,
            common::over(router, &clock),
            clock.clone(),
            None,
        )
        .err()
    };
    let based = || RestOptions {
        base_url: Some("http://localhost:9/".into()),
        ..RestOptions::default()
    };
    assert_eq!(
        setup("[auth]\nstyle = \"bearer\"", based()),
        Some(SetupError::NoSecret("token".into()))
    );
    assert_eq!(setup("", RestOptions::default()), Some(SetupError::NoBaseUrl));
    let tenant = "settings = { tenant = \"the organisation's id\" }\nheaders = { X-Tenant = \"{{ account.tenant }}\" }";
    assert_eq!(
        setup(tenant, based()),
        Some(SetupError::NoSetting("tenant".into(), "the organisation's id".into()))
    );
    let refresh = "[auth]\nstyle = \"refresh_token\"\ntoken_url = \"oauth/token\"";
    let mut options = based();
    options.settings.insert("client_id".into(), "c".into());
    assert_eq!(setup(refresh, options), Some(SetupError::NoTokenStore));
}

#[tokio::test]
async fn settings_fill_headers_and_the_base_url() {
    let head = "base_url = \"http://localhost:9/{{ account.region }}/api\"\nheaders = { X-Tenant = \"{{ account.tenant }}\" }\nsettings = { tenant = \"the organisation\", region = \"where it is\" }";
    let settings = [
        ("tenant".to_string(), "t-1".to_string()),
        ("region".to_string(), "au".to_string()),
    ]
    .into();
    let clock = common::clock();
    let seen: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let log = seen.clone();
    let router = axum::Router::new().fallback(move |request: axum::http::Request<axum::body::Body>| {
        let tenant = request.headers()["x-tenant"].to_str().unwrap().to_string();
        log.lock().unwrap().push((request.uri().path().to_string(), tenant));
        async { "{\"items\": []}" }
    });
    let parsed = Connector::parse("x", &connector(head, "")).unwrap();
    let options = RestOptions {
        settings,
        ..RestOptions::default()
    };
    let adapter = RestAdapter::new(
        "crm",
        parsed,
        options,
        common::over(router, &clock),
        clock.clone(),
        None,
    )
    .unwrap();
    adapter.changes(KIND, None).await.unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        [("/au/api/contacts".to_string(), "t-1".to_string())]
    );
}
