//! While a shared secret is being replaced, requests are proved by either of the two.

use super::{Arrival, Notice, Refused, Webhook};

/// One account's webhooks with each of its secrets, the newest first.
pub struct Overlap(Vec<Box<dyn Webhook>>);

impl Overlap {
    /// `webhooks` are the same but for their secret.
    pub fn new(webhooks: Vec<Box<dyn Webhook>>) -> Self {
        Self(webhooks)
    }
}

impl Webhook for Overlap {
    fn events(&self) -> Vec<&str> {
        self.0.first().map(|webhook| webhook.events()).unwrap_or_default()
    }

    /// What the secret says that the request was made with; if it was none of them, what the newest says.
    fn read(&self, arrival: &Arrival<'_>) -> Result<Vec<Notice>, Refused> {
        let mut refused = Err(Refused::Unsigned);
        for (place, webhook) in self.0.iter().enumerate() {
            match webhook.read(arrival) {
                Err(error @ (Refused::Unsigned | Refused::Forged)) if place == 0 => refused = Err(error),
                Err(Refused::Unsigned | Refused::Forged) => {}
                known => return known,
            }
        }
        refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    /// Takes requests with this body.
    struct Body(&'static str);

    impl Webhook for Body {
        fn events(&self) -> Vec<&str> {
            vec!["changed"]
        }

        fn read(&self, arrival: &Arrival<'_>) -> Result<Vec<Notice>, Refused> {
            match arrival.body {
                b"" => Err(Refused::Unsigned),
                body if body == self.0.as_bytes() => Ok(vec![]),
                body if body.starts_with(self.0.as_bytes()) => Err(Refused::Stale),
                _ => Err(Refused::Forged),
            }
        }
    }

    #[test]
    fn a_request_is_proved_by_either_secret() {
        let both = Overlap::new(vec![Box::new(Body("new")), Box::new(Body("old"))]);
        assert_eq!(both.events(), ["changed"]);
        for (body, expected) in [
            ("new", None),
            ("old", None),
            ("older", Some(Refused::Stale)),
            ("other", Some(Refused::Forged)),
            ("", Some(Refused::Unsigned)),
        ] {
            let arrival = Arrival {
                method: "POST",
                uri: "https://bridge.example/",
                event: None,
                headers: &HeaderMap::new(),
                body: body.as_bytes(),
                received: 0,
            };
            assert_eq!(both.read(&arrival).err(), expected, "{body}");
        }
    }
}
