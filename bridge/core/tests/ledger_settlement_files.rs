//! Statements are read by layouts that are data; what is wrong with a row is said and stops nothing.

#![allow(clippy::unwrap_used)]

mod ledger_practice;

use bridge_core::ledger::settlement::{Import, Imported, Row, RowKind, read};
use bridge_core::ledger::{Cents, Rules};
use ledger_practice::{date, rules};
use proptest::prelude::*;

fn import(rules: &Rules, layout: &str, text: &str) -> Import {
    read(
        &rules.settlement_layout(layout).unwrap(),
        "statement.csv",
        text.as_bytes(),
    )
}

fn amounts(rows: &[Row]) -> Vec<(&str, i64, i64, i64, i64)> {
    rows.iter()
        .map(|r| (r.reference.as_str(), r.gross.0, r.fee.0, r.fee_tax.0, r.net.0))
        .collect()
}

#[test]
fn the_four_shipped_layouts() {
    let rules = rules("");
    let hicaps = import(
        &rules,
        "HICAPS",
        "Settlement report\nMerchant 1\n\nSettlement Date,Claim ID,Date / Time,Transaction Type,Benefit Paid\n\
         06/10/2026,C1,05/10/2026 09:30,Claim,$43.20\n06/10/2026,C2,05/10/2026 09:45,Cancellation,12.00\n\
         06/10/2026,C3,05/10/2026 10:00,Declined,99.00\n07/10/2026,C4,06/10/2026 10:00,Claim,\"1,050.00\"\n\
         ,,Total,,\"1,081.20\"\n",
    );
    assert_eq!(hicaps.problems, []);
    assert_eq!(hicaps.left_out, 2);
    let first = &hicaps.settlements[0];
    assert_eq!(
        (first.reference.as_str(), first.paid_on),
        ("hicaps-2026-10-06", date("2026-10-06"))
    );
    assert_eq!(
        amounts(&first.rows),
        [("C1", 4_320, 0, 0, 4_320), ("C2", -1_200, 0, 0, -1_200)]
    );
    assert_eq!(amounts(&hicaps.settlements[1].rows), [("C4", 105_000, 0, 0, 105_000)]);

    let tyro = import(
        &rules,
        "tyro",
        "Transaction Date;Settlement Date;Transaction Type;Merchant Reference;Gross Amount;Merchant Fee;Fee GST;Net Amount\n\
         05/10/2026 4:15 PM;06/10/2026;Purchase;600001;100.00;1.10;0.10;98.90\n\
         05/10/2026 4:20 PM;06/10/2026;Refund;600002;-50.00;0.00;0.00;-50.00\n",
    );
    assert_eq!(tyro.problems, []);
    let rows = &tyro.settlements[0].rows;
    assert_eq!(
        amounts(rows),
        [("600001", 10_000, 100, 10, 9_890), ("600002", -5_000, 0, 0, -5_000)]
    );
    assert_eq!(rows[1].kind, RowKind::Refund);

    let medicare = import(
        &rules,
        "medicare",
        "Payment Run Number,Payment Date,Claim Id,Date of Service,Service Benefit Paid\n\
         4711,07/10/2026,A0001@,02/10/2026,85.00\n4711,07/10/2026,A0001@,02/10/2026,15.00\n4712,08/10/2026,A0002@,02/10/2026,\n",
    );
    assert_eq!(medicare.settlements[0].reference, "4711");
    assert_eq!(medicare.settlements[0].net(), Cents(10_000));
    assert_eq!(medicare.problems.len(), 1);

    let card = import(
        &rules,
        "card",
        "automatic_payout_id,automatic_payout_effective_at,balance_transaction_id,created,gross,fee,net,reporting_category\n\
         po_1,2026-10-07 00:00:00,txn_1,2026-10-05 10:00:00,100.00,1.75,98.25,charge\n\
         po_1,2026-10-07 00:00:00,txn_2,2026-10-05 11:00:00,-20.00,0.00,-20.00,refund\n\
         po_1,2026-10-07 00:00:00,txn_3,2026-10-06 00:00:00,-2.20,0.00,-2.20,fee\n\
         po_1,2026-10-07 00:00:00,txn_4,2026-10-07 00:00:00,-76.05,0.00,-76.05,payout\n",
    );
    assert_eq!(card.problems, []);
    let payout = &card.settlements[0];
    assert_eq!(
        (payout.reference.as_str(), payout.stated, payout.net()),
        ("po_1", Some(Cents(7_605)), Cents(7_605))
    );
    assert_eq!(
        amounts(&payout.rows),
        [
            ("txn_1", 10_000, 175, 0, 9_825),
            ("txn_2", -2_000, 0, 0, -2_000),
            ("txn_3", 0, 220, 0, -220)
        ]
    );
}

#[test]
fn a_layout_of_ones_own_and_keys_that_differ_from_the_shipped() {
    let rules = rules(
        r#"
[[settlement]]
name = "tyro"
fee_account = "404"
fee_tax = "INPUT"
fee_tax_percent = 10
[settlement.columns]
fee = ["Charges"]

[[settlement]]
name = "physio-card"
method = ["Amex"]
date = ["%d.%m.%Y"]
fee_includes_tax = false
fee_tax_percent = 10
[settlement.columns]
date = ["Day"]
net = ["Paid"]
fee = ["Cost"]
[settlement.words]
"#,
    );
    let tyro = import(
        &rules,
        "tyro",
        "\u{feff}Transaction Date\tAmount\tcharges\n05/10/2026\t100.00\t-1.10\n",
    );
    assert_eq!(amounts(&tyro.settlements[0].rows), [("", 10_000, 100, 10, 9_890)]);
    let own = import(&rules, "physio-card", "Day,Paid,Cost\n05.10.2026,98.90,1.00\n");
    assert_eq!(amounts(&own.settlements[0].rows), [("", 10_000, 100, 10, 9_890)]);
    let methods: Vec<String> = rules.settlement_layouts().into_iter().map(|l| l.name).collect();
    assert_eq!(methods, ["tyro", "physio-card", "hicaps", "medicare", "card"]);
}

#[test]
fn a_bad_row_is_said_with_line_and_column_and_the_others_are_read() {
    let rules = rules("");
    let text = "Transaction Date,Amount,Merchant Fee,Net Amount\n\
                05/10/2026,100.00,1.00,99.00\n\
                2026/13/45,100.00,1.00,99.00\n\
                06/10/2026,1OO.00,1.00,99.00\n\
                06/10/2026,100.00,1.00,90.00\n\
                06/10/2026,100.005,1.00,99.00\n\
                ,100.00,1.00,99.00\n\
                06/10/2026,,,\n\
                06/10/2026,\"10,0.00\",,\n\
                \n\
                07/10/2026,50.00,,\n";
    let found = import(&rules, "tyro", text);
    let said: Vec<(u64, &str, &str)> = found
        .problems
        .iter()
        .map(|p| (p.line, p.column.as_str(), p.message.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (3, "Transaction Date", "this is no date the layout knows"),
            (4, "Amount", "this is no amount"),
            (5, "Net Amount", "amount less fee and its tax is not the net"),
            (6, "Amount", "the amount has fractions of a cent"),
            (7, "Transaction Date", "the date is missing"),
            (8, "Amount", "the amount is missing"),
            (9, "Amount", "this is no amount"),
        ]
    );
    assert!(
        found
            .problems
            .iter()
            .all(|p| !p.remedy.is_empty() && !p.to_string().contains("1OO"))
    );
    assert_eq!(found.settlements.len(), 2);

    let lost = import(&rules, "tyro", "When,How much\n05/10/2026,1.00\n");
    assert!(lost.settlements.is_empty());
    assert!(
        lost.problems[0].to_string().contains("Transaction Date"),
        "{}",
        lost.problems[0]
    );
}

#[test]
fn amounts_as_statements_write_them() {
    let rules = rules("");
    let good = [
        ("$1234.5", 123_450),
        ("(12.00)", -1_200),
        ("12.00-", -1_200),
        ("-$12", -1_200),
        ("$-12", -1_200),
        ("AUD 7.10", 710),
        ("1,234,567.89", 123_456_789),
        (".50", 50),
        ("\u{2212}3.00", -300),
        ("5.000", 500),
    ];
    for (text, cents) in good {
        let found = import(&rules, "tyro", &format!("Date\tAmount\n05/10/2026\t{text}\n"));
        assert_eq!(found.settlements[0].rows[0].gross, Cents(cents), "{text}");
    }
    for text in [
        "1.2.3",
        "12,34.00",
        "--5",
        "1e5",
        "(5",
        "5 CR",
        "0x10",
        "$",
        ",5",
        "99999999999999",
    ] {
        let found = import(&rules, "tyro", &format!("Date\tAmount\n05/10/2026\t{text}\n"));
        assert_eq!((found.problems.len(), found.settlements.len()), (1, 0), "{text}");
    }
}

#[test]
fn slips_in_settlement_rules_are_refused_with_a_remedy() {
    let wrong = [
        ("name = \"a b\"", "not 1 to 20 letters"),
        ("name = \"x\"\nlike = \"paypal\"", "like no layout"),
        ("name = \"x\"\nmethod = [\"X\"]", "names no columns"),
        (
            "name = \"x\"\nlike = \"tyro\"\nmethod = []\n[[settlement]]\nname = \"tyro\"",
            "settled by two",
        ),
        ("name = \"tyro\"\ndate = [\"DD/MM/YYYY\"]", "no date pattern"),
        ("name = \"tyro\"\ndate = [\"%m\"]", "no date pattern"),
        ("name = \"tyro\"\nfee_tax_percent = 100", "between 0 and 100"),
    ];
    for (section, says) in wrong {
        let text = format!("start_from = \"2026-10-01\"\n[accounts]\nno_tax = \"X\"\n[[settlement]]\n{section}\n");
        let problems = Rules::parse("ledger.toml", &text).unwrap_err();
        assert!(
            problems[0].message.contains(says) && !problems[0].remedy.is_empty(),
            "{section}: {problems:?}"
        );
    }
}

#[test]
fn an_import_counts_once() {
    let rules = rules("");
    let head = "Settlement Date,Transaction Date,Reference,Amount,Fee\n";
    let (a, b, c) = (
        "06/10/2026,05/10/2026,,10.00,0.10\n06/10/2026,05/10/2026,,10.00,0.10\n",
        "07/10/2026,06/10/2026,R1,20.00,0.20\n",
        "08/10/2026,07/10/2026,R2,30.00,0.30\n",
    );
    let mut all = Imported::default();
    let first = import(&rules, "tyro", &format!("{head}{a}{b}"));
    let added = all.add(&first);
    assert_eq!((added.known_file, added.rows, added.known), (false, 3, 0));
    let before = all.clone();
    assert!(all.add(&first).known_file);
    assert_eq!(all, before);
    // Another file over some of the same days.
    let added = all.add(&import(&rules, "tyro", &format!("{head}{b}{c}")));
    assert_eq!((added.rows, added.known, added.differing), (1, 1, 0));
    let added = all.add(&import(&rules, "tyro", &format!("{head}{}", b.replace("0.20", "0.21"))));
    assert_eq!((added.rows, added.known, added.differing), (0, 1, 1));
    assert_eq!(all.keys().len(), 4);
    assert_eq!(all.settlements.len(), 3);
    let json = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Imported>(&json).unwrap(), all);
}

#[test]
fn a_file_with_bad_rows_may_come_again_once_the_layout_is_mended() {
    let text = "Date,Amount\n05/10/2026,1.00\n5 October 2026,2.00\n";
    let mut all = Imported::default();
    let added = all.add(&import(&rules(""), "tyro", text));
    assert_eq!(added.rows, 1);
    let mended = rules("[[settlement]]\nname = \"tyro\"\ndate = [\"%d/%m/%Y\", \"%d %B %Y\"]\n");
    let added = all.add(&import(&mended, "tyro", text));
    assert_eq!((added.known_file, added.rows, added.known), (false, 1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Files that overlap by whole days make the same whole, in whatever order they come and however often.
    #[test]
    fn overlapping_files_make_one_whole(
        rows in prop::collection::vec((1u8..9, 1i64..4, prop::option::of(0u8..3)), 0..25),
        cuts in prop::collection::vec((1u8..9, 0u8..5), 0..6),
    ) {
        let rules = rules("");
        let mut rows = rows;
        rows.sort();
        let file = |from: u8, to: u8| {
            let mut text = String::from("Date,Reference,Amount\n");
            for (day, amount, reference) in rows.iter().filter(|r| (from..=to).contains(&r.0)) {
                let reference = reference.map_or(String::new(), |r| format!("R{r}"));
                text += &format!("{day:02}/10/2026,{reference},{amount}.00\n");
            }
            import(&rules, "tyro", &text)
        };
        let whole = file(1, 9);
        let mut once = Imported::default();
        once.add(&whole);
        let mut parts = Imported::default();
        for (from, more) in cuts {
            parts.add(&file(from, from + more));
        }
        for day in (1..=9).rev() {
            parts.add(&file(day, day));
        }
        prop_assert_eq!(parts.keys(), once.keys());
        prop_assert_eq!(once.keys().len(), rows.len());
        let net = |all: &Imported| -> Vec<(String, Cents)> {
            all.settlements.iter().map(|s| (s.reference.clone(), s.net())).collect()
        };
        prop_assert_eq!(net(&parts), net(&once));
    }

    /// Whatever a file holds, each row is a row, left out, or a problem with its line; net is gross less fee and tax.
    #[test]
    fn nothing_stops_a_reader(text in "[-0-9a-zA-Z/.,;:$()\" \t\n]{0,200}", cells in prop::collection::vec("[-0-9./,$() ]{0,12}", 0..40)) {
        let rules = rules("");
        let table: String = cells.chunks(4).map(|c| c.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(",") + "\n").collect();
        for body in [text.as_str(), &format!("Date,Amount,Fee,Net\n{text}"), &format!("Date,Amount,Fee,Net\n{table}")] {
            for layout in rules.settlement_layouts() {
                let found = read(&layout, "f", body.as_bytes());
                for row in found.settlements.iter().flat_map(|s| &s.rows) {
                    prop_assert_eq!(row.net, row.gross - row.fee - row.fee_tax);
                }
                let lines = u64::try_from(body.lines().count()).unwrap();
                prop_assert!(found.problems.iter().all(|p| p.line >= 1 && p.line <= lines.max(1)));
            }
        }
    }
}
