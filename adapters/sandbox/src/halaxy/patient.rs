//! One patient: how it is kept, shown and written (halaxy-api.md section 7.1).

use serde_json::{Map, Value, json};

use super::switches::{HalaxySwitches, Precision};
use crate::clock::{SECOND, is_date, practice_instant};
use crate::people::CsvPerson;

/// Members a client may write; everything else is taken without error and dropped.
const WRITABLE: [&str; 7] = [
    "name",
    "telecom",
    "gender",
    "birthDate",
    "deceasedBoolean",
    "address",
    "contact",
];
const STATUS_URL: &str = "https://terminology.halaxy.com/StructureDefinition/patient-status";

/// A patient as kept. The body is compact JSON text, since most patients are only looked at in pages.
#[derive(Debug, Clone)]
pub(crate) struct Patient {
    pub id: u64,
    pub created: i64,
    pub last_updated: i64,
    /// Everything but `resourceType`, `id` and `meta`; references are relative.
    body: Box<str>,
    /// Search keys, one a line: a letter (g given, f family, e email, p phone digits, b birth date) and the value in lower case.
    keys: Box<str>,
}

/// Why a write was refused: the FHIR issue code, a text, and the HTTP status.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub status: u16,
    pub code: &'static str,
    pub text: &'static str,
    pub at: &'static str,
}

fn refused(status: u16, text: &'static str, at: &'static str) -> Refused {
    Refused {
        status,
        code: "invalid",
        text,
        at,
    }
}

impl Patient {
    /// Keeps a body.
    pub fn new(id: u64, created: i64, last_updated: i64, body: &Value) -> Self {
        Self {
            id,
            created,
            last_updated,
            body: body.to_string().into_boxed_str(),
            keys: keys_of(body),
        }
    }

    /// The body as JSON.
    pub fn body(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| json!({}))
    }

    /// Replaces the body; says whether anything changed.
    pub fn set_body(&mut self, body: &Value) -> bool {
        let text = body.to_string();
        if *text == *self.body {
            return false;
        }
        self.body = text.into_boxed_str();
        self.keys = keys_of(body);
        true
    }

    /// The values of one search key, in lower case.
    pub fn keys(&self, letter: char) -> impl Iterator<Item = &str> {
        self.keys.lines().filter_map(move |line| line.strip_prefix(letter))
    }

    /// `lastUpdated` as far as the product shows it.
    pub fn shown_last_updated(&self, precision: Precision) -> i64 {
        truncate(self.last_updated, precision)
    }

    /// The resource as the API shows it. `base` ends without a slash.
    pub fn shown(&self, base: &str, switches: &HalaxySwitches) -> Value {
        let mut shown = Map::new();
        shown.insert("resourceType".into(), "Patient".into());
        shown.insert("id".into(), self.id.to_string().into());
        let millis = switches.precision == Precision::Milli;
        shown.insert(
            "meta".into(),
            json!({"lastUpdated": practice_instant(self.last_updated, millis)}),
        );
        if let Value::Object(body) = self.body() {
            shown.extend(body);
        }
        if let Some(list) = shown.get_mut("generalPractitioner").and_then(Value::as_array_mut) {
            list.iter_mut().for_each(|reference| absolute(reference, base));
        }
        if let Some(reference) = shown.get_mut("managingOrganization") {
            absolute(reference, base);
        }
        Value::Object(shown)
    }
}

/// Cuts a time to the precision shown.
pub(crate) fn truncate(micros: i64, precision: Precision) -> i64 {
    let unit = match precision {
        Precision::Second => SECOND,
        Precision::Milli => 1_000,
    };
    micros.div_euclid(unit) * unit
}

fn absolute(reference: &mut Value, base: &str) {
    if let Some(Value::String(text)) = reference.get_mut("reference")
        && !text.contains("://")
    {
        *text = format!("{base}/{text}");
    }
}

/// Makes references relative again, whichever of the three accepted forms they came in.
fn relative(body: &mut Value) {
    let shorten = |reference: &mut Value| {
        if let Some(Value::String(text)) = reference.get_mut("reference")
            && let Some(position) = text.rmatch_indices('/').nth(1).map(|(at, _)| at)
        {
            *text = text[position + 1..].to_owned();
        }
    };
    if let Some(list) = body.get_mut("generalPractitioner").and_then(Value::as_array_mut) {
        list.iter_mut().for_each(shorten);
    }
    if let Some(reference) = body.get_mut("managingOrganization") {
        shorten(reference);
    }
}

fn keys_of(body: &Value) -> Box<str> {
    let mut keys = String::new();
    let mut add = |letter: char, value: &str| {
        keys.push(letter);
        keys.push_str(&value.to_lowercase().replace(['\n', '\r'], " "));
        keys.push('\n');
    };
    for name in items(body, "name") {
        for given in items(name, "given").filter_map(Value::as_str) {
            add('g', given);
        }
        if let Some(family) = name.get("family").and_then(Value::as_str) {
            add('f', family);
        }
    }
    for telecom in items(body, "telecom") {
        let value = telecom.get("value").and_then(Value::as_str).unwrap_or("");
        match telecom.get("system").and_then(Value::as_str) {
            Some("email") => add('e', value),
            Some("sms" | "phone") => add('p', &digits(value)),
            _ => {}
        }
    }
    if let Some(date) = body.get("birthDate").and_then(Value::as_str) {
        add('b', date);
    }
    keys.into_boxed_str()
}

fn items<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    value.get(member).and_then(Value::as_array).into_iter().flatten()
}

/// The national digits of an Australian number, so that local and E.164 spellings meet.
pub(crate) fn digits(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("61") {
        Some(rest) if digits.len() > 10 => format!("0{}", rest.strip_prefix('0').unwrap_or(rest)),
        _ => digits,
    }
}

/// The body of a patient that the API creates or replaces: what may be written of `sent`, upon `kept`.
///
/// # Errors
/// [`Refused`] as the product would.
pub(crate) fn replaced(sent: &Value, kept: Option<&Value>, switches: &HalaxySwitches) -> Result<Value, Refused> {
    if !sent.is_object() {
        return Err(refused(400, "the body must be a Patient", "Patient"));
    }
    if sent.get("resourceType").is_some_and(|kind| kind != "Patient") {
        return Err(refused(400, "resourceType must be Patient", "Patient.resourceType"));
    }
    let mut body = match kept {
        Some(kept) => kept.clone(),
        None => json!({
            "active": true,
            "extension": [{"url": STATUS_URL, "valueString": "current"}],
            "managingOrganization": {"reference": "Organization/PG-100001", "type": "Organization"}
        }),
    };
    if let Value::Object(members) = &mut body {
        for name in WRITABLE {
            members.shift_remove(name);
            if let Some(value) = sent.get(name).filter(|value| !value.is_null()) {
                members.insert(name.to_owned(), value.clone());
            }
        }
    }
    finished(body, switches)
}

/// The body after a merge-patch through the API.
///
/// # Errors
/// [`Refused`] as the product would.
pub(crate) fn patched(sent: &Value, kept: &Value, switches: &HalaxySwitches) -> Result<Value, Refused> {
    let Value::Object(sent) = sent else {
        return Err(refused(400, "the body must be a merge-patch", "Patient"));
    };
    let allowed: Map<String, Value> = sent
        .iter()
        .filter(|(name, value)| WRITABLE.contains(&name.as_str()) && (switches.null_clears || !value.is_null()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut body = kept.clone();
    crate::patch::merge(&mut body, &Value::Object(allowed));
    finished(body, switches)
}

/// The body after a person's merge-patch in the product: everything may be changed, and status and `active` go together.
///
/// # Errors
/// [`Refused`] for what no screen of the product would let through.
pub(crate) fn edited(patch: &Value, kept: &Value, switches: &HalaxySwitches) -> Result<Value, Refused> {
    let mut patch = patch.clone();
    if let Value::Object(members) = &mut patch {
        for fixed in ["resourceType", "id", "meta"] {
            members.shift_remove(fixed);
        }
    }
    let mut body = kept.clone();
    crate::patch::merge(&mut body, &patch);
    relative(&mut body);
    if patch.get("extension").is_some() {
        let live = matches!(status(&body), Some("current" | "contact" | "claimant"));
        body["active"] = live.into();
    } else if let Some(active) = patch.get("active").and_then(Value::as_bool) {
        set_status(&mut body, if active { "current" } else { "archived" });
    }
    finished(body, switches)
}

fn status(body: &Value) -> Option<&str> {
    items(body, "extension")
        .find(|extension| extension.get("url").is_some_and(|url| url == STATUS_URL))
        .and_then(|extension| extension.get("valueString"))
        .and_then(Value::as_str)
}

fn set_status(body: &mut Value, status: &str) {
    body["extension"] = json!([{"url": STATUS_URL, "valueString": status}]);
}

/// Checks a body, puts it into the order and spelling the product keeps, and drops blanks.
fn finished(mut body: Value, switches: &HalaxySwitches) -> Result<Value, Refused> {
    check(&body)?;
    if let Some(names) = body.get_mut("name").and_then(Value::as_array_mut)
        && switches.preferred_name_first
    {
        names.sort_by_key(|name| name.get("use").is_none_or(|usage| usage != "usual"));
    }
    if let Some(telecoms) = body.get_mut("telecom").and_then(Value::as_array_mut) {
        telecoms.retain(|telecom| telecom.get("value").is_some_and(|value| value != ""));
        if switches.respell_phones {
            for telecom in telecoms {
                let phone = telecom
                    .get("system")
                    .is_some_and(|system| system == "sms" || system == "phone");
                if let (true, Some(Value::String(text))) = (phone, telecom.get_mut("value")) {
                    text.retain(|letter| letter != ' ');
                }
            }
        }
    }
    // One order of members, so that equal content is equal text.
    let mut ordered = Map::new();
    if let Value::Object(members) = &mut body {
        for name in [
            "active",
            "extension",
            "name",
            "telecom",
            "gender",
            "birthDate",
            "deceasedBoolean",
            "address",
            "contact",
        ] {
            if let Some(value) = members.shift_remove(name)
                && !value.as_array().is_some_and(Vec::is_empty)
                && value != ""
            {
                ordered.insert(name.to_owned(), value);
            }
        }
        ordered.extend(std::mem::take(members));
    }
    Ok(Value::Object(ordered))
}

fn check(body: &Value) -> Result<(), Refused> {
    for list in ["name", "telecom", "address", "contact"] {
        let ok = body
            .get(list)
            .is_none_or(|value| value.as_array().is_some_and(|items| items.iter().all(Value::is_object)));
        if !ok {
            return Err(refused(400, "a list of objects is expected", list));
        }
    }
    let official = items(body, "name").any(|name| {
        name.get("use").is_none_or(|usage| usage == "official")
            && (name
                .get("family")
                .is_some_and(|family| family.as_str().is_some_and(|text| !text.is_empty()))
                || items(name, "given").any(|given| given.as_str().is_some_and(|text| !text.is_empty())))
    });
    if !official {
        return Err(refused(422, "an official name is required", "Patient.name"));
    }
    for name in items(body, "name") {
        let given = name
            .get("given")
            .is_none_or(|given| given.as_array().is_some_and(|items| items.iter().all(Value::is_string)));
        let family = name.get("family").is_none_or(Value::is_string);
        if !given || !family {
            return Err(refused(
                400,
                "given is a list of texts and family a text",
                "Patient.name",
            ));
        }
    }
    for telecom in items(body, "telecom") {
        let system = telecom.get("system").and_then(Value::as_str);
        if !matches!(
            system,
            Some("sms" | "phone" | "fax" | "email" | "pager" | "url" | "other")
        ) {
            return Err(refused(422, "unknown system", "Patient.telecom.system"));
        }
        if !telecom.get("value").is_some_and(Value::is_string) {
            return Err(refused(400, "a text is expected", "Patient.telecom.value"));
        }
    }
    if !body
        .get("birthDate")
        .is_none_or(|date| date.as_str().is_some_and(|text| text.is_empty() || is_date(text)))
    {
        return Err(refused(400, "YYYY-MM-DD is expected", "Patient.birthDate"));
    }
    if !body.get("deceasedBoolean").is_none_or(Value::is_boolean) {
        return Err(refused(400, "true or false is expected", "Patient.deceasedBoolean"));
    }
    if !body.get("gender").is_none_or(Value::is_string) {
        return Err(refused(400, "a code is expected", "Patient.gender"));
    }
    Ok(())
}

/// A person from a file as a practice would have typed it in; an unreadable birth date is left out.
pub(crate) fn from_csv(person: &CsvPerson) -> Value {
    let mut name = json!({"use": "official"});
    if !person.given_name.is_empty() {
        name["given"] = json!([person.given_name]);
    }
    if !person.surname.is_empty() {
        name["family"] = person.surname.as_str().into();
    }
    let mut body = json!({
        "active": true,
        "extension": [{"url": STATUS_URL, "valueString": "current"}],
        "name": [name],
    });
    let mut telecom = Vec::new();
    if !person.phone.is_empty() {
        telecom.push(if person.phone_is_mobile() {
            json!({"system": "sms", "use": "mobile", "value": person.phone})
        } else {
            json!({"system": "phone", "use": "home", "value": person.phone})
        });
    }
    if !person.email.is_empty() {
        telecom.push(json!({"system": "email", "use": "home", "value": person.email}));
    }
    if !telecom.is_empty() {
        body["telecom"] = telecom.into();
    }
    match person.sex.as_str() {
        "M" | "m" => body["gender"] = "male".into(),
        "F" | "f" => body["gender"] = "female".into(),
        _ => {}
    }
    if is_date(&person.date_of_birth) {
        body["birthDate"] = person.date_of_birth.as_str().into();
    }
    body["deceasedBoolean"] = false.into();
    let mut address = json!({"use": "home", "type": "physical"});
    if !person.street.is_empty() {
        address["line"] = json!([person.street]);
    }
    for (member, value) in [
        ("city", &person.suburb),
        ("state", &person.state),
        ("postalCode", &person.postcode),
    ] {
        if !value.is_empty() {
            address[member] = value.as_str().into();
        }
    }
    if address.as_object().is_some_and(|members| members.len() > 2) {
        address["country"] = "Australia".into();
        body["address"] = json!([address]);
    }
    body["generalPractitioner"] = json!([{"reference": "Practitioner/PR-500001", "type": "Practitioner"}]);
    body["managingOrganization"] = json!({"reference": "Organization/PG-100001", "type": "Organization"});
    body
}
