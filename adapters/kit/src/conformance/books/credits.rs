//! Credits: allocated, paid back, taken back.

use super::super::{Found, Verdict};
use super::desk::{Desk, On, applied, must, skipped};
use bridge_core::ledger::{Cents, Document, DocumentKind};

/// An invoice of 105.00; its key and id.
async fn invoice(desk: &Desk<'_>, contact: &str) -> Result<(String, String), String> {
    let invoice = desk.invoice();
    let key = invoice.key.clone();
    let on = On {
        contact: Some(contact),
        ..On::default()
    };
    Ok((key, desk.post(invoice, on).await?))
}

/// Posts a credit, allocates 30.00 of it, pays 10.00 back if asked, and looks what that came to.
async fn used(desk: &Desk<'_>, credit: Document, contact: &str, pays_back: bool) -> Found {
    let (kind, total) = (credit.kind, credit.total);
    let credit_key = credit.key.clone();
    let (invoice_key, invoice_id) = invoice(desk, contact).await?;
    let id = desk
        .post(
            credit,
            On {
                contact: Some(contact),
                ..On::default()
            },
        )
        .await?;
    let shown = desk.found(kind, &credit_key).await?;
    must(shown.remote_id == id, || "found under another id".into())?;
    must(shown.total == total, || {
        format!("total {} instead of {total}", shown.total)
    })?;
    let on = On {
        of: Some((kind, &id)),
        to: Some(&invoice_id),
        ..On::default()
    };
    desk.post(desk.money(DocumentKind::Allocation, 3_000), on).await?;
    let open = desk.open(&invoice_key).await?;
    must(open.is_none_or(|open| open == Cents(7_500)), || {
        format!("{open:?} is open on the invoice")
    })?;
    if pays_back && desk.books.keeps(DocumentKind::Refund) {
        let refund = desk.money(DocumentKind::Refund, 1_000);
        let refund_key = refund.key.clone();
        let refund_id = desk
            .post(
                refund,
                On {
                    of: Some((kind, &id)),
                    ..On::default()
                },
            )
            .await?;
        let refund = desk.found(DocumentKind::Refund, &refund_key).await?;
        must(refund.remote_id == refund_id && refund.total == Cents(1_000), || {
            "another refund".into()
        })?;
        must(refund.of.as_deref() == Some(&id), || {
            "a refund of another credit".into()
        })?;
    }
    let left = desk.found(kind, &credit_key).await?.open;
    let paid = if pays_back { 1_000 } else { 0 };
    must(left.is_none_or(|left| left == total - Cents(3_000 + paid)), || {
        format!("{left:?} is left of the credit")
    })?;
    Ok(Verdict::Passed)
}

pub(super) async fn credit_note(desk: &Desk<'_>) -> Found {
    if !desk.books.keeps(DocumentKind::CreditNote) || !desk.books.keeps(DocumentKind::Allocation) {
        return skipped("the product keeps none");
    }
    let contact = desk.contact().await?;
    let lines = vec![desk.line(&desk.scene.income, &desk.scene.taxed, 4_000, 400)];
    used(desk, desk.document(DocumentKind::CreditNote, lines), &contact, true).await
}

pub(super) async fn prepayment(desk: &Desk<'_>) -> Found {
    if !desk.books.keeps(DocumentKind::Prepayment) {
        return skipped("the product keeps none");
    }
    let contact = desk.contact().await?;
    let lines = vec![desk.line(&desk.scene.deposits, &desk.scene.free, 5_000, 0)];
    let mut credit = desk.document(DocumentKind::Prepayment, lines);
    credit.account = Some(desk.scene.bank.clone());
    used(desk, credit, &contact, true).await
}

pub(super) async fn overpayment(desk: &Desk<'_>) -> Found {
    if !desk.books.keeps(DocumentKind::Overpayment) {
        return skipped("the product keeps none");
    }
    let contact = desk.contact().await?;
    let mut credit = desk.document(DocumentKind::Overpayment, vec![desk.line("", "", 5_000, 0)]);
    credit.account = Some(desk.scene.bank.clone());
    used(desk, credit, &contact, false).await
}

pub(super) async fn allocation(desk: &Desk<'_>) -> Found {
    if !desk.books.keeps(DocumentKind::Allocation) || !desk.books.keeps(DocumentKind::CreditNote) {
        return skipped("the product keeps none");
    }
    let contact = desk.contact().await?;
    let (invoice_key, invoice_id) = invoice(desk, &contact).await?;
    let lines = vec![desk.line(&desk.scene.income, &desk.scene.free, 2_000, 0)];
    let credit = desk.document(DocumentKind::CreditNote, lines);
    let id = desk
        .post(
            credit,
            On {
                contact: Some(&contact),
                ..On::default()
            },
        )
        .await?;
    let on = On {
        of: Some((DocumentKind::CreditNote, &id)),
        to: Some(&invoice_id),
        ..On::default()
    };
    let allocation = desk.post(desk.money(DocumentKind::Allocation, 1_234), on).await?;
    let (all, _) = desk.listed(DocumentKind::Allocation, None).await?;
    let shown = all.iter().find(|shown| shown.remote_id == allocation);
    let shown = shown.ok_or("the allocation is not listed under its id")?;
    let right = shown.of.as_deref() == Some(&id) && shown.to.as_deref() == Some(&invoice_id);
    must(right && shown.total == Cents(1_234), || {
        "the allocation shows otherwise than it was made".into()
    })?;
    applied("void", desk.void(DocumentKind::Allocation, &allocation).await)?;
    let open = desk.open(&invoice_key).await?;
    must(open.is_none_or(|open| open == Cents(10_500)), || {
        format!("taken back, and {open:?} is open")
    })?;
    Ok(Verdict::Passed)
}
