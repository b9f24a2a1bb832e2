//! A statement's CSV into settlements. A bad row is said with its line, column and remedy, and stops nothing.

use super::layout::{Column, SettlementRule};
use super::{Row, RowKind, Settlement};
use crate::hex::hex;
use crate::ledger::money::{Cents, MoneyError};
use crate::report_rows::{self, bare, records};
use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Statements may start with so many lines about themselves.
const PREAMBLE: usize = 40;

/// What is wrong with a row. Names no value of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    /// Line of the file, from 1.
    pub line: u64,
    /// The column, as the file spells it.
    pub column: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl std::fmt::Display for RowProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let column: String = self.column.chars().filter(|c| !c.is_control()).take(60).collect();
        write!(
            f,
            "line {}, column `{column}`: {}. {}",
            self.line, self.message, self.remedy
        )
    }
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Its name.
    pub file: String,
    /// SHA-256 of its bytes.
    pub digest: String,
    /// By day and reference.
    pub settlements: Vec<Settlement>,
    /// Rows that could not be read, or the file's lack of columns.
    pub problems: Vec<RowProblem>,
    /// Rows that moved no money, and lines of totals.
    pub left_out: usize,
}

/// Reads a statement by a layout of [`crate::ledger::Rules::settlement_layouts`]. Comma, semicolon or tab separate;
/// lines before the header are skipped.
pub fn read(layout: &SettlementRule, file: &str, bytes: &[u8]) -> Import {
    let mut import = Import {
        file: file.into(),
        digest: hex(&Sha256::digest(bytes)),
        ..Import::default()
    };
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let names = Names::of(layout);
    let found = [b',', b';', b'\t'].into_iter().find_map(|separator| {
        let records = records(text, separator);
        let at = records
            .iter()
            .take(PREAMBLE)
            .position(|(_, r)| Header::of(&names, r).complete())?;
        Some((Header::of(&names, &records[at].1), records, at))
    });
    let Some((header, records, at)) = found else {
        import.problems.push(no_header(layout));
        return import;
    };
    let mut groups: BTreeMap<(Date, String), Settlement> = BTreeMap::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for (line, record) in records.into_iter().skip(at + 1) {
        if record.iter().all(String::is_empty) {
            continue;
        }
        let reader = Reader {
            layout,
            names: &names,
            header: &header,
            record: &record,
            line,
        };
        match reader.row() {
            Err(problem) => import.problems.push(problem),
            Ok(None) => import.left_out += 1,
            Ok(Some((row, reference, paid_on))) => {
                let paid_on = paid_on.unwrap_or(row.date);
                let reference = reference.unwrap_or_else(|| format!("{}-{paid_on}", layout.name));
                let settlement = groups
                    .entry((paid_on, reference.clone()))
                    .or_insert_with(|| Settlement {
                        provider: layout.name.clone(),
                        reference,
                        paid_on,
                        stated: None,
                        rows: Vec::new(),
                    });
                if row.kind == RowKind::Payout {
                    let stated = settlement.stated.unwrap_or_default() + row.gross.abs();
                    settlement.stated = Some(stated);
                } else {
                    settlement.rows.push(keyed(row, &layout.name, &mut seen));
                }
            }
        }
    }
    import.settlements = together(groups.into_values());
    import
}

/// Settlements of one reference whose rows bear different days are one, paid on the last of them.
fn together(groups: impl Iterator<Item = Settlement>) -> Vec<Settlement> {
    let mut all: Vec<Settlement> = Vec::new();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    for group in groups {
        match at.get(&group.reference) {
            Some(i) => {
                let one = &mut all[*i];
                one.paid_on = one.paid_on.max(group.paid_on);
                one.rows.extend(group.rows);
                if let Some(more) = group.stated {
                    one.stated = Some(one.stated.unwrap_or_default() + more);
                }
            }
            None => {
                at.insert(group.reference.clone(), all.len());
                all.push(group);
            }
        }
    }
    all
}

/// The key: of provider, reference, day, kind and gross, and of how many alike came before in the file.
fn keyed(mut row: Row, provider: &str, seen: &mut BTreeMap<String, u32>) -> Row {
    let same = format!(
        "{provider}\u{0}{}\u{0}{}\u{0}{:?}\u{0}{}",
        row.reference, row.date, row.kind, row.gross
    );
    row.key = report_rows::key(same, seen);
    row
}

/// A layout's names of columns and kinds, without case and punctuation.
struct Names {
    columns: BTreeMap<Column, Vec<String>>,
    words: BTreeMap<String, RowKind>,
}

impl Names {
    fn of(layout: &SettlementRule) -> Names {
        let columns = layout
            .columns
            .iter()
            .map(|(c, n)| (*c, n.iter().map(|n| bare(n)).collect()));
        let words = layout
            .words
            .iter()
            .flat_map(|(kind, words)| words.iter().map(|w| (bare(w), *kind)));
        Names {
            columns: columns.collect(),
            words: words.collect(),
        }
    }
}

/// Where each column stands, and how the file spells it.
struct Header(BTreeMap<Column, (usize, String)>);

impl Header {
    fn of(names: &Names, record: &[String]) -> Header {
        let cells: Vec<String> = record.iter().map(|c| bare(c)).collect();
        let place = |aliases: &Vec<String>| {
            let mut places = aliases
                .iter()
                .filter_map(|a| cells.iter().position(|c| !c.is_empty() && c == a));
            places.next().map(|i| (i, record[i].clone()))
        };
        Header(
            names
                .columns
                .iter()
                .filter_map(|(c, aliases)| Some((*c, place(aliases)?)))
                .collect(),
        )
    }

    fn complete(&self) -> bool {
        let has = |c| self.0.contains_key(&c);
        has(Column::Date) && (has(Column::Gross) || has(Column::Net))
    }
}

fn no_header(layout: &SettlementRule) -> RowProblem {
    let names = |c: Column| layout.columns.get(&c).map(|n| n.join(", ")).unwrap_or_default();
    RowProblem {
        line: 1,
        column: String::new(),
        message: format!(
            "no line names a column of dates ({}) and one of amounts ({}; {})",
            names(Column::Date),
            names(Column::Gross),
            names(Column::Net)
        ),
        remedy: format!(
            "Save the statement as CSV with its column names; if they are others, give them in ledger.toml under \
             [[settlement]] name = \"{}\", in [settlement.columns]",
            layout.name
        ),
    }
}

struct Reader<'a> {
    layout: &'a SettlementRule,
    names: &'a Names,
    header: &'a Header,
    record: &'a [String],
    line: u64,
}

type Placed = (Row, Option<String>, Option<Date>);

impl Reader<'_> {
    fn cell(&self, column: Column) -> Option<&str> {
        let (at, _) = self.header.0.get(&column)?;
        self.record.get(*at).map(String::as_str).filter(|c| !c.is_empty())
    }

    fn problem(&self, column: Column, message: &str, remedy: &str) -> RowProblem {
        let spelt = self.header.0.get(&column).map(|(_, name)| name.clone());
        RowProblem {
            line: self.line,
            column: spelt.unwrap_or_else(|| column.word().to_owned()),
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    fn date(&self, column: Column) -> Result<Option<Date>, RowProblem> {
        let Some(text) = self.cell(column) else { return Ok(None) };
        let day = self
            .layout
            .date
            .iter()
            .find_map(|p| by_pattern(p, text))
            .or_else(|| iso(text));
        match day {
            Some(day) if (2000..2200).contains(&day.year()) => Ok(Some(day)),
            _ => Err(self.problem(
                column,
                "this is no date the layout knows",
                "Mend it, or add its pattern to `date` of the [[settlement]], e.g. \"%d/%m/%Y\".",
            )),
        }
    }

    fn amount(&self, column: Column) -> Result<Option<Cents>, RowProblem> {
        let Some(text) = self.cell(column) else { return Ok(None) };
        amount(text).map_err(|e| {
            let (message, remedy) = match e {
                MoneyError::Fraction => (
                    "the amount has fractions of a cent",
                    "Round it as the provider pays it.",
                ),
                MoneyError::Size => ("the amount is too large", "Mend it."),
                _ => ("this is no amount", "Write it like 1,234.56, -12.00 or (12.00)."),
            };
            self.problem(column, message, remedy)
        })
    }

    /// None for what moved no money and for lines of totals.
    fn row(&self) -> Result<Option<Placed>, RowProblem> {
        let word = self.cell(Column::Kind).unwrap_or_default();
        let said = self.names.words.get(&bare(word)).copied();
        if said == Some(RowKind::Ignored) {
            return Ok(None);
        }
        let date = self
            .date(Column::Date)
            .and_then(|d| Ok(d.or(self.date(Column::PaidOn)?)));
        let Ok(Some(date)) = date else {
            let total = |c: &String| {
                ["total", "subtotal", "grandtotal", "summary"]
                    .iter()
                    .any(|t| bare(c).starts_with(t))
            };
            if self.record.iter().any(total) {
                return Ok(None);
            }
            date?;
            return Err(self.problem(
                Column::Date,
                "the date is missing",
                "Give the day of the row, or take the line out.",
            ));
        };
        let mut row = Row {
            key: String::new(),
            reference: self.cell(Column::Reference).unwrap_or_default().to_owned(),
            date,
            gross: Cents::ZERO,
            fee: Cents::ZERO,
            fee_tax: Cents::ZERO,
            surcharge: Cents::ZERO,
            net: Cents::ZERO,
            kind: RowKind::Payment,
            net_only: false,
        };
        self.amounts(&mut row, said)?;
        if row.gross.is_zero() && row.surcharge.is_zero() && row.fee.is_zero() && row.fee_tax.is_zero() {
            return Ok(None);
        }
        let settlement = self.cell(Column::Settlement).map(str::to_owned);
        Ok(Some((row, settlement, self.date(Column::PaidOn)?)))
    }

    fn amounts(&self, row: &mut Row, said: Option<RowKind>) -> Result<(), RowProblem> {
        let gross = self.amount(Column::Gross)?;
        let net = self.amount(Column::Net)?;
        let fee = self.amount(Column::Fee)?;
        let tax = self.amount(Column::FeeTax)?;
        let Some(size) = gross.or(net) else {
            let column = if self.header.0.contains_key(&Column::Gross) {
                Column::Gross
            } else {
                Column::Net
            };
            return Err(self.problem(column, "the amount is missing", "Give it, or take the line out."));
        };
        let includes = self.layout.fee_includes_tax.unwrap_or(true);
        let (mut fee, mut tax) = match (fee.unwrap_or_default(), tax) {
            (fee, Some(tax)) if includes => (fee - tax, tax),
            (fee, Some(tax)) => (fee, tax),
            (fee, None) => split_tax(fee, self.layout.fee_tax_percent.unwrap_or_default(), includes)
                .ok_or_else(|| self.problem(Column::Fee, "the fee is too large", "Mend it."))?,
        };
        let refund = said == Some(RowKind::Refund);
        // Statements write what is given back with a minus or without.
        let gross = match (gross, net) {
            (Some(gross), _) if refund && gross.is_positive() && net.is_none_or(Cents::is_positive) => -gross,
            (Some(gross), _) => gross,
            // Only what reached the bank is shown; a fee beside it was taken off before.
            (None, _) => {
                let signed = if refund { -size.abs() } else { size };
                signed + fee.abs() + tax.abs()
            }
        };
        let net = net.map(|n| {
            if refund && n.is_positive() && gross.is_negative() {
                -n
            } else {
                n
            }
        });
        if matches!(said, Some(RowKind::Fee)) {
            if fee.is_zero() && tax.is_zero() {
                (fee, tax) = split_tax(gross.abs(), self.layout.fee_tax_percent.unwrap_or_default(), true)
                    .ok_or_else(|| self.problem(Column::Gross, "the fee is too large", "Mend it."))?;
            }
            row.gross = Cents::ZERO;
        } else {
            row.gross = gross;
        }
        self.surcharge(row, net, fee + tax)?;
        // Fees are written with a minus or without; the net decides, else they take off.
        let before = row.gross + row.surcharge;
        let adds_up = |fee: Cents, tax: Cents| net.is_some_and(|n| n == before - fee - tax);
        if !adds_up(fee, tax)
            && (adds_up(-fee, -tax) || (net.is_none() && (fee + tax).is_negative() && !row.gross.is_negative()))
        {
            (fee, tax) = (-fee, -tax);
        }
        row.kind = match said {
            Some(kind) => kind,
            None if row.gross.is_zero() => RowKind::Fee,
            None if row.gross.is_negative() => RowKind::Refund,
            None => RowKind::Payment,
        };
        (row.fee, row.fee_tax) = (fee, tax);
        row.net = before - fee - tax;
        let shown = |c| self.header.0.contains_key(&c);
        row.net_only = !shown(Column::Gross) && !shown(Column::Fee);
        if row.kind != RowKind::Payout && row.kind != RowKind::Fee && net.is_some_and(|n| n != row.net) {
            return Err(self.problem(
                Column::Net,
                "amount less fee and its tax is not the net",
                "Mend the row, or say with `fee_includes_tax` whether the fee column includes the tax, and with \
                 `gross_includes_surcharge` whether the amount includes the surcharge.",
            ));
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// Takes the surcharge out of the amount, where that includes it.
    fn surcharge(&self, row: &mut Row, net: Option<Cents>, fees: Cents) -> Result<(), RowProblem> {
        let Some(stated) = self.amount(Column::Surcharge)?.filter(|s| !s.is_zero()) else {
            return Ok(());
        };
        // What is given back takes its surcharge with it, whatever sign that bears.
        row.surcharge = if row.gross.is_negative() { -stated.abs() } else { stated };
        let is = |before: Cents| net.is_some_and(|n| n == before - fees || n == before + fees);
        let beside = is(row.gross + row.surcharge) && !is(row.gross);
        if self.layout.gross_includes_surcharge.unwrap_or(!beside) {
            row.gross -= row.surcharge;
        }
        Ok(())
    }
}

/// A fee into fee and tax.
pub(super) fn split_tax(fee: Cents, percent: Decimal, includes: bool) -> Option<(Cents, Cents)> {
    let base = if includes {
        Decimal::ONE_HUNDRED + percent
    } else {
        Decimal::ONE_HUNDRED
    };
    let tax = Cents::rounded(fee.decimal().checked_mul(percent)?.checked_div(base)?).ok()?;
    Some(if includes { (fee - tax, tax) } else { (fee, tax) })
}

/// A day by a pattern that fits all of the text.
pub(super) fn by_pattern(pattern: &str, text: &str) -> Option<Date> {
    jiff::fmt::strtime::parse(pattern, text).ok()?.to_date().ok()
}

fn iso(text: &str) -> Option<Date> {
    let whole = text
        .parse::<DateTime>()
        .map(|d| d.date())
        .or_else(|_| text.parse::<Date>());
    whole.ok().or_else(|| {
        // With an offset: the day as it is written.
        let (day, time) = text.split_once(['T', ' '])?;
        (time.len() >= 5 && time.as_bytes()[2] == b':').then(|| day.parse().ok())?
    })
}

/// An amount as statements write it: `$1,234.56`, `-12.00`, `12.00-`, `(12.00)`, `AUD 5`.
fn amount(text: &str) -> Result<Option<Cents>, MoneyError> {
    let mut rest: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let mut minus = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
        (rest, minus) = (inner.to_owned(), true);
    }
    for _ in 0..2 {
        if let Some(inner) = rest.strip_prefix(['-', '\u{2212}']).or_else(|| rest.strip_suffix('-')) {
            if minus {
                return Err(MoneyError::NotANumber);
            }
            (rest, minus) = (inner.to_owned(), true);
        }
        for sign in ["AUD", "A$", "$"] {
            rest = rest.strip_prefix(sign).unwrap_or(&rest).to_owned();
        }
    }
    if rest.is_empty() || rest == "n/a" {
        // A dash alone stands for nothing.
        return if minus { Ok(None) } else { Err(MoneyError::NotANumber) };
    }
    let (whole, cents) = rest.split_once('.').unwrap_or((&rest, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let groups: Vec<&str> = whole.split(',').collect();
    let grouped = groups.len() == 1
        || (groups[0].len() <= 3 && !groups[0].is_empty() && groups[1..].iter().all(|g| g.len() == 3));
    if !grouped || !groups.iter().all(|g| digits(g)) || !digits(cents) || (whole.is_empty() && cents.is_empty()) {
        return Err(MoneyError::NotANumber);
    }
    let number: Decimal = format!("0{}.{cents}0", groups.concat())
        .parse()
        .map_err(|_| MoneyError::Size)?;
    let cents = Cents::exact(number)?;
    Ok(Some(if minus { -cents } else { cents }))
}
