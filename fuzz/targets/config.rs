//! An experiment's TOML: refused with a message, or read, checked and written back as the same.

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(message) = highmark_cli::check_config(text) {
        assert!(!message.is_empty());
    }
}
