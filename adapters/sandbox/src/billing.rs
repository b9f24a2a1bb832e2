//! What people bill and are paid at Halaxy's screens.

use serde_json::Value;

use crate::answer::Context;
use crate::control::ControlError;
use crate::halaxy::Halaxy;
use crate::halaxy::documents::kinds::{Kind, kind as document_kind};
use crate::sandbox::{Sandbox, System};
use crate::webhooks::Happened;

impl Sandbox {
    /// Puts resources into Halaxy as they have been there for a while, with the ids, `created` and `meta.lastUpdated`
    /// they show: fees, organisations, practitioners and their roles, claim details, invoices, lines, payments.
    /// Totals of invoices may be left out; they then follow from lines and payments. No webhook is sent.
    ///
    /// # Errors
    /// [`ControlError::Refused`] for a body that no screen would have taken, or for totals that disagree with lines and
    /// payments; [`ControlError::Conflict`] for an id that is taken; [`ControlError::NotFound`] for another kind.
    pub fn load_halaxy(&self, resources: &[Value]) -> Result<(), ControlError> {
        self.bill(|halaxy, cx| halaxy.document_load(resources, cx.now))
    }

    pub(crate) fn create_document(&self, kind: &'static Kind, body: &Value) -> Result<String, ControlError> {
        let (id, invoice) = self.bill(|halaxy, cx| halaxy.document_create(kind, body, cx))?;
        self.tell_of_documents(kind, &id, &Happened::Created, invoice);
        Ok(id)
    }

    pub(crate) fn edit_document(&self, kind: &'static Kind, id: &str, patch: &Value) -> Result<(), ControlError> {
        let invoices = self.bill(|halaxy, cx| halaxy.document_edit(kind, id, patch, cx))?;
        self.tell_of_documents(kind, id, &Happened::Changed(vec![]), invoices);
        Ok(())
    }

    pub(crate) fn remove_document(&self, kind: &'static Kind, id: &str) -> Result<(), ControlError> {
        let invoice = self.bill(|halaxy, cx| halaxy.document_delete(kind, id, cx.now))?;
        self.tell_of_documents(kind, id, &Happened::Removed, invoice);
        Ok(())
    }

    fn bill<T>(
        &self,
        act: impl FnOnce(&mut Halaxy, &mut Context<'_>) -> Result<T, ControlError>,
    ) -> Result<T, ControlError> {
        let state = &mut *self.state();
        let now = self.clock().now_micros() + state.ahead(System::Halaxy);
        let mut cx = Context {
            now,
            rng: &mut state.rng,
            manners: state.manners,
        };
        act(&mut state.halaxy, &mut cx)
    }

    /// There are webhooks of invoices and appointments; a line or payment shows as a change of its invoice.
    fn tell_of_documents(
        &self,
        kind: &'static Kind,
        id: &str,
        happened: &Happened,
        invoices: impl IntoIterator<Item = String>,
    ) {
        let now = self.clock().now_micros();
        let state = &mut *self.state();
        if matches!(kind.name, "Invoice" | "Appointment") {
            state.tell(System::Halaxy, kind.name, id, happened, false, now);
        }
        for invoice in invoices
            .into_iter()
            .filter(|invoice| kind.name != "Invoice" || invoice != id)
        {
            state.tell(
                System::Halaxy,
                "Invoice",
                &invoice,
                &Happened::Changed(vec![]),
                false,
                now,
            );
        }
    }
}

/// The kind of document that a control call means, if it means one.
pub(crate) fn document_of(system: &str, kind: &str) -> Option<&'static Kind> {
    document_kind(kind).filter(|_| system == System::Halaxy.name())
}
