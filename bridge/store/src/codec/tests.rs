use super::*;
use proptest::prelude::*;

#[test]
fn every_member_of_a_link_unit_has_a_place() {
    // Two members are private to `bridge_core`, so the compiler cannot tell when one is added.
    let shown = format!("{:?}", LinkUnit::default());
    let members: Vec<&str> = shown
        .split([' ', '{', ','])
        .filter_map(|word| word.strip_suffix(':'))
        .collect();
    let stored = [
        "base",
        "shown",
        "seen",
        "seen_is_base",
        "doubt",
        "lo",
        "hi",
        "trail",
        "author",
        "held",
    ];
    assert_eq!(members, stored);
}

#[test]
fn known_to_be_blank_is_not_absent() {
    let mut unit = LinkUnit::default();
    unit.set_seen(Value::Empty);
    unit.set_base(Value::text("x"), Some(Value::Empty));
    assert_eq!(decode::<LinkUnit>(&encode(&unit)).unwrap(), unit);
    assert_eq!(
        decode::<Option<Value>>(&encode(&Some(Value::Empty))).unwrap(),
        Some(Value::Empty)
    );
}

#[test]
fn numbers_survive() {
    for number in [0, 1, -1, 63, 64, -64, -65, i64::MAX, i64::MIN] {
        assert_eq!(decode::<i64>(&encode(&number)).unwrap(), number);
    }
    for number in [0, 127, 128, u32::MAX] {
        assert_eq!(decode::<u32>(&encode(&number)).unwrap(), number);
    }
}

#[test]
fn damaged_bytes_are_refused() {
    let mut unit = LinkUnit::default();
    unit.set_seen(Value::group([("family", "Samplewood")]));
    unit.trail = vec![Value::set(["a"]), Value::Flag(true)];
    let whole = encode(&unit);
    for end in 0..whole.len() {
        assert!(decode::<LinkUnit>(&whole[..end]).is_none(), "cut at {end}");
    }
    assert!(
        decode::<LinkUnit>(&[whole.as_slice(), &[0]].concat()).is_none(),
        "something follows"
    );
    let endless = [FORM, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert!(
        decode::<Vec<bool>>(&endless).is_none(),
        "a count larger than the rest asks for no memory"
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let texts = || prop::collection::btree_map(".{0,9}", ".{0,9}", 0..4);
    prop_oneof![
        Just(Value::Empty),
        any::<bool>().prop_map(Value::Flag),
        ".{0,40}".prop_map(Value::Text),
        texts().prop_map(Value::Group),
        texts().prop_map(|texts| Value::Set(texts.into_keys().collect())),
    ]
}

proptest! {
    #[test]
    fn units_survive_in_every_state(
        base in prop::option::of(any_value()),
        seen in prop::option::of(any_value()),
        shown in prop::option::of(any_value()),
        trail in prop::collection::vec(any_value(), 0..3),
        (lo, hi) in any::<(i64, i64)>(),
        held in prop::option::of(any_value()),
    ) {
        let mut unit = LinkUnit::default();
        unit.base = base;
        if let Some(seen) = seen {
            unit.set_seen(seen);
        }
        (unit.shown, unit.trail, unit.lo, unit.hi) = (shown, trail, lo, hi);
        unit.held = held.map(|value| UnitHold { value, why: Hold::NotTaken });
        prop_assert_eq!(decode::<LinkUnit>(&encode(&unit)), Some(unit));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let bytes = [&[FORM], bytes.as_slice()].concat();
        if let Some(link) = decode::<Link>(&bytes) {
            prop_assert_eq!(decode::<Link>(&encode(&link)), Some(link));
        }
        if let Some(entity) = decode::<Entity>(&bytes) {
            prop_assert_eq!(decode::<Entity>(&encode(&entity)), Some(entity));
        }
    }
}
