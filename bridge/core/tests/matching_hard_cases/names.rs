//! Names as people spell, shorten, change and swap them.

use crate::support::must;
use crate::town::Outcome::{Link, Review};

#[test]
fn nickname() {
    must(
        &["Jonathan|Samplewood|1958-04-17|M|0412777345|jon@gmail.com"],
        &["Jon|Samplewood|||0412777345|jon@gmail.com"],
        &[(0, 0, Link)],
    );
    // a short form of two who live together, without a date that tells
    must(
        &[
            "Charlotte|Samplewood|1996-04-17|F|0412777345|home@gmail.com",
            "Charles|Samplewood|1960-02-05|M|0412777345|home@gmail.com",
        ],
        &["Charlie|Samplewood|||0412777345|home@gmail.com"],
        &[(0, 0, Review), (1, 0, Review)],
    );
}

#[test]
fn initial() {
    must(
        &["Miriam|Samplewood|1978-04-17|F|0412777345|miriam@gmail.com"],
        &["M|Samplewood|1978-04-17||0412777345|miriam@gmail.com"],
        &[(0, 0, Link)],
    );
    must(
        &["Miriam|Samplewood|1978-04-17|F|0412777345|miriam.samplewood@gmail.com"],
        &["M|Samplewood|||0412777345|miriam.samplewood@gmail.com"],
        &[(0, 0, Review)],
    );
}

#[test]
fn former_surname() {
    must(
        &["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        &["Miriam|Lindqvist|1988-04-17||0412777345|miriam@gmail.com"],
        &[(0, 0, Link)],
    );
    must(
        &["Miriam|Samplewood-Lindqvist|1988-04-17|F|0412777345"],
        &["Miriam|Lindqvist|1988-04-17||0412777345"],
        &[(0, 0, Link)],
    );
    // two men of one given name in one house
    must(
        &["Marlon|Samplewood|1988-04-17|M|0412777345||1 High St|3121"],
        &["Marlon|Lindqvist||M|0412777345||1 High St|3121"],
        &[(0, 0, Review)],
    );
}

#[test]
fn affirmed_name() {
    let patient = "Miriam|Samplewood|1988-04-17|F|0412777345|sam@gmail.com|1 High St|3121";
    must(
        &[patient],
        &["Gustav|Samplewood|1988-04-17||0412777345|sam@gmail.com|1 High St|3121"],
        &[(0, 0, Review)],
    );
    // with the other sex as well it is what a twin brother looks like
    must(
        &[patient],
        &["Gustav|Samplewood|1988-04-17|M|0412777345|sam@gmail.com|1 High St|3121"],
        &[],
    );
}

#[test]
fn swapped_names() {
    must(
        &["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        &["Samplewood|Miriam|||0412777345|miriam@gmail.com"],
        &[(0, 0, Link)],
    );
    must(
        &["Thi Huong|Nguyen|1988-04-17|F|0412777345"],
        &["Nguyen|Huong|1988-04-17||0412777345"],
        &[(0, 0, Link)],
    );
}

#[test]
fn full_in_given() {
    for contact in [
        "Miriam De Luca||||0412777345|miriam@gmail.com",
        "MRS MIRIAM DE LUCA||||0412777345|miriam@gmail.com",
    ] {
        must(
            &["Miriam|De Luca|1988-04-17|F|0412777345|miriam@gmail.com"],
            &[contact],
            &[(0, 0, Link)],
        );
    }
}

#[test]
fn punct() {
    for name in ["O Brien Smith", "OBrien-Smith", "O’Brien–Smith", "Smith", "obriensmith"] {
        must(
            &["Maeve|O'Brien-Smith|1988-04-17|F|0412777345|maeve@gmail.com"],
            &[&format!("Maeve|{name}|||0412777345|maeve@gmail.com")],
            &[(0, 0, Link)],
        );
    }
}

#[test]
fn diacritics() {
    for (patient, contact) in [
        ("Zoë|Kovačević", "Zoe|Kovacevic"),
        ("André|Muñoz", "ANDRE|MUNOZ"),
        ("Håkon|Wójcik", "Hakon|Wojcik"),
    ] {
        must(
            &[&format!("{patient}|1988-04-17||0412777345|home88@gmail.com")],
            &[&format!("{contact}|||0412777345|home88@gmail.com")],
            &[(0, 0, Link)],
        );
    }
}

#[test]
fn typo() {
    for name in [
        "Mirriam|Samplewood",
        "Miriam|Samplwood",
        "Miraim|Samplewood",
        "Mirriam|Samplwood",
    ] {
        must(
            &["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
            &[&format!("{name}|||0412777345|miriam@gmail.com")],
            &[(0, 0, Link)],
        );
    }
    // which of two rare names is the slip nobody knows: either may be another name's, a twin's perhaps
    must(
        &["Msario|Samplewood|2015-04-17|M|0412777345|mum@gmail.com"],
        &["Mario|Samplewood|2015-04-17|M|0412777345|mum@gmail.com"],
        &[(0, 0, Review)],
    );
}
