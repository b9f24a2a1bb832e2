//! Builds worlds: schema from manners, and the small world that directed scenarios start in.

use crate::ghost::{Edits, Typed};
use crate::remote::{Manners, Record, System, SystemName, TypedValues, UnitName, Versions};
use crate::world::World;
use bridge_core::condition::Condition;
use bridge_core::{
    Accept, AcceptRule, Agreed, Author, Class, Clear, Entity, Link, LinkUnit, Origin, Party, Schema, Unit, UnitType,
    Value, Version, Wins,
};
use std::collections::{BTreeMap, BTreeSet};

/// The unit whose value products keep as our reference.
pub const REFERENCE: UnitName = "id";

/// A unit with its policies.
pub fn unit(name: UnitName, set: bool, wins: Wins, first_link: Wins, clear: Clear) -> Unit {
    Unit {
        name: name.into(),
        kind: UnitType::Text,
        class: Class::Contact,
        set,
        wins,
        first_link,
        clear,
    }
}

/// A party with its manners' consequences. `create`: missing records may be created there.
pub fn party(system: SystemName, manners: &Manners, units: &[Unit], create: bool) -> Party {
    let accept = if manners.gives { Accept::Yes } else { Accept::No };
    Party {
        system: system.into(),
        kind: "person".into(),
        receives: units.iter().map(|u| u.name.clone()).collect(),
        accepts: units
            .iter()
            .map(|u| (u.name.clone(), AcceptRule::always(accept)))
            .collect(),
        create: create.then(Condition::always),
        reference: manners.keeps_reference.then(|| REFERENCE.to_string()),
        lag: manners.lag,
        unique: BTreeSet::new(),
    }
}

/// What a directed scenario is played on: systems `a` and `k`, one person, agreed on `a`.
pub struct Setup {
    /// Manners of the first system.
    pub a: Manners,
    /// Manners of the second system.
    pub k: Manners,
    /// The unit played with.
    pub m: Unit,
    /// A second unit `n`.
    pub two: bool,
    /// K has no record yet, and one may be created there.
    pub create: bool,
    /// Who may change what in K, instead of what its manners say.
    pub accepts: Option<AcceptRule>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            a: Manners::default(),
            k: Manners::default(),
            m: unit("m", false, Wins::Review, Wins::Review, Clear::Review),
            two: false,
            create: false,
            accepts: None,
        }
    }
}

/// A blank of the unit's kind, or its start value.
pub fn start(unit: &Unit, who: u16) -> Value {
    match unit.name.as_str() {
        REFERENCE => Value::text(format!("P{who}")),
        _ if unit.set => Value::set(Vec::<String>::new()),
        _ => Value::text("a"),
    }
}

impl Setup {
    /// The world before the script.
    pub fn build(self) -> World {
        let mut units = vec![self.m.clone()];
        if self.two {
            units.push(unit("n", false, Wins::Review, Wins::Review, Clear::Review));
        }
        if self.create {
            units.push(unit(REFERENCE, false, Wins::Review, Wins::Review, Clear::Review));
        }
        let mut parties = vec![
            party("a", &self.a, &units, false),
            party("k", &self.k, &units, self.create),
        ];
        if let Some(rule) = self.accepts {
            parties[1].accepts.values_mut().for_each(|r| *r = rule);
        }
        let names: Vec<UnitName> = ["m", "n", REFERENCE]
            .into_iter()
            .filter(|n| units.iter().any(|u| u.name == *n))
            .collect();
        let schema = Schema {
            entity: "person".into(),
            units: units.clone(),
            parties,
            swings: 4,
        };
        let systems = BTreeMap::from([("a", System::new(self.a)), ("k", System::new(self.k))]);
        let mut world = World::new(schema, systems, names);
        let mut entity = Entity {
            id: "E".into(),
            kind: "person".into(),
            revision: 1,
            dirty: self.create,
            ..Entity::default()
        };
        let linked: &[SystemName] = if self.create { &["a"] } else { &["a", "k"] };
        for system in linked {
            let link = world.settled_link(system, &format!("{system}1"), 1);
            entity.links.insert(system.to_string(), link.into());
        }
        for unit in &units {
            let value = start(unit, 1);
            let agreed = Agreed {
                value: value.clone(),
                origin: Origin::System("a".into()),
                lo: 0,
                hi: 0,
            };
            entity.agreed.insert(unit.name.clone(), agreed.into());
            let name = world.unit(&unit.name).expect("just made");
            world.ghosts.agreed.insert(("E".into(), name), typed(value, 1));
        }
        world.entities.insert("E".into(), entity);
        world
    }
}

fn typed(value: Value, who: u16) -> Typed {
    Typed {
        value,
        edits: Edits::default(),
        who,
        author: Author::Unknown,
    }
}

impl World {
    /// A record with start values and a link that knows all of it.
    pub fn settled_link(&mut self, system: SystemName, id: &str, who: u16) -> Link {
        let mut values = TypedValues::new();
        let mut link = Link::new(system, "person", id);
        for unit in self.schema.units.clone() {
            let value = start(&unit, who);
            let mut x = LinkUnit::default();
            x.set_base(value.clone(), None);
            x.set_seen(value.clone());
            link.units.insert(unit.name.clone(), x.into());
            values.insert(self.unit(&unit.name).expect("known"), typed(value, who));
        }
        let now = self.now;
        link.generation = 1;
        link.known_at = now;
        link.version = match self.systems[system].manners.versions {
            Versions::None => None,
            Versions::Counting => Some(Version::Counting(1)),
            Versions::Opaque => Some(Version::Opaque("t1".into())),
        };
        self.ghosts.seen.insert((system, id.into()), values.clone());
        self.ghosts.known_version.insert((system, id.into()), 1);
        let sys = self.system(system);
        sys.records.insert(id.into(), Record::new(who, values, now));
        sys.index(id);
        let position = sys.changes.len();
        self.cursors.insert(system, position);
        link
    }
}
