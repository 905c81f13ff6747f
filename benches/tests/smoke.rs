//! Every load runs for every peer, and all that is written can be read. The figures of so short a run say nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Of the loads that valgrind runs, which takes seconds for each, one stands for all. It is left out where there is none.
const COUNTED: &str = "reregister-instructions";

fn is_quick(load: &&str) -> bool {
    !load.ends_with("instructions") || *load == COUNTED
}

#[test]
fn every_load_gives_figures_of_every_peer() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("smoke");
    // Of a run before; there may have been none.
    drop(fs::remove_dir_all(&folder));
    let benches = || Command::new(env!("CARGO_BIN_EXE_benches"));
    let list = String::from_utf8(benches().arg("--list").output().unwrap().stdout).unwrap();
    let names: Vec<&str> = list.lines().filter_map(|line| line.split(' ').next()).filter(is_quick).collect();
    assert!(names.len() > 20, "{list}");
    let mut smoke = benches();
    smoke.arg("--smoke").arg("--write").arg(&folder).args(names.iter().flat_map(|name| ["--only", name]));
    let run = smoke.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let results: Value = serde_json::from_str(&read("results.json")).unwrap();
    let (rows, left_out) = (results["rows"].as_array().unwrap(), results["left_out"].as_array().unwrap());
    for row in rows {
        for peer in row["peers"].as_array().unwrap() {
            // Instructions are counted of these alone in a short run.
            let is_measured = !row["how"].as_str().unwrap().contains("callgrind");
            if is_measured || ["mio", "poised"].contains(&peer["name"].as_str().unwrap()) {
                assert!(peer["figure"].is_number(), "{row}");
            }
        }
    }
    for name in names {
        let count = |of: &[Value]| of.iter().filter(|it| it["load"] == name).count();
        let is_left_out = count(left_out) == 1 && name == COUNTED;
        assert!(count(rows) > 0 || is_left_out, "{name}");
    }
    let page = read("README.md");
    for plot in ["ratios.svg", "echo.svg", "delays.svg"] {
        assert!(page.contains(plot) && read(plot).ends_with("</svg>\n"), "{plot}");
    }
}

#[test]
fn a_load_that_is_none_is_an_error() {
    let run = Command::new(env!("CARGO_BIN_EXE_benches")).args(["--smoke", "--only", "none"]).output().unwrap();
    assert!(!run.status.success() && String::from_utf8_lossy(&run.stderr).contains("--list"));
}
