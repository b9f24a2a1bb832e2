//! What people set up in the books: lock dates, accounts, tax rates, tracking.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;

use super::chart::{Account, Class, TaxRate, TrackingOption};
use super::dates::read_day;
use super::ledger::{Act, Ledger};
use super::members::{flag, member, text};
use super::money::decimal;
use super::problem::Problem;

/// A day that a patch sets (`Some`), clears (`Some(None)`) or leaves alone.
pub(super) fn patched_day(patch: &Value, name: &str) -> Result<Option<Option<Date>>, Problem> {
    match patch.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => match read_day(value) {
            Some(date) => Ok(Some(Some(date))),
            None => Err(Problem::of(format!("{name} is not a valid date"))),
        },
    }
}

impl Ledger {
    pub fn person_locks(&mut self, patch: &Value) -> Result<(), Problem> {
        let (period, year) = (
            patched_day(patch, "PeriodLockDate")?,
            patched_day(patch, "EndOfYearLockDate")?,
        );
        if period.is_none() && year.is_none() {
            return Err(Problem::of("PeriodLockDate and EndOfYearLockDate can be set"));
        }
        self.chart.period_lock = period.unwrap_or(self.chart.period_lock);
        self.chart.year_lock = year.unwrap_or(self.chart.year_lock);
        Ok(())
    }

    pub fn person_account(&mut self, body: &Value, act: &mut Act<'_>) -> Result<String, Problem> {
        let (Some(code), Some(name), Some(kind)) = (text(body, "Code"), text(body, "Name"), text(body, "Type")) else {
            return Err(Problem::of("An account needs Code, Name and Type"));
        };
        let class = Class::of(&kind).ok_or_else(|| Problem::of("Type is not a type of account"))?;
        if self.chart.account(&code).is_some() {
            return Err(Problem::of("Please enter a unique Code."));
        }
        let tax_type = text(body, "TaxType").unwrap_or_else(|| "BASEXCLUDED".to_owned());
        if self.chart.tax(&tax_type).is_none() {
            return Err(Problem::of("TaxType does not exist"));
        }
        let account = Account {
            id: act.id(),
            bank_number: (kind == "BANK").then(|| text(body, "BankAccountNumber").unwrap_or_default()),
            code,
            name,
            kind,
            class,
            tax_type,
            active: true,
            payments: flag(body, "EnablePaymentsToAccount").unwrap_or(false),
            system: None,
            updated: act.now,
        };
        let id = account.id.clone();
        self.chart.accounts.push(account);
        Ok(id)
    }

    pub fn person_edit_account(&mut self, id: &str, patch: &Value, now: i64) -> Result<(), Problem> {
        let found = self.chart.accounts.place(id).or_else(|| self.chart.account(id));
        let place = found.ok_or(Problem::Missing)?;
        if let Some(code) = text(patch, "Code")
            && self.chart.account(&code).is_some_and(|holder| holder != place)
        {
            return Err(Problem::of("Please enter a unique Code."));
        }
        if let Some(tax) = text(patch, "TaxType")
            && self.chart.tax(&tax).is_none()
        {
            return Err(Problem::of("TaxType does not exist"));
        }
        let account = &mut self.chart.accounts[place];
        match text(patch, "Status").as_deref() {
            None => {}
            Some(_) if account.system.is_some() => return Err(Problem::of("A system account cannot be archived")),
            Some("ACTIVE") => account.active = true,
            Some("ARCHIVED") => account.active = false,
            Some(_) => return Err(Problem::of("Status is ACTIVE or ARCHIVED")),
        }
        if let Some(code) = text(patch, "Code") {
            account.code = code;
        }
        if let Some(name) = text(patch, "Name") {
            account.name = name;
        }
        if let Some(tax) = text(patch, "TaxType") {
            account.tax_type = tax;
        }
        if let Some(payments) = flag(patch, "EnablePaymentsToAccount") {
            account.payments = payments;
        }
        account.updated = now;
        Ok(())
    }

    pub fn person_tax_rate(&mut self, body: &Value) -> Result<String, Problem> {
        let name = text(body, "Name").ok_or_else(|| Problem::of("A tax rate needs a Name"))?;
        let percent = member(body, "EffectiveRate").and_then(decimal).unwrap_or(Decimal::ZERO);
        // The product numbers custom rates.
        let custom = self
            .chart
            .taxes
            .iter()
            .filter(|rate| rate.tax_type.starts_with("TAX"))
            .count();
        let code = format!("TAX{:03}", custom + 1);
        self.chart.taxes.push(TaxRate {
            tax_type: code.clone(),
            name,
            percent,
            on_revenue: flag(body, "CanApplyToRevenue").unwrap_or(true),
            active: true,
        });
        Ok(code)
    }

    pub fn person_edit_tax_rate(&mut self, code: &str, patch: &Value) -> Result<(), Problem> {
        let found = self.chart.taxes.iter_mut().find(|rate| rate.tax_type == code);
        let rate = found.ok_or(Problem::Missing)?;
        match text(patch, "Status").as_deref() {
            None => {}
            Some("ACTIVE") => rate.active = true,
            Some("DELETED" | "ARCHIVED") => rate.active = false,
            Some(_) => return Err(Problem::of("Status is ACTIVE or DELETED")),
        }
        if let Some(name) = text(patch, "Name") {
            rate.name = name;
        }
        if let Some(percent) = member(patch, "EffectiveRate").and_then(decimal) {
            rate.percent = percent;
        }
        Ok(())
    }

    /// Options are found by id or name and added if nobody has them.
    pub fn person_edit_tracking(&mut self, id: &str, patch: &Value, act: &mut Act<'_>) -> Result<(), Problem> {
        let mut all = self.chart.tracking.iter_mut();
        let category = all
            .find(|category| category.id.eq_ignore_ascii_case(id) || category.name == id)
            .ok_or(Problem::Missing)?;
        let active = |patch: &Value| match text(patch, "Status").as_deref() {
            None => Ok(None),
            Some("ACTIVE") => Ok(Some(true)),
            Some("ARCHIVED" | "DELETED") => Ok(Some(false)),
            Some(_) => Err(Problem::of("Status is ACTIVE or ARCHIVED")),
        };
        category.active = active(patch)?.unwrap_or(category.active);
        if let Some(name) = text(patch, "Name") {
            category.name = name;
        }
        for sent in member(patch, "Options").and_then(Value::as_array).into_iter().flatten() {
            let (name, id) = (text(sent, "Name"), text(sent, "TrackingOptionID"));
            let known = category.options.iter_mut().find(|option| {
                id.as_ref()
                    .map_or(Some(&option.name) == name.as_ref(), |id| option.id == *id)
            });
            match (known, name) {
                (Some(option), name) => {
                    option.active = active(sent)?.unwrap_or(option.active);
                    option.name = name.unwrap_or_else(|| option.name.clone());
                }
                (None, Some(name)) => category.options.push(TrackingOption {
                    id: act.id(),
                    name,
                    active: true,
                }),
                (None, None) => return Err(Problem::of("An option needs a Name")),
            }
        }
        Ok(())
    }
}
