//! How enumerations stand in columns.

use bridge_core::capture::News;
use bridge_core::change::Happened;
use bridge_core::{CardKind, Lane, LinkState, Op, WriteState};

pub(crate) fn lane(lane: Lane) -> i64 {
    match lane {
        Lane::Requested => 0,
        Lane::Live => 1,
        Lane::Backfill => 2,
    }
}

/// An unknown number is the last lane: order is lost, never a write.
pub(crate) fn lane_of(code: i64) -> Lane {
    match code {
        0 => Lane::Requested,
        1 => Lane::Live,
        _ => Lane::Backfill,
    }
}

pub(crate) fn op(op: Op) -> &'static str {
    match op {
        Op::Create => "create",
        Op::Update => "update",
    }
}

pub(crate) fn write_state(state: WriteState) -> &'static str {
    match state {
        WriteState::Planned => "planned",
        WriteState::Sent => "sent",
        WriteState::Unknown => "unknown",
        WriteState::Doubtful => "doubtful",
        WriteState::Refused => "refused",
    }
}

pub(crate) fn link_state(state: LinkState) -> &'static str {
    match state {
        LinkState::Live => "live",
        LinkState::Gone => "gone",
        LinkState::Merged => "merged",
    }
}

pub(crate) fn link_state_of(code: &str) -> LinkState {
    match code {
        "live" => LinkState::Live,
        "merged" => LinkState::Merged,
        _ => LinkState::Gone,
    }
}

pub(crate) fn news(news: News) -> &'static str {
    match news {
        News::Changed => "changed",
        News::Removed => "removed",
        News::Merged => "merged",
        News::Erased => "erased",
    }
}

/// Unknown news are a change: the record is read again all the same.
pub(crate) fn news_of(code: &str) -> News {
    match code {
        "removed" => News::Removed,
        "merged" => News::Merged,
        "erased" => News::Erased,
        _ => News::Changed,
    }
}

pub(crate) fn happened(happened: Happened) -> &'static str {
    match happened {
        Happened::Created => "created",
        Happened::Updated => "updated",
        Happened::Removed => "removed",
    }
}

/// Unknown words are a change: whoever follows the stream looks at the record all the same.
pub(crate) fn happened_of(code: &str) -> Happened {
    match code {
        "created" => Happened::Created,
        "removed" => Happened::Removed,
        _ => Happened::Updated,
    }
}

pub(crate) fn card(kind: CardKind) -> &'static str {
    match kind {
        CardKind::RemovedButChanged => "removed_but_changed",
        CardKind::MayHaveOverwritten => "may_have_overwritten",
        CardKind::Merged => "merged",
        CardKind::LooksWrong => "looks_wrong",
    }
}

pub(crate) fn card_of(code: &str) -> Option<CardKind> {
    match code {
        "removed_but_changed" => Some(CardKind::RemovedButChanged),
        "may_have_overwritten" => Some(CardKind::MayHaveOverwritten),
        "merged" => Some(CardKind::Merged),
        "looks_wrong" => Some(CardKind::LooksWrong),
        _ => None,
    }
}
