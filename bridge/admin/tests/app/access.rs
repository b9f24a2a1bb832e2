//! Who gets in, how often a link, a code or a session counts, and what ends one.

use crate::support::{House, PASSWORD, email, purpose};
use bridge_admin::access::AccessError;
use bridge_admin::access::invitation::Purpose;
use bridge_admin::access::password::Weak;
use bridge_admin::access::role::Role;
use secrecy::{ExposeSecret, SecretString};

#[tokio::test]
async fn the_first_administrator_comes_in_by_a_link_and_nobody_after_that() {
    let house = House::empty().await;
    let mut browser = house.browser();
    assert!(browser.get("/sign-in").await.text.contains("halaxy-bridge admin setup"));
    let old = house.access.found("a test").await.unwrap();
    let link = house.access.found("a test").await.unwrap();
    let path = format!("/invitation/{}", link.expose_secret());
    let page = browser.get(&path).await;
    assert!(page.status == 200 && page.text.contains("otpauth://totp/Sampleton%20Clinic%20%26%20Co"));
    let joining = house.joining(link.expose_secret()).await;
    let fields = |code: &str, password: &str| {
        vec![
            ("name", "Dana Fox".to_string()),
            ("email", "Dana@Practice.example".into()),
            ("password", password.into()),
            ("again", password.into()),
            ("code", code.into()),
        ]
    };
    for (code, password, says) in [
        ("000000", PASSWORD, "not the code the app shows"),
        (joining.code.as_str(), "password1234", "easily guessed"),
        (joining.code.as_str(), "short", "12 characters"),
    ] {
        let typed = fields(code, password);
        let typed: Vec<(&str, &str)> = typed.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let page = browser.post_raw(&path, &typed, "same-origin").await;
        assert_eq!(page.status, 422);
        assert!(page.text.contains(says), "{says}");
        assert!(!page.text.contains(PASSWORD), "a password is never shown again");
    }
    let typed = fields(&joining.code, PASSWORD);
    let typed: Vec<(&str, &str)> = typed.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let page = browser.post_raw(&path, &typed, "same-origin").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.text.matches("<li><code>").count(), 10, "recovery codes");
    // Signed in by it, once; neither link works any more, and there is no third.
    assert_eq!(browser.get("/people").await.status, 200);
    assert_eq!(browser.get(&path).await.status, 404);
    assert_eq!(purpose(&house, old.expose_secret()).await, None);
    assert!(matches!(house.access.found("a test").await, Err(AccessError::SetUp)));
    let users = house.access.users().await.unwrap();
    assert_eq!(
        (users.len(), users[0].email.as_str(), users[0].role),
        (1, "dana@practice.example", Role::Admin)
    );
}

#[tokio::test]
async fn an_invitation_counts_once_for_a_while_and_for_one_of_two() {
    let house = House::empty().await;
    let invite = async || {
        house
            .access
            .invite(("Kim Reed", "kim@practice.example"), Role::Reviewer, "a test")
            .await
    };
    let first = invite().await.unwrap();
    let again = invite().await.unwrap();
    assert_eq!(
        purpose(&house, first.expose_secret()).await,
        None,
        "the later one replaces it"
    );
    house.later(72 * 3600 + 1);
    assert_eq!(purpose(&house, again.expose_secret()).await, None, "its time is over");
    let link = invite().await.unwrap();
    let joining = house.joining(link.expose_secret()).await;
    let (one, other) = tokio::join!(
        house.access.accept(link.expose_secret(), &joining),
        house.access.accept(link.expose_secret(), &joining)
    );
    assert!(one.is_ok() ^ other.is_ok(), "two at once are one");
    let users = house.access.users().await.unwrap();
    assert_eq!(users.len(), 1);
    assert_eq!(
        users[0].name, "Kim Reed",
        "the invitation says who it is, not the guest"
    );
    assert!(matches!(invite().await, Err(AccessError::Taken)));
}

#[tokio::test]
async fn signing_in_takes_both_steps_and_every_code_counts_once() {
    let house = House::empty().await;
    house.user(Role::Reviewer).await;
    let (email, password): (String, SecretString) = (email(Role::Reviewer), PASSWORD.into());
    house.later(60);
    let code = house.code(&email).await;
    let mut browser = house.browser();
    let typed = [("email", email.as_str()), ("password", PASSWORD), ("next", "/vitals")];
    let page = browser.post_raw("/sign-in", &typed, "same-origin").await;
    assert_eq!(page.to(), "/sign-in/code?next=%2Fvitals");
    let half = browser.cookies.clone();
    assert_eq!(
        browser.get("/inbox").await.to(),
        "/sign-in?next=%2Finbox",
        "half is not in"
    );
    let form = browser.get("/sign-in/code?next=/vitals").await.form();
    let second = [("form", form.as_str()), ("code", code.as_str()), ("next", "/vitals")];
    let page = browser.post_raw("/sign-in/code", &second, "same-origin").await;
    assert_eq!((page.status.as_u16(), page.to()), (303, "/vitals"));
    assert_ne!(half, browser.cookies, "what the browser holds is new");
    assert_eq!(browser.get("/vitals").await.status, 200);

    // The same code again, and an old one.
    let half = house.access.sign_in(&email, &password, "here").await.unwrap();
    let half = house
        .access
        .session(half.expose_secret(), false)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(
        house.access.second(&half, &code, "here").await,
        Err(AccessError::Wrong)
    ));
    // The half sign-in does not wait for ever.
    house.later(301);
    let late = house.code(&email).await;
    assert!(matches!(
        house.access.second(&half, &late, "here").await,
        Err(AccessError::Nobody)
    ));
}

#[tokio::test]
async fn a_recovery_code_counts_once() {
    let house = House::empty().await;
    let link = house.access.found("a test").await.unwrap();
    let joining = house.joining(link.expose_secret()).await;
    let codes = house
        .access
        .accept(link.expose_secret(), &joining)
        .await
        .unwrap()
        .recovery;
    let sign_in = async |code: &str| {
        let half = house
            .access
            .sign_in("dana@practice.example", &PASSWORD.into(), "here")
            .await?;
        let half = house
            .access
            .session(half.expose_secret(), false)
            .await?
            .ok_or(AccessError::Nobody)?;
        house.access.second(&half, code, "here").await
    };
    assert!(sign_in(&codes[3].to_uppercase()).await.is_ok());
    assert!(matches!(sign_in(&codes[3]).await, Err(AccessError::Wrong)));
    assert!(sign_in(&codes[4]).await.is_ok());
    assert_eq!(house.access.users().await.unwrap()[0].recovery.len(), 8);
}

#[tokio::test]
async fn wrong_attempts_are_delayed_and_a_delay_tells_nothing() {
    let house = House::empty().await;
    house.user(Role::Reviewer).await;
    let here = email(Role::Reviewer);
    let mut answers = vec![];
    for who in [here.as_str(), "nobody@practice.example"] {
        let mut told = vec![];
        for attempt in 0..7 {
            let from = format!("198.51.100.{attempt}");
            told.push(
                match house.access.sign_in(who, &"wrong wrong wrong".into(), &from).await {
                    Err(AccessError::Wrong) => 0,
                    Err(AccessError::TooMany { until }) => until,
                    _ => -1,
                },
            );
        }
        answers.push(told);
    }
    assert_eq!(answers[0], answers[1], "whether there is such a person");
    assert_eq!(answers[0].iter().filter(|told| **told == 0).count(), 5);
    // The right password has to wait too, and then it is right.
    let right = async || house.access.sign_in(&here, &PASSWORD.into(), "there").await;
    assert!(matches!(right().await, Err(AccessError::TooMany { .. })));
    house.later(16);
    assert!(right().await.is_ok());
    let mut browser = house.browser();
    for _ in 0..9 {
        let typed = [("email", here.as_str()), ("password", "no no no no no")];
        browser.post_raw("/sign-in", &typed, "same-origin").await;
    }
    let typed = [("email", here.as_str()), ("password", PASSWORD)];
    let page = browser.post_raw("/sign-in", &typed, "same-origin").await;
    assert_eq!(page.status, 429);
    assert!(page.text.contains("Try again in "), "{}", page.text);
}

#[tokio::test]
async fn the_right_password_does_not_buy_more_guesses_of_the_code() {
    let house = House::empty().await;
    house.user(Role::Reviewer).await;
    let (here, mut guesses) = (email(Role::Reviewer), 0);
    for _ in 0..20 {
        let Ok(half) = house.access.sign_in(&here, &PASSWORD.into(), "there").await else {
            continue;
        };
        let half = house
            .access
            .session(half.expose_secret(), false)
            .await
            .unwrap()
            .unwrap();
        match house.access.second(&half, "000001", "there").await {
            Err(AccessError::Wrong) => guesses += 1,
            _ => continue,
        }
    }
    assert!(guesses <= 3, "{guesses}");
}

#[tokio::test]
async fn sessions_end_with_time_and_with_what_they_rest_on() {
    let house = House::empty().await;
    let mut admin = house.user(Role::Admin).await;
    let users = house.access.users().await.unwrap();
    let me = users[0].id.clone();
    assert!(matches!(
        house.access.end(&me, "a test").await,
        Err(AccessError::LastAdmin)
    ));
    let demoted = house.access.set_role(&me, Role::Auditor, "a test").await;
    assert!(matches!(demoted, Err(AccessError::LastAdmin)));

    let mut other = house.user(Role::Reviewer).await;
    let id = house
        .access
        .users()
        .await
        .unwrap()
        .iter()
        .find(|user| user.id != me)
        .unwrap()
        .id
        .clone();
    assert_eq!(other.get("/inbox").await.status, 200);
    admin.post(&format!("/people/{id}/role"), &[("role", "auditor")]).await;
    assert_eq!(
        other.get("/inbox").await.to(),
        "/sign-in?next=%2Finbox",
        "the role changed"
    );

    // Used now and then it lasts twelve hours, and not longer.
    for _ in 0..17 {
        house.later(40 * 60);
        assert_eq!(admin.get("/vitals").await.status, 200);
    }
    house.later(41 * 60);
    assert_eq!(admin.get("/vitals").await.status, 303);
    let mut idle = house.user(Role::Operator).await;
    house.later(46 * 60);
    assert_eq!(idle.get("/vitals").await.status, 303, "not used");

    let mut fresh = house.user(Role::Bookkeeper).await;
    let twin = fresh.clone();
    let page = fresh
        .post(
            "/own/password",
            &[
                ("present", PASSWORD),
                ("password", "tulpe wagen grau neun"),
                ("again", "tulpe wagen grau neun"),
            ],
        )
        .await;
    assert_eq!(page.to(), "/own?changed=1");
    assert_eq!(fresh.get("/own").await.status, 200);
    assert_eq!({ twin }.get("/own").await.status, 303, "the other browser");
    fresh.post("/own/out", &[]).await;
    assert_eq!(fresh.get("/own").await.status, 303);
}

#[tokio::test]
async fn signing_out_ends_the_session_itself() {
    let house = House::empty().await;
    let mut browser = house.user(Role::Reviewer).await;
    let kept = browser.clone();
    assert_eq!(browser.post("/sign-out", &[]).await.to(), "/sign-in");
    assert!(browser.cookies.is_empty());
    assert_eq!({ kept }.get("/inbox").await.status, 303, "not the cookie only");
}

#[tokio::test]
async fn a_renewed_access_replaces_password_phone_and_sessions() {
    let house = House::empty().await;
    let mut before = house.user(Role::Reviewer).await;
    let user = house.access.users().await.unwrap().remove(0);
    let link = house.access.renew(&user.id, "a test").await.unwrap();
    assert_eq!(
        before.get("/inbox").await.status,
        200,
        "until it is used nothing changes"
    );
    let joining = house.joining(link.expose_secret()).await;
    house.access.accept(link.expose_secret(), &joining).await.unwrap();
    assert_eq!(before.get("/inbox").await.status, 303);
    let after = house.access.users().await.unwrap().remove(0);
    assert_eq!(
        (after.id == user.id, &after.name, &after.email),
        (true, &user.name, &user.email)
    );
    assert!(after.second != user.second && after.password != user.password);
}

#[tokio::test]
async fn nothing_of_it_lies_on_the_disk_in_clear() {
    let house = House::empty().await;
    let browser = house.user(Role::Reviewer).await;
    let link = house
        .access
        .invite(("Kim Reed", "kim@elsewhere.example"), Role::Admin, "a test")
        .await
        .unwrap();
    let user = house.access.users().await.unwrap().remove(0);
    let disk = house.on_disk();
    let holds = |text: &str| disk.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("clinic"), "the file is read");
    for secret in [
        &email(Role::Reviewer),
        "kim@elsewhere.example",
        PASSWORD,
        "argon2id",
        &user.password,
        &user.recovery[0],
        browser.cookies["__Host-bridge"].as_str(),
        link.expose_secret(),
    ] {
        assert!(!holds(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_weak_or_mistyped_password_uses_no_link() {
    let house = House::empty().await;
    let link = house.access.found("a test").await.unwrap();
    let mut joining = house.joining(link.expose_secret()).await;
    joining.again = "kettle orbit plum sale".into();
    let refused = house.access.accept(link.expose_secret(), &joining).await;
    assert!(matches!(refused, Err(AccessError::Password(Weak::Differ))));
    assert_eq!(purpose(&house, link.expose_secret()).await, Some(Purpose::Found));
}
