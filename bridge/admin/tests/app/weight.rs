//! What a first look at a page takes over the line, and what several processes know of those who guess.

use crate::support::{House, PASSWORD, email};
use axum::http::Method;
use bridge_admin::access::chance::System;
use bridge_admin::access::password::Passwords;
use bridge_admin::access::role::Role;
use bridge_admin::access::{Access, AccessError};
use bridge_admin::app::routes::ROUTES;
use std::sync::Arc;

/// Bytes, uncompressed: page, style, script and icon.
const MOST: usize = 100_000;

#[tokio::test]
async fn every_page_is_light_the_first_time_too() {
    let (_house, mut browsers) = House::full().await;
    let admin = browsers.get_mut(&Role::Admin).unwrap();
    let whole = ROUTES
        .iter()
        .filter(|route| route.method == Method::GET && !route.path.contains('{'));
    for route in whole {
        let page = admin.get(route.path).await;
        let mut named: Vec<String> = vec![];
        for piece in page
            .text
            .split(['"', '\''])
            .filter(|piece| piece.starts_with("/assets/"))
        {
            named.push(piece.to_string());
        }
        named.sort();
        named.dedup();
        let mut all = page.text.len();
        for asset in &named {
            let asset = admin.get(asset).await;
            assert_eq!(asset.status, 200);
            all += asset.text.len();
        }
        assert!(all < MOST, "{} takes {all} bytes with {named:?}", route.path);
        let html = page.text.starts_with("<!doctype html>");
        assert!(
            page.status != 200 || !html || named.len() >= 3,
            "{} has {named:?}",
            route.path
        );
    }
}

#[tokio::test]
async fn who_guesses_is_delayed_by_every_process() {
    let house = House::empty().await;
    house.user(Role::Reviewer).await;
    let another = || {
        let (clock, chance) = (Arc::clone(&house.clock), Arc::new(System));
        Access::new(
            house.store.clone(),
            clock as Arc<_>,
            chance,
            Passwords::costing(64, 1),
            Arc::default(),
        )
    };
    let (here, wrong, right) = (email(Role::Reviewer), "not the password".into(), PASSWORD.into());
    // Each attempt meets another process, from another address.
    for n in 0..5 {
        let refused = another().sign_in(&here, &wrong, &format!("10.0.0.{n}")).await;
        assert!(matches!(refused, Err(AccessError::Wrong)), "{n}");
    }
    let refused = another().sign_in(&here, &right, "10.0.0.9").await;
    assert!(matches!(refused, Err(AccessError::TooMany { .. })));
    assert!(
        another()
            .sign_in("kim@practice.example", &wrong, "10.0.0.9")
            .await
            .is_err_and(|error| matches!(error, AccessError::Wrong))
    );
    house.later(16);
    assert!(another().sign_in(&here, &right, "10.0.0.9").await.is_ok());
    // One address against everybody, through any process.
    let mut tried = 0;
    for n in 0..40 {
        let name = format!("u{n}@practice.example");
        let refused = another().sign_in(&name, &wrong, "10.9.9.9").await;
        tried += usize::from(matches!(refused, Err(AccessError::Wrong)));
    }
    assert_eq!(tried, 20);
    // Nothing on the disk says who guessed at whom.
    let disk = house.on_disk();
    for plain in ["10.9.9.9", "u7@practice.example"] {
        assert!(
            !disk.windows(plain.len()).any(|piece| piece == plain.as_bytes()),
            "{plain}"
        );
    }
}
