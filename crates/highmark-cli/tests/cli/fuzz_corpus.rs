//! Every TOML that fuzzing has found worth keeping, again.

#[path = "../../../../fuzz/targets/config.rs"]
mod target;

#[test]
fn experiments() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/config");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 4, "{} inputs", files.len());
    files.iter().for_each(|file| target::run(&std::fs::read(file).unwrap()));
}
