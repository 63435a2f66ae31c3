//! The project's settings as dbt's runtime keeps them: packages such as elementary read them from `builtins.ref.config`.

use serde_json::{Map, Value as Json, json};

use super::Project;
use super::config::ProjectConfig;

/// What is known of the project, its packages and the command.
pub(super) fn runtime_config(project: &Project) -> Json {
    let config = &project.config;
    let target = &project.target.context;
    let mut all = of_project(config);
    let dependencies: Map<String, Json> =
        project.packages.iter().map(|it| (it.name.clone(), of_project(&it.config).into())).collect();
    let cli_vars: Map<String, Json> =
        project.cli_vars.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let quoting = config.quoting;
    all.extend(
        [
            ("target_name", target["name"].clone()),
            ("profile_name", target["profile_name"].clone()),
            ("threads", target["threads"].clone()),
            ("credentials", target.clone()),
            ("cli_vars", cli_vars.into()),
            ("dependencies", dependencies.into()),
            (
                "quoting",
                json!({"database": quoting.database, "schema": quoting.schema, "identifier": quoting.identifier}),
            ),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    all.into()
}

fn of_project(config: &ProjectConfig) -> Map<String, Json> {
    let vars: Map<String, Json> = config.vars.iter().cloned().collect();
    let paths = |paths: &[crate::diagnostics::Spanned<String>]| {
        Json::from(paths.iter().map(|it| it.value.clone()).collect::<Vec<_>>())
    };
    [
        ("project_name", Json::from(config.name.value.as_str())),
        ("version", Json::from(config.version.clone())),
        ("vars", vars.into()),
        ("packages_install_path", Json::from(config.packages_path.as_str())),
        ("target_path", Json::from(config.target_path.as_str())),
        ("model_paths", paths(&config.paths.models)),
        ("seed_paths", paths(&config.paths.seeds)),
        ("test_paths", paths(&config.paths.tests)),
        ("macro_paths", paths(&config.paths.macros)),
        ("snapshot_paths", paths(&config.paths.snapshots)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into_iter()
    .collect()
}
