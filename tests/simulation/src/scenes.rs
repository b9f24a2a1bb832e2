//! The directed scenarios of the merge rule, one per refinement, and those that cover what the
//! rule's own model left out. Each ends in quiet, a sweep and every promise kept.

use crate::plot::{Setup, unit};
use crate::promise::{Broken, Promise};
use crate::remote::{Guarding, Manners, Versions};
use crate::world::World;
use bridge_core::{Accept, AcceptRule, CardKind, Clear, Value, Wins};
use std::collections::{BTreeMap, BTreeSet};

/// A directed scenario.
pub struct Scene {
    /// What it is about.
    pub name: &'static str,
    /// The world it starts in.
    pub setup: fn() -> Setup,
    /// What happens.
    pub script: &'static str,
    /// How it must end.
    pub expect: fn(&World) -> bool,
}

fn counting() -> Manners {
    Manners {
        versions: Versions::Counting,
        ..Manners::default()
    }
}

fn with_k(k: Manners) -> Setup {
    Setup { k, ..Setup::default() }
}

fn create(lag: i64) -> Setup {
    let k = Manners {
        lag,
        ..Manners::default()
    };
    Setup {
        k,
        create: true,
        ..Setup::default()
    }
}

fn window(two: bool) -> Setup {
    let k = Manners {
        guard: Guarding::Read,
        ..counting()
    };
    Setup {
        k,
        two,
        ..Setup::default()
    }
}

fn stands(w: &World, system: &str, id: &str, unit: &str) -> Option<Value> {
    Some(
        w.systems
            .get(system)?
            .records
            .get(id)?
            .now
            .values
            .get(unit)?
            .value
            .clone(),
    )
}

fn text(w: &World, system: &str, id: &str, unit: &str, value: &str) -> bool {
    stands(w, system, id, unit) == Some(Value::text(value))
}

fn both(w: &World, value: &str) -> bool {
    text(w, "a", "a1", "m", value) && text(w, "k", "k1", "m", value) && !in_review(w)
}

fn in_review(w: &World) -> bool {
    w.entities["E"].conflicts.contains_key("m")
}

fn card(w: &World, kind: CardKind) -> bool {
    w.entities["E"].cards.iter().any(|c| c.kind == kind)
}

fn records_in_k(w: &World) -> usize {
    w.systems["k"].records.len()
}

fn consent() -> Setup {
    Setup {
        k: Manners {
            tells_authors: true,
            ..Manners::default()
        },
        accepts: Some(AcceptRule {
            person: Accept::Yes,
            automation: Accept::Review,
            unknown: Accept::Yes,
        }),
        ..Setup::default()
    }
}

fn set() -> Setup {
    Setup {
        m: unit("m", true, Wins::Review, Wins::Review, Clear::Review),
        ..Setup::default()
    }
}

/// All scenarios. The first twenty-one are those of the merge rule, in its order.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "01 edit while an unknown write is out",
        setup: Setup::default,
        script: "A:=b rA s R sK lK xK A:=c rA s R",
        expect: |w| both(w, "c"),
    },
    Scene {
        name: "02 conflict that closes by itself",
        setup: Setup::default,
        script: "A:=b K:=c rA s rK s R K:=a rK s R",
        expect: |w| both(w, "b"),
    },
    Scene {
        name: "03 fact stored between plan and send",
        setup: || with_k(counting()),
        script: "A:=b rA s R K:=c rK s sK lK aK",
        expect: in_review,
    },
    Scene {
        name: "04 agreed moves while a write is out",
        setup: Setup::default,
        script: "A:=b rA s R sK lK A:=c rA s R aK",
        expect: |w| both(w, "c"),
    },
    Scene {
        name: "05 agreed moves back while a write is out",
        setup: || with_k(counting()),
        script: "A:=b rA s R sK lK A:=a rA s R aK",
        expect: |w| both(w, "a"),
    },
    Scene {
        name: "06 edit in a receive-only system",
        setup: || {
            with_k(Manners {
                gives: false,
                ..Manners::default()
            })
        },
        script: "K:=b rK s R",
        expect: |w| both(w, "a"),
    },
    Scene {
        name: "07 own create landed, answer lost, deleted",
        setup: || create(2),
        script: "R sK lK xK del +9 ?K",
        expect: |w| records_in_k(w) == 1,
    },
    Scene {
        name: "08 own create landed, answer lost, looked for too early",
        setup: || create(9),
        script: "R sK lK xK ?K",
        expect: |w| records_in_k(w) == 1,
    },
    Scene {
        name: "09 another patient merged into K",
        setup: Setup::default,
        script: "merge rK s R",
        expect: |w| text(w, "a", "a1", "m", "a") && card(w, CardKind::Merged),
    },
    Scene {
        name: "10 answer comes after a relink",
        setup: || Setup {
            m: unit("m", false, Wins::Review, Wins::System("a".into()), Clear::Review),
            ..Setup::default()
        },
        script: "A:=b rA s R sK lK cut relink aK",
        expect: |w| text(w, "a", "a1", "m", "b") && text(w, "k", "k2", "m", "b"),
    },
    Scene {
        name: "11 vendor respells",
        setup: || {
            with_k(Manners {
                respells: BTreeMap::from([("b", "B")]),
                ..Manners::default()
            })
        },
        script: "A:=b rA s R sK lK aK rK s R",
        expect: |w| text(w, "a", "a1", "m", "b") && w.counts.writes == 1,
    },
    Scene {
        name: "12 two automations swing",
        setup: || Setup {
            a: Manners {
                automation: BTreeMap::from([("C", "c")]),
                ..Manners::default()
            },
            k: Manners {
                automation: BTreeMap::from([("c", "C")]),
                ..Manners::default()
            },
            ..Setup::default()
        },
        script: "A:=c rA s R",
        expect: in_review,
    },
    Scene {
        name: "13 old read stored after the row that asked for a look",
        setup: || {
            with_k(Manners {
                lag: 2,
                ..Manners::default()
            })
        },
        script: "rK K:=b iK pK s1 s",
        expect: |w| both(w, "b"),
    },
    Scene {
        name: "14 stale row after the look was asked",
        setup: || with_k(Manners { lag: 2, ..counting() }),
        script: "A:=d rA s R sK K:=b K:=c iK pK s lK aK oldK s",
        expect: |w| w.entities["E"].links["k"].seen().get("m") == Some(&Value::text("c")),
    },
    Scene {
        name: "15 removal meets an edit",
        setup: || with_k(counting()),
        script: "A:=b rA s R del rK s R",
        expect: |w| {
            card(w, CardKind::RemovedButChanged)
                && !w.systems["k"].records["k1"].now.alive
                && records_in_k(w) == 1
                && text(w, "a", "a1", "m", "b")
        },
    },
    Scene {
        name: "16 typed over between guard and landing",
        setup: || window(false),
        script: "A:=b rA s R sK K:=c lK aK",
        expect: |w| card(w, CardKind::MayHaveOverwritten),
    },
    Scene {
        name: "17 other unit typed between guard and landing",
        setup: || window(true),
        script: "A:=b rA s R sK K.n:=c lK aK rK s",
        expect: |w| text(w, "a", "a1", "n", "c"),
    },
    Scene {
        name: "18 unknown write landed and was reverted",
        setup: Setup::default,
        script: "A:=b rA s R sK lK xK K:=a ?K",
        expect: in_review,
    },
    Scene {
        name: "19 unknown write landed, retyped, then reverted",
        setup: Setup::default,
        script: "A:=b rA s R sK lK xK K:=c ?K R K:=a rK s R",
        expect: in_review,
    },
    Scene {
        name: "20 unknown set write landed and was reverted",
        setup: set,
        script: "A:=x rA s R sK lK xK K:= ?K",
        expect: in_review,
    },
    Scene {
        name: "21 read under way while a write lands",
        setup: Setup::default,
        script: "A:=b rA s R rK sK lK aK s R sA lA aA",
        expect: |w| both(w, "b") && w.counts.writes == 1,
    },
    Scene {
        name: "22 throttled while agreed moves on: the newer value is sent, once",
        setup: Setup::default,
        script: "A:=b rA s R sK A:=c rA s R tK",
        expect: |w| both(w, "c") && w.counts.writes == 1,
    },
    Scene {
        name: "23 create not found after its lag: made from fresh values, once",
        setup: || create(2),
        script: "R sK xK A:=b rA s R +9 ?K",
        expect: |w| records_in_k(w) == 1 && w.counts.writes == 1,
    },
    Scene {
        name: "24 an automation's edit needs consent",
        setup: consent,
        script: "K~=b rK s R",
        expect: |w| in_review(w) && text(w, "a", "a1", "m", "a"),
    },
    Scene {
        name: "25 a person's edit in the same system is taken",
        setup: consent,
        script: "K:=b rK s R",
        expect: |w| both(w, "b"),
    },
    Scene {
        name: "26 consent is given",
        setup: consent,
        script: "K~=b rK s R open pick:K",
        expect: |w| both(w, "b"),
    },
    Scene {
        name: "27 consent is refused: the agreed value is put back",
        setup: consent,
        script: "K~=b rK s R open pick:agreed",
        expect: |w| both(w, "a"),
    },
    Scene {
        name: "28 a decision made on an old screen is not stored",
        setup: Setup::default,
        script: "A:=b K:=c rA s rK s R open A:=d rA s R pick:K",
        expect: |w| in_review(w) && text(w, "a", "a1", "m", "d"),
    },
    Scene {
        name: "29 the removal card is answered: nothing is created, nothing removed",
        setup: || with_k(counting()),
        script: "A:=b rA s R del rK s R dismiss R A:=c rA s R",
        expect: |w| w.entities["E"].cards.is_empty() && records_in_k(w) == 1 && text(w, "a", "a1", "m", "c"),
    },
    Scene {
        name: "30 a timed-out write lands after the look: an edit of that system, nothing hangs",
        setup: || {
            with_k(Manners {
                versions: Versions::None,
                guard: Guarding::Read,
                call_life: 2,
                outlives: true,
                ..Manners::default()
            })
        },
        script: "A:=b rA s R sK XK +3 ?K A:=c rA s R sK lK aK late",
        expect: |w| stands(w, "a", "a1", "m") == stands(w, "k", "k1", "m"),
    },
    Scene {
        name: "31 opaque versions, no conditional write: an edit of another unit in the window",
        setup: || Setup {
            k: Manners {
                guard: Guarding::Read,
                ..Manners::default()
            },
            two: true,
            ..Setup::default()
        },
        script: "A:=b rA s R sK K.n:=c lK aK",
        expect: |w| text(w, "a", "a1", "n", "c") && both(w, "b"),
    },
    Scene {
        name: "32 guard read for a batch: stored before a newer fact, sent only after a fresh one",
        setup: || {
            with_k(Manners {
                versions: Versions::None,
                guard: Guarding::Read,
                ..Manners::default()
            })
        },
        script: "A:=b rA s R gK K:=c rK s sK lK aK",
        expect: in_review,
    },
    Scene {
        name: "33 K ignores the unit: held with both values, no adoption",
        setup: || {
            with_k(Manners {
                ignores: BTreeSet::from(["m"]),
                ..Manners::default()
            })
        },
        script: "A:=b rA s R sK lK aK rK s R",
        expect: |w| text(w, "a", "a1", "m", "b") && text(w, "k", "k1", "m", "a") && w.counts.writes == 1,
    },
    Scene {
        name: "34 a value for the record meanwhile linked is not lost with the old write",
        setup: || Setup {
            m: unit("m", false, Wins::Review, Wins::System("a".into()), Clear::Review),
            ..Setup::default()
        },
        script: "A:=b rA s R sK cut relink R lK xK +9 ?K",
        expect: |w| text(w, "k", "k2", "m", "b"),
    },
    Scene {
        name: "35 a record cut and joined again while its write is out",
        setup: Setup::default,
        script: "A:=b rA s R sK lK cut R rejoin aK R",
        expect: |w| both(w, "b"),
    },
    Scene {
        name: "36 the person buries a create under way: its record is no stranger",
        setup: || create(0),
        script: "R sK bury lK aK",
        expect: |w| records_in_k(w) == 1 && w.entities.len() == 1,
    },
    Scene {
        name: "37 a create that may exist is linked by a person: it is kept in step again",
        setup: || {
            let mut s = create(0);
            s.k.keeps_reference = false;
            s.m = unit("m", false, Wins::Review, Wins::System("a".into()), Clear::Review);
            s
        },
        script: "R sK lK xK +9 ?K",
        expect: |w| {
            let mut w = w.clone();
            w.answer_doubtful("E", "k");
            w.edit("a", "a1", "m", Value::text("c"), bridge_core::Author::Person);
            w.rest(60);
            let only = w.systems["k"].records.values().next();
            records_in_k(&w) == 1 && only.is_some_and(|r| r.now.values["m"].value == Value::text("c"))
        },
    },
    Scene {
        name: "38 a blank from K is asked about, and comes back if refused",
        setup: Setup::default,
        script: "K:= rK s R open pick:agreed",
        expect: |w| both(w, "a"),
    },
    Scene {
        name: "39 killed between mark and call: looked at, then sent",
        setup: Setup::default,
        script: "A:=b rA s R sK crash",
        expect: |w| both(w, "b") && w.counts.writes == 1,
    },
    Scene {
        name: "40 killed between landing and answer: looked at, not sent again",
        setup: Setup::default,
        script: "A:=b rA s R sK lK crash",
        expect: |w| both(w, "b") && w.counts.writes == 1,
    },
    Scene {
        name: "43 a page that shows the old value again while the write is out",
        setup: Setup::default,
        script: "A:=b rA s R sK lK K:=a pK s aK",
        expect: |w| both(w, "a"),
    },
    Scene {
        name: "44 a page begun before the answer and stored after it",
        setup: Setup::default,
        script: "A:=b rA s R sK lK K:=c pK aK s",
        expect: |w| both(w, "c"),
    },
    Scene {
        name: "45 typed between landing and answer, and elsewhere after that",
        setup: || Setup {
            m: unit("m", false, Wins::Newest, Wins::Review, Clear::Review),
            ..Setup::default()
        },
        script: "A:=b rA s R sK lK K:=c A:=d rA s aK rK s R",
        expect: in_review,
    },
    Scene {
        name: "46 a lost answer and an edit of another unit: the old value wins by no policy",
        setup: || Setup {
            m: unit("m", false, Wins::System("k".into()), Wins::Review, Clear::Review),
            two: true,
            ..Setup::default()
        },
        script: "A:=b rA s R sK xK K.n:=c ?K R",
        expect: |w| in_review(w) && text(w, "a", "a1", "m", "b"),
    },
    Scene {
        name: "47 `newest` decides no doubt",
        setup: || Setup {
            k: Manners {
                versions: Versions::None,
                guard: Guarding::Read,
                ..Manners::default()
            },
            m: unit("m", false, Wins::Newest, Wins::Review, Clear::Review),
            ..Setup::default()
        },
        script: "A:=b rA s R sK lK xK K:=c ?K R",
        expect: in_review,
    },
    Scene {
        name: "48 a stale row after a cut",
        setup: || with_k(Manners { lag: 2, ..counting() }),
        script: "K:=b rK s cut oldK s",
        expect: |w| w.entities.len() == 2 && text(w, "k", "k1", "m", "b"),
    },
    Scene {
        name: "42 a row leaves out the unit that was edited",
        setup: || Setup {
            k: Manners {
                leaves_out: Some("n"),
                ..counting()
            },
            two: true,
            ..Setup::default()
        },
        script: "K:=b K.n:=c rowK s R",
        expect: |w| both(w, "b") && text(w, "a", "a1", "n", "c"),
    },
    Scene {
        name: "41 K ignores a unit of a record made there: held, not taken for a respelling",
        setup: || {
            let mut s = create(0);
            s.two = true;
            s.k.ignores = BTreeSet::from(["n"]);
            s
        },
        script: "R sK lK aK",
        expect: |w| {
            let held = |e: &bridge_core::Entity| e.links["k"].units["n"].held.is_some();
            text(w, "a", "a1", "n", "a") && held(&w.entities["E"])
        },
    },
];

/// Plays a scenario; the broken promises, if any.
pub fn play(scene: &Scene) -> (Vec<Broken>, World) {
    let mut world = (scene.setup)().build();
    world.play(scene.script);
    let quiet = world.rest(80);
    world.verdict();
    let quiet = quiet && world.sweep(40);
    if !quiet {
        world.fault(Promise::Quiet, "the bridge does not come to rest");
    }
    world.verdict();
    if !(scene.expect)(&world) {
        world.fault(Promise::Scenario, "ends differently");
    }
    (world.ghosts.bad.clone(), world)
}
