//! Other particulars: addresses, numbers and dates that differ, are wrong or missing.

use crate::support::{must, twice};
use crate::town::Outcome::{Apart, Link, Review};

#[test]
fn email_typo() {
    for mailbox in [
        "miriam.samplewood@gmial.com",
        "miriam.samplewod@gmail.com",
        "miriam.smaplewood@gmail.com",
    ] {
        must(
            &["Miriam|Samplewood|1988-04-17|F||miriam.samplewood@gmail.com"],
            &[&format!("Miriam|Samplewood|1988-04-17|||{mailbox}")],
            &[(0, 0, Link)],
        );
    }
    // another number is another mailbox, and a name is not enough
    must(
        &["Anna|Abbott|1988-04-17|F||anna.abbott12@gmail.com"],
        &["Anna|Abbott||||anna.abbott13@gmail.com"],
        &[],
    );
}

#[test]
fn dm_swap() {
    must(
        &["Miriam|Samplewood|1988-04-07|F|0412777345|miriam@gmail.com"],
        &["Miriam|Samplewood|1988-07-04||0412777345|miriam@gmail.com"],
        &[(0, 0, Link)],
    );
}

#[test]
fn dob_typo() {
    for born in ["1989-04-17", "1998-04-17", "1988-04-18", "1988-05-17"] {
        must(
            &["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
            &[&format!("Miriam|Samplewood|{born}||0412777345|miriam@gmail.com")],
            &[(0, 0, Link)],
        );
    }
    // a slip and nothing but an address: a relative of that name lives there as well
    must(
        &["Miriam|Samplewood|1988-04-17|F|||1 High St|3121"],
        &["Miriam|Samplewood|1989-04-17||||1 High St|3121"],
        &[(0, 0, Review)],
    );
}

#[test]
fn dob_placeholder() {
    for born in ["1900-01-01", "1970-01-01", "1988-01-01"] {
        must(
            &["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
            &[&format!("Miriam|Samplewood|{born}||0412777345|miriam@gmail.com")],
            &[(0, 0, Link)],
        );
    }
    // two placeholders are no agreement
    must(
        &["Anna|Abbott|1900-01-01|F|0412777345"],
        &["Anna|Abbott|1900-01-01||0498111222"],
        &[],
    );
}

#[test]
fn no_dob() {
    must(
        &["Miriam|Samplewood|1988-04-17|F|0412777345"],
        &["Miriam|Samplewood|||0412777345"],
        &[(0, 0, Link)],
    );
    // a patient without one, where nearly all have one, may be the child named after the parent
    must(
        &["Miriam|Samplewood||F|0412777345|miriam@gmail.com"],
        &["Miriam|Samplewood|1988-04-17||0412777345|miriam@gmail.com"],
        &[(0, 0, Review)],
    );
}

#[test]
fn moved() {
    must(
        &["Miriam|Samplewood|1988-04-17|F|0412777345||1 High St|3121"],
        &["Miriam|Samplewood|||0412777345||9 Low Rd|4000"],
        &[(0, 0, Link)],
    );
}

#[test]
fn other_email() {
    must(
        &["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        &["Miriam|Samplewood|||0412777345|work@outlook.com"],
        &[(0, 0, Link)],
    );
}

#[test]
fn other_phone() {
    must(
        &["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        &["Miriam|Samplewood|||0498111222|miriam@gmail.com"],
        &[(0, 0, Link)],
    );
}

#[test]
fn no_email() {
    must(
        &["Miriam|Samplewood|1988-04-17|F|0412777345"],
        &["Miriam|Samplewood|||0412777345|miriam@gmail.com"],
        &[(0, 0, Link)],
    );
}

#[test]
fn no_phone() {
    must(
        &["Miriam|Samplewood|1988-04-17|F||miriam@gmail.com"],
        &["Miriam|Samplewood|||0412777345|miriam@gmail.com"],
        &[(0, 0, Link)],
    );
    // neither phone nor mailbox nor address
    must(
        &["Miriam|Samplewood|1988-04-17|F"],
        &["Miriam|Samplewood|1988-04-17"],
        &[(0, 0, Review)],
    );
}

#[test]
fn dup_in_side() {
    // one patient, entered twice in the CRM: the fuller record is linked, the other asked about
    must(
        &["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        &[
            "Miriam|Samplewood|||0412777345",
            "Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com",
        ],
        &[(0, 0, Review), (0, 1, Link)],
    );
    twice(
        "Miriam|Samplewood|1988-04-17||0412777345|miriam@gmail.com",
        "Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com",
        Link,
    );
    twice(
        "Oscar|Samplewood|2015-04-17|M|0412777345|mum@gmail.com",
        "Lucia|Samplewood|2015-04-17|F|0412777345|mum@gmail.com",
        Apart,
    );
}
