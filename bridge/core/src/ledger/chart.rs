//! What the books allow: accounts, tax rates, tracking, lock dates.

use super::money::Currency;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The organisation whose books they are, as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Books {
    /// Its name.
    pub name: String,
    /// ISO 3166 country.
    pub country: String,
    /// Base currency.
    pub currency: Currency,
    /// Nothing dated on or before this day may be changed or added: the later of the books' lock dates.
    pub locked_to: Option<Date>,
    /// Accounts, archived ones too.
    pub accounts: Vec<Account>,
    /// Tax rates, deleted ones too.
    pub tax_rates: Vec<TaxRate>,
    /// Tracking categories, active ones.
    pub tracking: Vec<Category>,
}

/// One account of the chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What postings name it by: its code, or its id where accounts have no codes.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Kept by the books themselves (debtors, tax, rounding), by the vendor's word; nothing posts to it directly.
    pub system: Option<String>,
    /// May be posted to.
    pub active: bool,
    /// A bank account.
    pub bank: bool,
    /// Payments may be recorded in it.
    pub takes_payments: bool,
}

/// One tax rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    /// What lines name it by.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Per cent of the net amount (10 for GST).
    pub percent: Decimal,
    /// May be used.
    pub active: bool,
}

/// One tracking category, class or job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its name.
    pub name: String,
    /// Its options that may be used.
    pub options: Vec<String>,
}

impl Books {
    /// The account of that code.
    pub fn account(&self, code: &str) -> Option<&Account> {
        self.accounts.iter().find(|a| a.code == code)
    }

    /// The tax rate of that code.
    pub fn tax_rate(&self, code: &str) -> Option<&TaxRate> {
        self.tax_rates.iter().find(|t| t.code == code)
    }

    /// Whether that day is closed.
    pub fn locked(&self, date: Date) -> bool {
        self.locked_to.is_some_and(|to| date <= to)
    }
}
