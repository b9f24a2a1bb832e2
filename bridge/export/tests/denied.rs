//! What may go nowhere is in no row, neither of an export nor of the warehouse, which takes the same rows.
#![allow(clippy::unwrap_used)]

mod common;

use bridge_core::deny::REMOVED;
use bridge_core::{Agreed, Lane, Origin, Value};
use bridge_export::{Cell, Grant, Place, Reader, Row};
use common::{NOW, entity, file, person, practice, store, units};

#[tokio::test]
async fn no_row_holds_a_healthcare_identifier() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&file(&folder)).await;
    let mut one = person(1, 1);
    let planted = Value::group([("given", "IHI 8003608833357361"), ("family", "Samplewood")]);
    let agreed = Agreed {
        value: planted,
        origin: Origin::Person,
        lo: 1,
        hi: 2,
    };
    one.agreed.insert("official_name".into(), agreed.into());
    let mut tx = store.begin().await.unwrap();
    tx.save_entities(&[(None, one)], Lane::Live, NOW).await.unwrap();
    tx.commit().await.unwrap();
    let units = units();
    let (mut reader, _) = Reader::new(&store, &practice(&units), entity("people"), &Grant::all());
    let (rows, _) = reader.page(&Place::All(String::new())).await.unwrap();
    let [Row::Put(cells)] = &rows[..] else {
        panic!("{rows:?}")
    };
    assert!(cells.contains(&Cell::text(REMOVED)), "{cells:?}");
    assert!(cells.contains(&Cell::text("Samplewood")));
    assert!(!format!("{cells:?}").contains("8003608833357361"));
}
