//! Files that go with a referral or a note: checked before anything is sent, by what they are and not by their name alone.

use std::fmt;

/// Bytes of a file at most (halaxy-api.md 7.1).
pub const MOST_BYTES: usize = 20 * 1024 * 1024;

struct Kind {
    endings: &'static [&'static str],
    media: &'static str,
    begins: &'static [u8],
}

const OLE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
const ZIP: &[u8] = b"PK\x03\x04";

/// What Halaxy takes (halaxy-api.md 7.1), and how such files begin.
const KINDS: [Kind; 7] = [
    Kind {
        endings: &["pdf"],
        media: "application/pdf",
        begins: b"%PDF-",
    },
    Kind {
        endings: &["jpg", "jpeg"],
        media: "image/jpeg",
        begins: &[0xff, 0xd8, 0xff],
    },
    Kind {
        endings: &["png"],
        media: "image/png",
        begins: &[0x89, b'P', b'N', b'G'],
    },
    Kind {
        endings: &["doc"],
        media: "application/msword",
        begins: OLE,
    },
    Kind {
        endings: &["xls"],
        media: "application/vnd.ms-excel",
        begins: OLE,
    },
    Kind {
        endings: &["docx"],
        media: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        begins: ZIP,
    },
    Kind {
        endings: &["xlsx"],
        media: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        begins: ZIP,
    },
];

/// A file that may be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What Halaxy shows it as: the file's name without its ending.
    pub title: String,
    /// Media type.
    pub media: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Without title and contents.
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("media", &self.media)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Why a file is not sent. Names nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAttachment {
    /// Another kind of file.
    #[error("is no kind of file that Halaxy takes: attach pdf, jpeg, png, doc, docx, xls or xlsx")]
    Type,
    /// The ending says one thing, the contents another.
    #[error("is not what its ending says: save it anew in that format")]
    Contents,
    /// Nothing in it.
    #[error("is empty: attach the right file")]
    Empty,
    /// Above [`MOST_BYTES`].
    #[error("is above 20 MB: attach a smaller file")]
    Size,
}

impl Attachment {
    /// A file by its name and contents.
    ///
    /// # Errors
    /// [`BadAttachment`]: what is wrong and what to do.
    pub fn of(name: &str, bytes: Vec<u8>) -> Result<Attachment, BadAttachment> {
        let (title, ending) = name.rsplit_once('.').ok_or(BadAttachment::Type)?;
        let ending = ending.to_ascii_lowercase();
        let kind = KINDS.iter().find(|kind| kind.endings.contains(&ending.as_str()));
        let kind = kind.ok_or(BadAttachment::Type)?;
        if bytes.is_empty() {
            return Err(BadAttachment::Empty);
        }
        if bytes.len() > MOST_BYTES {
            return Err(BadAttachment::Size);
        }
        if !bytes.starts_with(kind.begins) {
            return Err(BadAttachment::Contents);
        }
        Ok(Attachment {
            title: title.to_owned(),
            media: kind.media,
            bytes,
        })
    }
}
