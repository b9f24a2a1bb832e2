//! Property definitions: the default ones, custom ones, and what values they take.

use serde_json::{Value, json};

use super::error::Problem;
use crate::clock::{is_date, span_of, utc_millis};

/// At most so many unique properties on one kind of object (vendor-apis.md section 1).
const UNIQUE_CAP: usize = 10;

/// One property of contacts.
#[derive(Debug, Clone)]
pub(crate) struct Property {
    pub name: String,
    pub unique: bool,
    pub read_only: bool,
    kind: String,
    options: Vec<String>,
    definition: Value,
}

/// All properties of contacts. A property's place never changes, so contacts refer to it by number.
#[derive(Debug)]
pub(crate) struct Properties {
    all: Vec<Property>,
    archived: Vec<bool>,
    /// So many are the product's own.
    defaults: usize,
    groups: Vec<(String, String)>,
}

const STRING: (&str, &str) = ("string", "text");
const PHONE: (&str, &str) = ("string", "phonenumber");
const TIME: (&str, &str) = ("datetime", "date");

/// name, label, (type, fieldType), read only
const DEFAULTS: [(&str, &str, (&str, &str), bool); 21] = [
    ("email", "Email", STRING, false),
    ("firstname", "First Name", STRING, false),
    ("lastname", "Last Name", STRING, false),
    ("mobilephone", "Mobile Phone Number", PHONE, false),
    ("phone", "Phone Number", PHONE, false),
    ("date_of_birth", "Date of birth", STRING, false),
    ("gender", "Gender", STRING, false),
    ("address", "Street Address", STRING, false),
    ("city", "City", STRING, false),
    ("state", "State/Region", STRING, false),
    ("zip", "Postal Code", STRING, false),
    ("country", "Country/Region", STRING, false),
    ("salutation", "Salutation", STRING, false),
    ("lifecyclestage", "Lifecycle Stage", ("enumeration", "radio"), false),
    ("hs_additional_emails", "Additional email addresses", STRING, true),
    ("hs_merged_object_ids", "Merged record IDs", STRING, true),
    ("hs_object_id", "Record ID", ("number", "number"), true),
    ("createdate", "Create Date", TIME, true),
    ("lastmodifieddate", "Last Modified Date", TIME, true),
    ("company", "Company Name", STRING, false),
    (
        "hs_email_optout",
        "Unsubscribed from all email",
        ("bool", "booleancheckbox"),
        true,
    ),
];
/// The same of companies. The places that are special among contacts hold what nobody writes.
const COMPANY_DEFAULTS: [(&str, &str, (&str, &str), bool); 16] = [
    ("hs_unused_mailbox", "Not of companies", STRING, true),
    ("name", "Company name", STRING, false),
    ("domain", "Company Domain Name", STRING, false),
    ("phone", "Phone Number", PHONE, false),
    ("address", "Street Address", STRING, false),
    ("city", "City", STRING, false),
    ("state", "State/Region", STRING, false),
    ("zip", "Postal Code", STRING, false),
    ("country", "Country/Region", STRING, false),
    ("description", "Description", STRING, false),
    ("industry", "Industry", STRING, false),
    ("hs_object_id", "Record ID", ("number", "number"), true),
    ("createdate", "Create Date", TIME, true),
    ("hs_lastmodifieddate", "Last Modified Date", TIME, true),
    ("hs_unused_mailboxes", "Not of companies", STRING, true),
    ("hs_merged_object_ids", "Merged record IDs", STRING, true),
];
/// The same of meetings; `hs_timestamp` is their place on the timeline.
const MEETING_DEFAULTS: [(&str, &str, (&str, &str), bool); 13] = [
    ("hs_object_id", "Record ID", ("number", "number"), true),
    ("hs_timestamp", "Activity date", TIME, false),
    ("hs_meeting_title", "Meeting name", STRING, false),
    ("hs_meeting_body", "Meeting description", STRING, false),
    ("hs_meeting_start_time", "Meeting start time", TIME, false),
    ("hs_meeting_end_time", "Meeting end time", TIME, false),
    (
        "hs_meeting_outcome",
        "Meeting outcome",
        ("enumeration", "select"),
        false,
    ),
    ("hs_meeting_location", "Meeting location", STRING, false),
    ("hs_internal_meeting_notes", "Internal meeting notes", STRING, false),
    ("hs_activity_type", "Call and meeting type", STRING, false),
    ("hubspot_owner_id", "Activity assigned to", STRING, false),
    ("hs_createdate", "Create date", TIME, true),
    ("hs_lastmodifieddate", "Last modified date", TIME, true),
];
const OUTCOMES: [&str; 5] = ["SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED"];
const STAGES: [&str; 8] = [
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
];

/// The number of `email`, which is unique by itself.
pub(crate) const EMAIL: u16 = 0;
/// The number of `hs_additional_emails`: mailboxes left by merges, separated by semicolons.
pub(crate) const ADDITIONAL_EMAILS: u16 = 14;
/// The number of `hs_merged_object_ids`: ids that were merged into a contact, separated by semicolons.
pub(crate) const MERGED_IDS: u16 = 15;

impl Properties {
    /// The default properties of contacts, as if made at `now`.
    pub fn new(now: i64) -> Self {
        Self::with(&DEFAULTS, ("contactinformation", "Contact information"), now)
    }

    /// The default properties of companies.
    pub fn of_companies(now: i64) -> Self {
        Self::with(&COMPANY_DEFAULTS, ("companyinformation", "Company information"), now)
    }

    /// The default properties of meetings.
    pub fn of_meetings(now: i64) -> Self {
        Self::with(&MEETING_DEFAULTS, ("meeting_engagement", "Meeting information"), now)
    }

    fn with(defaults: &[(&str, &str, (&str, &str), bool)], (group, title): (&str, &str), now: i64) -> Self {
        let mut all = Vec::new();
        for (name, label, (kind, field), read_only) in defaults.iter().copied() {
            let options: &[&str] = match name {
                "lifecyclestage" => &STAGES,
                "hs_meeting_outcome" => &OUTCOMES,
                _ => &[],
            };
            let shown: Vec<Value> = options
                .iter()
                .enumerate()
                .map(|(order, value)| json!({"label": value, "value": value, "displayOrder": order, "hidden": false}))
                .collect();
            let definition = json!({
                "name": name, "label": label, "type": kind, "fieldType": field,
                "groupName": group, "description": "", "options": shown,
                "displayOrder": -1, "calculated": false, "externalOptions": false,
                "hasUniqueValue": name == "email" || name == "hs_object_id",
                "hidden": false, "hubspotDefined": true, "formField": !read_only, "archived": false,
                "createdAt": utc_millis(now), "updatedAt": utc_millis(now),
                "modificationMetadata": {"archivable": false, "readOnlyDefinition": true, "readOnlyValue": read_only}
            });
            all.push(Property {
                name: name.to_owned(),
                unique: name == "email",
                read_only,
                kind: kind.to_owned(),
                options: options.iter().map(|value| (*value).to_owned()).collect(),
                definition,
            });
        }
        let archived = vec![false; all.len()];
        Self {
            all,
            archived,
            defaults: defaults.len(),
            groups: vec![(group.to_owned(), title.to_owned())],
        }
    }

    /// The number of a live property.
    pub fn number(&self, name: &str) -> Option<u16> {
        self.all
            .iter()
            .position(|property| property.name == name)
            .filter(|place| !self.archived[*place])
            .map(|place| place as u16)
    }

    /// The property with a number.
    pub fn get(&self, number: u16) -> &Property {
        &self.all[usize::from(number)]
    }

    /// The definition the API shows.
    pub fn definition(&self, name: &str) -> Option<&Value> {
        self.number(name).map(|number| &self.get(number).definition)
    }

    /// All live definitions.
    pub fn definitions(&self) -> Vec<Value> {
        self.all
            .iter()
            .zip(&self.archived)
            .filter(|(_, archived)| !**archived)
            .map(|(property, _)| property.definition.clone())
            .collect()
    }

    /// Makes a custom property.
    ///
    /// # Errors
    /// What the product refuses: a missing member, a pair of type and field type that do not agree, a name in use.
    pub fn create(&mut self, sent: &Value, now: i64) -> Result<Value, Problem> {
        let text = |member: &str| sent.get(member).and_then(Value::as_str).unwrap_or("").to_owned();
        let (name, kind, field) = (text("name"), text("type"), text("fieldType"));
        for (member, value) in [
            ("name", &name),
            ("label", &text("label")),
            ("type", &kind),
            ("fieldType", &field),
            ("groupName", &text("groupName")),
        ] {
            if value.is_empty() {
                return Err(Problem::invalid(format!("Invalid input JSON: {member} is required")));
            }
        }
        let well_named = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        if !well_named {
            return Err(Problem::invalid(
                "name may hold lower case letters, digits and underscores only",
            ));
        }
        let agree = match kind.as_str() {
            "string" => matches!(field.as_str(), "text" | "textarea" | "phonenumber" | "html" | "file"),
            "number" => field == "number",
            "date" | "datetime" => field == "date",
            "enumeration" => matches!(field.as_str(), "select" | "radio" | "checkbox" | "booleancheckbox"),
            "bool" => field == "booleancheckbox",
            _ => false,
        };
        if !agree {
            return Err(Problem::invalid(format!(
                "fieldType {field} does not go with type {kind}"
            )));
        }
        let group = text("groupName");
        if !self.groups.iter().any(|(known, _)| *known == group) {
            return Err(Problem::invalid(format!("property group {group} does not exist")));
        }
        if self.number(&name).is_some() {
            return Err(Problem::new(
                409,
                "CONFLICT",
                format!("A property named '{name}' already exists."),
            ));
        }
        let unique = sent.get("hasUniqueValue").and_then(Value::as_bool).unwrap_or(false);
        if unique && self.all.iter().filter(|property| property.unique).count() > UNIQUE_CAP {
            return Err(Problem::invalid("too many unique properties"));
        }
        let options: Vec<String> = sent
            .get("options")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|option| option.get("value").and_then(Value::as_str).map(str::to_owned))
            .collect();
        if kind == "enumeration" && options.is_empty() && field != "booleancheckbox" {
            return Err(Problem::invalid("an enumeration needs options"));
        }
        let definition = json!({
            "name": name, "label": text("label"), "type": kind, "fieldType": field,
            "groupName": text("groupName"), "description": text("description"),
            "options": sent.get("options").cloned().unwrap_or_else(|| json!([])),
            "displayOrder": sent.get("displayOrder").cloned().unwrap_or_else(|| json!(-1)),
            "calculated": false, "externalOptions": false, "hasUniqueValue": unique,
            "hidden": sent.get("hidden").cloned().unwrap_or_else(|| json!(false)),
            "hubspotDefined": false, "formField": sent.get("formField").cloned().unwrap_or_else(|| json!(false)),
            "archived": false, "createdAt": utc_millis(now), "updatedAt": utc_millis(now),
            "modificationMetadata": {"archivable": true, "readOnlyDefinition": false, "readOnlyValue": false}
        });
        self.all.push(Property {
            name,
            unique,
            read_only: false,
            kind,
            options,
            definition: definition.clone(),
        });
        self.archived.push(false);
        Ok(definition)
    }

    /// The groups that properties stand in.
    pub fn groups(&self) -> Vec<Value> {
        self.groups.iter().map(group_shown).collect()
    }

    /// Makes a group.
    ///
    /// # Errors
    /// A missing member, or a name in use.
    pub fn create_group(&mut self, sent: &Value) -> Result<Value, Problem> {
        let (Some(name), Some(label)) = (sent["name"].as_str(), sent["label"].as_str()) else {
            return Err(Problem::invalid("Invalid input JSON: name and label are required"));
        };
        if self.groups.iter().any(|(known, _)| known == name) {
            let text = format!("A property group named '{name}' already exists.");
            return Err(Problem::new(409, "CONFLICT", text));
        }
        let group = (name.to_owned(), label.to_owned());
        let shown = group_shown(&group);
        self.groups.push(group);
        Ok(shown)
    }

    /// Archives a custom property.
    ///
    /// # Errors
    /// Unknown properties are not found, default ones stay.
    pub fn archive(&mut self, name: &str) -> Result<(), Problem> {
        let number = self.number(name).ok_or_else(|| Problem::not_found(name))?;
        if usize::from(number) < self.defaults {
            return Err(Problem::invalid("a default property cannot be archived"));
        }
        self.archived[usize::from(number)] = true;
        Ok(())
    }

    /// Whether a text is a value of the property; the empty text clears and always is.
    ///
    /// # Errors
    /// The property's own refusal.
    pub fn check(&self, number: u16, value: &str) -> Result<(), Problem> {
        let property = self.get(number);
        if property.read_only {
            return Err(Problem::property(
                &property.name,
                "READ_ONLY_VALUE",
                "this property is read only",
            ));
        }
        if value.is_empty() {
            return Ok(());
        }
        let bad = |code| {
            Err(Problem::property(
                &property.name,
                code,
                "the value does not fit the property",
            ))
        };
        match property.kind.as_str() {
            _ if number == EMAIL && !is_mailbox(value) => bad("INVALID_EMAIL"),
            "number" if value.parse::<f64>().is_err() => bad("INVALID_INTEGER"),
            "date" if !is_date(value) && value.parse::<i64>().is_err() => bad("INVALID_DATE"),
            "datetime" if span_of(value).is_none() && value.parse::<i64>().is_err() => bad("INVALID_DATE"),
            "bool" if value != "true" && value != "false" => bad("INVALID_BOOLEAN"),
            "enumeration"
                if !property.options.is_empty() && !value.split(';').all(|part| self.has_option(property, part)) =>
            {
                bad("INVALID_OPTION")
            }
            _ if value.len() > 65_536 => bad("PROPERTY_VALUE_TOO_LONG"),
            _ => Ok(()),
        }
    }

    fn has_option(&self, property: &Property, value: &str) -> bool {
        property.options.iter().any(|option| option == value)
    }
}

fn group_shown((name, label): &(String, String)) -> Value {
    json!({"name": name, "label": label, "displayOrder": -1, "archived": false})
}

/// A rough look, as forms do it: one `@`, a dot after it, no blanks.
fn is_mailbox(text: &str) -> bool {
    let mut parts = text.split('@');
    let (local, domain) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    parts.next().is_none()
        && !local.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !text.contains(char::is_whitespace)
}
