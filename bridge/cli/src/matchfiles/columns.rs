//! Which column of an export is what. Names are compared without case, marks and blanks, so that
//! `Date of Birth`, `date_of_birth` and `DateOfBirth` are one.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The record's id.
    Id,
    /// Given names.
    Given,
    /// Second given names, which follow the first.
    Middle,
    /// Family name.
    Surname,
    /// Whole name in one column.
    FullName,
    /// Birth date.
    Born,
    /// Sex or gender.
    Sex,
    /// A phone.
    Phone,
    /// A mailbox.
    Email,
    /// Number and street.
    Street,
    /// Suburb or town.
    Suburb,
    /// Postcode.
    Postcode,
    /// State: nothing that the postcode does not say.
    State,
    /// Medicare card number.
    Card,
    /// The person's number on the card.
    CardPerson,
}

/// Names of columns in this program's own files, in Halaxy's patient exports and reports, and in
/// HubSpot's contact exports (labels and internal names).
const NAMES: &[(Field, &[&str])] = &[
    (
        Field::Id,
        &[
            "id",
            "recordid",
            "patientid",
            "contactid",
            "vid",
            "hsobjectid",
            "halaxyid",
            "patientnumber",
            "clientid",
        ],
    ),
    (
        Field::Given,
        &[
            "givenname",
            "givennames",
            "firstname",
            "forename",
            "first",
            "given",
            "patientfirstname",
            "clientfirstname",
        ],
    ),
    (Field::Middle, &["middlename", "middlenames", "secondname", "middle"]),
    (
        Field::Surname,
        &[
            "surname",
            "lastname",
            "familyname",
            "last",
            "family",
            "patientlastname",
            "patientsurname",
            "clientlastname",
        ],
    ),
    (
        Field::FullName,
        &[
            "name",
            "fullname",
            "patientname",
            "contactname",
            "clientname",
            "patient",
            "client",
        ],
    ),
    (
        Field::Born,
        &[
            "dateofbirth",
            "dob",
            "birthdate",
            "birthday",
            "birth",
            "patientdob",
            "patientdateofbirth",
            "born",
        ],
    ),
    (Field::Sex, &["sex", "gender", "administrativegender"]),
    (
        Field::Phone,
        &[
            "phone",
            "mobile",
            "mobilephone",
            "mobilephonenumber",
            "phonenumber",
            "mobilenumber",
            "homephone",
            "workphone",
            "telephone",
            "cell",
            "cellphone",
            "phonemobile",
            "phonehome",
            "phonework",
            "whatsappphonenumber",
            "landline",
        ],
    ),
    (
        Field::Email,
        &[
            "email",
            "emailaddress",
            "mail",
            "workemail",
            "homeemail",
            "secondaryemail",
            "additionalemailaddresses",
        ],
    ),
    (
        Field::Street,
        &[
            "street",
            "streetaddress",
            "address",
            "address1",
            "addressline1",
            "homeaddress",
            "addressstreet",
            "streetaddress1",
        ],
    ),
    (
        Field::Suburb,
        &[
            "suburb",
            "city",
            "town",
            "locality",
            "addresssuburb",
            "addresscity",
            "suburbtown",
        ],
    ),
    (
        Field::Postcode,
        &[
            "postcode",
            "postalcode",
            "zip",
            "zipcode",
            "zippostalcode",
            "addresspostcode",
            "postcodezip",
        ],
    ),
    (
        Field::State,
        &["state", "stateregion", "region", "province", "addressstate"],
    ),
    (
        Field::Card,
        &[
            "medicare",
            "medicarenumber",
            "medicareno",
            "medicarecard",
            "medicarecardnumber",
            "medicarecardno",
        ],
    ),
    (
        Field::CardPerson,
        &[
            "irn",
            "medicareirn",
            "medicarereference",
            "medicarereferencenumber",
            "medicareposition",
            "medicareref",
        ],
    ),
];

/// What the named column holds, if that is known.
pub fn field(name: &str) -> Option<Field> {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    NAMES
        .iter()
        .find(|(_, names)| names.contains(&plain.as_str()))
        .map(|(field, _)| *field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_name_their_columns_in_many_ways() {
        for (name, expected) in [
            ("given_name", Field::Given),
            ("First Name", Field::Given),
            ("Date of Birth", Field::Born),
            ("Record ID", Field::Id),
            ("Mobile Phone Number", Field::Phone),
            ("Street Address", Field::Street),
            ("Postal Code", Field::Postcode),
            ("Medicare Number", Field::Card),
        ] {
            assert_eq!(field(name), Some(expected), "{name}");
        }
        assert_eq!(field("Lifecycle Stage"), None);
    }
}
