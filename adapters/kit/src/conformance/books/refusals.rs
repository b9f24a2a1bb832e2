//! Documents that are not taken: why is told in the ledger's words.

use super::super::{Found, Verdict};
use super::desk::{Desk, On, applied, must, refused, skipped};
use crate::books::{BooksRefusalKind as Kind, Posted};
use bridge_core::ledger::{Contact, DocumentKind};

pub(super) async fn name_taken(desk: &Desk<'_>) -> Found {
    let contact = |key: String, name: &str| Contact { key, name: name.into() };
    let first = contact(desk.key("C"), &desk.key("Name"));
    let second = contact(desk.key("C"), &first.name);
    let made = desk.make_contacts(&[first]).await?;
    applied("contact", made.into_iter().next().ok_or("no answer")?)?;
    let made = desk.make_contacts(&[second]).await?;
    refused(
        "a second contact of that name",
        made.first().ok_or("no answer")?,
        &[Kind::NameTaken],
    )?;
    Ok(Verdict::Passed)
}

pub(super) async fn number_taken(desk: &Desk<'_>) -> Found {
    let contact = desk.contact().await?;
    let on = On {
        contact: Some(&contact),
        ..On::default()
    };
    let first = desk.invoice();
    let mut second = desk.posting(first.clone(), on);
    second.attempt = desk.key("T");
    second.document.note = "somebody else's".into();
    desk.post(first, on).await?;
    refused(
        "a second invoice of that number",
        &desk.send(&second).await?,
        &[Kind::NumberTaken],
    )?;
    Ok(Verdict::Passed)
}

pub(super) async fn one_of_many(desk: &Desk<'_>) -> Found {
    if desk.books.batch(DocumentKind::Invoice) < 3 {
        return skipped("one document a call");
    }
    let contact = desk.contact().await?;
    let on = On {
        contact: Some(&contact),
        ..On::default()
    };
    let taken = desk.invoice();
    desk.post(taken.clone(), on).await?;
    let all = [desk.invoice(), taken, desk.invoice()].map(|document| {
        let mut posting = desk.posting(document, on);
        posting.attempt = desk.key("T");
        posting
    });
    let answers = desk.send_all(&all).await?;
    let [first, second, third] = answers.as_slice() else {
        return Err(format!("{} answers to 3", answers.len()));
    };
    refused("the one in the middle", second, &[Kind::NumberTaken])?;
    for (posting, answer) in [(&all[0], first), (&all[2], third)] {
        let (id, _) = applied("invoice", answer.clone())?;
        let shown = desk.found(DocumentKind::Invoice, &posting.document.key).await?;
        must(shown.remote_id == id, || "answered with another's id".into())?;
    }
    Ok(Verdict::Passed)
}

pub(super) async fn locked(desk: &Desk<'_>) -> Found {
    let contact = desk.contact().await?;
    let on = On {
        contact: Some(&contact),
        ..On::default()
    };
    let open = desk.post(desk.invoice(), on).await?;
    if !desk.keeper.lock(Some(desk.scene.today)).await {
        return skipped("nobody can lock these books");
    }
    let answers = async {
        let books = desk.books.books().await.map_err(|error| error.to_string())?;
        let posted = desk.send(&desk.posting(desk.invoice(), on)).await?;
        let of = On {
            of: Some((DocumentKind::Invoice, &open)),
            ..On::default()
        };
        let paid = desk
            .send(&desk.posting(desk.money(DocumentKind::Payment, 100), of))
            .await?;
        let voided = desk.void(DocumentKind::Invoice, &open).await;
        Ok::<_, String>((books, posted, paid, voided))
    };
    let answers = answers.await;
    desk.keeper.lock(None).await;
    let (books, posted, paid, voided) = answers?;
    must(books.locked(desk.scene.today), || "the lock date is not shown".into())?;
    refused("an invoice of a locked day", &posted, &[Kind::Locked])?;
    refused("a payment on a locked day", &paid, &[Kind::Locked])?;
    refused("voiding an invoice of a locked day", &voided, &[Kind::Locked])?;
    Ok(Verdict::Passed)
}

pub(super) async fn account(desk: &Desk<'_>) -> Found {
    let contact = desk.contact().await?;
    let on = On {
        contact: Some(&contact),
        ..On::default()
    };
    let codes = [Some("no-such-account".to_string()), desk.scene.archived.clone()];
    for code in codes.into_iter().flatten() {
        let lines = vec![desk.line(&code, &desk.scene.free, 1_000, 0)];
        let document = desk.document(DocumentKind::Invoice, lines);
        let key = document.key.clone();
        refused(
            "such an account",
            &desk.send(&desk.posting(document, on)).await?,
            &[Kind::Account],
        )?;
        let found = desk
            .books
            .find(DocumentKind::Invoice, &[key])
            .await
            .map_err(|error| error.to_string())?;
        must(found.is_empty(), || "refused, and there all the same".into())?;
    }
    Ok(Verdict::Passed)
}

pub(super) async fn too_much(desk: &Desk<'_>) -> Found {
    let contact = desk.contact().await?;
    let on = On {
        contact: Some(&contact),
        ..On::default()
    };
    let id = desk.post(desk.invoice(), on).await?;
    let of = On {
        of: Some((DocumentKind::Invoice, &id)),
        ..On::default()
    };
    let answer = desk
        .send(&desk.posting(desk.money(DocumentKind::Payment, 10_501), of))
        .await?;
    refused("a payment of more than is open", &answer, &[Kind::TooMuch])?;
    if desk.books.keeps(DocumentKind::CreditNote) && desk.books.keeps(DocumentKind::Allocation) {
        let lines = vec![desk.line(&desk.scene.income, &desk.scene.free, 1_000, 0)];
        let credit = desk.post(desk.document(DocumentKind::CreditNote, lines), on).await?;
        let on = On {
            of: Some((DocumentKind::CreditNote, &credit)),
            to: Some(&id),
            ..On::default()
        };
        let answer = desk
            .send(&desk.posting(desk.money(DocumentKind::Allocation, 1_001), on))
            .await?;
        refused("an allocation of more than the credit", &answer, &[Kind::TooMuch])?;
    }
    Ok(Verdict::Passed)
}

pub(super) async fn settled(desk: &Desk<'_>) -> Found {
    let contact = desk.contact().await?;
    let on = On {
        contact: Some(&contact),
        ..On::default()
    };
    let id = desk.post(desk.invoice(), on).await?;
    let of = On {
        of: Some((DocumentKind::Invoice, &id)),
        ..On::default()
    };
    desk.post(desk.money(DocumentKind::Payment, 10_500), of).await?;
    let answer = desk.void(DocumentKind::Invoice, &id).await;
    refused("voiding a paid invoice", &answer, &[Kind::Settled])?;
    let answer = desk
        .send(&desk.posting(desk.money(DocumentKind::Payment, 1), of))
        .await?;
    refused("paying a paid invoice", &answer, &[Kind::TooMuch, Kind::Settled])?;
    Ok(Verdict::Passed)
}

pub(super) async fn not_kept(desk: &Desk<'_>) -> Found {
    use DocumentKind::{Allocation, CreditNote, Invoice, Journal, Overpayment, Payment, Prepayment, Refund};
    let all = [
        Invoice,
        CreditNote,
        Payment,
        Prepayment,
        Overpayment,
        Allocation,
        Refund,
        Journal,
    ];
    for kind in all.into_iter().filter(|kind| !desk.books.keeps(*kind)) {
        let answer = desk.send(&desk.posting(desk.money(kind, 100), On::default())).await?;
        must(matches!(answer, Posted::Refused(_)), || format!("{kind:?}: {answer:?}"))?;
    }
    Ok(Verdict::Passed)
}
