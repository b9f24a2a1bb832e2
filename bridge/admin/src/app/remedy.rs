//! What is to be done about a problem, in the words of these pages: what the app can do has a link, what it cannot says who
//! does it, and commands stand folded, for whoever runs the bridge. Every page takes them from here.

use super::call::Call;
use super::routes;
use bridge_engine::ledger::reports::HoldGroup;
use bridge_engine::vitals as engine;
use serde::Serialize;

/// How an account is signed in to again.
const CONNECT: &str = "`halaxy-bridge connect NAME` signs in to products that ask for it; secrets of others stand where the \
                       configuration says.";

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// Who does what.
    pub words: String,
    /// Where the app does it, for those who may go there.
    pub link: Option<Link>,
    /// For whoever runs the bridge; commands are apart from words.
    pub runner: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    pub path: &'static str,
    pub title: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    pub text: String,
    pub code: bool,
}

/// What is told, without the command that was named in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    pub words: String,
    pub runner: Vec<Piece>,
}

impl Remedy {
    fn words(words: impl Into<String>) -> Remedy {
        Remedy {
            words: words.into(),
            ..Remedy::default()
        }
    }

    fn link(self, path: &'static str, title: &'static str) -> Remedy {
        Remedy {
            link: Some(Link { path, title }),
            ..self
        }
    }

    fn runner(self, text: &str) -> Remedy {
        Remedy {
            runner: pieces(text),
            ..self
        }
    }

    /// Without a link where whoever looks may not go.
    pub fn seen_by(mut self, call: &Call) -> Remedy {
        self.link = self.link.filter(|link| {
            let page = link.path.split(['?', '#']).next().unwrap_or_default();
            page.is_empty() || call.role().is_some_and(|role| routes::lets(page, role))
        });
        self
    }
}

/// Words and commands, which stand between backticks.
fn pieces(text: &str) -> Vec<Piece> {
    let parts = text.split('`').enumerate();
    let piece = |(n, part): (usize, &str)| Piece {
        text: part.into(),
        code: n % 2 == 1,
    };
    parts.map(piece).filter(|piece| !piece.text.is_empty()).collect()
}

/// What somebody is told, and apart from it the command that it names at its end.
pub fn told(text: &str) -> Told {
    let Some(at) = text.find(": see `halaxy-bridge ") else {
        return Told {
            words: super::sentence(text),
            runner: Vec::new(),
        };
    };
    Told {
        words: super::sentence(&text[..at]),
        runner: pieces(&super::sentence(text[at + 1..].trim_start())),
    }
}

/// About an alert.
pub fn of_alert(remedy: &engine::Remedy) -> Remedy {
    use engine::Remedy as Of;
    let words = match remedy {
        Of::LookAtAccount => Remedy::words(
            "The service tries again by itself. If it goes on, whoever runs the bridge checks that the service runs, and what \
             the product answers.",
        ),
        Of::ConnectAnew => {
            return Remedy::words(
                "Whoever runs the bridge signs in to the product again, or puts a valid secret in place. Until then nothing \
                 is read or written there; nothing is lost.",
            )
            .runner(CONNECT);
        }
        Of::ConnectBefore => {
            return Remedy::words("Whoever runs the bridge signs in to the product again before that day.").runner(CONNECT);
        }
        Of::FewerCalls => Remedy::words(
            "What people ask for still goes through; the rest goes on after midnight UTC. If it happens often, whoever runs \
             the bridge has it look less often, or asks the vendor for more calls.",
        ),
        Of::ApprovePlan => Remedy::words("An administrator looks at the plan, and approves it if it is right.")
            .link("/runs#plan", "To the plan"),
        Of::MendSubscriber(name) => Remedy::words(format!(
            "Whoever keeps {name} mends it; then whoever runs the bridge has it go on. It goes on where it was, as long as \
             events are kept."
        )),
        Of::TryAgain => Remedy::words(
            "What is held can be tried once more where it waits. What fails stands in the service’s log, for whoever runs \
             the bridge.",
        )
        .link("/inbox?kind=hold", "What is held"),
        Of::StartBroker => Remedy::words(
            "Whoever runs the bridge starts the broker, or mends its settings. Nothing is lost: the store keeps what is to \
             be done.",
        ),
        Of::EmptyParking => Remedy::words(
            "Nothing is lost: the store keeps what is to be done. Whoever runs the bridge finds out what failed, and empties \
             the broker’s parking queue.",
        ),
        Of::ProveAgain => Remedy::words(
            "It is tried again every night, and whenever a bookkeeper asks. If it goes on, whoever runs the bridge checks \
             what the products answer.",
        )
        .link("/books/proof", "Prove it now"),
        Of::SeeDrift => Remedy::words(
            "A bookkeeper looks at what changed after it was posted, each with the documents that put it right.",
        )
        .link("/books/drift", "To the list"),
        Of::SeeService => Remedy::words("Whoever runs the bridge checks that the service runs."),
        Of::LookAtPart => Remedy::words(
            "It is tried again by itself. If it goes on, whoever runs the bridge checks what the product answers.",
        ),
        Of::EndsByItself => return Remedy::words("It ends by itself once it is seen to."),
    };
    let text = remedy.to_string();
    match text.contains('`') {
        true => words.runner(&text),
        // It says no more than what stands here.
        false => words,
    }
}

/// About the rules, or a system, that wait until the plan is approved.
pub fn of_plan() -> Remedy {
    of_alert(&engine::Remedy::ApprovePlan)
}

/// About a rule that was tried: what to write for it, and what to run then.
pub fn of_rule(adopt: &str) -> Remedy {
    Remedy::words(
        "Rules stand in a file that is looked over like a contract, so no page changes one. Whoever runs the bridge writes \
         this one into it; then the plan shows what it changes, and nothing is written until an administrator approves \
         that.",
    )
    .link("/runs#plan", "To the plan")
    .runner(adopt)
}

/// About books that are not there.
pub fn of_no_books() -> Remedy {
    Remedy::words("Whoever runs the bridge connects the books, and then starts the service, which reads them.").runner(
        "The section [ledger] of the configuration names them; `halaxy-bridge connect NAME` signs in, and \
         `halaxy-bridge run` keeps them.",
    )
}

/// About what waits for the books.
pub fn of_hold(hold: &HoldGroup) -> Remedy {
    let below = |words: &str| Remedy::words(words).link("#decide", "To decide");
    let ruled = |words: &str| Remedy::words(words).runner(&hold.remedy);
    match hold.kind.as_str() {
        "no_rule" => ruled(
            "Say which account it belongs to: the item, its category or its payer. Whoever keeps the posting rules writes \
             it there; then it is posted by itself.",
        ),
        "no_tax" => ruled(
            "Say which tax rate it has; GST-free and BAS-excluded are different ones. Whoever keeps the posting rules \
             writes it there.",
        ),
        "unknown_account" | "archived_account" | "system_account" => ruled(
            "Restore the account in the books, or say which other one is meant, for whoever keeps the posting rules.",
        ),
        "no_payments_into" => ruled(
            "Allow payments to this account in the books, or say which other one is meant, for whoever keeps the posting \
             rules.",
        ),
        "unknown_tax" => ruled("Say which of the books’ tax rates is meant, for whoever keeps the posting rules."),
        "tax_differs" => ruled(
            "Correct the fee in Halaxy. If Halaxy is right, say which tax rate it has, for whoever keeps the posting rules.",
        ),
        "method" => ruled("Say into which account this way of paying goes, for whoever keeps the posting rules."),
        "older" => ruled(
            "Record the payment in the books by hand; or say which account older money goes to, for whoever keeps the \
             posting rules.",
        ),
        "needs_account" => ruled("Say which account is meant, for whoever keeps the posting rules."),
        "bank_refund" => ruled(
            "Record the refund in the books by hand; or have this way of paying go to a clearing account that is no bank \
             account.",
        ),
        "bank_in_summary" => ruled("Have this way of paying go to a clearing account that is no bank account."),
        "approval" => below("Look at it, and say yes above, or put it right in Halaxy."),
        "already_there" => below("Turn Halaxy’s own accounting link off; then link what is there, above."),
        "refused" => below("Mend the cause in the books, or have the posting rules mended; then try it again, above."),
        // The rest is done in Halaxy or in the books, or by nobody.
        _ => Remedy::words(hold.remedy.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_core::ledger::{Approve, Cents, Currency, Why};
    use std::fmt::Write;

    fn written(of: &str, remedy: &Remedy) -> String {
        let mut text = format!("{of}\n  {}\n", remedy.words);
        if let Some(link) = &remedy.link {
            let _ = writeln!(text, "  -> {}: {}", link.path, link.title);
        }
        if !remedy.runner.is_empty() {
            let parts = remedy.runner.iter();
            let parts: String = parts
                .map(|p| {
                    if p.code {
                        format!("<{}>", p.text)
                    } else {
                        p.text.clone()
                    }
                })
                .collect();
            let _ = writeln!(text, "  whoever runs the bridge: {parts}");
        }
        text
    }

    /// One of each kind that the ledger knows.
    fn holds() -> Vec<Why> {
        let (text, sum) = (|| "x".to_owned(), Cents(100));
        let aud = Currency::AUD;
        vec![
            Why::NoRule { item: None },
            Why::NoTax { rule: text() },
            Why::UnknownAccount {
                account: text(),
                rule: text(),
            },
            Why::ArchivedAccount {
                account: text(),
                rule: text(),
            },
            Why::SystemAccount {
                account: text(),
                rule: text(),
            },
            Why::NoPaymentsInto {
                account: text(),
                method: text(),
            },
            Why::UnknownTax {
                tax: text(),
                rule: text(),
            },
            Why::TaxDiffers {
                item: None,
                tax: text(),
                stated: sum,
                expected: sum,
            },
            Why::TotalsDiffer {
                stated: sum,
                computed: sum,
                stated_tax: sum,
                computed_tax: sum,
            },
            Why::Currency {
                stated: aud,
                books: aud,
            },
            Why::Word {
                of: text(),
                word: text(),
            },
            Why::Method { method: text() },
            Why::NoPayer,
            Why::Negative { total: sum },
            Why::Amount,
            Why::NoInvoice { invoice: text() },
            Why::InvoiceHeld { invoice: text() },
            Why::Older { invoice: text() },
            Why::NeedsAccount { name: text() },
            Why::BankRefund { account: text() },
            Why::BankInSummary { account: text() },
            Why::LockedPayment {
                date: jiff::civil::date(2026, 10, 5),
            },
            Why::Approval {
                what: Approve::WriteOff,
                key: text(),
                digest: text(),
            },
            Why::AlreadyThere {
                number: text(),
                remote_id: text(),
                total: sum,
            },
            Why::Refused {
                key: text(),
                kind: text(),
                code: text(),
            },
            Why::Unreadable {
                record: text(),
                fault: text(),
            },
            Why::Unknown { key: text() },
        ]
    }

    #[test]
    fn every_problem_has_words_of_its_own() {
        use engine::Remedy as Of;
        let mut all = String::new();
        for of in [
            Of::LookAtAccount,
            Of::ConnectAnew,
            Of::ConnectBefore,
            Of::FewerCalls,
            Of::ApprovePlan,
            Of::MendSubscriber("sheet".into()),
            Of::TryAgain,
            Of::StartBroker,
            Of::EmptyParking,
            Of::ProveAgain,
            Of::SeeDrift,
            Of::SeeService,
            Of::LookAtPart,
            Of::EndsByItself,
        ] {
            all += &written(&format!("{of:?}"), &of_alert(&of));
        }
        all += &written("a rule", &of_rule("Write it, then `halaxy-bridge plan`."));
        all += &written("no books", &of_no_books());
        for why in holds() {
            let hold = HoldGroup {
                kind: why.kind(),
                why: why.text(),
                remedy: why.remedy(),
                who: vec![],
            };
            let remedy = of_hold(&hold);
            let named = format!("{} {:?}", remedy.words, remedy.link);
            assert!(
                !named.contains("halaxy-bridge ") && !named.contains("ledger.toml"),
                "{named}"
            );
            all += &written(&hold.kind, &remedy);
        }
        let kept = include_str!("../../tests/remedies.txt");
        assert!(all == kept, "tests/remedies.txt is another text now:\n{all}");
    }

    #[test]
    fn commands_are_apart_from_what_is_told() {
        let with = told("referrals: 2 end soon: see `halaxy-bridge referral alerts`");
        assert_eq!(with.words, "Referrals: 2 end soon.");
        let codes: Vec<&str> = with.runner.iter().filter(|p| p.code).map(|p| p.text.as_str()).collect();
        assert_eq!(codes, ["halaxy-bridge referral alerts"]);
        assert_eq!(told("a kind is not served").words, "A kind is not served.");
        assert!(told("a kind is not served").runner.is_empty());
    }
}
