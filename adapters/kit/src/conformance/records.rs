//! Checks of direct reads and of writes when nothing goes wrong.

use super::{Bench, Found, Verdict, holds, named};
use crate::contract::{Answer, AnswerStyle, Guard, Outgoing, Read};

pub(super) async fn probes(bench: &Bench<'_>) -> Found {
    let probes = bench.adapter.probe(&[bench.kind.to_string()]).await;
    let problems: Vec<String> = probes
        .iter()
        .filter_map(|probe| {
            probe
                .problem
                .as_ref()
                .map(|(problem, remedy)| format!("{}: {problem} ({remedy})", probe.what))
        })
        .collect();
    holds(problems.is_empty(), || problems.join("; "))
}

pub(super) async fn reads(bench: &Bench<'_>) -> Found {
    let first = bench.person.create(40).await;
    let second = bench.person.create(41).await;
    let removed = bench.person.create(42).await;
    let could = bench.person.remove(&removed).await;
    let unknown = bench.person.unknown_id();
    let ids = [second.clone(), unknown, removed, first.clone()];
    if ids.len() > bench.traits.read_batch {
        for (id, name) in [(&first, "first"), (&second, "second")] {
            bench.body(id).await.map_err(|how| format!("{name}: {how}"))?;
        }
        return match bench.read(&ids[1]).await? {
            Read::Missing => Ok(Verdict::Passed),
            other => Err(format!("an id that never was: {}", named(&other))),
        };
    }
    let reads = bench
        .adapter
        .read(bench.kind, &ids)
        .await
        .map_err(|error| format!("read failed: {error}"))?;
    let [a, b, c, d] = reads.as_slice() else {
        return Err(format!("{} answers to {} ids", reads.len(), ids.len()));
    };
    let is = |read: &Read, id: &str| matches!(read, Read::Found(remote) if remote.alive && remote.id == id);
    if !is(a, &second) || !is(d, &first) {
        return Err(format!("live records: {}, {}", named(a), named(d)));
    }
    if !matches!(b, Read::Missing) {
        return Err(format!("an id that never was: {}", named(b)));
    }
    let gone = match c {
        Read::Missing => true,
        Read::Found(remote) => !remote.alive || remote.id != ids[2],
        Read::Failed(_) => false,
    };
    holds(gone || !could, || format!("a removed record: {}", named(c)))
}

pub(super) async fn update(bench: &Bench<'_>) -> Found {
    let id = bench.person.create(50).await;
    bench.person.edit(&id, 51).await;
    let before = bench.body(&id).await?;
    let answer = bench.update(&id, 52).await?;
    match (&answer, bench.traits.answer) {
        (Answer::Applied { id: answered, record }, style) => {
            if *answered != id {
                return Err("the answer names another record".into());
            }
            let shows = record
                .as_ref()
                .is_some_and(|record| bench.person.shows_change(&record.body, 52));
            match style {
                AnswerStyle::Written if !shows => {
                    return Err("the answer does not show what was written".into());
                }
                AnswerStyle::None if record.is_some() => {
                    return Err("the answer shows a record, against the traits".into());
                }
                _ => {}
            }
        }
        (other, _) => return Err(format!("not applied: {}", answer_name(other))),
    }
    let after = bench.body(&id).await?;
    if !bench.person.shows_change(&after.body, 52) {
        return Err("what was written cannot be read back".into());
    }
    if !bench.person.shows_edit(&after.body, 51) {
        return Err("a member that was not written is not as before".into());
    }
    if before.mark.is_some() && before.version.is_some() && before.version == after.version {
        return Err("the record changed under the same version".into());
    }
    Ok(Verdict::Passed)
}

pub(super) async fn stale_version(bench: &Bench<'_>) -> Found {
    if bench.traits.guard != Guard::Conditional {
        return Ok(Verdict::Skipped("writes are not conditional".into()));
    }
    let id = bench.person.create(60).await;
    let stale = bench.body(&id).await?;
    bench.person.edit(&id, 61).await;
    let write = Outgoing::Update {
        key: "conformance-stale".into(),
        id: id.clone(),
        after: bench.person.changed(&stale.body, 62),
        before: stale.body.clone(),
        version: stale.version.clone(),
    };
    let answer = bench.write(write).await?;
    if !matches!(answer, Answer::Moved) {
        return Err(format!("answered {}", answer_name(&answer)));
    }
    let after = bench.body(&id).await?;
    holds(bench.person.shows_edit(&after.body, 61), || {
        "the newer edit was overwritten".into()
    })
}

pub(super) async fn update_missing(bench: &Bench<'_>) -> Found {
    let model = bench.person.create(70).await;
    let body = bench.body(&model).await?.body;
    let before = bench.person.ids().await;
    let write = Outgoing::Update {
        key: "conformance-missing".into(),
        id: bench.person.unknown_id(),
        after: bench.person.changed(&body, 71),
        before: body,
        version: None,
    };
    let answer = bench.write(write).await?;
    if !matches!(answer, Answer::Gone | Answer::Refused(_) | Answer::Moved) {
        return Err(format!("answered {}", answer_name(&answer)));
    }
    holds(bench.person.ids().await == before, || "a record was made".into())
}

pub(super) async fn create(bench: &Bench<'_>) -> Found {
    let before = bench.person.ids().await;
    let answer = bench.create(80).await?;
    let Answer::Applied { id, record } = answer else {
        return Err(format!("not applied: {}", answer_name(&answer)));
    };
    let mut after = bench.person.ids().await;
    if record.as_ref().is_some_and(|record| record.id != id) {
        return Err("the answer's record has another id".into());
    }
    if !after.remove(&id) || after != before {
        return Err("not exactly that one record was made".into());
    }
    bench.body(&id).await.map(|_| Verdict::Passed)
}

pub(super) async fn reference(bench: &Bench<'_>) -> Found {
    if !bench.traits.keeps_reference {
        return Ok(Verdict::Skipped("records keep no reference of ours".into()));
    }
    let answer = bench.create(90).await?;
    let Answer::Applied { id, .. } = answer else {
        return Err(format!("not applied: {}", answer_name(&answer)));
    };
    bench.settle().await;
    let references = [bench.reference(90), bench.reference(99)];
    let found = bench
        .adapter
        .find(bench.kind, &references)
        .await
        .map_err(|error| format!("find failed: {error}"))?;
    let of = |reference: &String| -> Vec<String> {
        let matching = found.iter().filter(|found| found.reference == *reference);
        matching
            .flat_map(|found| &found.records)
            .map(|record| record.id.clone())
            .collect()
    };
    if of(&references[0]) != [id] {
        return Err("the reference does not lead to the record".into());
    }
    holds(of(&references[1]).is_empty(), || {
        "a reference never used leads to a record".into()
    })
}

impl Bench<'_> {
    /// Sends one write.
    pub(super) async fn write(&self, write: Outgoing) -> Result<Answer, String> {
        let mut answers = self.adapter.write(self.kind, vec![write]).await;
        match (answers.pop(), answers.is_empty()) {
            (Some(answer), true) => Ok(answer),
            _ => Err("one write was not answered exactly once".into()),
        }
    }

    /// Guards and updates a record as the engine does.
    pub(super) async fn update(&self, id: &str, n: u32) -> Result<Answer, String> {
        let seen = self.body(id).await?;
        self.write(Outgoing::Update {
            key: format!("conformance-update-{n}"),
            id: id.to_string(),
            after: self.person.changed(&seen.body, n),
            before: seen.body,
            version: seen.version,
        })
        .await
    }

    /// Creates sample `n`.
    pub(super) async fn create(&self, n: u32) -> Result<Answer, String> {
        let key = format!("conformance-create-{}-{n}", self.clock.now());
        self.write(Outgoing::Create {
            key,
            reference: self.reference(n),
            body: self.person.body(n),
        })
        .await
    }

    /// Our reference of sample `n`.
    pub(super) fn reference(&self, n: u32) -> String {
        // The engine's references are UUIDs.
        format!("018f3c2e-0000-7000-8000-{:012x}", n)
    }
}

/// What an answer was, without its values.
pub(super) fn answer_name(answer: &Answer) -> String {
    match answer {
        Answer::Applied { .. } => "applied".into(),
        Answer::Moved => "moved".into(),
        Answer::Gone => "gone".into(),
        Answer::Refused(refusal) => format!("refused ({})", refusal.code),
        Answer::Later(error) => format!("later ({error})"),
        Answer::Unknown(error) => format!("unknown ({error})"),
    }
}
