//! The organisation's settings: chart of accounts, tax rates, tracking, lock dates. An Australian practice as a
//! bookkeeper sets one up; the tax codes are those of the vendor's file, their meanings those of vendor-apis.md section 7.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::dates;
use super::money::exact;
use super::table::{Row, Table};

/// The only currency.
pub(super) const CURRENCY: &str = "AUD";

/// What an account is for the five sides of a trial balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Asset,
    Equity,
    Expense,
    Liability,
    Revenue,
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Self::Asset => "ASSET",
            Self::Equity => "EQUITY",
            Self::Expense => "EXPENSE",
            Self::Liability => "LIABILITY",
            Self::Revenue => "REVENUE",
        }
    }

    /// The class of an account type of the vendor's file.
    pub fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "BANK" | "CURRENT" | "FIXED" | "INVENTORY" | "NONCURRENT" | "PREPAYMENT" => Self::Asset,
            "EQUITY" => Self::Equity,
            "DEPRECIATN" | "DIRECTCOSTS" | "EXPENSE" | "OVERHEADS" => Self::Expense,
            "CURRLIAB" | "LIABILITY" | "TERMLIAB" | "PAYG" => Self::Liability,
            "OTHERINCOME" | "REVENUE" | "SALES" => Self::Revenue,
            _ => return None,
        })
    }
}

/// One account.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub id: String,
    pub code: String,
    pub name: String,
    pub kind: String,
    pub class: Class,
    pub tax_type: String,
    pub active: bool,
    pub payments: bool,
    /// `DEBTORS`, `GST`, `ROUNDING`, ..; the product posts to the first two by itself.
    pub system: Option<&'static str>,
    pub bank_number: Option<String>,
    pub updated: i64,
}

impl Row for Account {
    fn id(&self) -> &str {
        &self.id
    }
    fn updated(&self) -> i64 {
        self.updated
    }
}

impl Account {
    pub fn is_bank(&self) -> bool {
        self.kind == "BANK"
    }

    /// Whether a document's line may be coded to it: not to banks, nor to what the product keeps by itself.
    pub fn takes_lines(&self) -> bool {
        self.active && !self.is_bank() && !matches!(self.system, Some("DEBTORS" | "CREDITORS" | "GST"))
    }

    /// Whether a payment may go to or from it.
    pub fn takes_payments(&self) -> bool {
        self.active && (self.is_bank() || self.payments)
    }

    pub fn shown(&self) -> Value {
        let mut shown = json!({
            "AccountID": self.id,
            "Code": self.code,
            "Name": self.name,
            "Status": if self.active { "ACTIVE" } else { "ARCHIVED" },
            "Type": self.kind,
            "TaxType": self.tax_type,
            "Class": self.class.name(),
            "EnablePaymentsToAccount": self.payments,
            "ShowInExpenseClaims": false,
            "HasAttachments": false,
            "AddToWatchlist": false,
            "UpdatedDateUTC": dates::instant(self.updated),
        });
        if let Some(system) = self.system {
            shown["SystemAccount"] = json!(system);
        }
        if let Some(number) = &self.bank_number {
            shown["BankAccountNumber"] = json!(number);
            shown["BankAccountType"] = json!("BANK");
            shown["CurrencyCode"] = json!(CURRENCY);
        }
        shown
    }
}

/// One tax rate.
#[derive(Debug, Clone)]
pub(super) struct TaxRate {
    pub tax_type: String,
    pub name: String,
    pub percent: Decimal,
    /// Purchase codes cannot be used on revenue accounts [I].
    pub on_revenue: bool,
    pub active: bool,
}

impl TaxRate {
    pub fn shown(&self) -> Value {
        json!({
            "Name": self.name,
            "TaxType": self.tax_type,
            "ReportTaxType": self.tax_type,
            "CanApplyToAssets": true,
            "CanApplyToEquity": true,
            "CanApplyToExpenses": true,
            "CanApplyToLiabilities": true,
            "CanApplyToRevenue": self.on_revenue,
            "DisplayTaxRate": exact(self.percent),
            "EffectiveRate": exact(self.percent),
            "Status": if self.active { "ACTIVE" } else { "DELETED" },
            "TaxComponents": [{
                "Name": "GST", "Rate": exact(self.percent), "IsCompound": false, "IsNonRecoverable": false,
            }],
        })
    }
}

/// One choice of a tracking category.
#[derive(Debug, Clone)]
pub(super) struct TrackingOption {
    pub id: String,
    pub name: String,
    pub active: bool,
}

/// One of the two tracking categories.
#[derive(Debug, Clone)]
pub(super) struct Category {
    pub id: String,
    pub name: String,
    pub active: bool,
    pub options: Vec<TrackingOption>,
}

impl Category {
    pub fn shown(&self, with_archived: bool) -> Value {
        let status = |active: bool| if active { "ACTIVE" } else { "ARCHIVED" };
        let options: Vec<Value> = self
            .options
            .iter()
            .filter(|option| with_archived || option.active)
            .map(|option| {
                json!({
                    "TrackingOptionID": option.id,
                    "Name": option.name,
                    "Status": status(option.active),
                    "HasValidationErrors": false,
                    "IsDeleted": false,
                    "IsArchived": !option.active,
                    "IsActive": option.active,
                })
            })
            .collect();
        json!({
            "TrackingCategoryID": self.id,
            "Name": self.name,
            "Status": status(self.active),
            "Options": options,
        })
    }
}

/// The organisation's settings.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    pub organisation: String,
    pub short_code: String,
    pub created: i64,
    pub period_lock: Option<Date>,
    pub year_lock: Option<Date>,
    pub accounts: Table<Account>,
    pub taxes: Vec<TaxRate>,
    pub tracking: Vec<Category>,
    pub debtors: usize,
    pub gst: usize,
}

/// Code, name, type, tax code, payments enabled, system account, active.
type Plan = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    bool,
    &'static str,
    bool,
);

const PLAN: &[Plan] = &[
    ("090", "Business Bank Account", "BANK", "BASEXCLUDED", false, "", true),
    (
        "091",
        "Business Savings Account",
        "BANK",
        "BASEXCLUDED",
        false,
        "",
        true,
    ),
    ("200", "Consultation Fees", "REVENUE", "EXEMPTOUTPUT", false, "", true),
    ("201", "Reports and Assessments", "REVENUE", "OUTPUT", false, "", true),
    ("202", "Product Sales", "REVENUE", "OUTPUT", false, "", true),
    ("203", "Room Hire", "REVENUE", "OUTPUT", false, "", true),
    (
        "204",
        "Service Fees from Practitioners",
        "REVENUE",
        "OUTPUT",
        false,
        "",
        true,
    ),
    ("205", "Cancellation Fees", "REVENUE", "OUTPUT", false, "", true),
    ("206", "Card Surcharges", "REVENUE", "EXEMPTOUTPUT", false, "", true),
    ("260", "Other Revenue", "REVENUE", "OUTPUT", false, "", true),
    ("270", "Interest Income", "REVENUE", "INPUTTAXED", false, "", true),
    (
        "299",
        "Old Consultation Fees",
        "REVENUE",
        "EXEMPTOUTPUT",
        false,
        "",
        false,
    ),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "INPUT", false, "", true),
    ("404", "Bank Fees", "EXPENSE", "EXEMPTEXPENSES", false, "", true),
    ("405", "Merchant Fees", "EXPENSE", "INPUT", false, "", true),
    ("406", "Bad Debts", "EXPENSE", "EXEMPTOUTPUT", false, "", true),
    ("429", "General Expenses", "EXPENSE", "INPUT", false, "", true),
    ("469", "Rent", "EXPENSE", "INPUT", false, "", true),
    ("499", "Old Sundry Expenses", "EXPENSE", "INPUT", false, "", false),
    (
        "610",
        "Accounts Receivable",
        "CURRENT",
        "BASEXCLUDED",
        false,
        "DEBTORS",
        true,
    ),
    ("620", "Prepaid Expenses", "CURRENT", "EXEMPTEXPENSES", false, "", true),
    ("651", "EFTPOS Clearing", "CURRENT", "BASEXCLUDED", true, "", true),
    ("652", "HICAPS Clearing", "CURRENT", "BASEXCLUDED", true, "", true),
    ("653", "Medicare Clearing", "CURRENT", "BASEXCLUDED", true, "", true),
    ("654", "DVA Clearing", "CURRENT", "BASEXCLUDED", true, "", true),
    ("655", "NDIS Clearing", "CURRENT", "BASEXCLUDED", true, "", true),
    ("656", "Cash Clearing", "CURRENT", "BASEXCLUDED", true, "", true),
    ("657", "Online Card Clearing", "CURRENT", "BASEXCLUDED", true, "", true),
    ("659", "Old Cheque Clearing", "CURRENT", "BASEXCLUDED", true, "", false),
    ("710", "Office Equipment", "FIXED", "CAPEXINPUT", false, "", true),
    (
        "800",
        "Accounts Payable",
        "CURRLIAB",
        "BASEXCLUDED",
        false,
        "CREDITORS",
        true,
    ),
    ("820", "GST", "CURRLIAB", "BASEXCLUDED", false, "GST", true),
    (
        "840",
        "Historical Adjustment",
        "CURRLIAB",
        "BASEXCLUDED",
        false,
        "HISTORICAL",
        true,
    ),
    ("850", "Client Deposits", "CURRLIAB", "BASEXCLUDED", true, "", true),
    (
        "851",
        "Patient Fees Held - Dr Alder",
        "CURRLIAB",
        "BASEXCLUDED",
        true,
        "",
        true,
    ),
    (
        "852",
        "Patient Fees Held - Dr Banksia",
        "CURRLIAB",
        "BASEXCLUDED",
        true,
        "",
        true,
    ),
    ("860", "Rounding", "CURRLIAB", "BASEXCLUDED", false, "ROUNDING", true),
    (
        "960",
        "Retained Earnings",
        "EQUITY",
        "BASEXCLUDED",
        false,
        "RETAINEDEARNINGS",
        true,
    ),
    (
        "970",
        "Owner A Funds Introduced",
        "EQUITY",
        "BASEXCLUDED",
        true,
        "",
        true,
    ),
];

/// Code, name, percent, may stand on revenue accounts.
const RATES: &[(&str, &str, i64, bool)] = &[
    ("OUTPUT", "GST on Income", 10, true),
    ("EXEMPTOUTPUT", "GST Free Income", 0, true),
    ("EXEMPTEXPORT", "GST Free Exports", 0, true),
    ("INPUTTAXED", "Input Taxed", 0, true),
    ("INPUT", "GST on Expenses", 10, false),
    ("CAPEXINPUT", "GST on Capital", 10, false),
    ("EXEMPTEXPENSES", "GST Free Expenses", 0, false),
    ("EXEMPTCAPITAL", "GST Free Capital", 0, false),
    ("GSTONIMPORTS", "GST on Imports", 0, false),
    ("BASEXCLUDED", "BAS Excluded", 0, true),
    ("NONE", "No Tax", 0, true),
];

const TRACKING: &[(&str, &[&str])] = &[
    (
        "Practitioner",
        &["Dr Alder", "Dr Banksia", "Dr Casuarina", "Dr Dryandra"],
    ),
    ("Location", &["Sampleton", "Testville", "Online"]),
];

impl Chart {
    /// The settings of a new organisation; `new_id` gives UUIDs.
    pub fn new(now: i64, mut new_id: impl FnMut() -> String) -> Self {
        let mut accounts = Table::default();
        for (code, name, kind, tax, payments, system, active) in PLAN {
            accounts.push(Account {
                id: new_id(),
                code: (*code).to_owned(),
                name: (*name).to_owned(),
                kind: (*kind).to_owned(),
                class: Class::of(kind).unwrap_or(Class::Asset),
                tax_type: (*tax).to_owned(),
                active: *active,
                payments: *payments,
                system: (!system.is_empty()).then_some(*system),
                bank_number: (*kind == "BANK").then(|| format!("082999{code}00123")),
                updated: now,
            });
        }
        let system = |name: &str| {
            accounts
                .iter()
                .position(|account: &Account| account.system == Some(name))
        };
        let (debtors, gst) = (system("DEBTORS").unwrap_or(0), system("GST").unwrap_or(0));
        Self {
            organisation: new_id(),
            short_code: format!("!{}", &new_id()[..5]),
            created: now,
            period_lock: None,
            year_lock: None,
            accounts,
            taxes: RATES
                .iter()
                .map(|(code, name, percent, on_revenue)| TaxRate {
                    tax_type: (*code).to_owned(),
                    name: (*name).to_owned(),
                    percent: Decimal::from(*percent),
                    on_revenue: *on_revenue,
                    active: true,
                })
                .collect(),
            tracking: TRACKING
                .iter()
                .map(|(name, options)| Category {
                    id: new_id(),
                    name: (*name).to_owned(),
                    active: true,
                    options: options
                        .iter()
                        .map(|option| TrackingOption {
                            id: new_id(),
                            name: (*option).to_owned(),
                            active: true,
                        })
                        .collect(),
                })
                .collect(),
            debtors,
            gst,
        }
    }

    /// The place of an account by its code.
    pub fn account(&self, code: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.code == code)
    }

    /// The tax rate of a code that is in use.
    pub fn tax(&self, tax_type: &str) -> Option<&TaxRate> {
        self.taxes.iter().find(|rate| rate.active && rate.tax_type == tax_type)
    }

    /// The lock that a day lies under, and its name; the later one is named.
    pub fn lock_on(&self, date: Date) -> Option<(&'static str, Date)> {
        let period = self.period_lock.map(|lock| ("period", lock));
        let year = self.year_lock.map(|lock| ("end of year", lock));
        [period, year]
            .into_iter()
            .flatten()
            .filter(|(_, lock)| date <= *lock)
            .max_by_key(|(_, lock)| *lock)
    }

    /// The organisation as the product shows it.
    pub fn organisation(&self) -> Value {
        let mut shown = json!({
            "OrganisationID": self.organisation,
            "Name": "Sampleton Allied Health",
            "LegalName": "Sampleton Allied Health Pty Ltd",
            "PaysTax": true,
            "Version": "AU",
            "OrganisationType": "COMPANY",
            "OrganisationEntityType": "COMPANY",
            "BaseCurrency": CURRENCY,
            "CountryCode": "AU",
            "IsDemoCompany": false,
            "OrganisationStatus": "ACTIVE",
            "FinancialYearEndDay": 30,
            "FinancialYearEndMonth": 6,
            "SalesTaxBasis": "ACCRUALS",
            "SalesTaxPeriod": "QUARTERLY1",
            "DefaultSalesTax": "Tax Exclusive",
            "DefaultPurchasesTax": "Tax Exclusive",
            "CreatedDateUTC": dates::instant(self.created),
            "Timezone": "AUSEASTERNSTANDARDTIME",
            "ShortCode": self.short_code,
            "Class": "PREMIUM",
            "Edition": "BUSINESS",
            "Addresses": [],
            "Phones": [],
            "ExternalLinks": [],
            "PaymentTerms": {},
        });
        if let Some(lock) = self.period_lock {
            shown["PeriodLockDate"] = dates::day(lock);
        }
        if let Some(lock) = self.year_lock {
            shown["EndOfYearLockDate"] = dates::day(lock);
        }
        shown
    }
}
