//! Bank transactions, and the prepayments and overpayments that some of them make; journals written by hand.

use serde_json::{Value, json};

use super::chart::CURRENCY;
use super::dates;
use super::documents::Detail;
use super::ledger::{Act, Amounts, BankTransaction, Document, Kind, Ledger, Line, ManualJournal, Status, Totals};
use super::lines::{self, Needs};
use super::members::{currency, day, flag, member, text};
use super::money::number;
use super::problem::Problem;

/// The types that are taken; transfers and prepayments to suppliers are no business of a practice's bridge.
const TYPES: [&str; 4] = ["RECEIVE", "SPEND", "RECEIVE-PREPAYMENT", "RECEIVE-OVERPAYMENT"];

/// Members that both kinds read alike.
struct Head {
    amounts: Amounts,
    date: jiff::civil::Date,
    url: Option<String>,
}

fn head(sent: &Value, date: jiff::civil::Date, amounts: Amounts, problems: &mut Vec<String>) -> Head {
    currency(sent, problems);
    let amounts = match text(sent, "LineAmountTypes") {
        None => amounts,
        Some(asked) => Amounts::of(&asked).unwrap_or_else(|| {
            problems.push("LineAmountTypes is Exclusive, Inclusive or NoTax".to_owned());
            amounts
        }),
    };
    Head {
        amounts,
        date: day(sent, "Date", problems).unwrap_or(date),
        url: text(sent, "Url"),
    }
}

impl Ledger {
    /// Takes one bank transaction: made new, or found and changed if `may_update` or the path named it.
    pub fn put_bank(
        &mut self,
        sent: &Value,
        named: Option<usize>,
        may_update: bool,
        act: &mut Act<'_>,
    ) -> Result<usize, Problem> {
        let found = match (named, text(sent, "BankTransactionID")) {
            (Some(place), _) => Some(place),
            (None, Some(id)) if may_update => Some(self.bank.place(&id).ok_or(Problem::Missing)?),
            _ => None,
        };
        let old = found.map(|place| self.bank[place].clone());
        if let (Some(place), Some(old)) = (found, &old)
            && let Some(done) = self.close_bank(place, old, sent, act)?
        {
            return Ok(done);
        }
        let mut problems = Vec::new();
        let kind = match (&old, text(sent, "Type")) {
            (Some(old), None) => old.kind.clone(),
            (Some(old), Some(kind)) if kind == old.kind => kind,
            (None, Some(kind)) if TYPES.contains(&kind.as_str()) => kind,
            (Some(_), _) => return Err(Problem::of("The Type of a bank transaction cannot be changed")),
            (None, _) => return Err(Problem::of(format!("Type is one of {}", TYPES.join(", ")))),
        };
        let (date, amounts) = old
            .as_ref()
            .map_or((act.today, Amounts::Exclusive), |old| (old.date, old.amounts));
        let Head { amounts, date, url } = head(sent, date, amounts, &mut problems);
        let over = kind == "RECEIVE-OVERPAYMENT";
        // An overpayment is untaxed money on the debtors' account.
        let amounts = if over { Amounts::NoTax } else { amounts };
        let bank = match (&old, member(sent, "BankAccount")) {
            (Some(old), None) => Some(old.bank),
            _ => self.paying_account(sent, &mut problems),
        };
        if let Some(place) = bank
            && !self.chart.accounts[place].is_bank()
        {
            problems.push("BankAccount must be a bank account".to_owned());
        }
        let before = old.as_ref().map_or(&[][..], |old| &old.lines);
        let lines = match member(sent, "LineItems").and_then(Value::as_array) {
            None => before.to_vec(),
            Some(sent) if over => self.overpaid(sent, act, &mut problems),
            Some(sent) => {
                let needs = Needs {
                    complete: true,
                    discounts: false,
                    amounts,
                };
                lines::read(&self.chart, sent, before, needs, act, &mut problems)
            }
        };
        if lines.is_empty() {
            problems.push("One or more line items must be specified".to_owned());
        }
        let totals = Totals::of(&lines, amounts);
        if totals.whole <= 0 {
            problems.push("The total must be more than zero".to_owned());
        }
        if !problems.is_empty() {
            return Err(Problem::Invalid(problems));
        }
        if let Some(old) = &old {
            self.check_lock(old.date, act)?;
        }
        self.check_lock(date, act)?;
        let plain = kind == "RECEIVE" || kind == "SPEND";
        let contact = match &old {
            Some(old) if member(sent, "Contact").is_none() => old.contact,
            _ if plain => match member(sent, "Contact") {
                Some(_) => Some(self.contact_of(sent, act)?),
                None => None,
            },
            _ => Some(self.contact_of(sent, act)?),
        };
        let mut transaction = BankTransaction {
            id: old.as_ref().map_or_else(|| act.id(), |old| old.id.clone()),
            kind,
            contact,
            bank: bank.unwrap_or_default(),
            date,
            // The vendor's file: a reference is kept of plain receipts and spendings only.
            reference: text(sent, "Reference")
                .filter(|_| plain)
                .or_else(|| old.as_ref().map(|old| old.reference.clone()))
                .unwrap_or_default(),
            amounts,
            lines,
            totals,
            live: true,
            reconciled: flag(sent, "IsReconciled").unwrap_or(false),
            url: url.or_else(|| old.as_ref()?.url.clone()),
            document: old.as_ref().and_then(|old| old.document),
            updated: act.now,
        };
        if let Some(place) = found {
            self.bank[place] = transaction;
            return Ok(place);
        }
        if !plain {
            transaction.document = Some(self.credit_from(&transaction, over, act));
        }
        Ok(self.bank.push(transaction))
    }

    /// Deletes a transaction if that is what was sent, and refuses what cannot be changed.
    fn close_bank(
        &mut self,
        place: usize,
        old: &BankTransaction,
        sent: &Value,
        act: &Act<'_>,
    ) -> Result<Option<usize>, Problem> {
        if !old.live {
            return Err(Problem::of(
                "This bank transaction has been deleted and cannot be changed",
            ));
        }
        if old.document.is_some() {
            return Err(Problem::of(
                "Prepayments and overpayments cannot be changed; refund or allocate them",
            ));
        }
        match text(sent, "Status").as_deref() {
            None | Some("AUTHORISED") => Ok(None),
            Some("DELETED" | "VOIDED") => {
                self.check_lock(old.date, act)?;
                self.bank[place].live = false;
                self.bank[place].updated = act.now;
                Ok(Some(place))
            }
            Some(other) => Err(Problem::of(format!("'{other}' is not a status of a bank transaction"))),
        }
    }

    /// The one line of an overpayment stands on the debtors' account, whether it says so or not.
    fn overpaid(&self, sent: &[Value], act: &mut Act<'_>, problems: &mut Vec<String>) -> Vec<Line> {
        let needs = Needs {
            complete: false,
            discounts: false,
            amounts: Amounts::NoTax,
        };
        let mut plain = sent.to_vec();
        for line in &mut plain {
            if let Some(line) = line.as_object_mut() {
                let code = line.shift_remove("AccountCode");
                let debtors = &self.chart.accounts[self.chart.debtors];
                if code.is_some_and(|code| code != *debtors.code) {
                    problems.push("The line of an overpayment is coded to the debtors' account".to_owned());
                }
                line.shift_remove("AccountID");
                if line
                    .get("TaxType")
                    .is_some_and(|code| code != "NONE" && code != "BASEXCLUDED")
                {
                    problems.push("An overpayment holds no tax".to_owned());
                }
                line.shift_remove("TaxAmount");
            }
        }
        let mut lines = lines::read(&self.chart, &plain, &[], needs, act, problems);
        if lines.len() != 1 {
            problems.push("An overpayment has exactly one line".to_owned());
        }
        for line in &mut lines {
            line.account = Some(self.chart.debtors);
            line.tracking.clear();
        }
        lines
    }

    fn credit_from(&mut self, transaction: &BankTransaction, over: bool, act: &mut Act<'_>) -> usize {
        let document = Document {
            kind: if over { Kind::Overpayment } else { Kind::Prepayment },
            id: act.id(),
            number: String::new(),
            reference: transaction.reference.clone(),
            contact: transaction.contact.unwrap_or_default(),
            date: transaction.date,
            due: None,
            expected: None,
            status: Status::Authorised,
            amounts: transaction.amounts,
            lines: transaction.lines.clone(),
            totals: transaction.totals,
            url: None,
            sent: false,
            bank: Some(transaction.bank),
            payments: Vec::new(),
            allocations: Vec::new(),
            updated: act.now,
            by_app: act.by_app,
        };
        self.add_document(document)
    }

    /// A bank transaction as the product shows it.
    pub fn shown_bank(&self, place: usize, detail: Detail) -> Value {
        let row = &self.bank[place];
        let bank = &self.chart.accounts[row.bank];
        let mut shown = json!({
            "BankTransactionID": row.id,
            "BankAccount": {"AccountID": bank.id, "Code": bank.code, "Name": bank.name},
            "Type": row.kind,
            "Reference": row.reference,
            "IsReconciled": row.reconciled,
            "HasAttachments": false,
            "DateString": dates::day_text(row.date),
            "Date": dates::day(row.date),
            "Status": if row.live { "AUTHORISED" } else { "DELETED" },
            "LineAmountTypes": row.amounts.name(),
            "LineItems": [],
            "SubTotal": number(row.totals.net),
            "TotalTax": number(row.totals.tax),
            "Total": number(row.totals.whole),
            "UpdatedDateUTC": dates::instant(row.updated),
            "CurrencyCode": CURRENCY,
        });
        if let Some(contact) = row.contact {
            shown["Contact"] = self.contact_in_short(contact);
        }
        if detail.lines {
            let lines = row.lines.iter();
            shown["LineItems"] = lines
                .map(|line| lines::shown(&self.chart, line, detail.unit_dp))
                .collect();
        }
        if let Some(url) = &row.url {
            shown["Url"] = json!(url);
        }
        if let Some(document) = row.document {
            let document = &self.documents[document];
            shown[format!("{}ID", document.kind.name())] = json!(document.id);
        }
        shown
    }

    /// Takes one manual journal: made new, or found and changed if `may_update` or the path named it.
    pub fn put_journal(
        &mut self,
        sent: &Value,
        named: Option<usize>,
        may_update: bool,
        act: &mut Act<'_>,
    ) -> Result<usize, Problem> {
        let found = match (named, text(sent, "ManualJournalID")) {
            (Some(place), _) => Some(place),
            (None, Some(id)) if may_update => Some(self.journals.place(&id).ok_or(Problem::Missing)?),
            _ => None,
        };
        let old = found.map(|place| self.journals[place].clone());
        let was = old.as_ref().map(|old| old.status);
        if matches!(was, Some("VOIDED" | "DELETED")) {
            return Err(Problem::of(
                "This manual journal has been voided or deleted and cannot be changed",
            ));
        }
        let status = match (was, text(sent, "Status").as_deref()) {
            (was, None) => was.unwrap_or("DRAFT"),
            (None | Some("DRAFT"), Some("DRAFT")) => "DRAFT",
            (_, Some("POSTED")) => "POSTED",
            (Some("POSTED"), Some("VOIDED")) => "VOIDED",
            (Some("DRAFT"), Some("DELETED")) => "DELETED",
            (_, Some(other)) => {
                return Err(Problem::of(format!(
                    "Status {other} cannot be applied to this manual journal"
                )));
            }
        };
        let mut problems = Vec::new();
        let (date, amounts) = old
            .as_ref()
            .map_or((act.today, Amounts::NoTax), |old| (old.date, old.amounts));
        let Head { amounts, date, url } = head(sent, date, amounts, &mut problems);
        let narration = text(sent, "Narration").or_else(|| old.as_ref().map(|old| old.narration.clone()));
        if narration.is_none() {
            problems.push("Narration must be specified".to_owned());
        }
        let lines = match member(sent, "JournalLines").and_then(Value::as_array) {
            Some(sent) => lines::read_journal(&self.chart, sent, amounts, act, &mut problems),
            None => old.as_ref().map_or_else(Vec::new, |old| old.lines.clone()),
        };
        if status == "POSTED" && lines.len() < 2 {
            problems.push("A manual journal has at least two lines".to_owned());
        }
        // What is posted is the net and the tax of each line, so that is what must balance.
        let whole = Totals::of(&lines, amounts).whole;
        if status != "DRAFT" && whole != 0 {
            problems.push(format!(
                "The total debits must equal the total credits; they differ by {}",
                super::money::as_decimal(whole)
            ));
        }
        if !problems.is_empty() {
            return Err(Problem::Invalid(problems));
        }
        if let Some(old) = old.as_ref().filter(|old| old.status == "POSTED") {
            self.check_lock(old.date, act)?;
        }
        if status == "POSTED" {
            self.check_lock(date, act)?;
        }
        let journal = ManualJournal {
            id: old.as_ref().map_or_else(|| act.id(), |old| old.id.clone()),
            narration: narration.unwrap_or_default(),
            date,
            amounts,
            lines,
            status,
            url: url.or_else(|| old.as_ref()?.url.clone()),
            updated: act.now,
        };
        Ok(match found {
            Some(place) => {
                self.journals[place] = journal;
                place
            }
            None => self.journals.push(journal),
        })
    }

    /// A manual journal as the product shows it.
    pub fn shown_journal(&self, place: usize, with_lines: bool) -> Value {
        let row = &self.journals[place];
        let mut shown = json!({
            "ManualJournalID": row.id,
            "Date": dates::day(row.date),
            "Status": row.status,
            "LineAmountTypes": row.amounts.name(),
            "UpdatedDateUTC": dates::instant(row.updated),
            "Narration": row.narration,
            "JournalLines": [],
            "ShowOnCashBasisReports": true,
            "HasAttachments": false,
        });
        if let Some(url) = &row.url {
            shown["Url"] = json!(url);
        }
        if with_lines {
            shown["JournalLines"] = row
                .lines
                .iter()
                .map(|line| {
                    let mut part = json!({
                        "LineAmount": number(line.amount),
                        "TaxAmount": number(line.tax),
                        "Tracking": lines::shown_tracking(&self.chart, line),
                        "IsBlank": false,
                    });
                    if let Some(account) = line.account {
                        part["AccountCode"] = json!(self.chart.accounts[account].code);
                        part["AccountID"] = json!(self.chart.accounts[account].id);
                    }
                    if let Some(code) = &line.tax_type {
                        part["TaxType"] = json!(code);
                    }
                    if let Some(text) = &line.description {
                        part["Description"] = json!(text);
                    }
                    part
                })
                .collect();
        }
        shown
    }
}
