//! The harness for tests of the phases before the engine: a project in memory, from load to compile.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use tidemill::compile::{self, Compiled};
use tidemill::diagnostics::render::{self, Style};
use tidemill::diagnostics::{Diagnostic, Diagnostics, Sources};
use tidemill::graph::{self, Graph, Node};
use tidemill::node::NodeId;
use tidemill::parse;
use tidemill::project::files::MemoryFiles;
use tidemill::project::target::ProfilesFile;
use tidemill::project::{self, LoadOptions, Project};

use crate::project::{PROJECT_FILE, assert_text, files};

/// What the phases made of a project, as far as they came.
pub(crate) struct Checked {
    sources: Sources,
    faults: Vec<Diagnostic>,
    compiled: Option<(Project, Graph, Compiled)>,
}

/// A project in memory and what the command line says of it.
pub(crate) struct Phases {
    files: MemoryFiles,
    options: LoadOptions,
}

/// A project of `//- path` files in memory; `profiles.yml` is one of them if it is given.
#[track_caller]
pub(crate) fn phases(text: &str) -> Phases {
    let mut memory = MemoryFiles::default();
    let mut profiles = None;
    let files = files(text);
    if !files.iter().any(|(path, _)| matches!(path.as_str(), "project.yml" | "dbt_project.yml")) {
        memory.insert("project.yml", PROJECT_FILE);
    }
    for (path, text) in files {
        if path == "profiles.yml" {
            profiles = Some(ProfilesFile { path, text });
        } else {
            memory.insert(&path, text);
        }
    }
    let options = LoadOptions {
        profile: None,
        target: None,
        vars: BTreeMap::new(),
        env: BTreeMap::new(),
        profiles,
        invocation_id: "00000000-0000-0000-0000-000000000000".to_owned(),
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        flags: project::flags("compile", false, false, false),
    };
    Phases { files: memory, options }
}

/// Every fault of a project, as the terminal shows them without colour.
#[track_caller]
pub(crate) fn check_error(text: &str, expected: &str) {
    phases(text).check().shows(expected);
}

/// A model's SQL in a project without faults.
#[track_caller]
pub(crate) fn check_sql(text: &str, model: &str, expected: &str) {
    let checked = phases(text).check();
    checked.shows("");
    assert_text(&checked.sql(model), expected);
}

impl Phases {
    /// Adds a file that is not text, or not with these line ends.
    pub(crate) fn file(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.insert(path, bytes);
        self
    }

    /// `--vars` with one variable.
    pub(crate) fn var(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.options.vars.insert(name.to_owned(), value.into());
        self
    }

    /// A variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.options.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// `--target`.
    pub(crate) fn target(mut self, name: &str) -> Self {
        self.options.target = Some(name.to_owned());
        self
    }

    /// `--profile`.
    pub(crate) fn profile(mut self, name: &str) -> Self {
        self.options.profile = Some(name.to_owned());
        self
    }

    /// Runs the phases from load to compile; compile only if there was no error before.
    pub(crate) fn check(&self) -> Checked {
        let (mut diags, mut sources) = (Diagnostics::default(), Sources::default());
        let resolved = project::load(&mut diags, &mut sources, &self.files, &self.options).map(|project| {
            let parsed = parse::parse(&mut diags, &mut sources, &project);
            let graph = graph::resolve(&mut diags, parsed);
            (project, graph)
        });
        let resolved = resolved.ok().filter(|_| !diags.has_errors());
        let compiled = resolved.map(|(project, graph)| {
            let all: BTreeSet<NodeId> = graph.nodes().map(|(id, _)| id).collect();
            let compiled = compile::compile(&project, &graph, &all);
            compile::check_run_hooks(&mut diags, &project, &graph);
            for fault in compiled.faults.values() {
                diags.push(fault.clone());
            }
            (project, graph, compiled)
        });
        // One fault can be found on two ways; the program shows it once.
        let mut faults: Vec<Diagnostic> = Vec::new();
        for fault in diags.take() {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        Checked { sources, faults, compiled }
    }
}

impl Checked {
    /// All faults are these, wholly, as the terminal shows them without colour.
    #[track_caller]
    pub(crate) fn shows(&self, expected: &str) -> &Self {
        assert_text(&self.shown(), expected);
        self
    }

    /// Each of these is a part of what the terminal shows.
    #[track_caller]
    pub(crate) fn has_faults(&self, parts: &[&str]) -> &Self {
        let shown = self.shown();
        for part in parts {
            assert!(shown.contains(part), "`{part}` is not part of:\n{shown}");
        }
        self
    }

    /// All faults as the terminal shows them without colour.
    pub(crate) fn shown(&self) -> String {
        render::render(&self.sources, &self.faults, Style { color: false, width: 100 })
    }

    /// The project, which has no faults.
    #[track_caller]
    pub(crate) fn project(&self) -> &Project {
        &self.whole().0
    }

    /// The graph of a project without faults.
    #[track_caller]
    pub(crate) fn graph(&self) -> &Graph {
        &self.whole().1
    }

    /// The node with this name.
    #[track_caller]
    pub(crate) fn node(&self, name: &str) -> &Node {
        self.graph().node(self.id(name))
    }

    /// The names of a node's parents, in order.
    #[track_caller]
    pub(crate) fn parents(&self, name: &str) -> Vec<&str> {
        let graph = self.graph();
        graph.node(self.id(name)).parents.iter().map(|it| graph.node(*it).name.as_str()).collect()
    }

    /// The SQL of the node with this name.
    #[track_caller]
    pub(crate) fn sql(&self, name: &str) -> String {
        let id = self.id(name);
        let node = self.whole().2.nodes.get(&id);
        node.unwrap_or_else(|| panic!("`{name}` has no SQL:\n{}", self.shown())).sql.text.clone()
    }

    #[track_caller]
    fn id(&self, name: &str) -> NodeId {
        let found = self.graph().nodes().find(|(_, node)| node.name == name);
        found.map_or_else(|| panic!("there is no node `{name}`"), |(id, _)| id)
    }

    #[track_caller]
    fn whole(&self) -> &(Project, Graph, Compiled) {
        self.compiled.as_ref().unwrap_or_else(|| panic!("the project has faults:\n{}", self.shown()))
    }
}
