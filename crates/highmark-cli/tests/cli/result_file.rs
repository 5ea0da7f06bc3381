//! Files for results, which take the place of nothing unasked.

use std::fs;

use crate::folder::Folder;
use crate::samples::{QUICK, people};

const FIND: &str = "lr-find people.csv --target answer --bs 16 --layers 8 --quiet";

#[test]
fn a_picture_takes_the_place_of_a_picture_only() {
    let csv = people(200);
    let folder = Folder::with("picture", "people.csv", &csv);
    folder.run(FIND).done();
    // Twice, as people do who try another setting.
    folder.run(&format!("{FIND} --seed 7")).done();
    let picture = folder.read("lr-find.svg");
    folder.write("notes.svg", "<svg>somebody else's</svg>");
    for (other, text) in [("notes.svg", "<svg>somebody else's</svg>"), ("people.csv", &csv)] {
        folder.run(&format!("{FIND} --plot {other}")).failed(1, &[other, "choose another --plot"]);
        assert_eq!(folder.read(other), *text);
    }
    // Its own input not even if that is asked for.
    for plot in ["people.csv", "./people.csv"] {
        let ran = folder.run(&format!("{FIND} --overwrite --plot {plot}"));
        ran.failed(1, &["people.csv is read for the picture", "--plot"]);
    }
    assert_eq!(folder.read("people.csv"), csv);
    folder.run(&format!("{FIND} --plot none/x.svg")).failed(1, &["there is no folder none"]);
    folder.run(&format!("{FIND} --plot notes.svg --overwrite --seed 7")).done();
    assert_eq!(folder.read("notes.svg"), picture);
    assert_eq!(folder.list(""), ["lr-find.svg", "notes.svg", "people.csv"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_pipes_are_written_to() {
    let folder = Folder::with("picture-links", "people.csv", &people(200));
    folder.write("other.svg", "");
    for (to, link) in [("other.svg", "link.svg"), ("nowhere.svg", "broken.svg")] {
        std::os::unix::fs::symlink(to, folder.path(link)).unwrap();
        folder.run(&format!("{FIND} --plot {link}")).failed(1, &[link, "--overwrite"]);
    }
    folder.run(&format!("{FIND} --plot link.svg --overwrite")).done();
    assert!(folder.path("link.svg").is_symlink());
    assert!(folder.read("other.svg").starts_with("<svg"));
    assert!(std::process::Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap().success());
    let path = folder.path("pipe");
    let read = std::thread::spawn(move || fs::read_to_string(path).unwrap());
    folder.run(&format!("{FIND} --plot pipe")).done();
    assert!(read.join().unwrap().starts_with("<svg"));
    assert!(!folder.path("pipe").is_file());
}

#[test]
fn predictions_do_not_take_the_place_of_what_they_are_made_from() {
    let csv = people(200);
    let folder = Folder::with("predict-over", "people.csv", &csv);
    folder.run(&format!("train people.csv --target answer {QUICK} --out run --quiet")).done();
    let model = folder.bytes("run/best.safetensors");
    for out in ["people.csv", "run/best.safetensors"] {
        let ran = folder.run(&format!("predict run people.csv --overwrite -o {out}"));
        ran.failed(1, &[out, "is read for the predictions", "choose another -o"]);
    }
    assert_eq!((folder.read("people.csv"), folder.bytes("run/best.safetensors")), (csv, model));
}
