//! Agreement with fastai, as `examples/golden` finds it.

use std::path::Path;

use crate::golden_example::check::check;

fn agrees(case: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/fastai").join(case);
    let quantities = check(&folder).unwrap();
    assert!(quantities.len() > 20);
    for quantity in quantities {
        assert!(quantity.holds(), "{case}: {quantity}");
    }
}

#[test]
fn article() {
    agrees("article");
}

#[test]
fn normalized() {
    agrees("normalized");
}

#[test]
fn regression() {
    agrees("regression");
}
