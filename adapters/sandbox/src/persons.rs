//! What people do at the products' screens.

use serde_json::Value;

use crate::activities::are_activities;
use crate::answer::Context;
use crate::billing::document_of;
use crate::booking_requests::KIND;
use crate::books::Books;
use crate::companies::are_companies;
use crate::control::{Author, ControlError};
use crate::halaxy::Halaxy;
use crate::hubspot::Hubspot;
use crate::plain::Plain;
use crate::sandbox::{Crm, Sandbox, System};
use crate::webhooks::Happened;

/// The product an action of a person goes to.
enum Target<'a> {
    Halaxy(&'a mut Halaxy),
    Hubspot(&'a mut Hubspot),
    Plain(&'a mut Plain),
    Books(&'a mut Books),
}

impl Sandbox {
    /// Somebody at the screen makes a record; gives its id.
    ///
    /// # Errors
    /// [`ControlError`] as the product's screens would refuse.
    pub fn person_create(&self, system: &str, kind: &str, body: &Value) -> Result<String, ControlError> {
        self.person_create_as(system, kind, body, Author::Person)
    }

    /// Like [`Self::person_create`], by another author.
    ///
    /// # Errors
    /// As there.
    pub fn person_create_as(
        &self,
        system: &str,
        kind: &str,
        body: &Value,
        author: Author,
    ) -> Result<String, ControlError> {
        if (system, kind) == ("crm", KIND) {
            return self.ask_for_booking(body);
        }
        if let Some(kind) = document_of(system, kind) {
            return self.create_document(kind, body);
        }
        if are_activities(system, kind) {
            return self.create_activity(kind, body);
        }
        if are_companies(system, kind) {
            return self.create_company(body);
        }
        let id = self.act(system, kind, |target, cx| match target {
            Target::Halaxy(halaxy) => halaxy.person_create(body, cx),
            Target::Hubspot(hubspot) => hubspot.person_create(body, author, cx),
            Target::Plain(plain) => plain.person_create(body, cx.now),
            Target::Books(books) => books.person_create(kind, body, cx.now),
        })?;
        self.tell(system, kind, &id, &Happened::Created)?;
        Ok(id)
    }

    /// Somebody at the screen changes a record: a merge-patch over the record as shown (for the HubSpot-shaped CRM
    /// over its properties, with or without the member `properties`). In the books it goes past locks and payments, and
    /// totals and ledger follow.
    ///
    /// # Errors
    /// [`ControlError`] as the product's screens would refuse.
    pub fn person_edit(&self, system: &str, kind: &str, id: &str, patch: &Value) -> Result<(), ControlError> {
        self.person_edit_as(system, kind, id, patch, Author::Person)
    }

    /// Like [`Self::person_edit`], by another author.
    ///
    /// # Errors
    /// As there.
    pub fn person_edit_as(
        &self,
        system: &str,
        kind: &str,
        id: &str,
        patch: &Value,
        author: Author,
    ) -> Result<(), ControlError> {
        if (system, kind) == ("crm", KIND) {
            return self.change_booking_request(id, patch);
        }
        if let Some(kind) = document_of(system, kind) {
            return self.edit_document(kind, id, patch);
        }
        if are_activities(system, kind) {
            return self.edit_activity(kind, id, patch);
        }
        if are_companies(system, kind) {
            return self.edit_company(id, patch);
        }
        self.act(system, kind, |target, cx| match target {
            Target::Halaxy(halaxy) => halaxy.person_edit(id, patch, cx),
            Target::Hubspot(hubspot) => hubspot.person_edit(id, patch, author, cx),
            Target::Plain(plain) => plain.person_edit(id, patch, cx.now),
            Target::Books(books) => books.person_edit(kind, id, patch, cx.now),
        })?;
        let members = patch.get("properties").unwrap_or(patch).as_object();
        let names = members.into_iter().flat_map(|members| members.keys().cloned());
        self.tell(system, kind, id, &Happened::Changed(names.collect()))
    }

    /// Somebody at the screen deletes a record. In the HubSpot-shaped CRM that archives it, in the plain one it marks it.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub fn person_delete(&self, system: &str, kind: &str, id: &str) -> Result<(), ControlError> {
        if (system, kind) == ("crm", KIND) {
            return self.drop_booking_request(id);
        }
        if let Some(kind) = document_of(system, kind) {
            return self.remove_document(kind, id);
        }
        if are_activities(system, kind) {
            return self.delete_activity(kind, id);
        }
        if are_companies(system, kind) {
            return self.delete_company(id);
        }
        self.act(system, kind, |target, cx| match target {
            Target::Halaxy(halaxy) => halaxy.person_delete(id),
            Target::Hubspot(hubspot) => hubspot.person_delete(id, cx),
            Target::Plain(plain) => plain.person_delete(id, cx.now),
            Target::Books(books) => books.person_delete(kind, id, cx.now),
        })?;
        self.tell(system, kind, id, &Happened::Removed)
    }

    /// Somebody at the screen removes a record for good, on the demand of the person it is about.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub fn person_erase(&self, system: &str, kind: &str, id: &str) -> Result<(), ControlError> {
        if let Some(kind) = document_of(system, kind) {
            return self.remove_document(kind, id);
        }
        if are_activities(system, kind) {
            return self.delete_activity(kind, id);
        }
        if are_companies(system, kind) {
            return self.delete_company(id);
        }
        self.act(system, kind, |target, cx| match target {
            Target::Halaxy(halaxy) => halaxy.person_delete(id),
            Target::Hubspot(hubspot) => hubspot.person_delete(id, cx),
            Target::Plain(plain) => plain.person_delete(id, cx.now),
            Target::Books(books) => books.person_delete(kind, id, cx.now),
        })?;
        self.tell(system, kind, id, &Happened::Erased)
    }

    /// Somebody at the screen brings a deleted record back; Halaxy has no way to.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Refused`] for Halaxy.
    pub fn person_restore(&self, system: &str, kind: &str, id: &str) -> Result<(), ControlError> {
        if are_activities(system, kind) || are_companies(system, kind) {
            return Err(ControlError::Refused("what was deleted stays deleted".into()));
        }
        self.act(system, kind, |target, cx| match target {
            Target::Halaxy(_) => Err(ControlError::Refused("what was removed stays removed".into())),
            Target::Hubspot(hubspot) => hubspot.person_restore(id, cx),
            Target::Plain(plain) => plain.person_restore(id, cx.now),
            Target::Books(books) => books.person_restore(kind, id, cx.now),
        })?;
        self.tell(system, kind, id, &Happened::Restored)
    }

    /// Somebody at the screen merges two records; gives the survivor's id, which may be a new one.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn person_merge(&self, system: &str, kind: &str, winner: &str, loser: &str) -> Result<String, ControlError> {
        if document_of(system, kind).is_some() {
            return Err(ControlError::Refused("only patients are merged".into()));
        }
        if are_activities(system, kind) || are_companies(system, kind) {
            return Err(ControlError::Refused("only contacts are merged".into()));
        }
        let survivor = self.act(system, kind, |target, cx| match target {
            Target::Halaxy(halaxy) => halaxy.person_merge(winner, loser, cx),
            Target::Hubspot(hubspot) => hubspot.person_merge(winner, loser, cx),
            Target::Plain(plain) => plain.person_merge(winner, loser, cx.now),
            Target::Books(books) => books.person_merge(kind, winner, loser, cx.now),
        })?;
        self.tell(system, kind, winner, &Happened::Merged(loser.into(), survivor.clone()))?;
        Ok(survivor)
    }

    fn tell(&self, system: &str, kind: &str, id: &str, happened: &Happened) -> Result<(), ControlError> {
        let system = System::of(system, kind)?;
        let now = self.clock().now_micros();
        self.state().tell(system, kind, id, happened, false, now);
        Ok(())
    }

    fn act<T>(
        &self,
        system: &str,
        kind: &str,
        act: impl FnOnce(Target<'_>, &mut Context<'_>) -> Result<T, ControlError>,
    ) -> Result<T, ControlError> {
        let system = System::of(system, kind)?;
        let state = &mut *self.state();
        let now = self.clock().now_micros() + state.ahead(system);
        let before = (system == System::Books).then(|| state.marks()).flatten();
        let mut cx = Context {
            now,
            rng: &mut state.rng,
            manners: state.manners,
        };
        let target = match (system, &mut state.crm) {
            (System::Halaxy, _) => Target::Halaxy(&mut state.halaxy),
            (System::Crm, Crm::Hubspot(hubspot)) => Target::Hubspot(hubspot),
            (System::Crm, Crm::Plain(plain)) => Target::Plain(plain),
            (System::Books, _) => Target::Books(&mut state.books),
        };
        let done = act(target, &mut cx);
        state.tell_of_books(before, now);
        done
    }
}
