//! What a consultation should take of the credits, as Halaxy words it (competitors.md 6): by video two credits for every
//! 15 minutes begun and every patient, by phone one for every minute begun and every patient. That parts of a block count
//! whole is inferred, so whatever comes of it is marked estimated.

/// Patients in one session by video, at most.
pub const MOST_PATIENTS: u32 = 3;

/// Credits of a session by video.
pub fn video(seconds: u32, patients: u32) -> u32 {
    2 * seconds.div_ceil(15 * 60) * patients.min(MOST_PATIENTS)
}

/// Credits of a consultation by phone.
pub fn phone(seconds: u32, patients: u32) -> u32 {
    seconds.div_ceil(60) * patients
}
