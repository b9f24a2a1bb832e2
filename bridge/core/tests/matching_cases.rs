//! The cases that break ordinary matching, each with what must happen: link, review or apart.
//! A small town of other people stands around each pair, so that names and numbers have the
//! frequencies they have in a practice.

mod town;

use bridge_core::matching::index::At;
use town::Outcome::{Apart, Link, Review};
use town::{Outcome, Town};

/// What becomes of the first left and the first right record.
fn outcome(left: &[&str], right: &[&str]) -> (Outcome, String) {
    let first = |side| At { side, record: 0 };
    Town::new(left, right).between(first(0), first(1))
}

macro_rules! cases {
    ($($name:ident: $expected:expr, [$($left:literal),+], [$($right:literal),+];)+) => {
        $(#[test]
        fn $name() {
            let (is, why) = outcome(&[$($left),+], &[$($right),+]);
            assert_eq!(is, $expected, "{why}");
        })+
    };
}

cases! {
    plain: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412 777 345|miriam@gmail.com"],
        ["Miriam|Samplewood|||+61412777345|miriam@gmail.com"];
    child_with_both_birth_dates: Link,
        ["Mia|Samplewood|2018-04-17|F|0412777345|dad@gmail.com", "Ben|Samplewood|1985-01-05|M|0412777345|dad@gmail.com"],
        ["Mia|Samplewood|2018-04-17||0412777345|dad@gmail.com", "Ben|Samplewood|1985-01-05||0412777345|dad@gmail.com"];
    child_without_a_birth_date: Review,
        ["Mia|Samplewood|2018-04-17|F|0412777345|dad@gmail.com"],
        ["Mia|Samplewood|||0412777345|dad@gmail.com"];
    child_patient_parent_contact: Apart,
        ["Mia|Samplewood|2018-04-17|F|0412777345|ben.samplewood@gmail.com"],
        ["Ben|Samplewood|||0412777345|ben.samplewood@gmail.com"];
    shared_email: Apart,
        ["Miriam|Samplewood|1988-04-17|F||family@gmail.com"],
        ["Bruno|Samplewood|||0412777345|family@gmail.com"];
    shared_phone: Apart,
        ["Miriam|Samplewood|1988-04-17|F|0412777345"],
        ["Bruno|Samplewood|1987-02-03||0412777345"];
    shared_by_the_right_one: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|family@gmail.com", "Bruno|Samplewood|1987-02-03|M|0412777345|family@gmail.com"],
        ["Miriam|Samplewood|1988-04-17||0412777345|family@gmail.com", "Bruno|Samplewood|||0412777345|family@gmail.com"];
    twin: Apart,
        ["Oscar|Samplewood|2015-04-17|M|0412777345|mum@gmail.com", "Lucia|Samplewood|2015-04-17|F|0412777345|mum@gmail.com"],
        ["Lucia|Samplewood|2015-04-17|F|0412777345|mum@gmail.com", "Oscar|Samplewood|2015-04-17|M|0412777345|mum@gmail.com"];
    split_twin_of_similar_name: Review,
        ["Jayden|Samplewood|2015-04-17|M|0412777345|mum@gmail.com|1 High St|3121"],
        ["Hayden|Samplewood|2015-04-17||0412777345|mum@gmail.com|1 High St|3121"];
    same_name_kin: Review,
        ["Robert|Samplewood|1952-04-17|M|0412777345|bob@gmail.com"],
        ["Robert|Samplewood|1981-09-02||0412777345|bob@gmail.com"];
    namesake: Apart,
        ["Anna|Abbott|1952-04-17|F|0412777345|a1@gmail.com|1 High St|3121"],
        ["Anna|Abbott|1952-11-30|F|0498111222|b2@gmail.com|9 Low Rd|4000"];
    namesake_of_one_birth_date: Review,
        ["Marlon|Samplewood|1952-04-17|M|0412777345|a1@gmail.com|1 High St|3121"],
        ["Marlon|Samplewood|1952-04-17|M|0498111222|b2@gmail.com|9 Low Rd|4000"];
    recycled_phone: Apart,
        ["Miriam|Samplewood|1988-04-17|F|0412777345"],
        ["Gustav|Lindqvist|1970-01-05|M|0412777345"];
    case_manager: Apart,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|intake@support.example"],
        ["Gustav|Lindqvist|||0412777345|intake@support.example"];
    facility: Apart,
        ["Edna|Samplewood|1938-04-17|F|0393331234|office@home.example|1 Rest St|3121"],
        ["Edwina|Lindqvist|1939-01-05|F|0393331234|office@home.example|1 Rest St|3121"];
    household_contact: Apart,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|family@gmail.com"],
        ["The Samplewood Family|Samplewood|||0412777345|family@gmail.com"];
    two_in_one_contact: Apart,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|family@gmail.com"],
        ["Miriam & Bruno|Samplewood|||0412777345|family@gmail.com"];
    nameless: Review,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["||1988-04-17||0412777345|miriam@gmail.com"];
    nickname: Link,
        ["Jonathan|Samplewood|1958-04-17|M|0412777345|jon@gmail.com"],
        ["Jon|Samplewood|||0412777345|jon@gmail.com"];
    nickname_of_two_in_one_house: Review,
        ["Charlotte|Samplewood|1996-04-17|F|0412777345|home@gmail.com", "Charles|Samplewood|1960-02-05|M|0412777345|home@gmail.com"],
        ["Charlie|Samplewood|||0412777345|home@gmail.com"];
    initial_alone: Review,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|msamplewood@gmail.com"],
        ["M|Samplewood|||0412777345|msamplewood@gmail.com"];
    initial_that_the_mailbox_spells_out: Review,
        ["Miriam|Samplewood|1968-04-17|F|0412777345|miriam.samplewood@gmail.com"],
        ["M|Samplewood|||0412777345|miriam.samplewood@gmail.com"];
    initial_with_a_mailbox_of_two: Review,
        ["Miriam|Samplewood|1968-04-17|F|0412777345|miriam.samplewood@gmail.com", "Bruno|Samplewood|1966-02-05|M||miriam.samplewood@gmail.com"],
        ["M|Samplewood|||0412777345|miriam.samplewood@gmail.com"];
    child_misspelt_between_two_names: Review,
        ["Jack|Samplewood|2015-04-17|M|0412777345|mum@gmail.com|1 High St|3121"],
        ["Jak|Samplewood|2015-04-17||0412777345|mum@gmail.com|1 High St|3121"];
    short_form_that_the_mailbox_spells: Review,
        ["Charlotte|Samplewood|1985-04-17|F||charlie.samplewood@gmail.com|1 High St|3121"],
        ["Charlie|Samplewood||||charlie.samplewood@gmail.com|1 High St|3121"];
    same_name_kin_a_few_days_apart_in_one_house: Review,
        ["Robert|Samplewood|1982-04-02|M|0412777345||1 High St|3121"],
        ["Robert|Samplewood|1982-04-01||0498111222||1 High St|3121"];
    patient_without_a_birth_date: Review,
        ["Miriam|Samplewood||F|0412777345|miriam@gmail.com"],
        ["Miriam|Samplewood|1988-04-17||0412777345|miriam@gmail.com"];
    namesakes_whose_mailboxes_are_made_of_the_name: Apart,
        ["Anna|Abbott|1952-04-17|F|0412777345|anna.abbott@gmail.com|1 High St|3121"],
        ["Anna|Abbott|||0498111222|annaabbott@outlook.com|9 Low Rd|4000"];
    initial_with_birth_date: Link,
        ["Miriam|Samplewood|1978-04-17|F|0412777345|miriam@gmail.com"],
        ["M|Samplewood|1978-04-17||0412777345|miriam@gmail.com"];
    former_surname: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Miriam|Lindqvist|1988-04-17||0412777345|miriam@gmail.com"];
    affirmed_name: Review,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|sam@gmail.com|1 High St|3121"],
        ["Gustav|Samplewood|1988-04-17||0412777345|sam@gmail.com|1 High St|3121"];
    swapped_names: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Samplewood|Miriam|||0412777345|miriam@gmail.com"];
    full_name_in_one_field: Link,
        ["Miriam|De Luca|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Mrs Miriam De Luca||||0412777345|miriam@gmail.com"];
    punctuation: Link,
        ["Maeve|O'Brien-Smith|1988-04-17|F|0412777345|maeve@gmail.com"],
        ["MAEVE|O Brien Smith|||0412777345|maeve@gmail.com"];
    diacritics: Link,
        ["Zoë|Kovačević|1988-04-17|F|0412777345|zoe@gmail.com"],
        ["Zoe|Kovacevic|||0412777345|zoe@gmail.com"];
    typo: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Mirriam|Samplwood|||0412777345|miriam@gmail.com"];
    email_typo: Link,
        ["Miriam|Samplewood|1988-04-17|F||miriam.samplewood@gmail.com"],
        ["Miriam|Samplewood|1988-04-17|||miriam.samplewood@gmial.com"];
    day_and_month_swapped: Link,
        ["Miriam|Samplewood|1988-04-07|F|0412777345|miriam@gmail.com"],
        ["Miriam|Samplewood|1988-07-04||0412777345|miriam@gmail.com"];
    birth_date_with_a_slip: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Miriam|Samplewood|1989-04-17||0412777345|miriam@gmail.com"];
    birth_date_that_stands_for_none: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Miriam|Samplewood|1900-01-01||0412777345|miriam@gmail.com"];
    no_birth_date_on_one_side: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345"],
        ["Miriam|Samplewood|||0412777345"];
    moved: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345||1 High St|3121"],
        ["Miriam|Samplewood|1988-04-17||0412777345||9 Low Rd|4000"];
    other_email: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Miriam|Samplewood|1988-04-17||0412777345|work@outlook.com"];
    other_phone: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Miriam|Samplewood|1988-04-17||0498111222|miriam@gmail.com"];
    placeholder_email_ties_nobody: Apart,
        ["Miriam|Samplewood|1988-04-17|F||noemail@noemail.com"],
        ["Bruno|Lindqvist||||noemail@noemail.com"];
    placeholder_phone_ties_nobody: Apart,
        ["Miriam|Samplewood|1988-04-17|F|0400000000"],
        ["Bruno|Lindqvist|||0400 000 000"];
    email_alone: Review,
        ["Miriam|Samplewood|1988-04-17|F||miriam@gmail.com"],
        ["|||||miriam@gmail.com"];
    name_and_birth_date_alone: Review,
        ["Miriam|Samplewood|1988-04-17|F"],
        ["Miriam|Samplewood|1988-04-17"];
    two_people_on_one_card: Apart,
        ["Miriam|Samplewood|1988-04-17|F|0412777345||||2428778132/1"],
        ["Bruno|Samplewood|||0412777345||||2428778132/2"];
    other_sex: Review,
        ["Robin|Samplewood|1988-04-17|F|0412777345|robin@gmail.com"],
        ["Robin|Samplewood|1988-04-17|M|0412777345|robin@gmail.com"];
    entered_twice_the_fuller_one: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com", "Miriam|Samplewood|||0412777345"];
    dup_in_side_on_the_left_the_fuller_one: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com", "Miriam|Samplewood|1988-04-17||0412777345"],
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"];
    dup_in_side_on_the_left_the_poorer_one: Review,
        ["Miriam|Samplewood|1988-04-17||0412777345", "Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"];
    no_email_on_one_side: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Miriam|Samplewood|1988-04-17||0412777345"];
    no_phone_on_one_side: Link,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Miriam|Samplewood|1988-04-17|||miriam@gmail.com"];
    entered_twice_the_poorer_one: Review,
        ["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        ["Miriam|Samplewood|||0412777345", "Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"];
}

#[test]
fn reasons_count_other_people_and_never_show_them() {
    let left = [
        "Jonathan|Samplewood|1958-04-17|M|0412777345|home@gmail.com",
        "Gertrud|Samplewood|1960-01-09|F|0412777345|g@gmail.com",
    ];
    let (_, why) = outcome(&left, &["Jon|Samplewood|1958-04-17||0412777345"]);
    assert!(why.contains("same birth date"), "{why}");
    assert!(why.contains("same mobile, which 1 other person uses"), "{why}");
    assert!(
        why.contains("given names differ: Jonathan / Jon: a known short form"),
        "{why}"
    );
    assert!(
        !why.contains("Gertrud") && !why.contains("0412") && !why.contains("gmail"),
        "{why}"
    );
}
