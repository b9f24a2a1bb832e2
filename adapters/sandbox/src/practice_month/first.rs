//! What stands at the end of the month: invoices, their lines, and what was paid by then.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::fees::{DESK, FEES, ORGANISATIONS, PAYERS, PayerType, ROLES, Treatment, fees_of, method_of};
use super::model::{CoverModel, InvoiceModel, LineModel, LineState, Model, Payer, PaymentModel, Price, Row};
use super::{MonthOptions, moment};
use crate::invented::invented_people;
use crate::people::CsvPerson;

/// Ids of one month; the next one's begin after them.
const MONTH: u64 = 1_000_000;
/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// Whoever is billed.
pub(super) fn patients(options: &MonthOptions) -> Vec<CsvPerson> {
    invented_people(options.seed, (options.invoices / 4).clamp(20, 4_000)).0
}

/// The month as the practice remembers it.
pub(super) fn model(options: &MonthOptions, patients: &[CsvPerson], rng: &mut StdRng) -> Model {
    let names = patients
        .iter()
        .map(|person| format!("{} {}", person.given_name, person.surname).trim().to_owned());
    let mut model = Model::of(names.collect(), u64::from(options.nth) * MONTH);
    let days = options
        .month
        .first_of_month()
        .series(1.day())
        .take_while(|day| day.month() == options.month.month());
    let days: Vec<Date> = days.filter(|day| day.weekday() != Weekday::Sunday).collect();
    let end = moment(options.month.last_of_month(), DAY);
    for _ in 0..options.invoices {
        let date = days[rng.random_range(0..days.len())];
        let place = bill(&mut model, rng, date);
        settle(&mut model, rng, place, end);
    }
    for _ in 0..options.invoices.div_ceil(40) {
        let date = days[rng.random_range(0..days.len())];
        deposit(&mut model, rng, date);
    }
    model
}

/// One invoice or quote with its lines.
pub(super) fn bill(model: &mut Model, rng: &mut StdRng, date: Date) -> usize {
    let payer_type = payer_type(rng);
    let patient = rng.random_range(0..model.names.len());
    let (payer, cover) = payer(model, rng, payer_type, patient);
    let special = rng.random_range(0..1_000);
    let (quote, status) = match special {
        0..5 => (true, "active"),
        5..11 => (false, "cancelled"),
        11..17 => (false, "write-off"),
        _ => (false, "active"),
    };
    let count = match rng.random_range(0..100) {
        0..55 => 1,
        55..80 => 2,
        80..93 => 3,
        _ => 4,
    };
    let mut lines = vec![];
    for nth in 0..count {
        let mut line = line(model, rng, payer_type, date);
        line.state = match (status, special) {
            ("cancelled", _) => LineState::Voided,
            ("write-off", _) => LineState::WrittenOff,
            (_, 17..42) if nth > 0 => LineState::Voided,
            (_, 42..67) if nth > 0 => LineState::WrittenOff,
            (_, 67..90) => LineState::Locked,
            _ => LineState::Active,
        };
        lines.push(line);
    }
    model.invoices.push(InvoiceModel {
        id: model.first + 600_001 + model.invoices.len() as u64,
        quote,
        status,
        payer,
        payer_type,
        patient,
        role: rng.random_range(0..ROLES.len()),
        date,
        created: moment(date, rng.random_range(8 * 60..17 * 60)),
        lines,
        cover,
        payments: Vec::new(),
        removed: false,
    });
    model.invoices.len() - 1
}

fn payer_type(rng: &mut StdRng) -> PayerType {
    let mut drawn = rng.random_range(0..100);
    for (payer, share) in PAYERS {
        if drawn < share {
            return payer;
        }
        drawn -= share;
    }
    PayerType::Patient
}

/// Who owes, and the claim details that say so.
fn payer(model: &mut Model, rng: &mut StdRng, of: PayerType, patient: usize) -> (Payer, Option<usize>) {
    let funders: Vec<&'static str> = ORGANISATIONS
        .iter()
        .filter(|(_, _, payer)| *payer == of)
        .map(|(id, ..)| *id)
        .collect();
    let manager = funders.choose(rng);
    // Of a participant whose plan is managed some practices bill the manager, and some the participant.
    let billed = manager.filter(|_| of != PayerType::NdisPlan || rng.random_range(0..2) == 0);
    let owed_by = match billed {
        Some(id) => Payer::Organisation(id),
        None => Payer::Patient(patient),
    };
    // A participant who manages the plan pays, and claims from the agency.
    let funder = match (of, owed_by) {
        (PayerType::NdisSelf, _) => "FD-150003",
        (PayerType::NdisPlan, Payer::Patient(_)) => manager.copied().unwrap_or("FD-150003"),
        (PayerType::Patient | PayerType::Organisation, _) | (_, Payer::Patient(_)) => return (owed_by, None),
        (_, Payer::Organisation(id)) => id,
    };
    let wanted = CoverModel {
        id: 0,
        patient,
        funder,
        payer: if of == PayerType::NdisSelf {
            29
        } else {
            rng.random_range(30..=32)
        },
    };
    let place = model.cover(wanted);
    (owed_by, Some(place))
}

/// A line of a fee that invoices of such payers hold.
pub(super) fn line(model: &mut Model, rng: &mut StdRng, payer: PayerType, date: Date) -> LineModel {
    let fee = *fees_of(payer).choose(rng).unwrap_or(&0);
    let quantity = match FEES[fee].code {
        "15_056" => *[50, 75, 100, 150, 225, 300].choose(rng).unwrap_or(&100),
        "15_799" => rng.random_range(4..160) * 25,
        "MSG60" => *[50, 100, 100, 150].choose(rng).unwrap_or(&100),
        "ORTH" | "DISB" => rng.random_range(1..4) * 100,
        _ => 100,
    };
    LineModel {
        id: model.line_id(),
        fee,
        quantity,
        price: price(rng, fee, payer),
        state: LineState::Active,
        entered: date,
        note: "",
    }
}

/// What a unit costs: the fee, rarely raised or lowered, and the tax of all that.
pub(super) fn price(rng: &mut StdRng, fee: usize, payer: PayerType) -> Price {
    let base = FEES[fee].cents * 100;
    let mut price = Price {
        base,
        ..Price::default()
    };
    // What Medicare and veterans' affairs pay is fixed.
    if !matches!(payer, PayerType::Medicare | PayerType::Dva) {
        match rng.random_range(0..100) {
            0..6 => price.discount = base * rng.random_range(5..=30) / 100,
            6..9 => price.surcharge = base * 3 / 200,
            9..11 => price.deduction = rng.random_range(1..=base / 200) * 100,
            11..12 => price.discount = base,
            12..15 => price.informational = base / 2,
            _ => {}
        }
    }
    taxed(&mut price, fee);
    price
}

/// Puts the tax on what the price is now.
pub(super) fn taxed(price: &mut Price, fee: usize) {
    price.tax = match FEES[fee].treatment {
        Treatment::Gst => price.net() / 10,
        Treatment::GstFree | Treatment::BasExcluded => 0,
    };
}

/// A row that is to be noted.
pub(super) fn row(model: &Model, invoice: usize, row: Row, method: &'static str, at: i64, cents: i64) -> PaymentModel {
    let of = &model.invoices[invoice];
    PaymentModel {
        id: 0,
        row,
        method,
        at,
        date: date_of(at),
        cents,
        invoice: Some(invoice),
        payer: of.payer,
        patient: of.patient,
        void: false,
        removed: false,
    }
}

/// The practice's date of a moment.
pub(super) fn date_of(at: i64) -> Date {
    let at = jiff::Timestamp::from_microsecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned(crate::clock::practice_zone()).date()
}

/// How patients pay.
pub(super) fn desk(rng: &mut StdRng) -> &'static str {
    DESK.choose(rng).copied().unwrap_or("Cash")
}

/// What was paid for an invoice before the month ended.
fn settle(model: &mut Model, rng: &mut StdRng, place: usize, end: i64) {
    let open = model.open(place);
    let of = &model.invoices[place];
    if !of.usable() || open <= 0 {
        return;
    }
    let (created, payer_type) = (of.created, of.payer_type);
    let at_desk = created + rng.random_range(1..40) * 60_000_000;
    if let Some(method) = method_of(payer_type) {
        // Funders pay days later, many at one moment.
        let share = match payer_type {
            PayerType::Medicare | PayerType::Dva => 75,
            PayerType::NdisPlan | PayerType::NdisAgency => 50,
            _ => 40,
        };
        let days = rng.random_range(2..20);
        let at = moment(date_of(created).saturating_add(days.days()), 3 * 60 + 15);
        let drawn = rng.random_range(0..100);
        if drawn < share && at < end {
            let cents = if drawn % 12 == 0 { (open * 2 / 3).max(1) } else { open };
            model.note(row(model, place, Row::Payment, method, at, cents));
        }
        return;
    }
    let method = desk(rng);
    let later = at_desk + 60_000_000;
    match rng.random_range(0..100) {
        0..58 => drop(model.note(row(model, place, Row::Payment, method, at_desk, open))),
        58..70 => {
            // The fund's benefit, and the gap by the patient.
            let benefit = (open * 55 / 100).max(1);
            model.note(row(model, place, Row::Payment, "HICAPS", at_desk, benefit));
            if open > benefit {
                model.note(row(model, place, Row::Payment, "EFTPOS", later, open - benefit));
            }
        }
        70..79 => drop(model.note(row(model, place, Row::Payment, method, at_desk, (open / 2).max(1)))),
        79..83 => {
            let over = open + rng.random_range(1..40) * 50;
            model.note(row(model, place, Row::Payment, method, at_desk, over));
        }
        83..87 => {
            model.note(row(model, place, Row::Failed, "Braintree", at_desk, open));
            model.note(row(model, place, Row::Payment, "Braintree", later, open));
        }
        87..90 => {
            model.note(row(model, place, Row::Discount, "Discount", at_desk, 500));
            model.note(row(model, place, Row::Payment, method, later, open));
        }
        90..92 => {
            // Paid and given back in part.
            model.note(row(model, place, Row::Payment, method, at_desk, open));
            model.note(row(model, place, Row::Refund, method, later, (open / 4).max(1)));
        }
        92..93 => {
            // Keyed twice; one of the two was voided.
            let first = model.note(row(model, place, Row::Payment, method, at_desk, open));
            model.payments[first].void = true;
            model.note(row(model, place, Row::Payment, method, later, open));
        }
        _ => {}
    }
}

/// Money in advance, of a patient or a funder, now and then not even called a deposit.
pub(super) fn deposit(model: &mut Model, rng: &mut StdRng, date: Date) -> usize {
    // Mostly of somebody who is billed as well.
    let billed = model.invoices.get(rng.random_range(0..model.invoices.len().max(1)));
    let patient = match billed.filter(|_| rng.random_range(0..5) > 0) {
        Some(of) => of.patient,
        None => rng.random_range(0..model.names.len()),
    };
    let drawn = rng.random_range(0..10);
    let payer = if drawn == 0 {
        Payer::Organisation("FD-150021")
    } else {
        Payer::Patient(patient)
    };
    let at = moment(date, rng.random_range(8 * 60..17 * 60));
    model.note(PaymentModel {
        id: 0,
        row: if drawn < 3 { Row::Payment } else { Row::Deposit },
        method: desk(rng),
        at,
        date,
        cents: rng.random_range(10..200) * 100 + 5 * rng.random_range(0..20),
        invoice: None,
        payer,
        patient,
        void: false,
        removed: false,
    })
}
