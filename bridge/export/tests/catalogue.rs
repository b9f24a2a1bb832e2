//! The tables of what can be exported: sound, documented, and without what must not leave.
#![allow(clippy::unwrap_used)]

mod common;

use bridge_core::Class;
use bridge_export::Grant;
use bridge_export::entities::{NAMES, catalogue, document, kinds_for};
use common::{practice, units};
use std::collections::BTreeSet;

#[test]
fn the_page_shows_the_tables() {
    let units = units();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/EXPORTS.md");
    let now = document(&catalogue(&practice(&units)));
    if std::env::var_os("HALAXY_BRIDGE_WRITE_TABLES").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == now, "run this test once with HALAXY_BRIDGE_WRITE_TABLES=1");
}

#[test]
fn every_table_is_sound() {
    let units = units();
    let all = catalogue(&practice(&units));
    assert_eq!(all.iter().map(|entity| entity.name.as_str()).collect::<Vec<_>>(), NAMES);
    for entity in &all {
        let names: BTreeSet<&str> = entity.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names.len(), entity.columns.len(), "{}: a column twice", entity.name);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        for column in &entity.columns {
            let name = format!("{}.{}", entity.name, column.name);
            assert!(column.is_sound(), "{name}: its path cannot be read");
            assert!(column.name.chars().all(plain), "{name}");
            assert!(column.about.ends_with('.'), "{name}: {}", column.about);
            assert_ne!(column.name, bridge_export::format::CHANGE, "{name}");
        }
        for key in entity.columns.iter().take(entity.keys) {
            assert_eq!(key.class, None, "{}: a key that may be left out", entity.name);
        }
        // Whatever is granted, health information is not among it.
        let (shown, left_out) = entity.clone().under(&Grant::all());
        assert!(shown.columns.iter().all(|column| column.class != Some(Class::Clinical)));
        assert!(left_out.keys().all(|class| *class == "clinical"));
        // Without any grant a row still tells which record it is, and of people nothing else but their records.
        let (bare, _) = entity.clone().under(&Grant::default());
        assert!(bare.columns.len() >= entity.keys && bare.columns.iter().all(|column| column.class.is_none()));
    }
    let kinds = kinds_for(NAMES);
    assert_eq!(kinds.len(), 12);
    assert_eq!(kinds_for(["people", "referrals"]), ["Referral"]);
}

#[test]
fn units_of_people_keep_their_class() {
    let units = units();
    let people = catalogue(&practice(&units)).swap_remove(0);
    let class = |name: &str| people.columns.iter().find(|column| column.name == name).unwrap().class;
    assert_eq!(class("official_name_family"), Some(Class::Identity));
    assert_eq!(class("home_address_postcode"), Some(Class::Contact));
    assert_eq!(class("mobile"), Some(Class::Contact));
    assert_eq!(
        (class("crm_id"), class("halaxy_state"), class("conflicts")),
        (None, None, None)
    );
}
