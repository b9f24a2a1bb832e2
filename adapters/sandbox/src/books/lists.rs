//! What the API reads: lists with their filters, order and pages, and single records.

use serde_json::{Value, json};

use super::dates::{self, read_since};
use super::documents::Detail;
use super::filter::{self, Expr, Lazy};
use super::ledger::{Kind, Ledger, Status};
use super::problem::Problem;
use super::switches::BooksSwitches;
use super::table::Row;
use crate::answer::Call;
use crate::clock::SECOND;

/// The largest page.
const PAGE_CAP: usize = 1_000;
const PAGE: usize = 100;

/// What a list was asked for.
pub(super) struct Ask {
    since: Option<i64>,
    filter: Option<Expr>,
    order: Option<(Vec<String>, bool)>,
    page: Option<(usize, usize)>,
    summary: bool,
    pub unit_dp: u32,
    after_second: bool,
}

impl Ask {
    /// Reads the query and the header.
    ///
    /// # Errors
    /// A filter, an order or a page that cannot be read.
    pub fn read(call: &Call, switches: &BooksSwitches) -> Result<Self, Problem> {
        let number = |name: &str, otherwise: usize| match call.param(name) {
            None => Ok(otherwise),
            Some(text) => match text.parse::<usize>() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(Problem::query(format!("{name} is a number from 1"))),
            },
        };
        let page = match call.param("page") {
            None => None,
            Some(_) => Some((number("page", 1)?, number("pageSize", PAGE)?.min(PAGE_CAP))),
        };
        Ok(Self {
            // The product passes over a time it cannot read [I]; a stand-in had better tell.
            since: match call.header("if-modified-since") {
                None => None,
                Some(text) => Some(read_since(text).ok_or_else(|| Problem::query("If-Modified-Since cannot be read"))?),
            },
            filter: call
                .param("where")
                .filter(|text| !text.is_empty())
                .map(filter::parse)
                .transpose()?,
            order: call
                .param("order")
                .filter(|text| !text.is_empty())
                .map(filter::parse_order)
                .transpose()?,
            page,
            summary: call.flag("summaryOnly"),
            unit_dp: unit_dp(call),
            after_second: switches.since_leaves_out_its_second,
        })
    }

    /// Whether the list shows lines: only pages do, and no summary.
    fn lines(&self) -> bool {
        self.page.is_some() && !self.summary
    }

    /// Whether a record that last changed then is new enough; both are cut to seconds.
    fn is_fresh(&self, updated: i64) -> bool {
        let Some(since) = self.since else {
            return true;
        };
        let second = updated.div_euclid(SECOND) * SECOND;
        if self.after_second {
            second > since
        } else {
            second >= since
        }
    }
}

/// Decimal places of unit prices.
pub(super) fn unit_dp(call: &Call) -> u32 {
    if call.param("unitdp") == Some("4") { 4 } else { 2 }
}

/// Finds, orders, pages and shows rows of one table; `quick` gives members that filters often ask for as `show` would.
fn listed<T: Row>(
    table: &super::table::Table<T>,
    ask: &Ask,
    keep: impl Fn(usize, &T) -> bool,
    quick: impl Fn(&T, &str) -> Option<Value>,
    show: impl Fn(usize, bool) -> Value,
) -> (Vec<Value>, Option<Value>) {
    let mut places: Vec<usize> = table
        .iter()
        .enumerate()
        .filter(|(place, row)| ask.is_fresh(row.updated()) && keep(*place, row))
        .map(|(place, _)| place)
        .collect();
    if let Some(filter) = &ask.filter {
        places.retain(|place| {
            let row = &table[*place];
            filter.fits_lazily(&Lazy::new(&|name| quick(row, name), &|| show(*place, false)))
        });
    }
    match &ask.order {
        None => places.sort_by_key(|place| (table[*place].updated(), *place)),
        Some((path, down)) => {
            let mut keyed: Vec<(Value, usize)> = places.iter().map(|place| (show(*place, false), *place)).collect();
            keyed.sort_by(|(one, first), (other, second)| {
                let order = filter::compare(one, other, path);
                let order = if *down { order.reverse() } else { order };
                order.then(first.cmp(second))
            });
            places = keyed.into_iter().map(|(_, place)| place).collect();
        }
    }
    let Some((page, size)) = ask.page else {
        return (places.into_iter().map(|place| show(place, ask.lines())).collect(), None);
    };
    let count = places.len();
    let shown = places.into_iter().skip((page - 1).saturating_mul(size)).take(size);
    let rows = shown.map(|place| show(place, ask.lines())).collect();
    let pagination = json!({
        "page": page,
        "pageSize": size,
        "pageCount": count.div_ceil(size),
        "itemCount": count,
    });
    (rows, Some(pagination))
}

impl Ledger {
    /// A list under its plural name, with its pages.
    pub fn list(&self, plural: &str, call: &Call, ask: &Ask) -> Result<(Vec<Value>, Option<Value>), Problem> {
        let detail = |lines: bool| Detail {
            lines,
            unit_dp: ask.unit_dp,
        };
        let search = call.param("searchTerm").map(str::to_lowercase);
        let found = |texts: &[&str]| {
            search
                .as_deref()
                .is_none_or(|term| texts.iter().any(|text| text.to_lowercase().contains(term)))
        };
        let ids = call.list_param("IDs");
        let asked = |id: &str| ids.is_empty() || ids.iter().any(|asked| asked.eq_ignore_ascii_case(id));
        Ok(match plural {
            "Organisation" => (vec![self.chart.organisation()], None),
            "Accounts" => {
                let show = |place: usize, _: bool| self.chart.accounts[place].shown();
                let (rows, _) = listed(&self.chart.accounts, &ask.whole(), |_, _| true, |_, _| None, show);
                (rows, None)
            }
            "TaxRates" => {
                let mut rows: Vec<Value> = self.chart.taxes.iter().map(super::chart::TaxRate::shown).collect();
                rows.retain(|row| ask.filter.as_ref().is_none_or(|filter| filter.fits(row)));
                (rows, None)
            }
            "TrackingCategories" => {
                let archived = call.flag("includeArchived");
                let all = self.chart.tracking.iter();
                let mut rows: Vec<Value> = all
                    .filter(|category| archived || category.active)
                    .map(|category| category.shown(archived))
                    .collect();
                rows.retain(|row| ask.filter.as_ref().is_none_or(|filter| filter.fits(row)));
                (rows, None)
            }
            "Contacts" => {
                let archived = call.flag("includeArchived");
                listed(
                    &self.contacts,
                    ask,
                    |_, row| {
                        let texts = |name: &str| row.texts.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
                        (archived || !row.archived)
                            && asked(&row.id)
                            && found(&[
                                &row.name,
                                row.number.as_deref().unwrap_or(""),
                                &texts("FirstName"),
                                &texts("LastName"),
                                &texts("EmailAddress"),
                                &texts("CompanyNumber"),
                            ])
                    },
                    |row, name| match name {
                        "Name" => Some(json!(row.name)),
                        "ContactNumber" => Some(json!(row.number)),
                        _ => None,
                    },
                    |place, whole| self.shown_contact(place, whole),
                )
            }
            "Invoices" | "CreditNotes" | "Prepayments" | "Overpayments" => {
                self.listed_documents(plural, call, ask, found)
            }
            "Payments" => listed(
                &self.payments,
                ask,
                |_, _| true,
                |row, name| match name {
                    "PaymentType" => Some(json!(self.documents[row.document].kind.payment_type())),
                    "Reference" if !row.reference.is_empty() => Some(json!(row.reference)),
                    _ => None,
                },
                |place, _| self.shown_payment(place, false),
            ),
            "BankTransactions" => listed(
                &self.bank,
                ask,
                |_, _| true,
                |row, name| (name == "Type").then(|| json!(row.kind)),
                |place, lines| self.shown_bank(place, detail(lines)),
            ),
            "ManualJournals" => listed(
                &self.journals,
                ask,
                |_, _| true,
                |_, _| None,
                |place, lines| self.shown_journal(place, lines),
            ),
            _ => return Err(Problem::Missing),
        })
    }

    fn listed_documents(
        &self,
        plural: &str,
        call: &Call,
        ask: &Ask,
        found: impl Fn(&[&str]) -> bool,
    ) -> (Vec<Value>, Option<Value>) {
        let kind = kind_of(plural).unwrap_or(Kind::Invoice);
        let ids = call.list_param("IDs");
        let numbers = call.list_param(if kind == Kind::Invoice {
            "InvoiceNumbers"
        } else {
            "Numbers"
        });
        // Prepayments are asked for by the number of the invoice they name, overpayments by reference.
        let references = match kind {
            Kind::Prepayment => call.list_param("InvoiceNumbers"),
            Kind::Overpayment => call.list_param("References"),
            _ => Vec::new(),
        };
        let contacts = call.list_param("ContactIDs");
        let statuses = call.list_param("Statuses");
        let own = call.flag("createdByMyApp");
        let among = |asked: &[String], text: &str| {
            asked.is_empty() || asked.iter().any(|asked| asked.eq_ignore_ascii_case(text))
        };
        listed(
            &self.documents,
            ask,
            |_, row| {
                row.kind == kind
                    && among(&ids, &row.id)
                    && among(&numbers, &row.number)
                    && among(&references, &row.reference)
                    && among(&statuses, row.status.name())
                    && among(&contacts, &self.contacts[row.contact].id)
                    && (!own || row.by_app)
                    && found(&[&row.number, &row.reference, &self.contacts[row.contact].name])
            },
            |row, name| match name {
                "Type" => Some(json!(row.kind.type_name())),
                "Status" => Some(json!(row.status.name())),
                "Reference" => Some(json!(row.reference)),
                "InvoiceNumber" if kind == Kind::Invoice => Some(json!(row.number)),
                "CreditNoteNumber" if kind == Kind::CreditNote => Some(json!(row.number)),
                _ => None,
            },
            |place, lines| {
                let detail = Detail {
                    lines,
                    unit_dp: ask.unit_dp,
                };
                self.shown_document(place, detail)
            },
        )
    }

    /// One record by the name in the path: its id, or its number where it has one.
    pub fn single(&self, plural: &str, name: &str, unit_dp: u32) -> Option<Value> {
        let detail = Detail { lines: true, unit_dp };
        Some(match plural {
            "Accounts" => self.chart.accounts[self.chart.accounts.place(name)?].shown(),
            "TaxRates" => self.chart.taxes.iter().find(|rate| rate.tax_type == name)?.shown(),
            "TrackingCategories" => {
                let mut all = self.chart.tracking.iter();
                all.find(|category| category.id.eq_ignore_ascii_case(name))?.shown(true)
            }
            "Contacts" => self.shown_contact(self.contact(name)?, true),
            "Payments" => self.shown_payment(self.payments.place(name)?, true),
            "BankTransactions" => self.shown_bank(self.bank.place(name)?, detail),
            "ManualJournals" => self.shown_journal(self.journals.place(name)?, true),
            _ => self.shown_document(self.document(kind_of(plural)?, name)?, detail),
        })
    }

    /// Every record of a kind as a single read shows it, for people and tests.
    pub fn all(&self, plural: &str, with_removed: bool) -> Vec<Value> {
        let detail = Detail {
            lines: true,
            unit_dp: 4,
        };
        let gone = |status: Status| matches!(status, Status::Voided | Status::Deleted);
        match plural {
            "Organisation" => vec![self.chart.organisation()],
            "Accounts" => self.chart.accounts.iter().map(super::chart::Account::shown).collect(),
            "TaxRates" => self.chart.taxes.iter().map(super::chart::TaxRate::shown).collect(),
            "TrackingCategories" => self
                .chart
                .tracking
                .iter()
                .map(|category| category.shown(true))
                .collect(),
            "Contacts" => (0..self.contacts.len())
                .map(|place| self.shown_contact(place, true))
                .collect(),
            "Payments" => (0..self.payments.len())
                .filter(|place| with_removed || self.payments[*place].live)
                .map(|place| self.shown_payment(place, false))
                .collect(),
            "BankTransactions" => (0..self.bank.len())
                .filter(|place| with_removed || self.bank[*place].live)
                .map(|place| self.shown_bank(place, detail))
                .collect(),
            "ManualJournals" => (0..self.journals.len())
                .filter(|place| with_removed || matches!(self.journals[*place].status, "DRAFT" | "POSTED"))
                .map(|place| self.shown_journal(place, true))
                .collect(),
            "Allocations" => self
                .allocations
                .iter()
                .filter(|row| with_removed || row.live)
                .map(|row| self.shown_allocation(row, true))
                .collect(),
            _ => (0..self.documents.len())
                .filter(|place| Some(self.documents[*place].kind) == kind_of(plural))
                .filter(|place| with_removed || !gone(self.documents[*place].status))
                .map(|place| self.shown_document(place, detail))
                .collect(),
        }
    }
}

impl Ask {
    /// The same without pages, for lists that have none.
    fn whole(&self) -> Self {
        Self {
            since: self.since,
            filter: self.filter.clone(),
            order: self.order.clone(),
            page: None,
            summary: self.summary,
            unit_dp: self.unit_dp,
            after_second: self.after_second,
        }
    }
}

/// The kind of document behind a plural.
pub(super) fn kind_of(plural: &str) -> Option<Kind> {
    [Kind::Invoice, Kind::CreditNote, Kind::Prepayment, Kind::Overpayment]
        .into_iter()
        .find(|kind| kind.plural() == plural)
}

/// What every answer of the API starts with.
pub(super) fn envelope(id: String, now: i64) -> Value {
    json!({
        "Id": id,
        "Status": "OK",
        "ProviderName": "Halaxy Bridge",
        "DateTimeUTC": dates::instant(now),
    })
}
