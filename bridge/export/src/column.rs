//! What a column is: where its value stands in a record, how it is spelt, and whom it tells something about.

use crate::cell::{Cell, Shape};
use bridge_core::Class;
use bridge_core::path::{Leaf, Path};
use serde_json::Value as Json;

/// A column as the tables in [`crate::entities`] state it.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Its name: small letters, digits and `_`.
    pub name: &'static str,
    /// Where the value stands.
    pub at: At,
    /// What it is.
    pub shape: Shape,
    /// Its privacy class; none for ids, codes and settings, which tell nothing about a person by themselves.
    pub class: Option<Class>,
    /// What it says, for people.
    pub about: &'static str,
}

/// Where a value stands in a record's body.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// At a path ([`Path`]).
    Path(&'static str),
    /// The id in the reference at a path: `.../Patient/900001` is `900001`. Of a list, the first one's.
    Id(&'static str),
    /// The resource type in the reference at a path.
    Kind(&'static str),
    /// The ids of a list of references, separated by `; `.
    Ids(&'static str),
    /// Reckoned from the whole body.
    Of(fn(&Json) -> Json),
}

/// A column that is read.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it is.
    pub shape: Shape,
    /// Its privacy class, if it has one.
    pub class: Option<Class>,
    /// What it says.
    pub about: String,
    read: Read,
}

#[derive(Clone, Debug)]
enum Read {
    Path(Path),
    Id(Path),
    Kind(Path),
    Ids(Path),
    Of(fn(&Json) -> Json),
    /// The path in the table cannot be read; a test looks for such.
    Nothing,
}

impl Column {
    /// Of a table.
    pub fn of(spec: &Spec) -> Column {
        let parsed = |text: &str, read: fn(Path) -> Read| Path::parse(text).map_or(Read::Nothing, read);
        let read = match spec.at {
            At::Path(path) => parsed(path, Read::Path),
            At::Id(path) => parsed(path, Read::Id),
            At::Kind(path) => parsed(path, Read::Kind),
            At::Ids(path) => parsed(path, Read::Ids),
            At::Of(reckon) => Read::Of(reckon),
        };
        Column {
            name: spec.name.into(),
            shape: spec.shape,
            class: spec.class,
            about: spec.about.into(),
            read,
        }
    }

    /// At a path that is known only when the configuration is.
    pub fn at(name: String, path: &str, shape: Shape, class: Option<Class>, about: String) -> Column {
        Column {
            name,
            shape,
            class,
            about,
            read: Path::parse(path).map_or(Read::Nothing, Read::Path),
        }
    }

    /// Whether its place can be looked at: true of every column but one with a misspelt path.
    pub fn is_sound(&self) -> bool {
        !matches!(self.read, Read::Nothing)
    }

    /// What a body holds there; [`Cell::Empty`] where there is nothing, `Err` where there is something else than the
    /// column can hold.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(&self, body: &Json) -> Result<Cell, Unreadable> {
        let one = |path: &Path| path.read(body).map_err(|_| Unreadable);
        match &self.read {
            Read::Nothing => Err(Unreadable),
            Read::Of(reckon) => Cell::read(self.shape, &reckon(body)),
            Read::Path(path) => match one(path)? {
                None => Ok(Cell::Empty),
                Some(Leaf::One(value)) => Cell::read(self.shape, value),
                Some(Leaf::List(items)) => {
                    let words: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
                    Ok(Cell::text(words.join("; ")))
                }
            },
            Read::Id(path) => Ok(Cell::text(reference(first(one(path)?)).map_or("", |(_, id)| id))),
            Read::Kind(path) => Ok(Cell::text(reference(first(one(path)?)).map_or("", |(kind, _)| kind))),
            Read::Ids(path) => {
                let ids: Vec<&str> = match one(path)? {
                    Some(Leaf::List(items)) => items.iter().filter_map(|item| Some(reference(Some(item))?.1)).collect(),
                    _ => vec![],
                };
                Ok(Cell::text(ids.join("; ")))
            }
        }
    }
}

/// A value that its column cannot hold. Names no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is not what the column holds")]
pub struct Unreadable;

/// Live bodies show some members as an object, others as a list of one (halaxy-api.md 7.7, `recipient`).
fn first<'a>(leaf: Option<Leaf<'a>>) -> Option<&'a Json> {
    match leaf? {
        Leaf::One(Json::Array(items)) => items.first(),
        Leaf::One(value) => Some(value),
        Leaf::List(items) => items.first(),
    }
}

/// Type and id of what a reference names: `https://../main/Patient/900001` or `Patient/900001`.
pub(crate) fn reference(value: Option<&Json>) -> Option<(&str, &str)> {
    let text = value?["reference"].as_str()?;
    let (before, id) = text.rsplit_once('/')?;
    Some((before.rsplit('/').next().unwrap_or_default(), id))
}
