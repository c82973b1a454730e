//! The fuzz targets where there is no fuzzer: for a change of the seeds, and to look at a finding on any machine.
//!
//!     cargo run -p fuzz-smoke                          # writes fuzz/seeds
//!     cargo run -p fuzz-smoke -- update fuzz/artifacts/update/crash-*   # runs a target on files
//!
//! It finds nothing by itself; that is what `cargo fuzz` (fuzz/README.md) and the tests are for.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use bgp_fuzz::{TARGETS, seeds};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        return write_seeds();
    };
    let Some((_, target)) = TARGETS.iter().find(|(other, _)| *other == name) else {
        let names = TARGETS.map(|(name, _)| name).join(", ");
        bail!("no target is called {name}; there are {names}");
    };
    for path in arguments {
        let data = fs::read(&path).with_context(|| path.clone())?;
        target(&data);
        println!("{path}: {} octets, nothing wrong", data.len());
    }
    Ok(())
}

/// Writes every seed anew; one that is no more is removed.
fn write_seeds() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    for (target, _) in TARGETS {
        let folder = root.join(target);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let seeds = seeds::of(target);
        println!("{}: {} seeds", folder.display(), seeds.len());
        for (name, data) in seeds {
            let path = folder.join(name);
            fs::write(&path, data).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
