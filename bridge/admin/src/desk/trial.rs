//! A record tried in a mapping, both ways: what is read of it, and what the other systems would be written. Nothing is kept.

use bridge_core::mapping::Mapping;
use bridge_core::{Schema, UnitType, Value, Values};
use bridge_engine::Settings;
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The units, in the order of the mapping.
    pub units: Vec<TriedUnit>,
    /// Members of the record that no unit is read from: never passed on.
    pub dropped: Vec<String>,
    /// Writing what was read back into the record leaves it as it is.
    pub unmoved: bool,
    /// What the others would be written.
    pub others: Vec<Told>,
}

/// One unit of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriedUnit {
    /// Its name.
    pub unit: String,
    /// As it is understood; nothing if it says nothing.
    pub value: Option<String>,
    /// What stands there is no value of its type: it is left alone, on both sides.
    pub refused: bool,
}

/// What another system would be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The system.
    pub system: String,
    /// The body of a new record with it.
    pub body: String,
    /// Units that it would show in another form than they were read in, with that form.
    pub normalised: Vec<(String, String)>,
    /// Units that it does not receive, with why.
    pub withheld: Vec<(String, &'static str)>,
}

/// Tries a record of a system; nothing if there is no such system.
pub fn try_record(settings: &Settings, system: &str, record: &Json) -> Option<Trial> {
    let of = &settings.system(system)?.mapping;
    let reading = of.read(record);
    let units = of.units().filter(|unit| of.can_read(unit)).map(|unit| {
        let value = reading.values.get(unit).filter(|value| !value.is_empty());
        TriedUnit {
            unit: unit.into(),
            value: value.map(line),
            refused: reading.unreadable.iter().any(|lost| lost == unit),
        }
    });
    let own: Values = reading
        .values
        .iter()
        .filter(|(unit, _)| of.can_write(unit))
        .map(|(unit, value)| (unit.clone(), value.clone()))
        .collect();
    let others = settings.systems.iter().filter(|other| other.name != system);
    Some(Trial {
        units: units.collect(),
        dropped: dropped(of, record),
        unmoved: of.write(record, &own).is_ok_and(|body| body == *record),
        others: others
            .map(|other| told(&settings.schema, &other.name, &other.mapping, &reading.values))
            .collect(),
    })
}

/// A made-up record of a system, written by its own mapping.
pub fn sample(settings: &Settings, system: &str) -> Option<Json> {
    let mapping = &settings.system(system)?.mapping;
    let mut body = Json::Object(Map::new());
    for unit in settings
        .schema
        .units
        .iter()
        .filter(|unit| mapping.can_write(&unit.name))
    {
        let Some(value) = invented(unit.kind).filter(|_| !unit.set) else {
            continue;
        };
        // A unit that this product spells in a way of its own stays out.
        if let Ok(more) = mapping.write(&body, &[(unit.name.clone(), value)].into()) {
            body = more;
        }
    }
    Some(body)
}

fn invented(kind: UnitType) -> Option<Value> {
    Some(match kind {
        UnitType::Name => Value::group([("given", "Robin"), ("family", "Sampleton")]),
        UnitType::Date => Value::text("1984-02-29"),
        UnitType::Phone => Value::text("+61491570006"),
        UnitType::Email => Value::text("robin@sampleton.example"),
        UnitType::Address => Value::group([
            ("line", "1 Sample Street"),
            ("city", "Sampleton"),
            ("state", "VIC"),
            ("postcode", "3000"),
            ("country", "AU"),
        ]),
        UnitType::Text => Value::text("Sample"),
        _ => return None,
    })
}

fn told(schema: &Schema, system: &str, mapping: &Mapping, values: &Values) -> Told {
    let receives = schema.party(system).map(|party| &party.receives);
    let (mut body, mut normalised, mut withheld) = (Json::Object(Map::new()), vec![], vec![]);
    for (unit, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
        let allowed = receives.is_some_and(|all| all.contains(unit));
        let why = match () {
            () if !mapping.units().any(|mapped| mapped == unit) => Some("it has no place for it"),
            () if !mapping.can_write(unit) => Some("it is only read there"),
            () if !allowed => Some("its privacy class is not permitted there"),
            () => None,
        };
        if let Some(why) = why {
            withheld.push((unit.clone(), why));
            continue;
        }
        match mapping.write(&body, &[(unit.clone(), value.clone())].into()) {
            Ok(more) => {
                body = more;
                let shown = mapping.normalise(unit, value);
                if shown != *value {
                    normalised.push((unit.clone(), line(&shown)));
                }
            }
            Err(_) => withheld.push((unit.clone(), "it cannot be spelt there")),
        }
    }
    Told {
        system: system.into(),
        body: serde_json::to_string_pretty(&body).unwrap_or_default(),
        normalised,
        withheld,
    }
}

/// Members of the record, and members directly under them where the mapping names those, that are not mapped.
fn dropped(mapping: &Mapping, record: &Json) -> Vec<String> {
    let Some(members) = record.as_object() else {
        return vec![];
    };
    let mapped = mapping.members();
    let mut lost = Vec::new();
    for (name, value) in members {
        if !mapped.contains(name) {
            lost.push(name.clone());
            continue;
        }
        let under = mapping.members_under(name);
        let inner = value.as_object().filter(|_| !under.is_empty());
        lost.extend(
            inner
                .into_iter()
                .flat_map(Map::keys)
                .filter(|key| !under.contains(*key))
                .map(|key| format!("{name}.{key}")),
        );
    }
    lost
}

fn line(value: &Value) -> String {
    crate::app::value_line(value)
}
