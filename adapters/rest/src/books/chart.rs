//! The organisation as it stands now, and the ids behind what postings name by code.

use super::RestBooks;
use super::shown::{date_at, first};
use crate::connector::{BooksSpec, List, OrganisationSpec};
use crate::cursor::Position;
use crate::place::Place;
use adapter_kit::AdapterError;
use bridge_core::ledger::money::json_decimal;
use bridge_core::ledger::{Account, Books, Category, Currency, TaxRate};
use rust_decimal::Decimal;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// The chart with the product's ids.
pub(super) struct Chart {
    pub books: Books,
    accounts: Ids,
    rates: Ids,
    /// Id by category and option.
    options: BTreeMap<(String, String), String>,
}

/// Codes and ids of one sort of thing.
#[derive(Default)]
struct Ids {
    id: BTreeMap<String, String>,
    /// Code by list and id.
    code: BTreeMap<(String, String), String>,
}

impl Ids {
    fn add(&mut self, group: &str, code: &str, id: Option<String>) {
        let id = id.unwrap_or_else(|| code.to_string());
        let named = (group.to_string(), id.clone());
        self.code.entry(named).or_insert_with(|| code.to_string());
        self.id.entry(code.to_string()).or_insert(id);
    }

    /// The code of something named by code or by id.
    fn code_of(&self, group: &str, named: &str) -> String {
        let by_id = self.code.get(&(group.to_string(), named.to_string()));
        by_id.cloned().unwrap_or_else(|| named.to_string())
    }
}

impl Chart {
    pub fn account_id(&self, code: &str) -> Option<&str> {
        self.accounts.id.get(code).map(String::as_str)
    }

    pub fn account_code(&self, group: &str, named: &str) -> String {
        self.accounts.code_of(group, named)
    }

    pub fn rate_id(&self, code: &str) -> Option<&str> {
        self.rates.id.get(code).map(String::as_str)
    }

    pub fn rate_code(&self, named: &str) -> String {
        self.rates.code_of("", named)
    }

    pub fn option_id(&self, category: &str, option: &str) -> Option<&str> {
        let key = (category.to_string(), option.to_string());
        self.options.get(&key).map(String::as_str)
    }

    /// Category and option of an option named by its name or id; the category may be unknown.
    pub fn option_named(&self, category: Option<&str>, named: &str) -> Option<(String, String)> {
        let by_id = self
            .options
            .iter()
            .find(|(_, id)| *id == named)
            .map(|(key, _)| key.clone());
        by_id.or_else(|| Some((category?.to_string(), named.to_string())))
    }
}

/// No list of accounts, rates or categories has more pages.
const MOST_PAGES: usize = 100;

impl RestBooks {
    /// The chart as last read; read now if it never was.
    pub(super) async fn chart(&self) -> Result<Arc<Chart>, AdapterError> {
        let known = self.chart.read().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(chart) => Ok(chart),
            None => self.read_chart().await,
        }
    }

    /// Reads the chart anew.
    pub(super) async fn read_chart(&self) -> Result<Arc<Chart>, AdapterError> {
        let chart = Arc::new(self.fetch_chart().await?);
        *self.chart.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&chart));
        Ok(chart)
    }

    async fn fetch_chart(&self) -> Result<Chart, AdapterError> {
        let BooksSpec {
            organisation,
            accounts,
            tax_rates,
            tracking,
            ..
        } = &self.spec;
        let mut chart = Chart {
            books: self.organisation(organisation).await?,
            accounts: Ids::default(),
            rates: Ids::default(),
            options: BTreeMap::new(),
        };
        let what = "read accounts";
        for accounts in accounts {
            for row in self.all_rows(&accounts.list, &accounts.id, what).await? {
                let lacks = |part: &str| self.nonsense(what, &format!("an account without {part}"));
                let bank = accounts.bank.holds(&row);
                let code = first(&accounts.code, &row).ok_or_else(|| lacks("code"))?;
                let system = accounts.system.as_ref().and_then(|place| place.text(&row));
                let known = |word: &String| accounts.system_words.is_empty() || accounts.system_words.contains(word);
                chart.accounts.add(&accounts.group, &code, accounts.id.text(&row));
                chart.books.accounts.push(Account {
                    code,
                    name: accounts.name.text(&row).unwrap_or_default(),
                    system: system.filter(|word| !word.is_empty() && known(word)),
                    active: accounts.active.holds(&row),
                    bank,
                    takes_payments: bank || accounts.takes_payments.as_ref().is_some_and(|test| test.holds(&row)),
                });
            }
        }
        let what = "read tax rates";
        let mut parts: BTreeMap<String, Decimal> = BTreeMap::new();
        if let Some(spec) = &tax_rates.parts {
            for row in self.all_rows(&spec.list, &spec.id, what).await? {
                if let (Some(id), Some(percent)) = (spec.id.text(&row), spec.percent.one(&row)) {
                    let percent = json_decimal(percent).map_err(|error| self.nonsense(what, &error.to_string()))?;
                    parts.insert(id, percent);
                }
            }
        }
        for row in self.all_rows(&tax_rates.list, &tax_rates.id, what).await? {
            let code = first(&tax_rates.code, &row).ok_or_else(|| self.nonsense(what, "a tax rate without code"))?;
            let percent = match &tax_rates.parts {
                Some(_) => tax_rates
                    .percent
                    .texts(&row)
                    .iter()
                    .filter_map(|id| parts.get(id))
                    .sum(),
                None => match tax_rates.percent.one(&row) {
                    Some(percent) => json_decimal(percent).map_err(|error| self.nonsense(what, &error.to_string()))?,
                    None => Decimal::ZERO,
                },
            };
            chart.rates.add("", &code, tax_rates.id.text(&row));
            chart.books.tax_rates.push(TaxRate {
                code,
                name: tax_rates.name.text(&row).unwrap_or_default(),
                percent,
                active: tax_rates.active.holds(&row),
            });
        }
        if let Some(spec) = tracking {
            for row in self.all_rows(&spec.list, &spec.id, "read tracking").await? {
                let name = match (&spec.only, &spec.name) {
                    (Some(only), _) => Some(only.clone()),
                    (None, Some(name)) => name.text(&row),
                    (None, None) => None,
                };
                let Some(name) = name else { continue };
                let mut options = Vec::new();
                for option in spec.options.list(&row) {
                    let Some(text) = spec.option.text(option).filter(|_| spec.active.holds(option)) else {
                        continue;
                    };
                    if let Some(id) = spec.id.text(option) {
                        chart.options.insert((name.clone(), text.clone()), id);
                    }
                    options.push(text);
                }
                match chart.books.tracking.iter_mut().find(|known| known.name == name) {
                    Some(known) => known.options.extend(options),
                    None => chart.books.tracking.push(Category { name, options }),
                }
            }
        }
        Ok(chart)
    }

    async fn organisation(&self, calls: &[OrganisationSpec]) -> Result<Books, AdapterError> {
        let what = "read the organisation";
        let (mut name, mut country, mut currency, mut locked_to) = (None, None, None, None);
        for call in calls {
            let answer = self.account.read(&call.request, &self.account.variables, what).await;
            let answer = answer.map_err(|error| error.error)?;
            let answer = answer.http.json().map_err(|_| self.nonsense(what, "no JSON"))?;
            let record = call
                .record
                .one(&answer)
                .ok_or_else(|| self.nonsense(what, "no organisation where the connector says"))?;
            let text = |place: &Option<Place>| place.as_ref().and_then(|place| place.text(record));
            name = name.or_else(|| text(&call.name));
            country =
                country.or_else(|| text(&call.country).map(|told| call.countries.get(&told).cloned().unwrap_or(told)));
            let by_country = country
                .as_ref()
                .and_then(|country| call.currencies.get(country))
                .cloned();
            currency = currency.or_else(|| text(&call.currency)).or(by_country);
            for place in &call.locked_to {
                let date = date_at(place, record).map_err(|error| self.nonsense(what, error))?;
                locked_to = locked_to.max(date);
            }
        }
        let currency = currency.ok_or_else(|| self.nonsense(what, "no currency"))?;
        Ok(Books {
            name: name.unwrap_or_default(),
            country: country.unwrap_or_default(),
            currency: Currency::new(&currency).map_err(|error| self.nonsense(what, &error.to_string()))?,
            locked_to,
            accounts: Vec::new(),
            tax_rates: Vec::new(),
            tracking: Vec::new(),
        })
    }

    async fn all_rows(&self, list: &List, id: &Place, what: &str) -> Result<Vec<Json>, AdapterError> {
        let mut rows = Vec::new();
        let mut at: Option<Position> = None;
        for _ in 0..MOST_PAGES {
            let page = self
                .fetch(list, at.as_ref(), (None, None), std::slice::from_ref(id), what)
                .await?;
            rows.extend(page.rows);
            at = page.next;
            if at.is_none() {
                return Ok(rows);
            }
        }
        Err(self.nonsense(what, "the list never ends"))
    }
}
