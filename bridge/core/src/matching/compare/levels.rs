//! The levels in which fields compare, from agreement to what is missing.

macro_rules! levels {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[repr(u8)]
        pub enum $name { $($(#[$item])* $variant),+ }
        impl $name {
            /// All levels, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The name in tables of weights.
            pub fn code(self) -> &'static str {
                match self { $($name::$variant => $code),+ }
            }
        }
    };
}

levels! {
    /// Given names.
    GivenLevel {
        /// Letter for letter.
        Same = "same",
        /// A short form or spelling by general knowledge.
        Form = "form",
        /// A short form that stands for several names.
        WideForm = "wide-form",
        /// Two short forms of one name.
        Sisters = "sisters",
        /// Loose equivalents in two languages.
        Loose = "loose",
        /// One slip apart, and one of them is hardly anybody's name.
        Misspelt = "misspelt",
        /// Two slips apart in a long name that is nobody else's.
        FarMisspelt = "far-misspelt",
        /// One slip from a short form, and hardly anybody's name.
        FormMisspelt = "form-misspelt",
        /// One begins like the other.
        Begins = "begins",
        /// One slip apart, but both are names.
        Alike = "alike",
        /// An initial that fits.
        Initial = "initial",
        /// One's first name is the other's second.
        Second = "second",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Family names.
    SurnameLevel {
        /// Letter for letter.
        Same = "same",
        /// One or two slips apart.
        Misspelt = "misspelt",
        /// A part of a double name.
        Part = "part",
        /// They differ; the person may have married.
        Changed = "changed",
        /// They differ, and both are men's.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Birth dates.
    BornLevel {
        /// The same date.
        Same = "same",
        /// Day and month stand in each other's place.
        Swapped = "swapped",
        /// One slip in one part.
        Slip = "slip",
        /// The same year, and one is the first of January: only the year was known.
        Placeholder = "placeholder",
        /// One part differs by more than a slip.
        Near = "near",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Sex.
    SexLevel {
        /// The same.
        Same = "same",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Phones and mailboxes.
    ContactLevel {
        /// The same, and nobody else's.
        Own = "own",
        /// The same, and one to four others use it.
        Shared = "shared",
        /// The same, and many use it.
        Crowd = "crowd",
        /// One slip apart.
        Near = "near",
        /// The same name at another provider.
        Namesake = "namesake",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Whose name a mailbox spells that both records hold.
    OwnerLevel {
        /// The given name of both, or the fuller form of it.
        Named = "named",
        /// The shorter form of the given name, which may be somebody else's name too.
        Short = "short",
        /// Nobody's, or another name.
        Silent = "silent",
        /// No mailbox is the same.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Addresses.
    PlaceLevel {
        /// The same house.
        House = "house",
        /// The same street or number in the same postcode or suburb.
        Street = "street",
        /// The same postcode or suburb; a street is missing.
        Area = "area",
        /// The same postcode or suburb, another street.
        Elsewhere = "elsewhere",
        /// The same street and number in another postcode and suburb.
        Line = "line",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Medicare cards.
    CardLevel {
        /// The same card and the same person on it.
        Person = "person",
        /// The same card; at least one does not say whose.
        Card = "card",
        /// The same card, two people on it.
        Other = "other",
        /// One slip apart.
        Near = "near",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Second given names.
    MiddleLevel {
        /// The same, or a fitting initial.
        Same = "same",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}
