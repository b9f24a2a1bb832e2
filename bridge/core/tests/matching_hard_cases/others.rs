//! Numbers and contacts of others: case managers, facilities, recycled phones.

use crate::support::must;
use crate::town::Outcome::{Link, Review};

#[test]
fn recycled_phone() {
    must(
        &["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        &[
            "Gustav|Lindqvist|||0412777345|gl@outlook.com",
            "Miriam|Samplewood|||0498111222|miriam@gmail.com",
        ],
        &[(0, 1, Link)],
    );
}

#[test]
fn case_manager() {
    must(
        &[
            "Miriam|Samplewood|1988-04-17|F|0412777345|intake@support.example|1 High St|3121",
            "Sharon|Testacre|1979-10-21|F|0412777345|intake@support.example|8 Park Rd|2150",
        ],
        &[
            "Miriam|Samplewood|1988-04-17||0412777345|intake@support.example",
            "Gustav|Lindqvist|||0412777345|intake@support.example",
        ],
        &[(0, 0, Link)],
    );
    // two Sharons of one coordinator: asked about at most
    must(
        &[
            "Miriam|Samplewood|1988-04-17|F|0412777345|intake@support.example",
            "Gustav|Lindqvist|1970-01-05|M|0412777345|intake@support.example",
            "Bruno|Fernmoor|1961-12-05|M|0412777345|intake@support.example",
            "Sharon|Testacre|1979-10-21|F|0412777345|intake@support.example",
        ],
        &["Sharon|Brackenfield|1964-03-30|F|0412777345|intake@support.example"],
        &[(3, 0, Review)],
    );
}

#[test]
fn facility() {
    must(
        &[
            "Edna|Samplewood|1938-04-17|F|0393331234|office@home.example|1 Rest St|3121",
            "Edwina|Lindqvist|1939-01-05|F|0393331234|office@home.example|1 Rest St|3121",
            "Edgar|Testacre|1941-06-25|M|0393331234|office@home.example|1 Rest St|3121",
        ],
        &[
            "Edwina|Lindqvist|1939-01-05||0393331234|office@home.example|1 Rest St|3121",
            "Edna|Samplewood|1938-04-17||0393331234|office@home.example|1 Rest St|3121",
            "Ellen|Fernmoor|1940-11-12||0393331234|office@home.example|1 Rest St|3121",
        ],
        &[(0, 1, Link), (1, 0, Link)],
    );
}

#[test]
fn nameless() {
    must(
        &["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        &["||||0412777345|miriam@gmail.com"],
        &[(0, 0, Review)],
    );
    must(
        &["Miriam|Samplewood|1988-04-17|F|0412777345|miriam@gmail.com"],
        &["||1988-04-17||0412777345|miriam@gmail.com"],
        &[(0, 0, Review)],
    );
}

#[test]
fn placeholder_email() {
    for none in ["noemail@noemail.com", "none@none.com"] {
        must(
            &[&format!("Miriam|Samplewood|1988-04-17|F|0412777345|{none}")],
            &[
                &format!("Bruno|Lindqvist||||{none}"),
                &format!("Miriam|Samplewood|||0412777345|{none}"),
            ],
            &[(0, 1, Link)],
        );
        // no third field
        must(
            &[&format!("Miriam|Samplewood|1988-04-17|F||{none}")],
            &[&format!("Miriam|Samplewood|1988-04-17|||{none}")],
            &[(0, 0, Review)],
        );
    }
}

#[test]
fn placeholder_phone() {
    for none in ["0400000000", "0000000000"] {
        must(
            &[&format!("Miriam|Samplewood|1988-04-17|F|{none}|miriam@gmail.com")],
            &[
                &format!("Bruno|Lindqvist|||{none}"),
                &format!("Miriam|Samplewood|||{none}|miriam@gmail.com"),
            ],
            &[(0, 1, Link)],
        );
        // no third field
        must(
            &[&format!("Miriam|Samplewood|1988-04-17|F|{none}")],
            &[&format!("Miriam|Samplewood|1988-04-17||{none}")],
            &[(0, 0, Review)],
        );
    }
}
