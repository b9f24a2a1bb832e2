//! Documents that are taken: they come back as they were sent.

use super::super::{Found, Verdict};
use super::desk::{Desk, On, applied, must, skipped};
use crate::books::Posted;
use bridge_core::ledger::{Cents, Contact, DocumentKind, Shown, Status};
use rust_decimal::Decimal;
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) async fn probes(desk: &Desk<'_>) -> Found {
    let problems = desk.books.probe().await.into_iter().filter_map(|probe| {
        let (problem, remedy) = probe.problem?;
        Some(format!("{}: {problem} ({remedy})", probe.what))
    });
    let problems: Vec<String> = problems.collect();
    must(problems.is_empty(), || problems.join("; "))?;
    Ok(Verdict::Passed)
}

pub(super) async fn chart(desk: &Desk<'_>) -> Found {
    let scene = desk.scene;
    let books = desk.books.books().await.map_err(|error| error.to_string())?;
    must(books.currency == scene.currency, || "another currency".into())?;
    must(!books.locked(scene.today), || "today is locked".into())?;
    for code in [&scene.income, &scene.bank, &scene.clearing, &scene.deposits] {
        let account = books.account(code).ok_or(format!("account {code} is not shown"))?;
        must(account.active, || format!("account {code} is not active"))?;
    }
    let bank = books
        .account(&scene.bank)
        .is_some_and(|account| account.bank && account.takes_payments);
    must(bank, || "the bank account is none".into())?;
    let takes = books
        .account(&scene.clearing)
        .is_some_and(|account| account.takes_payments && !account.bank);
    must(takes, || "the clearing account takes no payments".into())?;
    let rate = |code: &str| books.tax_rate(code).map(|rate| rate.percent);
    must(rate(&scene.taxed) == Some(Decimal::TEN), || {
        "the taxed rate is not 10 %".into()
    })?;
    must(rate(&scene.free) == Some(Decimal::ZERO), || {
        "the free rate is not 0 %".into()
    })?;
    if let Some(code) = &scene.archived {
        let active = books.account(code).is_some_and(|account| account.active);
        must(!active, || "the archived account may be used".into())?;
    }
    if let Some((category, option)) = &scene.tracking {
        let known = books.tracking.iter().find(|c| c.name == *category);
        must(known.is_some_and(|c| c.options.contains(option)), || {
            "tracking is not shown".into()
        })?;
    }
    Ok(Verdict::Passed)
}

pub(super) async fn contacts(desk: &Desk<'_>) -> Found {
    let made: Vec<Contact> = (0..3)
        .map(|n| {
            let key = desk.key("C");
            Contact {
                name: format!("Conformance {n} {key}"),
                key,
            }
        })
        .collect();
    let first = ids(desk.make_contacts(&made).await?)?;
    must(
        first.len() == 3 && first.iter().collect::<BTreeSet<_>>().len() == 3,
        || "three contacts, and not three ids".into(),
    )?;
    let shown = desk.contacts().await?;
    for (contact, id) in made.iter().zip(&first) {
        let here: Vec<_> = shown
            .iter()
            .filter(|s| s.key.as_deref() == Some(&contact.key))
            .collect();
        match here.as_slice() {
            [one] => must(one.remote_id == *id && one.name == contact.name && one.active, || {
                "a contact shows otherwise than it was made".into()
            })?,
            other => return Err(format!("a contact was shown {} times", other.len())),
        }
    }
    Ok(Verdict::Passed)
}

fn ids(answers: Vec<Posted>) -> Result<Vec<String>, String> {
    let ids = answers
        .into_iter()
        .map(|answer| applied("contact", answer).map(|(id, _)| id));
    ids.collect()
}

pub(super) async fn invoices(desk: &Desk<'_>) -> Found {
    let scene = desk.scene;
    let contact = desk.contact().await?;
    // Amounts whose tax and unit prices do not divide evenly.
    let mut all = Vec::new();
    for (quantity, unit, net, tax) in [
        ("3", "33.3333", 10_000, 1_000),
        ("1", "0.05", 5, 1),
        ("2", "0.4550", 91, 9),
        ("1.5", "67.1133", 10_067, 1_007),
    ] {
        let mut line = desk.line(&scene.income, &scene.taxed, net, tax);
        line.quantity = quantity.parse().map_err(|_| "quantity")?;
        line.unit = unit.parse().map_err(|_| "unit")?;
        if let Some((category, option)) = &scene.tracking {
            line.tracking.insert(category.clone(), option.clone());
        }
        let lines = vec![line, desk.line(&scene.income, &scene.free, 1_234, 0)];
        let document = desk.document(DocumentKind::Invoice, lines);
        all.push(desk.posting(
            document,
            On {
                contact: Some(&contact),
                ..On::default()
            },
        ));
    }
    for chunk in all.chunks(desk.books.batch(DocumentKind::Invoice).max(1)) {
        let answers = desk.send_all(chunk).await?;
        for (posting, answer) in chunk.iter().zip(answers) {
            let (id, _) = applied("invoice", answer)?;
            let sent = &posting.document;
            let shown = desk.found(DocumentKind::Invoice, &sent.key).await?;
            must(shown.remote_id == id, || "found under another id".into())?;
            must(shown.total == sent.total, || {
                format!("total {} instead of {}", shown.total, sent.total)
            })?;
            must(shown.tax.is_none_or(|tax| tax == sent.tax), || "another tax".into())?;
            must(shown.open.is_none_or(|open| open == sent.total), || {
                "not all of it is open".into()
            })?;
            must(shown.date == sent.date && shown.status == Status::Open, || {
                "another date or status".into()
            })?;
            must(shown.contact.as_deref() == Some(&contact), || "another contact".into())?;
            same_lines(&shown, sent, true)?;
        }
    }
    Ok(Verdict::Passed)
}

/// Lines in their order, where shown.
fn same_lines(shown: &Shown, sent: &bridge_core::ledger::Document, tracked: bool) -> Result<(), String> {
    let Some(lines) = &shown.lines else { return Ok(()) };
    must(lines.len() == sent.lines.len(), || "another number of lines".into())?;
    for (shown, sent) in lines.iter().zip(&sent.lines) {
        must(shown.account == sent.account, || {
            format!("a line on {} instead of {}", shown.account, sent.account)
        })?;
        must(shown.net == sent.net && shown.tax == sent.tax, || {
            format!(
                "a line of {} + {} instead of {} + {}",
                shown.net, shown.tax, sent.net, sent.tax
            )
        })?;
        let coded = shown.tax_code.as_ref().is_none_or(|code| *code == sent.tax_code);
        must(coded, || "a line with another tax rate".into())?;
        must(!tracked || shown.tracking == sent.tracking, || {
            "a line with other tracking".into()
        })?;
    }
    Ok(())
}

pub(super) async fn repeated(desk: &Desk<'_>) -> Found {
    let contact = desk.contact().await?;
    let on = On {
        contact: Some(&contact),
        ..On::default()
    };
    let invoice = desk.posting(desk.invoice(), on);
    let (id, _) = applied("invoice", desk.send(&invoice).await?)?;
    // Done already, or told that it is there: never a second one.
    if let Posted::Applied { remote_id, .. } = desk.send(&invoice).await? {
        must(remote_id == id, || "the second attempt made a second invoice".into())?;
    }
    desk.found(DocumentKind::Invoice, &invoice.document.key).await?;
    let of = Some((DocumentKind::Invoice, id.as_str()));
    let payment = desk.posting(desk.money(DocumentKind::Payment, 1_000), On { of, ..On::default() });
    let (paid, _) = applied("payment", desk.send(&payment).await?)?;
    if let Posted::Applied { remote_id, .. } = desk.send(&payment).await? {
        must(remote_id == paid, || "the second attempt paid twice".into())?;
    }
    let open = desk.open(&invoice.document.key).await?;
    must(open.is_none_or(|open| open == Cents(9_500)), || {
        format!("{open:?} is open")
    })?;
    Ok(Verdict::Passed)
}

pub(super) async fn found(desk: &Desk<'_>) -> Found {
    let contact = desk.contact().await?;
    let on = On {
        contact: Some(&contact),
        ..On::default()
    };
    let (first, second) = (desk.invoice(), desk.invoice());
    let keys = [first.key.clone(), desk.key("none"), second.key.clone()];
    let ids = BTreeSet::from([desk.post(first, on).await?, desk.post(second, on).await?]);
    let asked: Vec<String> = keys.to_vec();
    let mut found = BTreeSet::new();
    for chunk in asked.chunks(desk.books.batch(DocumentKind::Invoice).max(1)) {
        let shown = desk
            .books
            .find(DocumentKind::Invoice, chunk)
            .await
            .map_err(|error| error.to_string())?;
        found.extend(shown.into_iter().map(|shown| shown.remote_id));
    }
    must(found == ids, || format!("{} found instead of 2", found.len()))?;
    Ok(Verdict::Passed)
}

pub(super) async fn voided(desk: &Desk<'_>) -> Found {
    let contact = desk.contact().await?;
    let on = On {
        contact: Some(&contact),
        ..On::default()
    };
    let invoice = desk.invoice();
    let key = invoice.key.clone();
    let id = desk.post(invoice, on).await?;
    applied("void", desk.void(DocumentKind::Invoice, &id).await)?;
    let shown = desk.found(DocumentKind::Invoice, &key).await?;
    must(shown.status == Status::Void && shown.remote_id == id, || {
        format!("{:?}", shown.status)
    })?;
    Ok(Verdict::Passed)
}

pub(super) async fn listed(desk: &Desk<'_>) -> Found {
    let contact = desk.contact().await?;
    let on = On {
        contact: Some(&contact),
        ..On::default()
    };
    let (first, second) = (
        desk.post(desk.invoice(), on).await?,
        desk.post(desk.invoice(), on).await?,
    );
    let (all, cursor) = desk.listed(DocumentKind::Invoice, None).await?;
    for id in [&first, &second] {
        must(all.iter().any(|shown| shown.remote_id == **id), || {
            "an invoice is not listed".into()
        })?;
    }
    desk.keeper.wait(Duration::from_secs(120)).await;
    let third = desk.post(desk.invoice(), on).await?;
    let touched = desk.keeper.touch(DocumentKind::Invoice, &first).await;
    let (changed, _) = desk.listed(DocumentKind::Invoice, Some(cursor)).await?;
    let shows = |id: &str| changed.iter().any(|shown| shown.remote_id == id);
    must(shows(&third), || "a new invoice does not show as changed".into())?;
    must(!touched || shows(&first), || {
        "a changed invoice does not show as changed".into()
    })?;
    Ok(Verdict::Passed)
}

pub(super) async fn payments(desk: &Desk<'_>) -> Found {
    let contact = desk.contact().await?;
    let on = On {
        contact: Some(&contact),
        ..On::default()
    };
    let invoice = desk.invoice();
    let (key, total) = (invoice.key.clone(), invoice.total);
    let id = desk.post(invoice, on).await?;
    let on = On {
        of: Some((DocumentKind::Invoice, &id)),
        ..On::default()
    };
    let mut part = desk.money(DocumentKind::Payment, 4_001);
    part.account = Some(desk.scene.clearing.clone());
    let part_key = part.key.clone();
    let part_id = desk.post(part, on).await?;
    let rest = desk.money(DocumentKind::Payment, total.0 - 4_001);
    desk.post(rest, on).await?;
    let shown = desk.found(DocumentKind::Invoice, &key).await?;
    must(shown.status == Status::Settled, || {
        format!("paid, and {:?}", shown.status)
    })?;
    let payment = desk.found(DocumentKind::Payment, &part_key).await?;
    must(payment.remote_id == part_id && payment.total == Cents(4_001), || {
        "another payment".into()
    })?;
    must(payment.of.as_deref() == Some(&id), || {
        "a payment of another invoice".into()
    })?;
    let account = payment
        .account
        .as_ref()
        .is_none_or(|account| *account == desk.scene.clearing);
    must(account, || "a payment into another account".into())?;
    applied("void", desk.void(DocumentKind::Payment, &part_id).await)?;
    let payment = desk.found(DocumentKind::Payment, &part_key).await?;
    must(payment.status == Status::Void, || {
        format!("deleted, and {:?}", payment.status)
    })?;
    let open = desk.open(&key).await?;
    must(open.is_none_or(|open| open == Cents(4_001)), || {
        format!("{open:?} is open")
    })?;
    Ok(Verdict::Passed)
}

pub(super) async fn journals(desk: &Desk<'_>) -> Found {
    if !desk.books.keeps(DocumentKind::Journal) {
        return skipped("the product keeps no journals");
    }
    let scene = desk.scene;
    let lines = vec![
        desk.line(&scene.income, &scene.taxed, -1_015, -102),
        desk.line(&scene.clearing, &scene.free, 1_117, 0),
    ];
    let mut journal = desk.document(DocumentKind::Journal, lines);
    journal.note = "with a note".into();
    let key = journal.key.clone();
    let id = desk.post(journal.clone(), On::default()).await?;
    let shown = desk.found(DocumentKind::Journal, &key).await?;
    must(shown.remote_id == id && shown.total.is_zero(), || {
        "another journal".into()
    })?;
    same_lines(&shown, &journal, false)?;
    applied("void", desk.void(DocumentKind::Journal, &id).await)?;
    let shown = desk.found(DocumentKind::Journal, &key).await?;
    must(shown.status == Status::Void, || {
        format!("voided, and {:?}", shown.status)
    })?;
    Ok(Verdict::Passed)
}
