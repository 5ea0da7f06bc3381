//! Texts that must stay as they are.

use std::path::Path;

/// Compares `text` with `snapshots/NAME.txt`. With `UPDATE_SNAPSHOTS=1` in the environment the file is written instead:
/// look at what git shows before you commit it.
pub(crate) fn assert_snapshot(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = text.lines().zip(expected.lines()).position(|(a, b)| a != b);
    let at = differs.unwrap_or(text.lines().count().min(expected.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("(end)").to_string();
    assert!(
        text == expected,
        "{}, line {}:\n  now  {}\n  file {}",
        path.display(),
        at + 1,
        line(text),
        line(&expected)
    );
}
