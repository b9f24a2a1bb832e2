//! Why something is not posted, in a bookkeeper's words, with what to do about it.

use super::money::{Cents, Currency};
use super::rules::Approve;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a document comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An invoice, by id.
    Invoice(String),
    /// A row of payments, by id.
    Payment(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Invoice(id) => write!(f, "invoice {id}"),
            Source::Payment(id) => write!(f, "payment {id}"),
        }
    }
}

/// Something that waits, and why. Carries ids, codes and amounts, never a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Held {
    /// What waits.
    pub source: Source,
    /// Why.
    pub why: Why,
}

/// Why something waits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// No rule names an account for a line.
    NoRule {
        /// The line's item number.
        item: Option<String>,
    },
    /// A rule names an account and none names a tax rate.
    NoTax {
        /// The rule with the account.
        rule: String,
    },
    /// The books have no such account.
    UnknownAccount {
        /// Its code.
        account: String,
        /// The rule that names it.
        rule: String,
    },
    /// The account is archived in the books.
    ArchivedAccount {
        /// Its code.
        account: String,
        /// The rule that names it.
        rule: String,
    },
    /// The account is kept by the books themselves.
    SystemAccount {
        /// Its code.
        account: String,
        /// The rule that names it.
        rule: String,
    },
    /// The account takes no payments.
    NoPaymentsInto {
        /// Its code.
        account: String,
        /// The payment method that leads there.
        method: String,
    },
    /// The books have no such tax rate, or it may not be used any more.
    UnknownTax {
        /// Its code.
        tax: String,
        /// The rule that names it.
        rule: String,
    },
    /// The tax on a line is not what the tax rate says.
    TaxDiffers {
        /// The line's item number.
        item: Option<String>,
        /// The tax rate.
        tax: String,
        /// Tax in Halaxy.
        stated: Cents,
        /// Tax by the rate.
        expected: Cents,
    },
    /// An invoice's totals are not the sums of its lines.
    TotalsDiffer {
        /// What the invoice says, with tax.
        stated: Cents,
        /// What its lines come to, with tax.
        computed: Cents,
        /// Tax on the invoice.
        stated_tax: Cents,
        /// Tax of its lines.
        computed_tax: Cents,
    },
    /// Another currency than the books'.
    Currency {
        /// In Halaxy.
        stated: Currency,
        /// The books'.
        books: Currency,
    },
    /// Halaxy says a word that the bridge does not know.
    Word {
        /// What of: `invoice status`, `line status`, `payment type`.
        of: String,
        /// The word.
        word: String,
    },
    /// No clearing account for a payment method.
    Method {
        /// The method.
        method: String,
    },
    /// Halaxy names nobody who owes or paid.
    NoPayer,
    /// The invoice comes to less than nothing.
    Negative {
        /// With tax.
        total: Cents,
    },
    /// A line's amounts cannot be reckoned.
    Amount,
    /// The invoice of a payment was not read yet, or is gone.
    NoInvoice {
        /// Its id.
        invoice: String,
    },
    /// The invoice of a payment waits itself.
    InvoiceHeld {
        /// Its id.
        invoice: String,
    },
    /// Money for an invoice from before the cut-over, and no account for opening balances.
    Older {
        /// The invoice.
        invoice: String,
    },
    /// An account that is not any line's own is not configured.
    NeedsAccount {
        /// Its name under `[accounts]`.
        name: String,
    },
    /// Money given back from a bank account that no credit covers.
    BankRefund {
        /// The account's code.
        account: String,
    },
    /// A summary would post to a bank account, which books do not take in journals.
    BankInSummary {
        /// The account's code.
        account: String,
    },
    /// A payment in a locked period was moved to another invoice.
    LockedPayment {
        /// When it was posted.
        date: Date,
    },
    /// A person says yes to such things first.
    Approval {
        /// What kind of thing.
        what: Approve,
        /// The document's key, or `void KEY`.
        key: String,
        /// Digest of the document the yes is for.
        digest: String,
    },
    /// The books have a document of this invoice that the bridge did not post.
    AlreadyThere {
        /// Its number there.
        number: String,
        /// Its id there.
        remote_id: String,
        /// Its amount there.
        total: Cents,
    },
    /// The books refused a document.
    Refused {
        /// The document's key.
        key: String,
        /// The kind of refusal, in a word.
        kind: String,
        /// The vendor's code.
        code: String,
    },
    /// A record of Halaxy cannot be read.
    Unreadable {
        /// Halaxy's kind and id.
        record: String,
        /// What is wrong with it, in words without values.
        fault: String,
    },
    /// The outcome of a posting is not known yet.
    Unknown {
        /// The document's key.
        key: String,
    },
}

impl Why {
    /// What is the matter, in a bookkeeper's words.
    pub fn text(&self) -> String {
        let item = |i: &Option<String>| {
            i.as_ref()
                .map_or("a line without an item number".into(), |i| format!("item {i}"))
        };
        match self {
            Why::NoRule { item: i } => format!("no rule says which account {} belongs to", item(i)),
            Why::NoTax { rule } => format!("rule `{rule}` names an account, and no rule names a tax rate"),
            Why::UnknownAccount { account, rule } => format!("the books have no account {account} (rule `{rule}`)"),
            Why::ArchivedAccount { account, rule } => {
                format!("account {account} is archived in the books (rule `{rule}`)")
            }
            Why::SystemAccount { account, rule } => {
                format!("account {account} is kept by the books themselves (rule `{rule}`)")
            }
            Why::NoPaymentsInto { account, method } => format!("account {account} takes no payments (method {method})"),
            Why::UnknownTax { tax, rule } => format!("the books have no tax rate {tax} in use (rule `{rule}`)"),
            Why::TaxDiffers {
                item: i,
                tax,
                stated,
                expected,
            } => format!("tax on {} is {stated} in Halaxy and {expected} by rate {tax}", item(i)),
            Why::TotalsDiffer {
                stated,
                computed,
                stated_tax,
                computed_tax,
            } => format!(
                "the invoice says {stated} (tax {stated_tax}), its lines come to {computed} (tax {computed_tax}): a difference of {}",
                *stated - *computed
            ),
            Why::Currency { stated, books } => format!("it is in {stated}, the books are in {books}"),
            Why::Word { of, word } => format!("Halaxy says an {of} that is not known: `{word}`"),
            Why::Method { method } => format!("no clearing account for payment method `{method}`"),
            Why::NoPayer => "Halaxy names nobody who owes or paid it".into(),
            Why::Negative { total } => format!("it comes to {total}, less than nothing"),
            Why::Amount => "a line's quantity or price cannot be reckoned to the cent".into(),
            Why::NoInvoice { invoice } => format!("its invoice {invoice} was not read yet, or is gone"),
            Why::InvoiceHeld { invoice } => format!("its invoice {invoice} waits"),
            Why::Older { invoice } => format!("its invoice {invoice} is older than the cut-over"),
            Why::NeedsAccount { name } => format!("`{name}` is not set under [accounts]"),
            Why::BankRefund { account } => {
                format!("money was given back from bank account {account}, and no credit is left to take it from")
            }
            Why::BankInSummary { account } => {
                format!("account {account} is a bank account, and daily summaries cannot post to those")
            }
            Why::LockedPayment { date } => {
                format!("it was moved to another invoice after it was posted on {date}, which is locked now")
            }
            Why::Approval { key, what, .. } => format!("{key} waits for a yes: {}", approval(*what)),
            Why::AlreadyThere { number, total, .. } => {
                format!("the books already have {number} over {total}, which the bridge did not post")
            }
            Why::Refused { key, kind, code } => format!("the books refused {key}: {kind} ({code})"),
            Why::Unreadable { record, fault } => format!("{record} cannot be read: {fault}"),
            Why::Unknown { key } => format!("whether {key} arrived in the books is not known yet"),
        }
    }

    /// Its name, as in JSON: `no_rule`.
    pub fn kind(&self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            Ok(serde_json::Value::Object(of)) => of.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        self.remedy_by(|words| format!("halaxy-bridge {words}"))
    }

    /// The same with commands as `command` writes them, e.g. with the configuration that they are about.
    pub fn remedy_by(&self, command: impl Fn(&str) -> String) -> String {
        match self {
            Why::NoRule { .. } => "Add a [[rule]] for the item, its category or its payer to ledger.toml.".into(),
            Why::NoTax { .. } => {
                "Name the tax rate in that rule; GST-free and BAS-excluded are different rates.".into()
            }
            Why::UnknownAccount { .. } | Why::ArchivedAccount { .. } | Why::SystemAccount { .. } => {
                "Name another account in that rule, or restore the account in the books.".into()
            }
            Why::NoPaymentsInto { .. } => {
                "Allow payments to this account in the books, or name another account under [[method]].".into()
            }
            Why::UnknownTax { .. } => "Name a tax rate that the books have.".into(),
            Why::TaxDiffers { .. } => "Correct the fee in Halaxy, or name the right tax rate in its rule.".into(),
            Why::TotalsDiffer { .. } => "Look at the invoice in Halaxy: save it again or correct its lines.".into(),
            Why::Currency { .. } => "Post it by hand; the bridge keeps one currency.".into(),
            Why::Word { .. } => "Look at it in Halaxy, and report the word to the makers of the bridge.".into(),
            Why::Method { .. } => "Add the method to a [[method]] in ledger.toml.".into(),
            Why::NoPayer => "Give it a payer in Halaxy.".into(),
            Why::Negative { .. } => "Credit it in Halaxy on the invoice it belongs to, or post it by hand.".into(),
            Why::Amount => "Look at the line in Halaxy.".into(),
            Why::NoInvoice { .. } | Why::InvoiceHeld { .. } | Why::Unknown { .. } => {
                "Nothing: it goes on by itself.".into()
            }
            Why::Unreadable { .. } => "Open the record in Halaxy and save it again.".into(),
            Why::Older { .. } => {
                "Set `accounts.opening` in ledger.toml, or record the payment in the books by hand.".into()
            }
            Why::NeedsAccount { name } => format!("Set `{name}` under [accounts] in ledger.toml."),
            Why::BankRefund { .. } => {
                "Make the method's account a clearing account that is no bank account, or record the refund by hand."
                    .into()
            }
            Why::BankInSummary { .. } => {
                "Name a clearing account that is no bank account for this method under [[method]].".into()
            }
            Why::LockedPayment { .. } => {
                "Reopen the period in the books until it was moved, or move it there by hand and leave this as it is."
                    .into()
            }
            // Of what is to be voided the key has two words.
            Why::Approval { key, .. } if key.contains(' ') => command(&format!("ledger approve \"{key}\"")),
            Why::Approval { key, .. } => command(&format!("ledger approve {key}")),
            Why::AlreadyThere { .. } => format!(
                "Turn Halaxy's own accounting link off, then link what is there: {}",
                command("ledger adopt")
            ),
            Why::Refused { key, .. } => format!(
                "Mend the cause in the books or in ledger.toml, then: {}",
                command(&format!("ledger retry {key}"))
            ),
        }
    }
}

fn approval(what: Approve) -> &'static str {
    match what {
        Approve::WriteOff => "a debt is written off",
        Approve::Correction => "what was posted is corrected",
        Approve::Void => "a posted document is voided",
        Approve::Refund => "money was given back",
        Approve::Overpayment => "more was paid than the invoice asks",
    }
}
