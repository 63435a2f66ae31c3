//! Finds DuckDB's official library, so that linking needs no compile of the engine from source.
//!
//! Looked at in this order: `DUCKDB_LIB_DIR`; a copy cached under the cargo target folder; a copy in
//! the user's cache folder; then it is fetched once, from the package that `npm pack` gives or from
//! DuckDB's release archive (the package is made from that archive). Whatever was fetched must have the
//! SHA-256 pinned below. It is unpacked in a folder of its own and moved into place, so that two builds
//! at once do not see half a file.
//!
//! `libduckdb-sys` prints the `-lduckdb`; this script adds where to look for it, an rpath relative to
//! the binary, and a copy of the library beside the binary, so that the target folder can be moved.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// The engine's version; goes together with the crate `duckdb = "=1.10505.0"`.
const ENGINE: &str = "1.5.5";

/// One platform's official library.
struct Official {
    /// `target_os`-`target_arch` as cargo names them.
    target: &'static str,
    /// The npm package that carries the library, with its exact version. Windows needs an import
    /// library too, which only the release archive has.
    package: Option<&'static str>,
    /// The archive's name in DuckDB's release.
    archive: &'static str,
    /// The files to take out of it, the library first.
    files: &'static [&'static str],
    /// SHA-256 of the library.
    sha256: &'static str,
}

const OFFICIAL: &[Official] = &[
    Official {
        target: "linux-x86_64",
        package: Some("@duckdb/node-bindings-linux-x64@1.5.5-r.4"),
        archive: "libduckdb-linux-amd64.zip",
        files: &["libduckdb.so"],
        sha256: "fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405",
    },
    Official {
        target: "linux-aarch64",
        package: Some("@duckdb/node-bindings-linux-arm64@1.5.5-r.5"),
        archive: "libduckdb-linux-arm64.zip",
        files: &["libduckdb.so"],
        sha256: "d00d007f3f7ca1f2896a5e4b89c2ce141bf0508506a9d6d56f9598b8e59d074e",
    },
    Official {
        target: "macos-x86_64",
        package: Some("@duckdb/node-bindings-darwin-x64@1.5.5-r.5"),
        archive: "libduckdb-osx-universal.zip",
        files: &["libduckdb.dylib"],
        sha256: "b9027d18ef3e8d960568f77e946a83ca68009cb22d71cf7f94de842afdd094d8",
    },
    Official {
        target: "macos-aarch64",
        package: Some("@duckdb/node-bindings-darwin-arm64@1.5.5-r.5"),
        archive: "libduckdb-osx-universal.zip",
        files: &["libduckdb.dylib"],
        sha256: "b9027d18ef3e8d960568f77e946a83ca68009cb22d71cf7f94de842afdd094d8",
    },
    Official {
        target: "windows-x86_64",
        package: None,
        archive: "libduckdb-windows-amd64.zip",
        files: &["duckdb.dll", "duckdb.lib"],
        sha256: "2b7468a4ad844429e6af2fde0b5f91893e8130a5686a88f11442ab547c7ede46",
    },
];

fn main() {
    let Err(error) = link() else { return };
    for line in error.to_string().lines() {
        println!("cargo::error={line}");
    }
}

fn link() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DUCKDB_LIB_DIR");
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return Ok(());
    }
    let os = env::var("CARGO_CFG_TARGET_OS")?;
    let arch = env::var("CARGO_CFG_TARGET_ARCH")?;
    let name = library_name(&os);
    let official = OFFICIAL.iter().find(|it| it.target == format!("{os}-{arch}"));
    let profile_dir = profile_dir()?;
    let dir = find(official, name, &profile_dir)?;

    println!("cargo::rustc-link-search=native={}", dir.display());
    println!("cargo::rerun-if-changed={}", dir.join(name).display());
    beside_the_binary(&dir.join(name), &profile_dir.join(name))?;
    match os.as_str() {
        "macos" => {
            println!("cargo::rustc-link-arg=-Wl,-rpath,@loader_path");
            println!("cargo::rustc-link-arg=-Wl,-rpath,@loader_path/..");
        }
        "windows" => beside_the_binary(&dir.join(name), &profile_dir.join("deps").join(name))?,
        _ => println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN:$ORIGIN/.."),
    }
    Ok(())
}

/// The library's file name on an operating system.
fn library_name(os: &str) -> &'static str {
    match os {
        "macos" => "libduckdb.dylib",
        "windows" => "duckdb.dll",
        _ => "libduckdb.so",
    }
}

/// `target/release` (or another profile's folder), from `OUT_DIR`, which is three levels below it.
fn profile_dir() -> Result<PathBuf, Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let dir = out.ancestors().nth(3).ok_or("OUT_DIR is not inside a target folder")?;
    Ok(dir.to_path_buf())
}

/// The folder that holds the library, fetched if need be.
fn find(official: Option<&Official>, name: &str, profile_dir: &Path) -> Result<PathBuf, Box<dyn Error>> {
    if let Some(dir) = env::var_os("DUCKDB_LIB_DIR") {
        let dir = std::path::absolute(dir)?;
        if !dir.join(name).is_file() {
            return Err(advice(&format!("DUCKDB_LIB_DIR is {}, which has no {name}", dir.display())).into());
        }
        return Ok(dir);
    }
    let Some(official) = official else {
        return Err(advice("DuckDB publishes no library for this platform").into());
    };
    let folder = format!("duckdb-{ENGINE}-{}", official.target);
    let target_dir = profile_dir.parent().unwrap_or(profile_dir);
    let in_target = target_dir.join(&folder);
    let caches = [Some(in_target.clone()), user_cache().map(|it| it.join("tidemill").join(&folder))];
    for dir in caches.into_iter().flatten() {
        if is_complete(&dir, official) {
            return Ok(dir);
        }
    }
    let fetched = target_dir.join(format!("{folder}.{}", std::process::id()));
    let result = fetch(official, &fetched).and_then(|()| move_files(official, &fetched, &in_target));
    // What is left there is of no use to anyone; failing to remove it is not a failed build.
    let _ = fs::remove_dir_all(&fetched);
    result.map(|()| in_target)
}

/// Gets the library's files into a folder.
fn fetch(official: &Official, dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut tried = String::new();
    for source in [from_npm, from_release] {
        fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        match source(official, dir) {
            Ok(()) if is_complete(dir, official) => return Ok(()),
            Ok(()) => {
                writeln!(tried, "  {}: not the files or the SHA-256 that are pinned", official.files[0])?;
            }
            Err(error) => writeln!(tried, "  {error}")?,
        }
        fs::remove_dir_all(dir)?;
    }
    Err(advice(&format!("DuckDB's library could not be fetched:\n{}", tried.trim_end())).into())
}

fn move_files(official: &Official, from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    for file in official.files.iter().rev() {
        match fs::rename(from.join(file), to.join(file)) {
            Ok(()) => {}
            // Another build was faster and uses the file already, which some systems do not replace then.
            Err(_) if is_complete(to, official) => return Ok(()),
            Err(error) => return Err(format!("{}: {error}", to.join(file).display()).into()),
        }
    }
    Ok(())
}

fn advice(problem: &str) -> String {
    format!(
        "{problem}\nSet DUCKDB_LIB_DIR to a folder with libduckdb {ENGINE} (from DuckDB's release page), \
         or compile the engine from source with `--features bundled` (slow, no time zones)."
    )
}

fn user_cache() -> Option<PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from);
    env::var_os("XDG_CACHE_HOME")
        .or_else(|| env::var_os("LOCALAPPDATA"))
        .map(PathBuf::from)
        .or_else(|| home.map(|it| it.join(".cache")))
}

/// Takes the library out of the npm package that carries it. `npm pack` looks at no platform, so this
/// works for another one too.
fn from_npm(official: &Official, dir: &Path) -> Result<(), Box<dyn Error>> {
    let package = official.package.ok_or("npm: no package has all the files")?;
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    run(Command::new(npm).args(["pack", "--loglevel=error", package]).current_dir(dir))?;
    let archive = fs::read_dir(dir)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|it| it == "tgz"))
        .ok_or("npm pack left no archive")?;
    let members = official.files.iter().map(|it| format!("package/{it}"));
    run(Command::new("tar")
        .arg("-xzf")
        .arg(&archive)
        .args(["--strip-components=1"])
        .args(members)
        .current_dir(dir))
}

/// Takes the library out of DuckDB's release archive.
fn from_release(official: &Official, dir: &Path) -> Result<(), Box<dyn Error>> {
    let url = format!("https://github.com/duckdb/duckdb/releases/download/v{ENGINE}/{}", official.archive);
    run(Command::new("curl").args(["-fsSL", "-o", "release.zip", &url]).current_dir(dir))?;
    run(Command::new("unzip").args(["-oq", "release.zip"]).args(official.files).current_dir(dir)).or_else(
        |_| run(Command::new("tar").args(["-xf", "release.zip"]).args(official.files).current_dir(dir)),
    )
}

/// Runs a command to its end; the error says which command and what it printed.
fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().take(4).collect();
    Err(format!("{name}: {}: {}", output.status, said.join("; ")).into())
}

/// Whether a folder has all the files, and the library is the pinned one.
fn is_complete(dir: &Path, official: &Official) -> bool {
    official.files.iter().all(|it| dir.join(it).is_file())
        && fs::read(dir.join(official.files[0]))
            .is_ok_and(|bytes| hex(&Sha256::digest(&bytes)) == official.sha256)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Puts the library where the rpath finds it, by hard link where the file system can, and in one step.
fn beside_the_binary(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let same = fs::metadata(to).is_ok_and(|it| fs::metadata(from).is_ok_and(|f| f.len() == it.len()));
    if same {
        return Ok(());
    }
    let new = to.with_extension(format!("{}.new", std::process::id()));
    fs::hard_link(from, &new)
        .or_else(|_| fs::copy(from, &new).map(drop))
        .and_then(|()| fs::rename(&new, to))
        .map_err(|error| format!("{} cannot be put beside the binary: {error}", from.display()).into())
}
