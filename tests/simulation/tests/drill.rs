//! Every planted bug still fits the code it is planted in. Planting them is the `drill` binary's work.

use bridge_simulation::drill::{apply, patches};
use std::path::Path;

#[test]
fn every_planted_bug_fits_the_code() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.join("../..");
    let planted = patches(&here.join("drill")).unwrap();
    assert!(planted.len() >= 60, "{} patches", planted.len());
    let misfits: Vec<String> = planted.iter().filter_map(|p| apply(p, &root).err()).collect();
    assert!(misfits.is_empty(), "{}", misfits.join("\n"));
}
