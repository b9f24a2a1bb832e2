//! A proof as tables: differences first, then what the days, the sales and the debtors come to.

use super::{Between, Difference, Proof};
use crate::ledger::sheet::{Sheet, page};

/// The title of the table that says as of when the books were read. What changed since is known as far as the product
/// tells of it.
pub const READ: &str = "The books, as read from the beginning; later changes as the product told of them";

/// Between which two sides a difference lies, in words.
fn side(between: Between) -> &'static str {
    match between {
        Between::HalaxyAndPosted => "Halaxy / posted",
        Between::PostedAndBooks => "posted / books",
        Between::BooksOnly => "books only",
    }
}

/// Differences, one row for each thing that differs; the amount stands in the first row of its document.
pub fn differences(all: &[Difference]) -> Sheet {
    let mut sheet = Sheet::new(&["date", "between", "subject", "what", "first", "second", "#by"]);
    for d in all {
        for (n, c) in d.changes.iter().enumerate() {
            let by = if n == 0 { d.by.to_string() } else { String::new() };
            sheet.push([
                d.date.to_string(),
                side(d.between).to_owned(),
                d.subject.clone(),
                c.what.clone(),
                c.first.clone(),
                c.second.clone(),
                by,
            ]);
        }
    }
    sheet
}

impl Proof {
    /// Money by day, method and clearing account: Halaxy, what was posted, and the books.
    pub fn days_sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&[
            "date",
            "method",
            "account",
            "#halaxy",
            "#posted",
            "#books",
            "#difference",
        ]);
        for r in &self.days {
            sheet.push([
                r.date.to_string(),
                r.method.clone(),
                r.account.clone(),
                r.halaxy.to_string(),
                r.posted.to_string(),
                r.books.to_string(),
                (r.books - r.halaxy).to_string(),
            ]);
        }
        sheet
    }

    /// Sales by account and tax rate.
    pub fn sales_sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&[
            "account",
            "tax rate",
            "#halaxy net",
            "#halaxy tax",
            "#posted net",
            "#posted tax",
        ]);
        for r in &self.sales {
            sheet.push([
                r.account.clone(),
                r.tax_code.clone(),
                r.halaxy_net.to_string(),
                r.halaxy_tax.to_string(),
                r.posted_net.to_string(),
                r.posted_tax.to_string(),
            ]);
        }
        sheet
    }

    /// What is owed, by type of payer, and what was paid in advance.
    pub fn debtors_sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&["payer", "#halaxy", "#posted", "#difference"]);
        for (payer, r) in &self.debtors {
            sheet.push([
                payer.to_string(),
                r.halaxy.to_string(),
                r.posted.to_string(),
                (r.posted - r.halaxy).to_string(),
            ]);
        }
        let (halaxy, posted) = self.advances;
        sheet.push([
            "paid in advance".into(),
            halaxy.to_string(),
            posted.to_string(),
            (posted - halaxy).to_string(),
        ]);
        sheet
    }

    /// What waits, with why and the remedy; `command` writes the commands that remedies name.
    pub fn held_sheet(&self, command: impl Fn(&str) -> String) -> Sheet {
        let mut sheet = Sheet::new(&["subject", "why", "remedy"]);
        for h in &self.held {
            sheet.push([h.source.to_string(), h.why.text(), h.why.remedy_by(&command)]);
        }
        sheet
    }

    /// Its tables of figures with their titles, after the differences.
    pub fn tables(&self) -> [(&'static str, Sheet); 3] {
        [
            ("Money, by day, method and account", self.days_sheet()),
            ("Sales, by account and tax rate", self.sales_sheet()),
            ("Owed, by payer", self.debtors_sheet()),
        ]
    }

    /// What the next summaries bring, in a sentence; nothing if there is none.
    pub fn later_words(&self) -> Option<String> {
        let records = match self.later.len() {
            0 => return None,
            1 => "1 record".into(),
            n => format!("{n} records"),
        };
        Some(format!(
            "{records} of days that are not over, or changed since their last summary: the next night's summaries bring \
             them."
        ))
    }

    /// Everything as one CSV text: differences first, then each table with its header, and as of when the books were
    /// `read`.
    pub fn figures(&self, read: &Sheet) -> String {
        let mut all = vec![differences(&self.differences).csv()];
        all.extend(self.tables().map(|(_, sheet)| sheet.csv()));
        all.push(read.csv());
        all.join("\n")
    }

    /// What it comes to, in a sentence.
    pub fn verdict(&self) -> String {
        match self.differences.len() {
            0 => "Halaxy equals what was posted, and the books still say so.".into(),
            1 => "1 difference to be explained.".into(),
            n => format!("{n} differences to be explained."),
        }
    }

    /// A page to print under that title, with the digest of [`Proof::figures`] at its foot.
    pub fn printed(&self, title: &str, read: &Sheet, command: impl Fn(&str) -> String) -> String {
        let mut body = format!("<p><strong>{}</strong></p>\n", self.verdict());
        if !self.differences.is_empty() {
            body += "<h2>Differences</h2>\n";
            body += &differences(&self.differences).html();
        }
        if let Some(words) = self.later_words() {
            body += &format!("<h2>In the next summaries</h2>\n<p>{words}</p>\n");
            body += &differences(&self.later).html();
        }
        if !self.held.is_empty() {
            body += "<h2>Waiting</h2>\n";
            body += &self.held_sheet(command).html();
        }
        for (title, sheet) in self.tables() {
            body += &format!("<h2>{title}</h2>\n{}", sheet.html());
        }
        body += &format!("<h2>{READ}</h2>\n{}", read.html());
        page(title, &body, &self.figures(read))
    }
}
