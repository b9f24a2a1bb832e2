use super::*;
use serde_json::json;

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn canonical(codec: &Codec, raw: &str) -> String {
    codec.canonical(raw.into()).unwrap().into_owned()
}

#[test]
fn phones_become_e164_by_country() {
    for (home, raw, expected) in [
        ("AU", "0491 570 006", "+61491570006"),
        ("AU", "(03) 9000-2222", "+61390002222"),
        ("AU", "491570006", "+61491570006"),
        ("AU", "61 491 570 006", "+61491570006"),
        ("AU", "+61 (0)491 570 006", "+61491570006"),
        ("AU", "0011 44 7700 900123", "+447700900123"),
        ("AU", "0061 491 570 006", "+61491570006"),
        ("AU", "1300 975 707", "+611300975707"),
        ("AU", "13 11 14", "+61131114"),
        ("AU", "tel:+61-491-570-006", "+61491570006"),
        ("AU", "+49 30 901820", "+4930901820"),
        ("NZ", "021 555 123", "+6421555123"),
        ("NZ", "09 555 1234", "+6495551234"),
        ("NZ", "0800 123 456", "+64800123456"),
        ("NZ", "00 61 491 570 006", "+61491570006"),
        ("GB", "07700 900123", "+447700900123"),
        ("GB", "020 7946 0000", "+442079460000"),
        ("GB", "+44 (0)20 7946 0000", "+442079460000"),
        ("IE", "087 123 4567", "+353871234567"),
        ("IE", "01 800 1234", "+35318001234"),
        ("IE", "1800 123 456", "+3531800123456"),
        ("IE", "021 123 4567", "+353211234567"),
        ("US", "(202) 555-0123", "+12025550123"),
        ("CA", "1-416-555-0123", "+14165550123"),
        ("US", "011 61 491 570 006", "+61491570006"),
        ("FR", "+33 1 99 00 12 34", "+33199001234"),
    ] {
        assert_eq!(e164(raw, country(home)).as_deref(), Some(expected), "{home} {raw}");
        assert_eq!(
            e164(expected, country(home)).as_deref(),
            Some(expected),
            "{home} {expected}"
        );
        let codec = Codec::Phone {
            country: country(home),
            national: true,
        };
        let spelt = codec.write(expected, false).unwrap();
        assert_eq!(
            codec.read(Leaf::One(&spelt)),
            Ok(Value::text(expected)),
            "{home} {spelt}"
        );
    }
}

#[test]
fn what_is_no_sure_number_stays_as_written() {
    for (home, raw) in [
        ("AU", "9000 2222"),
        ("AU", "0390002222 ext 12"),
        ("AU", "0491 570 006 / 0491 570 156"),
        ("AU", "(03) 9000 2222 ask for Rose"),
        ("AU", "+61 4 12"),
        ("AU", "000"),
        ("AU", "n/a"),
        ("US", "202 155 0123"),
        ("FR", "01 99 00 12 34"),
        ("AU", "+1234567890123456"),
    ] {
        assert_eq!(e164(raw, country(home)), None, "{home} {raw}");
        let codec = Codec::Phone {
            country: country(home),
            national: false,
        };
        assert_eq!(canonical(&codec, raw), raw);
    }
}

#[test]
fn national_spelling_is_for_home_numbers_only() {
    assert_eq!(national("+61491570006", Country::AU).as_deref(), Some("0491570006"));
    assert_eq!(national("+611300975707", Country::AU).as_deref(), Some("1300975707"));
    assert_eq!(national("+447700900123", Country::AU), None);
    assert_eq!(national("+12025550123", country("US")).as_deref(), Some("2025550123"));
}

#[test]
fn dates_are_read_strictly_and_written_as_told() {
    let codec = |word| Codec::spelt(UnitType::Date, Country::AU, word).unwrap();
    for (word, raw, iso) in [
        ("iso", "1988-04-17", "1988-04-17"),
        ("iso", "1988-04-17T23:30:00-05:00", "1988-04-17"),
        ("iso", " 2000-02-29 ", "2000-02-29"),
        ("dd/mm/yyyy", "17/4/1988", "1988-04-17"),
        ("dd/mm/yyyy", "1988-04-17", "1988-04-17"),
        ("mm/dd/yyyy", "04/17/1988", "1988-04-17"),
        ("epoch_ms", "577238400000", "1988-04-17"),
        ("epoch_ms", "-86400000", "1969-12-31"),
    ] {
        assert_eq!(canonical(&codec(word), raw), iso, "{word} {raw}");
        let spelt = codec(word).write(iso, false).unwrap();
        assert_eq!(
            codec(word).read(Leaf::One(&spelt)),
            Ok(Value::text(iso)),
            "{word} {spelt}"
        );
    }
    assert_eq!(codec("epoch_ms").write("1988-04-17", false), Ok(json!("577238400000")));
    assert_eq!(codec("dd/mm/yyyy").write("1988-04-07", false), Ok(json!("07/04/1988")));
    for (word, raw) in [
        ("iso", "1988-02-31"),
        ("iso", "0000-00-00"),
        ("iso", "1988-04"),
        ("iso", "17/04/1988"),
        ("iso", "1988-04-17 or 18"),
        ("iso", "unknown"),
        ("dd/mm/yyyy", "04/17/1988"),
        ("dd/mm/yyyy", "17/04/88"),
        ("dd/mm/yyyy", "17/+4/1988"),
        ("epoch_ms", "soon"),
    ] {
        assert_eq!(codec(word).canonical(raw.into()), Err(Unreadable), "{word} {raw}");
    }
}

#[test]
fn months_are_cut_from_dates() {
    assert_eq!(canonical(&Codec::Month, "2026-03-04T09:00:00Z"), "2026-03");
    assert_eq!(canonical(&Codec::Month, "2026-03"), "2026-03");
    assert_eq!(Codec::Month.canonical("2026-13".into()), Err(Unreadable));
    assert_eq!(Codec::Month.canonical("March".into()), Err(Unreadable));
}

#[test]
fn flags_are_read_in_every_spelling_and_written_in_one() {
    let codec = |word| Codec::spelt(UnitType::Boolean, Country::AU, word).unwrap();
    for (raw, value) in [
        (json!(true), Value::Flag(true)),
        (json!("TRUE"), Value::Flag(true)),
        (json!("yes"), Value::Flag(true)),
        (json!(1), Value::Flag(true)),
        (json!("No"), Value::Flag(false)),
        (json!(0), Value::Flag(false)),
        (json!(""), Value::Empty),
    ] {
        assert_eq!(codec("text").read(Leaf::One(&raw)), Ok(value), "{raw}");
    }
    assert_eq!(codec("text").read(Leaf::One(&json!("perhaps"))), Err(Unreadable));
    assert_eq!(codec("text").read(Leaf::One(&json!(2))), Err(Unreadable));
    for (word, yes) in [
        ("boolean", json!(true)),
        ("text", json!("true")),
        ("yes_no", json!("yes")),
        ("one_zero", json!(1)),
    ] {
        assert_eq!(codec(word).write_flag(true), Some(yes));
    }
}

#[test]
fn texts_lose_only_spelling() {
    let text = Codec::Text { number: false };
    assert_eq!(canonical(&text, " Anna \t Maria\n"), "Anna Maria");
    assert_eq!(canonical(&text, "Zoe\u{301}"), "Zoé");
    assert_eq!(text.read(Leaf::One(&json!(42))), Ok(Value::text("42")));
    assert_eq!(text.read(Leaf::One(&json!({}))), Err(Unreadable));
    assert_eq!(
        text.read(Leaf::List(&[json!("Anna"), json!("Maria")])),
        Ok(Value::text("Anna Maria"))
    );
    assert_eq!(text.write("Anna Maria", true), Ok(json!(["Anna", "Maria"])));
    assert_eq!(Codec::Text { number: true }.write("42", false), Ok(json!(42)));
    assert_eq!(Codec::Text { number: true }.write("x", false), Err(Unspellable));

    assert_eq!(
        canonical(&Codec::Lines, "Unit 2,1 Test Street\r\n Rear,"),
        "Unit 2, 1 Test Street, Rear"
    );
    assert_eq!(canonical(&Codec::Email, " Mimi@Example.ORG"), "mimi@example.org");
    assert_eq!(canonical(&Codec::Email, "Ask Rose"), "Ask Rose");
    let reference = Codec::spelt(UnitType::Reference, Country::AU, "Organization/").unwrap();
    assert_eq!(
        canonical(&reference, "https://x.example/main/Organization/PG-1"),
        "PG-1"
    );
    assert_eq!(reference.write("PG-1", false), Ok(json!("Organization/PG-1")));
}

#[test]
fn codes_unknown_to_the_table_are_kept() {
    let table = vec![
        ("male".to_string(), vec![json!("M"), json!("Man")]),
        ("other".to_string(), vec![json!(3)]),
    ];
    let codec = Codec::Code(Codes::new(table, vec!["male".to_string(), "female".to_string()]));
    for (raw, code) in [
        (json!("m"), "male"),
        (json!("MAN"), "male"),
        (json!(3), "other"),
        (json!("Female"), "female"),
        (json!("Zz"), "Zz"),
    ] {
        assert_eq!(codec.read(Leaf::One(&raw)), Ok(Value::text(code)), "{raw}");
    }
    assert_eq!(codec.write("male", false), Ok(json!("M")));
    assert_eq!(codec.write("other", false), Ok(json!(3)));
    assert_eq!(codec.write("Zz", false), Ok(json!("Zz")));
}

#[test]
fn states_are_abbreviated_where_the_address_is_australian() {
    let state = |state: &str, country: Option<&str>, home: &str| {
        let mut parts: std::collections::BTreeMap<String, String> = [("state".to_string(), state.to_string())].into();
        parts.extend(country.map(|c| ("country".to_string(), c.to_string())));
        canonical_address(&mut parts, home.parse().unwrap());
        parts
    };
    assert_eq!(state("victoria", None, "AU")["state"], "VIC");
    assert_eq!(state("N.S.W.", Some("aus"), "NZ")["state"], "NSW");
    assert_eq!(state("N.S.W.", Some("aus"), "NZ")["country"], "Australia");
    assert_eq!(state("Victoria", Some("Canada"), "AU")["state"], "Victoria");
    assert_eq!(state("Victoria", None, "NZ")["state"], "Victoria");
}
