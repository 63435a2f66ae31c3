//! The hub's answers: which versions a package has, what each asks for, and where its archive is.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::version::{Range, Version};
use crate::project::requirements::DBT_VERSION;

/// A package of the hub.
#[derive(Clone, Debug)]
pub(super) struct HubPackage {
    /// The versions by name.
    pub(super) versions: BTreeMap<String, HubVersion>,
    /// The package that took its place.
    pub(super) successor: Option<String>,
}

/// A version of a package.
#[derive(Clone, Debug)]
pub(super) struct HubVersion {
    /// The name of its project.
    pub(super) name: String,
    /// The packages it asks for, in the form of a `packages.yml`.
    pub(super) packages: Json,
    /// The address of its archive.
    pub(super) tarball: String,
    /// Whether it can be used with the dbt that Tidemill stands for.
    pub(super) is_compatible: bool,
}

/// Reads the hub's answer about a package; the message says what is wrong with it.
pub(super) fn read(package: &str, bytes: &[u8], checks_versions: bool) -> Result<HubPackage, String> {
    let answer: Json = serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))?;
    let Some(listed) = answer["versions"].as_object() else {
        return Err("it has no `versions`".to_owned());
    };
    let mut versions = BTreeMap::new();
    for (number, version) in listed {
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let tarball = text(&version["downloads"]["tarball"]);
        let tarball = tarball.ok_or_else(|| format!("version {number} has no `downloads.tarball`"))?;
        let last = package.rsplit('/').next().unwrap_or(package);
        versions.insert(
            number.clone(),
            HubVersion {
                name: text(&version["name"]).unwrap_or_else(|| last.to_owned()),
                packages: version["packages"].clone(),
                tarball,
                is_compatible: !checks_versions || is_compatible(&version["require_dbt_version"]),
            },
        );
    }
    let (organisation, name) = package.split_once('/').unwrap_or(("", package));
    let new = |key: &str| answer[key].as_str().filter(|it| !it.is_empty()).map(str::to_owned);
    let successor = (new("redirectnamespace"), new("redirectname"));
    let successor = match successor {
        (None, None) => None,
        (new_organisation, new_name) => Some(format!(
            "{}/{}",
            new_organisation.unwrap_or_else(|| organisation.to_owned()),
            new_name.unwrap_or_else(|| name.to_owned())
        )),
    };
    Ok(HubPackage { versions, successor })
}

/// Whether `require-dbt-version`, a text or a list, allows the dbt that is understood.
fn is_compatible(required: &Json) -> bool {
    let texts: Vec<&str> = match required {
        Json::String(text) => text.split(',').map(str::trim).collect(),
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
        _ => return true,
    };
    let bounds: Vec<Version> = texts.iter().filter_map(|it| Version::parse(&it.replace(' ', ""))).collect();
    let installed = Version::parse(DBT_VERSION);
    Range::of_all(bounds.iter().chain(&installed)).is_ok()
}
