//! Both CRMs, and crowds of people for them.

use adapter_sandbox::{CallInfo, CrmKind, CsvPerson};
use bridge_tests::{Purpose, person, purpose};

pub const BOTH: [CrmKind; 2] = [CrmKind::Hubspot, CrmKind::Plain];

/// So many people of one side, nobody like anybody else.
pub fn crowd(prefix: &str, count: usize) -> Vec<CsvPerson> {
    let one = |i: usize| {
        let (day, month, year) = (1 + i % 28, 1 + (i / 28) % 12, 1930 + (i / 336) % 70);
        let letters: String = [i / 676, i / 26, i]
            .iter()
            .map(|n| (b'a' + (n % 26) as u8) as char)
            .collect();
        CsvPerson {
            date_of_birth: format!("{year}-{month:02}-{day:02}"),
            ..person(
                &format!("{prefix}{i}"),
                &format!("Given{letters}"),
                &format!("{letters}sample"),
                "",
                "",
                &format!("{prefix}{i}@example.org"),
            )
        }
    };
    (0..count).map(one).collect()
}

pub fn is(info: &CallInfo, wanted: Purpose) -> bool {
    purpose(&info.method, &info.path, &info.query) == wanted
}
