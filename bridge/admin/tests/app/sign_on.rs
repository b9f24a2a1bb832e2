//! Signing in by an identity provider, and what is tried against it.

use crate::provider::{CLIENT, Forged, ISSUER, SECRET, StandIn, Thin};
use crate::support::{Browser, House, NOW, PASSWORD, Page, email};
use bridge_admin::access::role::Role;
use bridge_admin::access::sign_on::{Provider, SignOnSettings};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

struct Office {
    house: House,
    provider: Arc<StandIn>,
}

fn settings() -> SignOnSettings {
    SignOnSettings {
        issuer: ISSUER.into(),
        client_id: CLIENT.into(),
        client_secret: Some(SECRET.into()),
        label: "Practice ID".into(),
        domains: vec![],
        scopes: vec![],
        role_claim: None,
        roles: BTreeMap::new(),
    }
}

/// The provider says what people may do.
pub fn by_claim() -> SignOnSettings {
    let roles = [("desk", Role::Reviewer), ("owners", Role::Admin)];
    SignOnSettings {
        domains: vec!["practice.example".into()],
        scopes: vec!["groups".into()],
        role_claim: Some("groups".into()),
        roles: roles.map(|(group, role)| (group.to_string(), role)).into(),
        ..settings()
    }
}

impl Office {
    async fn new(settings: SignOnSettings) -> Office {
        let (house, provider) = (House::empty().await, StandIn::new(NOW / 1_000_000));
        house.app.sign_on(Provider::new(settings, provider.transport()));
        house.user(Role::Admin).await;
        Office { house, provider }
    }

    async fn invited(&self) {
        let typed = ("Rose Brook", "rose@practice.example");
        self.house.access.invite(typed, Role::Reviewer, "a test").await.unwrap();
    }

    /// Out to the provider and back, in that browser.
    async fn tried(&self, browser: &mut Browser, change: Json, forged: Forged) -> Page {
        let out = browser.get("/sign-in/out?next=%2Finbox").await;
        assert_eq!(out.status, 303, "{}", out.text);
        let with = self.provider.signed_in(out.to(), change, forged);
        back(browser, &with).await
    }
}

async fn back(browser: &mut Browser, with: &BTreeMap<String, String>) -> Page {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(with)
        .finish();
    browser.get(&format!("/sign-in/back?{query}")).await
}

fn signed_in(browser: &Browser) -> bool {
    browser.cookies.contains_key("__Host-bridge")
}

#[tokio::test]
async fn somebody_invited_comes_in_and_is_known_from_then_on() {
    let office = Office::new(settings()).await;
    let mut browser = office.house.browser();
    assert!(browser.get("/sign-in").await.text.contains("Sign in with Practice ID"));
    let stranger = office.tried(&mut browser, json!({}), Forged::No).await;
    assert_eq!(stranger.status, 403);
    assert!(stranger.text.contains("not invited here") && !signed_in(&browser));

    office.invited().await;
    let page = office.tried(&mut browser, json!({}), Forged::No).await;
    assert_eq!(page.status, 200, "{}", page.text);
    // The browser goes on from a page of ours, since the cookie is not sent along from elsewhere.
    assert!(page.text.contains("http-equiv=\"refresh\" content=\"0;url=/inbox\""));
    let cookies: Vec<&str> = page
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|c| c.to_str().unwrap())
        .collect();
    assert!(
        cookies
            .iter()
            .any(|c| c.starts_with("__Host-bridge=") && c.contains("SameSite=Strict"))
    );
    assert_eq!(browser.get("/inbox").await.status, 200);
    assert!(office.house.access.invitations().await.unwrap().is_empty());
    let users = office.house.access.users().await.unwrap();
    let rose = users.iter().find(|user| user.name == "Rose Brook").unwrap();
    let linked = rose
        .linked
        .as_ref()
        .map(|linked| (linked.issuer.as_str(), linked.subject.as_str()));
    assert_eq!((rose.role, linked), (Role::Reviewer, Some((ISSUER, "s-100"))));

    // Known by issuer and subject, whatever the address is now.
    let moved = json!({ "email": "brook@elsewhere.example", "email_verified": false });
    let mut again = office.house.browser();
    assert_eq!(office.tried(&mut again, moved, Forged::No).await.status, 200);
    // No password is theirs.
    for typed in ["", PASSWORD] {
        let fields = [("email", "rose@practice.example"), ("password", typed)];
        let page = office
            .house
            .browser()
            .post_raw("/sign-in", &fields, "same-origin")
            .await;
        assert_eq!(page.status, 422);
    }
    // Whose access is ended stays out, sessions included.
    office.house.access.end(&rose.id, "a test").await.unwrap();
    assert_eq!(again.get("/inbox").await.status, 303);
    assert_eq!(office.tried(&mut again, json!({}), Forged::No).await.status, 403);
}

#[tokio::test]
async fn an_address_alone_makes_nobody_somebody() {
    let office = Office::new(settings()).await;
    office.invited().await;
    let mut browser = office.house.browser();
    // An invitation is for an address that the provider has verified.
    for unverified in [json!({ "email_verified": false }), json!({ "email_verified": null })] {
        let page = office.tried(&mut browser, unverified, Forged::No).await;
        assert_eq!((page.status.as_u16(), signed_in(&browser)), (403, false));
    }
    // The administrator with a password is not whoever has the same address at the provider.
    let admin = json!({ "email": email(Role::Admin) });
    let page = office.tried(&mut browser, admin, Forged::No).await;
    assert_eq!((page.status.as_u16(), signed_in(&browser)), (403, false));
}

#[tokio::test]
async fn the_providers_claim_says_what_somebody_may_do() {
    let office = Office::new(by_claim()).await;
    let mut browser = office.house.browser();
    for (change, words) in [
        (json!({}), "no role here"),
        (json!({ "groups": ["cleaners"] }), "no role here"),
        (
            json!({ "groups": "desk", "email": "rose@elsewhere.example" }),
            "does not vouch",
        ),
        (json!({ "groups": "desk", "email_verified": false }), "does not vouch"),
        (
            json!({ "groups": "desk", "email": "rose@practice.example.evil.example" }),
            "does not vouch",
        ),
    ] {
        let page = office.tried(&mut browser, change.clone(), Forged::No).await;
        assert_eq!(page.status, 403, "{change}");
        assert!(page.text.contains(words) && !signed_in(&browser), "{change}");
    }
    let desk = json!({ "groups": ["cleaners", "desk"] });
    assert_eq!(office.tried(&mut browser, desk, Forged::No).await.status, 200);
    assert_eq!(
        (browser.get("/inbox").await.status, browser.get("/people").await.status).0,
        200
    );
    assert_eq!(browser.get("/people").await.status, 403);
    // A new role ends what was begun under the old one.
    let mut owner = office.house.browser();
    let both = json!({ "groups": ["desk", "owners"] });
    assert_eq!(office.tried(&mut owner, both, Forged::No).await.status, 200);
    assert_eq!(
        (
            owner.get("/people").await.status.as_u16(),
            browser.get("/inbox").await.status.as_u16()
        ),
        (200, 303)
    );
    // Another person cannot take the address of one who is here.
    let other = json!({ "groups": ["desk"], "sub": "s-200" });
    assert_eq!(office.tried(&mut browser, other, Forged::No).await.status, 409);
}

#[tokio::test]
async fn what_is_forged_lets_nobody_in() {
    let office = Office::new(settings()).await;
    office.invited().await;
    let seconds = NOW / 1_000_000;
    let mut browser = office.house.browser();
    for (change, forged) in [
        (json!({}), Forged::Unsigned),
        (json!({}), Forged::Shared),
        (json!({}), Forged::OtherKey),
        (json!({}), Forged::UnknownKey),
        (json!({ "nonce": "0".repeat(64) }), Forged::No),
        (json!({ "nonce": null }), Forged::No),
        (json!({ "iss": "https://evil.example" }), Forged::No),
        (json!({ "aud": "another application" }), Forged::No),
        (json!({ "aud": [CLIENT, "another application"] }), Forged::No),
        (json!({ "exp": seconds - 120, "iat": seconds - 300 }), Forged::No),
        (json!({ "iat": seconds + 600, "exp": seconds + 900 }), Forged::No),
    ] {
        let mut tried = office.house.browser();
        let page = office.tried(&mut tried, change.clone(), forged).await;
        assert_eq!(page.status, 403, "{change} {forged:?}");
        assert!(
            !signed_in(&tried) && page.text.contains("not believed"),
            "{change} {forged:?}"
        );
    }
    // All that time the person could come in.
    assert_eq!(office.tried(&mut browser, json!({}), Forged::No).await.status, 200);
}

#[tokio::test]
async fn answers_count_once_and_for_the_browser_that_asked() {
    let office = Office::new(settings()).await;
    office.invited().await;
    let begin = async || {
        let mut browser = office.house.browser();
        let out = browser.get("/sign-in/out").await;
        let with = office.provider.signed_in(out.to(), json!({}), Forged::No);
        (browser, with)
    };
    let asked = || *office.provider.asked.lock().unwrap();
    // Whoever is led to an address of somebody else's sign-in is not signed in as them.
    let (attacker, theirs) = begin().await;
    assert_eq!(back(&mut office.house.browser(), &theirs).await.status, 403);
    let (mut victim, own) = begin().await;
    assert_eq!(back(&mut victim, &theirs).await.status, 403);
    // A wrong answer ends the attempt.
    assert_eq!(back(&mut victim, &own).await.status, 403);
    // An answer that names another provider, none, or an error.
    for change in [
        ("iss", "https://evil.example"),
        ("state", ""),
        ("error", "access_denied"),
    ] {
        let (mut browser, mut with) = begin().await;
        with.insert(change.0.into(), change.1.into());
        let page = back(&mut browser, &with).await;
        assert_eq!((page.status.as_u16(), signed_in(&browser)), (403, false), "{change:?}");
    }
    assert_eq!(asked(), 0, "no code left for the provider");
    // Too late.
    let (mut late, with) = begin().await;
    office.house.later(601);
    assert_eq!(back(&mut late, &with).await.status, 403);
    // Once, and not again: neither here nor at the provider.
    let mut attacker = attacker;
    assert_eq!(back(&mut attacker, &theirs).await.status, 403);
    assert_eq!(asked(), 0);
    let office = Office::new(settings()).await;
    office.invited().await;
    let mut browser = office.house.browser();
    let out = browser.get("/sign-in/out").await;
    let with = office.provider.signed_in(out.to(), json!({}), Forged::No);
    let attempt = browser.cookies["__Host-bridge-attempt"].clone();
    assert_eq!(back(&mut browser, &with).await.status, 200);
    let mut replayed = office.house.browser();
    replayed.cookies.insert("__Host-bridge-attempt".into(), attempt);
    assert_eq!(back(&mut replayed, &with).await.status, 403);
    let mut other = office.house.browser();
    let state = office
        .provider
        .signed_in(other.get("/sign-in/out").await.to(), json!({}), Forged::No)["state"]
        .clone();
    // A code of somebody else, not used yet, does not fit what this browser's attempt can show.
    let theirs = office.house.browser().get("/sign-in/out").await;
    let code = office.provider.signed_in(theirs.to(), json!({}), Forged::No)["code"].clone();
    let stolen = BTreeMap::from([("code".into(), code), ("state".into(), state)]);
    let page = back(&mut other, &stolen).await;
    assert_eq!((page.status.as_u16(), signed_in(&other)), (403, false));
    assert!(page.text.contains("invalid_grant"));
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_and_a_provider_that_is_away_stops_no_password() {
    let office = Office::new(settings()).await;
    office.invited().await;
    let mut browser = office.house.browser();
    let out = browser.get("/sign-in/out?next=https%3A%2F%2Fevil.example%2F").await;
    let with = office.provider.signed_in(out.to(), json!({}), Forged::No);
    let page = back(&mut browser, &with).await;
    assert!(page.text.contains("content=\"0;url=/\"") && !page.text.contains("evil.example"));

    let house = House::empty().await;
    let provider = StandIn::new(NOW / 1_000_000);
    *provider.away.lock().unwrap() = true;
    house.app.sign_on(Provider::new(settings(), provider.transport()));
    house.user(Role::Admin).await;
    let page = house.browser().get("/sign-in/out").await;
    assert_eq!(page.status, 503);
    let here = email(Role::Admin);
    let typed = [("email", here.as_str()), ("password", PASSWORD)];
    let page = house.browser().post_raw("/sign-in", &typed, "same-origin").await;
    assert_eq!(page.to(), "/sign-in/code?next=%2F");
    // Many attempts from one address are slowed down.
    *provider.away.lock().unwrap() = false;
    let mut many = house.browser();
    many.from = "198.51.100.9".into();
    let mut last = 0;
    for _ in 0..25 {
        last = many.get("/sign-in/out").await.status.as_u16();
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn what_the_token_leaves_out_is_asked_for_and_must_be_of_the_same_person() {
    let office = Office::new(by_claim()).await;
    let desk = json!({ "groups": ["desk"] });
    let thin = |how: Thin| *office.provider.thin.lock().unwrap() = Some(how);
    for (how, words) in [
        (Thin::OfAnother, "not of the same person"),
        (Thin::Away, "refused: 401"),
    ] {
        thin(how);
        let mut browser = office.house.browser();
        let page = office.tried(&mut browser, desk.clone(), Forged::No).await;
        assert_eq!((page.status.as_u16(), signed_in(&browser)), (403, false));
        assert!(page.text.contains(words), "{}", page.text);
    }
    thin(Thin::Told);
    let mut browser = office.house.browser();
    let unverified = json!({ "groups": ["desk"], "email_verified": false });
    assert_eq!(office.tried(&mut browser, unverified, Forged::No).await.status, 403);
    assert_eq!(office.tried(&mut browser, desk, Forged::No).await.status, 200);
    let users = office.house.access.users().await.unwrap();
    let rose = users.iter().find(|user| user.name == "Rose Brook").unwrap();
    assert_eq!(
        (rose.role, rose.email.as_str()),
        (Role::Reviewer, "rose@practice.example")
    );
    // What is told beside the token makes nothing of one that is forged.
    let mut forger = office.house.browser();
    let owners = json!({ "groups": ["owners"] });
    assert_eq!(office.tried(&mut forger, owners, Forged::OtherKey).await.status, 403);
    // Signing out here says where to sign out there.
    let out = browser.post("/sign-out", &[]).await;
    assert_eq!(out.to(), "/sign-in?left=1");
    let page = browser.get(out.to()).await.text;
    assert!(
        page.contains("https://id.example/leave?from=us&amp;client_id=bridge"),
        "{page}"
    );
    assert!(!browser.get("/sign-in").await.text.contains("id.example/leave"));
}

#[tokio::test]
async fn a_provider_may_change_its_keys_and_nobody_is_sent_to_one_that_is_away() {
    let office = Office::new(settings()).await;
    office.invited().await;
    let mut browser = office.house.browser();
    assert_eq!(office.tried(&mut browser, json!({}), Forged::No).await.status, 200);
    office.provider.changes_keys();
    office.house.later(11);
    let mut browser = office.house.browser();
    assert_eq!(office.tried(&mut browser, json!({}), Forged::No).await.status, 200);
    *office.provider.away.lock().unwrap() = true;
    office.house.later(11);
    let page = office.house.browser().get("/sign-in/out").await;
    assert_eq!(page.status, 503);
    assert!(page.text.contains("cannot be reached now"), "{}", page.text);
    *office.provider.away.lock().unwrap() = false;
    let mut browser = office.house.browser();
    assert_eq!(office.tried(&mut browser, json!({}), Forged::No).await.status, 200);
}
