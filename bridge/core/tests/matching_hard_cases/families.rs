//! People of one family, one address or one name.

use crate::support::must;
use crate::town::Outcome::{Link, Review};

#[test]
fn child() {
    // the whole family, on one phone and one mailbox: each to their own
    must(
        &[
            "Mia|Samplewood|2018-04-17|F|0412777345|dad@gmail.com|1 High St|3121",
            "Leo|Samplewood|2015-09-02|M|0412777345|dad@gmail.com|1 High St|3121",
            "Bruno|Samplewood|1985-01-05|M|0412777345|dad@gmail.com|1 High St|3121",
        ],
        &[
            "Leo|Samplewood|2015-09-02||0412777345|dad@gmail.com",
            "Bruno|Samplewood|||0412777345|dad@gmail.com",
            "Mia|Samplewood|2018-04-17||0412777345|dad@gmail.com",
        ],
        &[(0, 2, Link), (1, 0, Link), (2, 1, Link)],
    );
    // without a birth date a child is never linked, not even on a card
    must(
        &["Mia|Samplewood|2018-04-17|F|0412777345|dad@gmail.com|1 High St|3121|2428778132/3"],
        &["Mia|Samplewood|||0412777345|dad@gmail.com|1 High St|3121|2428778132"],
        &[(0, 0, Review)],
    );
}

#[test]
fn child_patient_parent_contact() {
    must(
        &[
            "Mia|Samplewood|2018-04-17|F|0412777345|ben.samplewood@gmail.com|1 High St|3121",
            "Leo|Samplewood|2015-09-02|M|0412777345|ben.samplewood@gmail.com|1 High St|3121",
        ],
        &[
            "Ben|Samplewood|||0412777345|ben.samplewood@gmail.com|1 High St|3121",
            "Ines|Samplewood|1986-02-11||0412777345|ben.samplewood@gmail.com",
        ],
        &[],
    );
    // the parent bears the child's name: nobody knows without a date
    must(
        &["Leo|Samplewood|2015-09-02|M|0412777345|leo.samplewood@gmail.com|1 High St|3121"],
        &["Leo|Samplewood|||0412777345|leo.samplewood@gmail.com|1 High St|3121"],
        &[(0, 0, Review)],
    );
}

#[test]
fn shared_email() {
    must(
        &[
            "Miriam|Samplewood|1968-04-17|F|0412777345|samplewoods@bigpond.com",
            "Bruno|Samplewood|1966-02-03|M|0498111222|samplewoods@bigpond.com",
        ],
        &[
            "Bruno|Samplewood|||0498111222|samplewoods@bigpond.com",
            "Miriam|Samplewood||||samplewoods@bigpond.com",
            "Gerda|Samplewood||||samplewoods@bigpond.com",
        ],
        &[(0, 1, Link), (1, 0, Link)],
    );
}

#[test]
fn shared_phone() {
    must(
        &[
            "Miriam|Samplewood|1968-04-17|F|0412777345|miriam@gmail.com",
            "Bruno|Samplewood|1966-02-03|M|0412777345",
        ],
        &[
            "Bruno|Samplewood|1966-02-03||+61412777345",
            "Miriam|Samplewood|||0412 777 345",
            "Gerda|Lindqvist|||0412777345",
        ],
        &[(0, 1, Link), (1, 0, Link)],
    );
}

#[test]
fn twin() {
    let patients = [
        "Oscar|Samplewood|2015-04-17|M|0412777345|mum@gmail.com|1 High St|3121",
        "Lucia|Samplewood|2015-04-17|F|0412777345|mum@gmail.com|1 High St|3121",
    ];
    must(
        &patients,
        &[
            "Lucia|Samplewood|2015-04-17||0412777345|mum@gmail.com",
            "Oscar|Samplewood|2015-04-17||0412777345|mum@gmail.com",
        ],
        &[(0, 1, Link), (1, 0, Link)],
    );
    must(
        &patients,
        &[
            "Lucia|Samplewood|||0412777345|mum@gmail.com",
            "Oscar|Samplewood|||0412777345|mum@gmail.com",
        ],
        &[(0, 1, Review), (1, 0, Review)],
    );
}

#[test]
fn twin_similar_name() {
    must(
        &[
            "Jayden|Samplewood|2015-04-17|M|0412777345|mum@gmail.com|1 High St|3121",
            "Hayden|Samplewood|2015-04-17|M|0412777345|mum@gmail.com|1 High St|3121",
        ],
        &[
            "Hayden|Samplewood|2015-04-17|M|0412777345|mum@gmail.com",
            "Jayden|Samplewood|2015-04-17|M|0412777345|mum@gmail.com",
        ],
        &[(0, 1, Link), (1, 0, Link)],
    );
}

#[test]
fn split_twin() {
    // one twin is a patient, the other a contact
    must(
        &["Oscar|Samplewood|2015-04-17|M|0412777345|mum@gmail.com|1 High St|3121"],
        &["Lucia|Samplewood|2015-04-17|F|0412777345|mum@gmail.com|1 High St|3121"],
        &[],
    );
    must(
        &["Jayden|Samplewood|2015-04-17|M|0412777345|mum@gmail.com|1 High St|3121"],
        &["Hayden|Samplewood|2015-04-17||0412777345|mum@gmail.com|1 High St|3121"],
        &[(0, 0, Review)],
    );
}

#[test]
fn same_name_kin() {
    // father and son of one name, both here and there
    must(
        &[
            "Robert|Samplewood|1952-04-17|M|0412777345|bob@gmail.com|1 High St|3121",
            "Robert|Samplewood|1981-09-02|M|0498111222|bob@gmail.com|1 High St|3121",
        ],
        &[
            "Robert|Samplewood|1981-09-02||0498111222|bob@gmail.com",
            "Robert|Samplewood|1952-04-17||0412777345|bob@gmail.com",
        ],
        &[(0, 1, Link), (1, 0, Link)],
    );
    // the father here, the son there
    must(
        &["Robert|Samplewood|1952-04-17|M|0412777345|bob@gmail.com|1 High St|3121"],
        &["Robert|Samplewood|1981-09-02||0412777345|bob@gmail.com|1 High St|3121"],
        &[(0, 0, Review)],
    );
    // both here, and a contact who may be either
    must(
        &[
            "Robert|Samplewood|1952-04-17|M|0412777345|bob@gmail.com",
            "Robert|Samplewood|1981-09-02|M|0412777345|bob@gmail.com",
        ],
        &["Robert|Samplewood|||0412777345|bob@gmail.com"],
        &[(0, 0, Review), (1, 0, Review)],
    );
}

#[test]
fn namesake() {
    must(
        &["Anna|Abbott|1952-04-17|F|0412777345|a1@gmail.com|1 High St|3121"],
        &[
            "Anna|Abbott|1952-11-30|F|0498111222|b2@gmail.com|9 Low Rd|4000",
            "Anna|Abbott|||0412777345|a1@gmail.com",
        ],
        &[(0, 1, Link)],
    );
}

#[test]
fn namesake_same_dob() {
    must(
        &["Marlon|Samplewood|1952-04-17|M|0412777345|a1@gmail.com|1 High St|3121"],
        &["Marlon|Samplewood|1952-04-17|M|0498111222|b2@gmail.com|9 Low Rd|4000"],
        &[(0, 0, Review)],
    );
    // the right one is there too
    must(
        &["Marlon|Samplewood|1952-04-17|M|0412777345|a1@gmail.com|1 High St|3121"],
        &[
            "Marlon|Samplewood|1952-04-17|M|0498111222|b2@gmail.com|9 Low Rd|4000",
            "Marlon|Samplewood|1952-04-17|M|0412777345|a1@gmail.com|1 High St|3121",
        ],
        &[(0, 0, Review), (0, 1, Link)],
    );
}

#[test]
fn household_contact() {
    must(
        &[
            "Miriam|Samplewood|1988-04-17|F|0412777345|family@gmail.com",
            "Mia|Samplewood|2018-04-17|F|0412777345|family@gmail.com",
        ],
        &[
            "The Samplewood Family|Samplewood|||0412777345|family@gmail.com",
            "Miriam & Bruno|Samplewood|||0412777345|family@gmail.com",
            "Mia's mum||||0412777345|family@gmail.com",
        ],
        &[],
    );
}
