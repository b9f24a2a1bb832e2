//! Checks of what an adapter says and does when calls fail.

use super::records::answer_name;
use super::{Bench, Fault, Found, Verdict, holds, named};
use crate::contract::{Answer, Read};

const CANNOT: &str = "faults cannot be arranged here";

pub(super) async fn reads_retry(bench: &Bench<'_>) -> Found {
    let id = bench.person.create(100).await;
    for fault in [
        Fault::Status(503),
        Fault::Status(429),
        Fault::DropBefore,
        Fault::DropAfter,
    ] {
        if !bench.person.fault(fault, false, 1).await {
            return Ok(Verdict::Skipped(CANNOT.into()));
        }
        match bench.read(&id).await? {
            Read::Found(_) => {}
            other => return Err(format!("a read after one {fault:?}: {}", named(&other))),
        }
    }
    Ok(Verdict::Passed)
}

pub(super) async fn cut_after(bench: &Bench<'_>) -> Found {
    if !bench.person.fault(Fault::DropAfter, true, 1).await {
        return Ok(Verdict::Skipped(CANNOT.into()));
    }
    let before = bench.person.ids().await.len();
    let answer = bench.create(110).await?;
    let made = bench.person.ids().await.len() - before;
    if made != 1 {
        return Err(format!("{made} records were made"));
    }
    match answer {
        Answer::Unknown(error) if !error.not_processed => Ok(Verdict::Passed),
        // Where creating twice makes one record, the adapter may find out by itself.
        Answer::Applied { .. } if bench.traits.create_is_idempotent => Ok(Verdict::Passed),
        other => Err(format!("answered {}", answer_name(&other))),
    }
}

pub(super) async fn cut_before(bench: &Bench<'_>) -> Found {
    if !bench.person.fault(Fault::DropBefore, true, 1).await {
        return Ok(Verdict::Skipped(CANNOT.into()));
    }
    let before = bench.person.ids().await.len();
    let answer = bench.create(120).await?;
    let made = bench.person.ids().await.len() - before;
    match answer {
        Answer::Unknown(_) | Answer::Later(_) if made == 0 => Ok(Verdict::Passed),
        Answer::Applied { .. } if bench.traits.create_is_idempotent && made == 1 => Ok(Verdict::Passed),
        other => Err(format!("answered {} with {made} records made", answer_name(&other))),
    }
}

pub(super) async fn unavailable(bench: &Bench<'_>) -> Found {
    let id = bench.person.create(130).await;
    let seen = bench.body(&id).await?;
    if !bench.person.fault(Fault::Status(503), true, 1).await {
        return Ok(Verdict::Skipped(CANNOT.into()));
    }
    let answer = bench.update(&id, 131).await?;
    if !matches!(&answer, Answer::Unknown(error) if !error.not_processed) {
        return Err(format!("answered {}", answer_name(&answer)));
    }
    let after = bench.body(&id).await?;
    holds(after.body == seen.body, || "the write was sent again".into())
}

pub(super) async fn throttled(bench: &Bench<'_>) -> Found {
    let id = bench.person.create(140).await;
    let seen = bench.body(&id).await?;
    let throttled = bench.adapter.usage().throttled;
    if !bench.person.fault(Fault::Status(429), true, 1).await {
        return Ok(Verdict::Skipped(CANNOT.into()));
    }
    let answer = bench.update(&id, 141).await?;
    if !matches!(&answer, Answer::Later(error) if error.not_processed) {
        return Err(format!("answered {}", answer_name(&answer)));
    }
    if bench.adapter.usage().throttled != throttled + 1 {
        return Err("the throttled call was not counted".into());
    }
    let after = bench.body(&id).await?;
    if after.body != seen.body {
        return Err("the write was sent again".into());
    }
    let answer = bench.update(&id, 142).await?;
    holds(matches!(answer, Answer::Applied { .. }), || {
        format!("the next write: {}", answer_name(&answer))
    })
}

pub(super) async fn counted(bench: &Bench<'_>) -> Found {
    let Some(received) = bench.person.calls().await else {
        return Ok(Verdict::Skipped("nobody counts the product's calls".into()));
    };
    let before = bench.adapter.usage();
    let id = bench.person.create(150).await;
    bench.body(&id).await?;
    bench.update(&id, 151).await?;
    bench.changes(None).await?;
    let after = bench.adapter.usage();
    let received = bench.person.calls().await.unwrap_or(received) - received;
    let counted = after.calls - before.calls;
    if counted != received {
        return Err(format!("{counted} counted, {received} received"));
    }
    holds(
        after.reads >= before.reads + 3 && after.writes == before.writes + 1,
        || {
            format!(
                "{} reads and {} writes counted",
                after.reads - before.reads,
                after.writes - before.writes
            )
        },
    )
}
