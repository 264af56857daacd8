//! Makes sure that the web app's folder exists and that a newer web app is embedded again.
//!
//! A checkout without a built web app compiles too; the server then says how to build it.

use std::{fs, path::Path};

fn main() {
    let dist = Path::new("../../web/app/dist");
    if !dist.exists() {
        fs::create_dir_all(dist).expect("the web app's folder can be made");
    }
    println!("cargo::rerun-if-changed=../../web/app/dist");
    println!("cargo::rerun-if-changed=build.rs");
}
