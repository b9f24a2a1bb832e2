//! Both CRMs, and people who look like others.

use adapter_sandbox::{CrmKind, CsvPerson};
use bridge_tests::person;

pub const BOTH: [CrmKind; 2] = [CrmKind::Hubspot, CrmKind::Plain];

pub fn bruno() -> Vec<CsvPerson> {
    vec![person(
        "P2",
        "Bruno",
        "Testacre",
        "1970-12-01",
        "+61491570156",
        "bruno@example.org",
    )]
}

pub fn lookalikes() -> (Vec<CsvPerson>, Vec<CsvPerson>) {
    let patient = person(
        "P1",
        "Miriam",
        "Samplewood",
        "1988-04-17",
        "+61491570006",
        "miriam@example.org",
    );
    let contact = CsvPerson {
        date_of_birth: String::new(),
        ..person("C1", "M", "Samplewood", "", "", "miriam@example.org")
    };
    (vec![patient], vec![contact])
}
