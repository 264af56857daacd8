//! `cargo xtask`: the one door to building, testing and checking Parlor.
//!
//! Each command lives in a module of its own; this file only chooses one. The commands need cargo and Node and
//! nothing else that a person would have to install first, so there is no build system here but this program.

mod codegen;
mod start;
mod test;
mod tidy;
mod tools;
mod torture;
mod web;

use std::process::ExitCode;

use tools::Workspace;

const HELP: &str = "\
Usage: cargo xtask <command>

  start      build the web app and the server, fill a demo, and serve it on http://localhost:4600
             PORT and PARLOR_DATA_DIR are honoured
  test       install what is missing (Debian, as root) or say what to install, then run every test
             --rust, --web, --browser, --tidy, --torture   only these parts; several may be given
  torture    run the server through everything that can go wrong, and check what its clients saw
             --seconds, --seed, --engine sqlite|postgres, --keep FOLDER, --check FOLDER, --calm, --release
             --plant NAME   on a server that has this bug: it must be found
             --kills NUMBER   instead: kill -9 so often, in mid-send
  tidy       check the rules of the house that no compiler knows, and that generated files are fresh
  codegen    write the generated files anew: TypeScript types, API documents, the example configuration
  help       this page

What the steps print is kept in target/xtask/.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match arguments {
        ["start"] => start::start(&workspace),
        ["test", parts @ ..] => test::test(&workspace, &test::Parts::chosen(parts)?),
        ["torture", arguments @ ..] => torture::torture(&workspace, arguments),
        ["tidy"] => tidy::tidy(&workspace),
        ["codegen"] => codegen::codegen(&workspace),
        [start::OPEN_WHEN_READY, port] => start::open_when_ready(port),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => {
            eprint!("there is no `cargo xtask {}`\n\n{HELP}", unknown.join(" "));
            Ok(ExitCode::from(2))
        }
    }
}
